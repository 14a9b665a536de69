/**
 * The form of every refusal and every answer (docs/http.md, sections 4 and 6),
 * as assertions on what `Client` returns.
 */
import assert from "node:assert/strict";
import { PROBLEMS, routeOf } from "./routes.mjs";

/**
 * @import { Answer } from "../../harness/client.mjs"
 *
 * @typedef {Omit<Answer, "setCookies">} Answered
 */

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";
const MEMBERS = ["type", "title", "status", "code", "detail", "requestId"];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What is refused before it is known which endpoint a request is for. */
const BEFORE_ANY_ROUTE = ["https_required", "misconfigured", "not_found", "method_not_allowed"];
/** Names that only the platform's own error texts have. */
const PLATFORM_TEXT = /D1_|SQLITE|no such table|\bsql\b|stack|panick|\.rs\b|wasm|workerd|exception/i;

/**
 * The response is the problem `code`, with exactly the documented members and
 * headers. `errors`: the `[field, code]` pairs of a `validation_failed`;
 * `error`: RFC 6749's member, when the endpoint has it.
 *
 * @param {Answered} response
 * @param {string} code
 * @param {{ errors?: string[][], error?: string, message?: string }} told
 */
export function assertProblem(response, code, { errors, error, message = "" } = {}) {
  const { json, headers } = response;
  const told = `${message} ${response.status} ${response.text}`;
  assert.equal(response.status, PROBLEMS[code], told);
  assert.equal(headers.get("Content-Type"), PROBLEM_TYPE, told);
  assertHeaders(response);
  assertListed(response.request, code, told);

  const members = [...MEMBERS];
  if (error !== undefined) members.push("error");
  if (code === "validation_failed") members.push("errors");
  assert.deepEqual(Object.keys(json).sort(), members.sort(), told);
  assert.equal(json.status, PROBLEMS[code], told);
  assert.equal(json.code, code, told);
  assert.equal(json.error, error, told);
  assert.ok(json.type === "about:blank" || json.type.endsWith(`/errors/${code}`), told);
  assert.ok(json.title.length > 0 && json.detail.length > 0, told);
  assert.equal(json.requestId, headers.get("X-Request-Id"), told);
  assert.doesNotMatch(response.text, PLATFORM_TEXT);

  if (code === "validation_failed") {
    for (const fault of json.errors) {
      assert.deepEqual(Object.keys(fault).sort(), ["code", "field", "message"], told);
    }
    const pairs = json.errors.map((fault) => [fault.field, fault.code]);
    assert.ok(pairs.length > 0, told);
    if (errors) assert.deepEqual(pairs.sort(), [...errors].sort(), told);
  }
  assert.equal(headers.get("WWW-Authenticate"), response.status === 401 ? 'Cookie realm="account"' : null, told);
  if ([429, 503].includes(response.status)) assert.match(headers.get("Retry-After") ?? "", /^[1-9]\d*$/, told);
  if (response.status >= 500) assert.deepEqual(headers.getSetCookie(), [], told);
}

/** The inventory lists the code among the problems of the route that the request, `[method, path]`, leads to. */
export function assertListed([method, path], code, told = "") {
  const listed = routeOf(method, path)?.problems ?? BEFORE_ANY_ROUTE;
  assert.ok(listed.includes(code), `docs/routes.json does not list ${code} for ${method} ${path}: ${told}`);
}

/** The headers that every answer has. */
export function assertHeaders({ headers }) {
  const expected = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(headers.get(name), value, name);
  assert.match(headers.get("X-Request-Id") ?? "", UUID);
}

/** What `latchkey.raw` returns, as `Client` would have returned it. */
export function fromRaw({ request, status, headers: pairs, body }) {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  const text = body.toString("utf8");
  const isJson = /\bjson\b/.test(headers.get("Content-Type") ?? "") && text !== "";
  return { request, status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}
