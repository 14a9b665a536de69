/**
 * Each refusal that follows from the facts of a route, provoked at each route
 * that lists it; and what holds answers to docs/openapi.json notices an answer
 * that is not in it (tests/support/contract.mjs). A whole run of the tests
 * fails where the document says what none of them has seen.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_BINDING } from "../harness/mails.mjs";
import { DOCUMENT, PROMISED, assertDocumented } from "./support/contract.mjs";
import { newEmail, signUp } from "./support/people.mjs";
import { assertProblem, fromRaw } from "./support/problems.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES } from "./support/routes.mjs";

const EIGHT_DAYS_MS = 691_200_000;
const TOO_LARGE = JSON.stringify({ email: " ".repeat(8_192) });

let latchkey;
let misconfigured;
/** Without mails, and someone who is logged in there. */
let mailless;
let person;
let other;
before(async () => {
  // An isolate that remembers nothing asks the limiters and the database for each request.
  latchkey = await startLatchkey({ entry: CHAOS, vars: { ...MAIL_BY_BINDING, ISOLATE_CACHE_TTL_SECONDS: "0" } });
  misconfigured = await startLatchkey({ secrets: { JWT_KEYS: "changeme" } });
  const silent = await startLatchkey();
  mailless = { latchkey: silent, person: await signUp(silent) };
  person = await signUp(latchkey);
  other = await signUp(latchkey);
});
afterEach(() => latchkey.control({ reset: true }));
after(async () => {
  await latchkey.dispose();
  await misconfigured.dispose();
  await mailless.latchkey.dispose();
});

/** The request that would succeed, with something wrong around it. */
function send(route, { at = "", client = person.client.copy(), headers = {}, who = person } = {}) {
  const [path, init] = wholeRequest(route, who);
  return client.fetch(`${at}${path}`, { ...init, headers: { .../** @type {object} */ (init.headers), ...headers } });
}

/**
 * A request with this query or body in the place of the right one.
 *
 * @param {any} route
 * @param {{ query?: string, body?: string, type?: string }} wrong
 */
function sendInstead({ method, path }, { query = "", body, type = "application/json" }) {
  const headers = body === undefined ? {} : { "Content-Type": type };
  return person.client.fetch(`${path}${query}`, { method, body, headers });
}

async function faulty(route, fault) {
  const fresh = await signUp(latchkey);
  await latchkey.control({ faults: [fault] });
  return send(route, { client: fresh.client, who: { ...fresh, email: newEmail() } });
}

/** What is done to a route, by the code that it must be refused with. */
const PROVOKED = {
  https_required: (route) => send(route, { at: "http://auth.example.com" }),
  misconfigured: (route) => send(route, { client: new Client(misconfigured) }),
  cross_origin: (route) => send(route, { headers: { "Sec-Fetch-Site": "cross-site" } }),
  not_authenticated: (route) => send(route, { client: new Client(latchkey) }),
  invalid_token: (route) => send(route, { headers: { Cookie: "access_token=x; refresh_token=x" } }),
  token_expired: async (route) => {
    await latchkey.control({ clockOffsetMs: EIGHT_DAYS_MS });
    return send(route);
  },
  malformed_request: (route) => {
    if (route.body !== null) return sendInstead(route, { body: "{" });
    if (route.hasQuery) return sendInstead(route, { query: "?twice=1&twice=2" });
    return send(route, { headers: { Cookie: `${person.client.cookieHeader}; ${other.client.cookieHeader}` } });
  },
  unsupported_media_type: (route) => sendInstead(route, { body: "{}", type: "text/plain" }),
  body_too_large: (route) => sendInstead(route, { body: TOO_LARGE }),
  validation_failed: (route) => sendInstead(route, route.hasQuery ? { query: "?unknown=1" } : { body: "{}" }),
  request_timeout: async ({ method, path }) => {
    const headers = [
      ["Cookie", person.client.cookieHeader],
      ["Content-Type", "application/json"],
      ["Content-Length", "100"],
    ];
    return fromRaw(await latchkey.raw(path, { method, headers }));
  },
  too_many_requests: (route) => faulty(route, { on: "limiter", how: "refuse" }),
  unavailable: (route) => faulty(route, { on: "d1", how: "fail" }),
  mail_off: (route) => send(route, { client: mailless.person.client.copy(), who: mailless.person }),
  internal: (route) => faulty(route, { on: "d1", how: "garble" }),
};

