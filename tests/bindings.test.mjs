/**
 * `env.AUTH.verify` and `env.SESSIONS.refresh`: another Worker of the account
 * asks through a service binding, both bundled by wrangler from their files. What
 * they answer, what they leave as it was, and what a binding does not reach.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createTestHarness } from "wrangler";
import { Client } from "../harness/client.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { LOGOUT, PROFILE, REFRESH, signUp, tokenOf } from "./support/people.mjs";

const ISSUER = "http://localhost:8787";
/** As wrangler.toml has it: requests of a session in a minute. */
const SESSION_LIMIT = 60;

const folder = mkdtempSync(join(tmpdir(), "latchkey-bindings-"));
/** @type {ReturnType<typeof createTestHarness>} */
let server;
/**
 * What the tests' clients talk to: the app, which passes requests on.
 *
 * @type {any}
 */
const app = {
  /** @param {string} path @param {any} [init] @returns {Promise<any>} */
  fetch: (path, init) => server.fetch(new URL(path, ISSUER).href, { redirect: "manual", ...init }),
};

/**
 * Calls a method of a binding: `{returned}` or `{thrown}`.
 *
 * @param {string} binding
 * @param {string} method
 * @param {unknown[]} args
 * @returns {Promise<{ returned?: any, thrown?: string }>}
 */
async function call(binding, method, ...args) {
  const response = await app.fetch("/call", { method: "POST", body: JSON.stringify({ binding, method, args }) });
  return response.json();
}

/** @param {string | null} cookies @param {object} [options] */
const verify = async (cookies, options) => (await call("AUTH", "verify", cookies, options)).returned;
/** @param {string | null} cookies */
const refresh = async (cookies) => (await call("SESSIONS", "refresh", cookies)).returned;
/** @param {Client} client */
const cookiesOf = (client) => [...client.cookies.values()].map(({ name, value }) => `${name}=${value}`).join("; ");

/**
 * A var of the name that marks calls through a binding means nothing.
 *
 * @param {Record<string, string>} [vars]
 */
function start(vars = { LATCHKEY_INTERNAL: "1" }) {
  return createTestHarness({
    workers: [
      { configPath: join(folder, "app.toml") },
      { configPath: join(folder, "latchkey.toml"), vars, secrets: { JWT_KEYS: makeKeys() } },
    ],
  });
}

before(async () => {
  const example = readFileSync(join(ROOT, "package", "wrangler.toml"), "utf8");
  writeFileSync(join(folder, "latchkey.toml"), example.replaceAll("node_modules/latchkey/", ROOT));
  writeFileSync(
    join(folder, "app.toml"),
    `name = "app"
main = ${JSON.stringify(join(ROOT, "tests", "support", "caller.mjs"))}
compatibility_date = "2026-11-01"
services = [
  { binding = "LATCHKEY", service = "latchkey" },
  { binding = "AUTH", service = "latchkey", entrypoint = "Auth" },
  { binding = "SESSIONS", service = "latchkey", entrypoint = "Sessions" },
]
`,
  );
  server = start();
  await server.listen();
  await server.getWorker("latchkey").applyD1Migrations("DB");
});

