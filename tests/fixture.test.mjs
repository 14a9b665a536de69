/**
 * `latchkey/test`, the fixture for the tests of apps that use Latchkey: each
 * promise of docs/testing.md.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { ROOT } from "../scripts/lib.mjs";
import { CONFIG, cookieHeader, startLatchkey } from "../package/test.mjs";
import { decode } from "../harness/tokens.mjs";
import { LOGIN, LOGOUT, PROFILE, REFRESH } from "./support/people.mjs";

/** An app that hands on what Latchkey's binding tells it. */
const APP = `
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const cookie = request.headers.get("Cookie");
    if (pathname === "/who") return Response.json(await env.AUTH.verify(cookie, { maxStaleSeconds: 0 }));
    if (pathname === "/renew") return Response.json(await env.SESSIONS.refresh(cookie));
    console.log("the app says hello");
    return new Response("app");
  },
};`;

const folder = mkdtempSync(join(tmpdir(), "latchkey-fixture-"));
/** @type {import("../package/test.d.ts").Latchkey} */
let latchkey;
before(async () => {
  writeFileSync(join(folder, "app.mjs"), APP);
  const services = [
    { binding: "AUTH", service: "latchkey", entrypoint: "Auth" },
    { binding: "SESSIONS", service: "latchkey", entrypoint: "Sessions" },
  ];
  const config = { name: "app", main: join(folder, "app.mjs"), compatibility_date: "2026-11-01", services };
  const start = performance.now();
  latchkey = await startLatchkey({ app: { config }, elsewhere: true });
  console.log(`# ready, migrations applied, in ${Math.round(performance.now() - start)} ms`);
});
afterEach(() => latchkey.reset());
after(async () => {
  await latchkey.dispose();
  rmSync(folder, { recursive: true });
});

/** @type {(path: string, cookie: string, where?: { fetch: (path: string, init?: RequestInit) => Promise<Response> }) => Promise<any>} */
const get = (path, cookie, where = latchkey.auth) => where.fetch(path, { headers: { Cookie: cookie } });
/** @type {(path: string, cookie: string, where?: { fetch: (path: string, init?: RequestInit) => Promise<Response> }) => Promise<any>} */
const post = (path, cookie, where = latchkey.auth) =>
  where.fetch(path, { method: "POST", headers: { Cookie: cookie } });
const statusOf = async (request) => {
  const response = await request;
  await response.text();
  return response.status;
};

test("the fixture's bindings and date are those of wrangler.toml", () => {
  const config = unstable_readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
  const { compatibility_date, compatibility_flags, vars, ratelimits, d1_databases, kv_namespaces, send_email } = config;
  const limiters = Object.fromEntries(ratelimits.map(({ name, namespace_id }) => [name, namespace_id]));
  assert.deepEqual(CONFIG, { compatibility_date, compatibility_flags, limiters, vars: { ...vars } });
  assert.deepEqual(
    [...d1_databases, ...kv_namespaces].map(({ binding }) => binding),
    ["DB", "KV"],
  );
  assert.deepEqual(
    send_email.map(({ name }) => name),
    ["EMAIL"],
  );
});

describe("signIn", () => {
  test("makes a user with an address, a name and a role of their own", async () => {
    const ada = await latchkey.signIn({ email: "Ada@example.org", name: "Ada", role: "editor", superuser: true });
    const { id, ...user } = ada.user;
    assert.deepEqual(user, {
      name: "Ada",
      email: "ada@example.org",
      isActive: true,
      isSuperuser: true,
      roleSlug: "editor",
    });
    const answer = await get(PROFILE, ada.cookie);
    assert.deepEqual(await answer.json(), ada.user);
    assert.equal(decode(ada.accessToken).claims.role, "editor");
    assert.notEqual((await latchkey.signIn()).user.id, id);
  });

  test("logs the same user in on a second device", async () => {
    const first = await latchkey.signIn();
    const second = await latchkey.signIn({ email: first.email, userAgent: "second" });
    assert.equal(second.user.id, first.user.id);
    const sessions = await (await get("/api/account/sessions", first.cookie)).json();
    assert.deepEqual(sessions.map(({ id }) => id).sort(), [first.session.id, second.session.id].sort());
    assert.ok(sessions.some(({ userAgent }) => userAgent === "second"));
  });

  test("works whatever is broken", async () => {
    await latchkey.faults.d1Down();
    await latchkey.faults.limiterClosed();
    assert.ok((await latchkey.signIn()).cookie);
  });
});

test("signIn meets no rate limit and uses none up", async () => {
  const limits = { REGISTER_LIMITER: { limit: 1, period: 60 }, LOGIN_LIMITER: { limit: 1, period: 60 } };
  const limited = await startLatchkey({ limits });
  try {
    const { email, password } = await limited.signIn();
    for (let i = 0; i < 4; i += 1) await limited.signIn({ email });
    const login = () =>
      limited.fetch(LOGIN, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: email, password }),
      });
    assert.equal(await statusOf(login()), 204);
    // Too many for a minute even if a new one begins on the way.
    assert.ok([await statusOf(login()), await statusOf(login())].includes(429));
  } finally {
    await limited.dispose();
  }
});

