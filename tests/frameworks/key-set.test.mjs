/**
 * The middleware without service bindings: tokens are verified with the key
 * set and refreshed over HTTP, where the limiter of sessions counts. Hono in
 * workerd, and plain Node.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { createTestHarness } from "wrangler";
import { cookieHeader, startLatchkey } from "../../package/test.mjs";
import { decode } from "../../harness/tokens.mjs";
import { freePort, startProgram } from "../support/programs.mjs";
import { prepared } from "./prepared.mjs";

const EXPIRED_SECONDS = 601;
const PARALLEL = 100;
const AUDIENCE = "latchkey";
/** As in production: fewer than there are parallel requests. */
const SESSION_LIMITER = { limit: 60, period: 60 };
const PAGE = { Accept: "text/html", "Sec-Fetch-Mode": "navigate" };

let latchkey;
before(async () => (latchkey = await startLatchkey({ limits: { SESSION_LIMITER } })));
afterEach(() => latchkey.reset());
after(() => latchkey.dispose());

/** @type {Record<string, (service: string) => Promise<{ url: URL, stop: () => Promise<unknown> }>>} */
const SERVERS = {
  async "Hono on Workers"(service) {
    const configPath = join(prepared("hono"), "without-bindings.toml");
    const vars = { ISSUER: latchkey.issuer, AUDIENCE, SERVICE: service };
    const harness = createTestHarness({ workers: [{ configPath, vars }] });
    const { url } = await harness.listen();
    return { url, stop: () => harness.close() };
  },
  async "plain Node"(service) {
    const env = { ISSUER: latchkey.issuer, AUDIENCE, SERVICE: service, PORT: "0" };
    const file = join(prepared("node"), "pages.mjs");
    const { match, stop } = await startProgram(process.execPath, [file], { env, ready: /(http:\/\/127\.0\.0\.1:\d+)/ });
    return { url: new URL(match), stop };
  },
};

for (const [name, start] of Object.entries(SERVERS)) {
  describe(name, () => {
    const started = [];
    const startWith = async (service) => {
      const server = await start(service);
      started.push(server);
      return async (path, cookie = "", headers = {}) => {
        const init = { headers: { ...PAGE, ...headers, ...(cookie && { Cookie: cookie }) }, redirect: "manual" };
        const response = await fetch(new URL(path, server.url), /** @type {RequestInit} */ (init));
        return { status: response.status, headers: response.headers, text: await response.text() };
      };
    };
    let get;
    before(async () => (get = await startWith(latchkey.url.href)));
    after(async () => {
      for (const { stop } of started) await stop();
    });
    /** A user whose access token has just expired, by the clocks of both. */
    const expired = async () => {
      await latchkey.clock.advance(-EXPIRED_SECONDS);
      const person = await latchkey.signIn();
      await latchkey.clock.reset();
      return person;
    };

    test("a user is known by the token alone, and nobody else is", async () => {
      const { cookie, user, refreshToken } = await latchkey.signIn();
      const page = await get("/", cookie);
      assert.deepEqual([page.status, page.text, page.headers.getSetCookie()], [200, `Hello, ${user.id}.\n`, []]);
      for (const other of ["", "access_token=zqx", `access_token=${refreshToken}`]) {
        const stranger = await get("/", other);
        assert.deepEqual([stranger.text, stranger.headers.getSetCookie()], ["You are not logged in.\n", []]);
      }
    });

    test(`${PARALLEL} parallel requests at the expiry: one refresh, which the limiter of sessions lets pass`, async () => {
      const { cookie, user, refreshToken, session } = await expired();
      const pages = await Promise.all(Array.from({ length: PARALLEL }, () => get("/", cookie)));
      for (const page of pages) assert.deepEqual([page.status, page.text], [200, `Hello, ${user.id}.\n`]);
      const [fresh, ...others] = new Set(pages.map((page) => cookieHeader(page)));
      assert.deepEqual(others, []);
      const [row] = await latchkey.sql("SELECT current_jti, previous_jti FROM sessions WHERE id = ?1", session.id);
      const [, successor] = /refresh_token=([^;]+)/.exec(fresh) ?? [];
      const jti = (token) => decode(token).claims.jti;
      assert.deepEqual(row, { current_jti: jti(successor), previous_jti: jti(refreshToken) });
      const later = await get("/", fresh);
      assert.deepEqual([later.text, later.headers.getSetCookie()], [`Hello, ${user.id}.\n`, []]);
    });

    test("a refresh that is throttled, or has no database, is not a log-out", async () => {
      const { cookie } = await expired();
      for (const fault of ["limiterClosed", "d1Down"]) {
        await latchkey.faults[fault]();
        const page = await get("/", cookie);
        assert.deepEqual([page.text, page.headers.getSetCookie()], ["We cannot look you up right now.\n", []], fault);
        assert.equal((await get("/notes", cookie)).status, 503, fault);
        await latchkey.faults.clear();
      }
      assert.match((await get("/", cookie)).text, /^Hello, /);
    });

    test("a session that has ended lives on until its token expires, and is sent to the login then", async () => {
      await latchkey.clock.advance(-EXPIRED_SECONDS);
      const { cookie } = await latchkey.signIn();
      await latchkey.clock.reset();
      const refreshed = cookieHeader(cookie, await get("/", cookie));
      await latchkey.auth.fetch("/api/account/logout", { method: "POST", headers: { Cookie: refreshed } });
      assert.match((await get("/", refreshed)).text, /^Hello, /);
      const [, refreshToken] = /(refresh_token=[^;]+)/.exec(refreshed) ?? [];
      const notes = await get("/notes", refreshToken);
      assert.deepEqual([notes.status, notes.headers.get("Location")], [303, "/login?next=%2Fnotes"]);
      const first = await get("/notes", "", { "Sec-Fetch-Site": "cross-site" });
      assert.deepEqual([first.status, first.text.includes("data-refresh=")], [401, true]);
    });

    test("while Latchkey cannot be reached nobody is logged out", async () => {
      const { cookie } = await latchkey.signIn();
      const alone = await startWith(`http://127.0.0.1:${await freePort()}`);
      const page = await alone("/", cookie);
      assert.deepEqual([page.text, page.headers.getSetCookie()], ["We cannot look you up right now.\n", []]);
    });
  });
}
