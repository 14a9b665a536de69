/** The code of docs/package.md for a Worker that asks over the bindings, verbatim. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FRESH, OLD, asking, latchkey, problem } from "./support/server-side.mjs";

const DOCUMENT = readFileSync(new URL("../docs/package.md", import.meta.url), "utf8");
const [, CODE = ""] = /```js\n(const cookies = request[\s\S]+?)```/.exec(DOCUMENT) ?? [];
const app = new Function("request", "env", `return (async () => {${CODE}})();`);
const ADA = { user: { email: "ada@example.org" } };

/** @param {{ verified?: any, refreshed?: any, setCookies?: string[] }} given */
async function answered(given, cookie = OLD) {
  const service = latchkey({ refreshed: ADA, ...given });
  /** @type {Response} */
  const response = await app(asking({ cookie }), { AUTH: service, SESSIONS: service });
  return [response.status, await response.text(), response.headers.getSetCookie()];
}

test("a user is greeted, after a refresh where the access token is not accepted or the browser has dropped it", async () => {
  assert.deepEqual(await answered({ verified: ADA }), [200, "Hello ada@example.org", []]);
  for (const code of ["token_expired", "not_authenticated", "invalid_token"]) {
    assert.deepEqual(await answered({ verified: problem(code) }), [200, "Hello ada@example.org", FRESH], code);
  }
});

test("only a 401 asks for a login", async () => {
  const refused = { refreshed: problem("invalid_token"), setCookies: [] };
  assert.deepEqual(await answered(refused), [401, "Log in", []]);
  for (const status of [429, 503]) {
    const outage = problem("unavailable", status);
    assert.deepEqual(await answered({ verified: outage }), [503, "Try again in a moment", []]);
    assert.deepEqual(
      await answered({ refreshed: outage }),
      [503, "Try again in a moment", FRESH],
      "its cookies go out",
    );
  }
});