describe("the app", () => {
  test("has what no route of Latchkey takes", async () => {
    assert.equal(await (await latchkey.fetch("/")).text(), "app");
    for (const path of ["/health", "/ready"]) {
      assert.deepEqual(await (await latchkey.fetch(path)).json(), { status: "ok" }, path);
    }
    for (const path of ["/api/account/zqx", "/api/recovery/zqx"]) {
      assert.equal((await (await latchkey.fetch(path)).json()).code, "not_found", path);
    }
  });

  test("is reached from outside as well, and the cookies go along", async () => {
    const { cookie, user } = await latchkey.signIn();
    const answer = await fetch(new URL(PROFILE, latchkey.url), { headers: { Cookie: cookie } });
    assert.deepEqual(await answer.json(), user);
    assert.equal(await (await fetch(latchkey.url)).text(), "app");
  });

  test("asks over its bindings, and meets the faults there", async () => {
    const { cookie, user, session } = await latchkey.signIn();
    const answer = await (await get("/who", cookie, latchkey)).json();
    assert.deepEqual([answer.user, answer.session], [user, session]);
    await latchkey.faults.d1Down();
    assert.equal((await (await get("/who", cookie, latchkey)).json()).problem.code, "unavailable");
    await latchkey.faults.clear();
    const { setCookies } = await (await get("/renew", cookie, latchkey)).json();
    assert.equal(setCookies.length, 2);
  });
});

test("the clock moves for tokens and sessions", async () => {
  const { cookie } = await latchkey.signIn();
  const [start, week] = [latchkey.clock.now(), 7 * 86_400];
  await latchkey.clock.advance(601);
  assert.ok(latchkey.clock.now().getTime() - start.getTime() >= 601_000);
  assert.equal((await (await get(PROFILE, cookie)).json()).code, "token_expired");
  assert.equal(await statusOf(post(REFRESH, cookie)), 204);
  await latchkey.clock.set(start.getTime() + (week + 601) * 1_000);
  assert.equal((await (await post(REFRESH, cookie)).json()).code, "token_expired");
  assert.equal(await statusOf(get(PROFILE, (await latchkey.signIn()).cookie)), 200);
});

test("cookieHeader keeps what a browser would", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.clock.advance(60);
  const refreshed = cookieHeader(cookie, await post(REFRESH, cookie));
  assert.notEqual(refreshed, cookie);
  assert.equal(await statusOf(get(PROFILE, refreshed)), 200);
  assert.equal(cookieHeader(refreshed, await post(LOGOUT, refreshed)), "");
});

describe("faults", () => {
  test("D1 is down, in one place or in both, and is back", async () => {
    const { cookie } = await latchkey.signIn();
    await latchkey.faults.d1Down("elsewhere");
    assert.equal(await statusOf(post(REFRESH, cookie, latchkey.elsewhere)), 503);
    assert.equal(await statusOf(post(REFRESH, cookie)), 204);
    await latchkey.faults.d1Down();
    assert.equal(await statusOf(post(REFRESH, cookie)), 503);
    await latchkey.faults.clear();
    assert.equal(await statusOf(post(REFRESH, cookie)), 204);
  });

  test("KV is down, and only the database is asked more often", async () => {
    const { cookie } = await latchkey.signIn();
    await latchkey.faults.kvDown();
    await latchkey.auth.resetCounters();
    assert.equal(await statusOf(get(PROFILE, cookie)), 200);
    const { d1, kvGet } = await latchkey.auth.counters();
    assert.deepEqual({ d1, kvGet }, { d1: 1, kvGet: 1 });
  });

  test("KV is stale elsewhere: a session that has ended shows its profile there for a minute", async () => {
    const { cookie } = await latchkey.signIn();
    await latchkey.faults.kvStale(300, "elsewhere");
    await latchkey.clock.advance(2);
    const refreshed = cookieHeader(cookie, await post(REFRESH, cookie));
    for (const where of [latchkey.auth, latchkey.elsewhere]) {
      assert.equal(await statusOf(get(PROFILE, refreshed, where)), 200);
      await latchkey.settled();
    }
    assert.equal(await statusOf(post(LOGOUT, refreshed)), 204);
    await latchkey.settled();
    assert.equal(await statusOf(get(PROFILE, refreshed)), 401);
    assert.equal(await statusOf(get(PROFILE, refreshed, latchkey.elsewhere)), 200);
    await latchkey.clock.advance(61);
    assert.equal(await statusOf(get(PROFILE, refreshed, latchkey.elsewhere)), 401);
  });

  test("the limiters are closed", async () => {
    await latchkey.faults.limiterClosed();
    const body = new URLSearchParams({ username: "nobody@example.org", password: "zqx" });
    assert.equal(await statusOf(latchkey.auth.fetch(LOGIN, { method: "POST", body })), 429);
  });
});

test("log lines of app and Latchkey are captured", async () => {
  const { user, cookie } = await latchkey.signIn();
  latchkey.clearLogs();
  await (await get(PROFILE, cookie)).text();
  const { entry } = await latchkey.logged("http.request");
  assert.deepEqual([entry["http.operation"], entry["user.id"]], ["AccountProfile", user.id]);
  await (await latchkey.fetch("/")).text();
  await latchkey.logged(({ message }) => message === "the app says hello");
});

test("without a second point of presence the fixture says how to have one", async () => {
  const alone = await startLatchkey({ settings: { ISSUER: "https://auth.example.org" } });
  try {
    const { cookie } = await alone.signIn();
    assert.match(cookie, /^__Host-access_token=/);
    await assert.rejects(alone.signIn({ at: "elsewhere" }), /elsewhere: true/);
  } finally {
    await alone.dispose();
  }
});