after(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("verify", () => {
  test("answers with a problem where nobody is logged in", async () => {
    for (const nobody of [null, "", "theme=dark"]) {
      const { problem, ...rest } = await verify(nobody);
      assert.deepEqual([problem.code, problem.status, rest], ["not_authenticated", 401, {}]);
    }
    assert.equal((await verify("access_token=forged")).problem.code, "invalid_token");
  });

  test("takes what no Cookie header can be for no cookies", async () => {
    for (const odd of ["a\nb", "a\r\nb: c", "a\0b", "access_token=\u{1f511}"]) {
      const { thrown, returned } = await call("AUTH", "verify", odd);
      assert.equal(thrown, undefined, JSON.stringify(odd));
      assert.ok(["not_authenticated", "invalid_token"].includes(returned.problem.code), returned.problem.code);
      const { setCookies, problem } = await refresh(odd);
      assert.deepEqual([setCookies, problem.code], [[], "not_authenticated"]);
    }
  });

  test("answers with the user, the session and when they were read", async () => {
    const { client, user } = await signUp(app);
    const from = Math.floor(Date.now() / 1000) * 1000;
    for (const options of [undefined, {}, { maxStaleSeconds: 0 }, { maxStaleSeconds: 30 }]) {
      const { user: found, session, readAt, ...rest } = await verify(cookiesOf(client), options);
      assert.deepEqual([found.id, found.email], [user.id, user.email]);
      assert.match(session.id, /^[\w-]{22}$/);
      assert.ok(Date.parse(readAt) >= from - 1000 && Date.parse(readAt) <= Date.now(), readAt);
      assert.deepEqual(rest, {});
    }
  });

  test("rotates nothing", async () => {
    const { client } = await signUp(app);
    const before = cookiesOf(client);
    await verify(before, { maxStaleSeconds: 0 });
    assert.equal((await client.post(REFRESH)).status, 204);
  });

  test("with maxStaleSeconds: 0 knows of a log-out at once", async () => {
    const { client } = await signUp(app);
    const cookies = cookiesOf(client);
    assert.ok((await verify(cookies)).user);
    assert.equal((await client.post(LOGOUT)).status, 204);
    assert.equal((await verify(cookies, { maxStaleSeconds: 0 })).problem.code, "invalid_token");
  });

  test("refuses an age that is none", async () => {
    const { client } = await signUp(app);
    for (const maxStaleSeconds of [-1, 0.5, 301, "1&maxStaleSeconds=2", null]) {
      const { problem } = await verify(cookiesOf(client), { maxStaleSeconds });
      assert.equal(problem.code, "validation_failed", `${maxStaleSeconds}`);
    }
  });
});

describe("refresh", () => {
  test("answers with the new cookies and the user, and the same again within the grace", async () => {
    const { client, user } = await signUp(app);
    const old = cookiesOf(client);
    const refreshed = await refresh(old);
    assert.equal(refreshed.user.id, user.id);
    assert.equal(refreshed.problem, undefined);
    assert.equal(refreshed.setCookies.length, 2);
    const cookies = refreshed.setCookies.map((/** @type {string} */ line) => line.split(";")[0]).join("; ");
    assert.notEqual(cookies, old);
    assert.equal((await verify(cookies, { maxStaleSeconds: 0 })).user.id, user.id);
    assert.equal((await app.fetch(PROFILE, { headers: { Cookie: cookies } })).status, 200);
    // A second later the cookies have a second less to live.
    const withoutAge = (/** @type {string[]} */ lines) => lines.map((line) => line.replace(/Max-Age=\d+/, "Max-Age"));
    assert.deepEqual(withoutAge((await refresh(old)).setCookies), withoutAge(refreshed.setCookies));
  });

  test("answers with a problem, and with what HTTP does to the cookies", async () => {
    const { client } = await signUp(app);
    const token = tokenOf(client, "refresh_token");
    assert.equal((await client.post(LOGOUT)).status, 204);
    const cookies = `refresh_token=${token}`;
    const { setCookies, problem, user } = await refresh(cookies);
    assert.deepEqual([problem.code, user], ["invalid_token", undefined]);
    const response = await app.fetch(REFRESH, { method: "POST", headers: { Cookie: cookies } });
    await response.text();
    assert.deepEqual(setCookies, response.headers.getSetCookie());
    assert.deepEqual(await refresh(null).then(({ setCookies, problem }) => [setCookies, problem.code]), [
      [],
      "not_authenticated",
    ]);
  });
});

describe("a binding", () => {
  test("is not counted by the limiter of sessions, which HTTP is", async () => {
    const { client } = await signUp(app);
    const cookies = cookiesOf(client);
    for (let i = 0; i < SESSION_LIMIT + 10; i += 1) {
      assert.ok((await verify(cookies, { maxStaleSeconds: 0 })).user, `call ${i}`);
    }
    const statuses = new Set();
    // Too many for a minute even if a new one begins on the way.
    for (let i = 0; i < 2 * SESSION_LIMIT + 1; i += 1) {
      const headers = { Cookie: cookies, "Latchkey-Internal": "1" };
      const response = await app.fetch("/api/account/identity?maxStaleSeconds=0", { headers });
      await response.text();
      statuses.add(response.status);
    }
    assert.deepEqual([...statuses].sort(), [200, 429]);
  });

  test("reaches the methods of its own class, and nothing else of the Worker", async () => {
    for (const [binding, own] of [
      ["AUTH", "verify"],
      ["SESSIONS", "refresh"],
    ]) {
      const names = ["verify", "refresh", "scheduled", "queue", "tail", "email", "alarm", "test", "call", "identity"];
      for (const name of [...names, "env", "ctx", "free", "__destroy_into_raw"]) {
        if (name === own) continue;
        const { thrown } = await call(binding, name, "a=b");
        assert.match(String(thrown), /does not implement|reserved|not a function|has no/, `${binding}.${name}`);
      }
      const { thrown } = await call(binding, "fetch", `${ISSUER}/health`);
      assert.match(String(thrown), /does not export a fetch/);
    }
  });
});

test("settings that are wrong are a problem, not an exception", async () => {
  const broken = start({ ISSUER: "nonsense" });
  try {
    await broken.listen();
    for (const [binding, method] of [
      ["AUTH", "verify"],
      ["SESSIONS", "refresh"],
    ]) {
      const body = JSON.stringify({ binding, method, args: ["access_token=a; refresh_token=b"] });
      const response = await broken.fetch("/call", { method: "POST", body });
      const { returned } = /** @type {any} */ (await response.json());
      assert.deepEqual([returned.problem.code, returned.problem.status], ["misconfigured", 503]);
    }
  } finally {
    await broken.close();
  }
});
