/**
 * The routes and the problems as the inventory of the Worker's own table has
 * them (docs/routes.json, held to the table by tests/inventory.rs), so that a
 * test of "every route" cannot forget the newest one.
 */
import { readFileSync } from "node:fs";

const INVENTORY = JSON.parse(readFileSync(new URL("../../docs/routes.json", import.meta.url), "utf8"));

/**
 * Each route with its facts: `{operation, method, path, body, hasQuery, limiter,
 * counted, actor, proof, permission, maxAgeSeconds, isTokenEndpoint, hasCors, problems}`;
 * `{id}` in a path stands for one segment.
 */
export const ROUTES = INVENTORY.routes;

/** The status of each problem code. */
export const PROBLEMS = Object.fromEntries(INVENTORY.problems.map(({ code, status }) => [code, status]));

/** Methods that must change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

/**
 * The paths, each with its methods: `[[path, ["GET", "HEAD", "PATCH"]], …]`. GET answers HEAD as well.
 *
 * @type {[path: string, methods: string[]][]}
 */
export const PATHS = [...new Set(ROUTES.map(({ path }) => path))].map((path) => [
  path,
  ROUTES.filter((route) => route.path === path).flatMap(({ method }) =>
    method === "GET" ? ["GET", "HEAD"] : [method],
  ),
]);

/** The paths, as in {@link PATHS}, that pages of an allowed origin may use. */
export const CORS_PATHS = PATHS.filter(([path]) => ROUTES.some((route) => route.path === path && route.hasCors));

/** The routes that change something. */
export const UNSAFE = ROUTES.filter(({ method }) => !SAFE_METHODS.includes(method));

/** The routes that read a body. */
export const WITH_BODY = ROUTES.filter(({ body }) => body !== null);

/** The routes that a token must open. */
export const WITH_PROOF = ROUTES.filter(({ proof }) => proof !== "nothing");

/** The routes that a token of this kind opens: "access" or "refresh". */
export function openedBy(kind) {
  return WITH_PROOF.filter(({ proof }) => proof.split(" ").includes(kind));
}

/** The route that a method and a path, or a whole address, lead to. */
export function routeOf(method, path) {
  const bare = new URL(path, "https://auth.example.com").pathname;
  const wanted = method === "HEAD" ? "GET" : method;
  return ROUTES.find((route) => route.method === wanted && pattern(route.path).test(bare));
}

/** The routes, as "METHOD /path", that none of the requests (`["GET", "/path?query"]`) is for. */
export function missingFrom(requests) {
  const sent = new Set(requests.map(([method, path]) => routeOf(method, path)));
  return ROUTES.filter((route) => !sent.has(route)).map(({ method, path }) => `${method} ${path}`);
}

function pattern(path) {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}
