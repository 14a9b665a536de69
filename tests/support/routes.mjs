/**
 * The routes as the Worker's own table has them (src/api/endpoint.rs), so that
 * a test of "every route" cannot forget the newest one.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TABLE = fileURLToPath(new URL("../../src/api/endpoint.rs", import.meta.url));
const ENTRY = /method: Method::(\w+),\s+path: "([^"]+)",.*?operation: "(\w+)"/gs;

/** `[{method, path, operation}]`; `{id}` in a path stands for one segment. */
export const ROUTES = [...readFileSync(TABLE, "utf8").matchAll(ENTRY)].map(([, method, path, operation]) => ({
  method,
  path,
  operation,
}));

/** Methods that must change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

/** The paths, each with its methods: `[[path, ["GET", "HEAD", "PATCH"]], …]`. GET answers HEAD as well. */
export const PATHS = [...new Set(ROUTES.map(({ path }) => path))].map((path) => [
  path,
  ROUTES.filter((route) => route.path === path).flatMap(({ method }) =>
    method === "GET" ? ["GET", "HEAD"] : [method],
  ),
]);