for (const [code, provoke] of Object.entries(PROVOKED)) {
  describe(code, () => {
    for (const route of ROUTES.filter(({ problems }) => problems.includes(code))) {
      test(route.operation, async () => {
        const answer = await provoke(route);
        const isGrant = route.isTokenEndpoint && answer.status === 401;
        assertProblem(answer, code, isGrant ? { error: "invalid_grant" } : {});
      });
    }
  });
}

describe("an answer that docs/openapi.json does not describe", () => {
  /** An answer of the Worker, changed on its way. */
  async function seen(method, path, change = {}) {
    const cookies = { Cookie: person.client.cookieHeader };
    const response = await latchkey.fetch(path, { method, headers: cookies });
    const { status, headers } = response;
    const text = await response.text();
    const changed = new Headers(headers);
    for (const [name, value] of Object.entries(change.headers ?? {})) {
      if (value === null) changed.delete(name);
      else changed.set(name, value);
    }
    const url = new URL(path, latchkey.origin);
    return { method, url, status, text, ...change, headers: changed };
  }
  const PROFILE = "/api/account/profile";
  const nothing = "/api/account/nothing";

  test("is noticed: its status, its headers, its body, its code", async () => {
    assert.equal(assertDocumented(await seen("GET", "/health")), "Health 200 -");
    assert.equal(assertDocumented(await seen("HEAD", "/health")), "Health 200 -");
    assert.equal(assertDocumented(await seen("GET", PROFILE)), "AccountProfile 200 -");
    assert.equal(assertDocumented(await seen("PUT", "/health")), null);
    assert.equal(assertDocumented(await seen("GET", nothing)), null);
    const problem = await (await latchkey.fetch(PROFILE)).json();
    for (const [method, path, change] of [
      ["GET", "/health", { status: 201 }],
      ["GET", "/health", { text: "{}" }],
      ["GET", "/health", { text: '{"status":"ok","more":1}' }],
      ["GET", "/health", { headers: { "X-Request-Id": null } }],
      ["GET", "/health", { headers: { "X-Request-Id": "1" } }],
      ["GET", "/health", { headers: { "X-Powered-By": "nobody" } }],
      ["GET", "/health", { headers: { "Set-Cookie": "a=b" } }],
      ["GET", "/health", { headers: { "Cache-Control": "public" } }],
      ["GET", "/health", { headers: { "Content-Type": "text/plain" } }],
      ["HEAD", "/health", { text: "{}" }],
      ["GET", PROFILE, { status: 401 }],
      ["GET", PROFILE, { status: 204, text: "" }],
      ["PUT", "/health", { headers: { Allow: null } }],
      ["GET", nothing, { text: JSON.stringify({ ...problem, code: "not_found" }) }],
      ["GET", nothing, { status: 401, text: JSON.stringify(problem) }],
    ]) {
      const answer = await seen(method, path, change);
      assert.throws(() => assertDocumented(answer), /docs\/openapi\.json|JSON/, JSON.stringify([method, path, change]));
    }
  });

  test("is noticed when its code is not the operation's", async () => {
    const response = await latchkey.fetch(PROFILE);
    const { status, headers } = response;
    const problem = await response.json();
    const url = new URL(PROFILE, latchkey.origin);
    const told = (code) => ({ method: "GET", url, status, headers, text: JSON.stringify({ ...problem, code }) });
    assert.equal(assertDocumented(told("not_authenticated")), "AccountProfile 401 not_authenticated");
    assert.throws(() => assertDocumented(told("invalid_credentials")));
    assert.throws(() => assertDocumented(told("brand_new")));
  });
});

test("the document describes each route with each of its problems, and no other", () => {
  const promised = PROMISED.filter((one) => !one.endsWith(" -"));
  const listed = ROUTES.flatMap(({ operation, problems }) => problems.map((code) => `${operation} ${code}`));
  const bare = promised.map((one) => one.replace(/ \d+ /, " "));
  assert.deepEqual(bare.sort(), listed.sort());
  assert.equal(DOCUMENT.openapi, "3.1.1");
});
