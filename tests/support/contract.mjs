/**
 * Holds answers to docs/openapi.json: operation, status, headers, body and, of a
 * refusal, its code. What the document does not say is an error, and what it
 * says is remembered, so that a whole run can tell what no test has seen.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/**
 * @import { Seen } from "../../harness/observe.mjs"
 *
 * @typedef {any} Described A part of the document, or a reference to one.
 *
 * @typedef {Omit<Seen, "url">} Answered
 */

export const DOCUMENT = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));
/** What is refused before it is known which operation a request is for. */
const BEFORE_ANY_OPERATION = ["https_required", "misconfigured", "not_found", "method_not_allowed"];
/** Headers of the connection, of the body, and of Miniflare. */
const BESIDE_THE_POINT = /^(connection|content-(encoding|length|type)|date|keep-alive|transfer-encoding|mf-.*)$/;
/** Only a preflight's answer, and that to a wrong method, have these; no operation describes them. */
const OF_NO_OPERATION = /^(allow|access-control-(allow-(methods|headers)|max-age))$/;
const PROBLEM = "application/problem+json";

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(DOCUMENT, "openapi.json");

/** Each operation with the pattern of its path. */
const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    method: method.toUpperCase(),
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    at: `#/paths/${escaped(path)}/${method}`,
    operation,
  })),
);

/** What the document says can be seen: `operation status code`, the code `-` for a success. */
export const PROMISED = OPERATIONS.flatMap(({ operation }) =>
  Object.entries(operation.responses).flatMap(([status, response]) =>
    codes(resolved(response)).map((code) => `${operation.operationId} ${status} ${code}`),
  ),
);

/**
 * The answer is one that the document describes. Returns which, as in
 * {@link PROMISED}, or null where it is no operation's.
 *
 * @param {Seen} seen
 */
export function assertDocumented({ method, url, status, headers, text }) {
  const told = `docs/openapi.json: ${method} ${url.pathname} was answered ${status} ${text.slice(0, 500)}`;
  const wanted = method === "HEAD" ? "GET" : method;
  const found = OPERATIONS.find((one) => one.method === wanted && one.pattern.test(url.pathname));
  if (!found) {
    assertOfNoOperation({ method, status, headers, text }, told);
    return null;
  }
  const { operation, at } = found;
  const stated = operation.responses[status];
  assert.ok(stated, `${told}: the operation has no such status`);
  const response = resolved(stated);
  assertHeaders(response, headers, told);
  const pointer = stated.$ref ?? `${at}/responses/${status}`;
  const json = assertBody(response, pointer, { method, headers, text }, told);
  if (status < 400) return `${operation.operationId} ${status} -`;
  if (method === "HEAD") return null;
  return `${operation.operationId} ${status} ${json.code}`;
}

/**
 * A preflight's 204, or a refusal before any operation.
 *
 * @param {Answered} answer
 * @param {string} told
 */
function assertOfNoOperation({ method, status, headers, text }, told) {
  if (method === "OPTIONS" && status === 204) {
    assert.ok(headers.has("Access-Control-Allow-Methods"), told);
    return;
  }
  // workerd's own answer to a method that it does not know: the Worker has not been asked.
  if (status === 501 && !headers.has("X-Request-Id")) return;
  assert.equal(headers.get("Content-Type")?.split(";")[0], PROBLEM, told);
  if (method === "HEAD") return;
  const problem = JSON.parse(text);
  assertSchema("#/components/schemas/Problem", problem, told);
  assert.equal(problem.status, status, told);
  assert.ok(BEFORE_ANY_OPERATION.includes(problem.code), `${told}: not a refusal of an unknown operation`);
  assert.equal(headers.has("Allow"), status === 405, told);
}

/**
 * Every header is one that the response describes, and none is missing.
 *
 * @param {Described} response
 * @param {Headers} headers
 * @param {string} told
 */
function assertHeaders(response, headers, told) {
  const described = new Map(
    Object.entries(response.headers).map(([name, header]) => [name.toLowerCase(), resolved(header)]),
  );
  for (const [name, { required, schema }] of described) {
    const value = headers.get(name);
    if (value === null) assert.ok(!required, `${told}: the header ${name} is missing`);
    else assertValue(schema, value, `${told}: the header ${name} is ${value}`);
  }
  for (const name of headers.keys()) {
    if (BESIDE_THE_POINT.test(name) || described.has(name)) continue;
    assert.fail(`${told}: the header ${name} is not described${OF_NO_OPERATION.test(name) ? " for operations" : ""}`);
  }
}

/**
 * The body has a described media type and its schema; returned as JSON.
 *
 * @param {Described} response
 * @param {string} pointer
 * @param {Omit<Answered, "status">} answer
 * @param {string} told
 */
function assertBody(response, pointer, { method, headers, text }, told) {
  const mediaType = headers.get("Content-Type")?.split(";")[0];
  if (!response.content) {
    assert.equal(mediaType ?? null, null, `${told}: a media type without a body`);
    assert.equal(text, "", told);
    return null;
  }
  assert.ok(response.content[mediaType ?? ""], `${told}: the media type ${mediaType}`);
  if (method === "HEAD") {
    assert.equal(text, "", told);
    return null;
  }
  const json = mediaType?.endsWith("json") ? JSON.parse(text) : text;
  assertSchema(`${pointer}/content/${escaped(mediaType ?? "")}/schema`, json, told);
  return json;
}

/**
 * @param {Described} schema
 * @param {string} text
 * @param {string} told
 */
function assertValue(schema, text, told) {
  const value = schema.type === "integer" && /^\d+$/.test(text) ? Number(text) : text;
  assert.ok(ajv.validate(schema, value), `${told}: ${ajv.errorsText()}`);
}

/**
 * @param {string} pointer
 * @param {unknown} value
 * @param {string} told
 */
function assertSchema(pointer, value, told) {
  const validate = ajv.getSchema(`openapi.json${encodeURI(pointer)}`);
  assert.ok(validate, `no schema at ${pointer}`);
  assert.ok(validate(value), `${told}: ${ajv.errorsText(validate.errors)}`);
}

/**
 * The codes of a response's examples: one for each that it may have.
 *
 * @param {Described} response
 */
function codes({ content }) {
  return content?.[PROBLEM] ? Object.keys(content[PROBLEM].examples) : ["-"];
}

/**
 * What is described, wherever in the document it is.
 *
 * @param {Described} described
 * @returns {Described}
 */
function resolved(described) {
  if (!described.$ref) return described;
  const keys = described.$ref.slice("#/".length).split("/");
  return keys.reduce(
    (/** @type {any} */ at, /** @type {string} */ key) => at[key.replaceAll("~1", "/").replaceAll("~0", "~")],
    DOCUMENT,
  );
}

/** @param {string} key */
function escaped(key) {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
