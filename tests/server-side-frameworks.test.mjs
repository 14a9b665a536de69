/**
 * What a middleware does at the moment of a refresh when the app around it
 * fails or has its own way. tests/frameworks has the built examples.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Hono } from "hono";
import { latchkey as hono } from "../client/server/hono.mjs";
import { latchkey as sveltekit } from "../client/server/sveltekit.mjs";

const FRESH = ["access_token=new; Path=/; HttpOnly; SameSite=Lax", "refresh_token=new; Path=/; SameSite=Strict"];
const NAMES = ["access_token", "refresh_token"];
const NOTES = "https://app.example.org/notes";
const USER = { user: { id: "ada", roleSlug: "editor" }, session: { id: "s" }, readAt: "2026-11-27T12:00:00Z" };
/**
 * The token has expired, and a refresh works.
 *
 * @type {import("../client/server/types.d.ts").Authority<import("../client/server/types.d.ts").TokenUser>}
 */
const authority = {
  verify: async () => ({ problem: { code: "token_expired", status: 401 } }),
  refresh: async () => ({ ...USER, setCookies: FRESH }),
};
/** There is nothing to refresh. */
const idle = { ...authority, verify: async () => USER };

const namesOf = (/** @type {Response} */ response) =>
  response.headers.getSetCookie().map((line) => line.slice(0, line.indexOf("=")));

describe("Hono", () => {
  const post = (app) =>
    app.request(NOTES, { method: "POST", body: "hello", headers: { Cookie: "theme=dark; refresh_token=old" } });

  test("a body that an earlier middleware has read is there, with the new cookies", async () => {
    const app = new Hono();
    app.use(async (c, next) => {
      await c.req.text();
      await next();
    });
    app.use(hono({ authority }));
    app.post("/notes", async (c) => c.text(`${await c.req.text()} ${c.req.header("Cookie")}`));
    const response = await post(app);
    const cookie = "theme=dark; access_token=new; refresh_token=new";
    assert.deepEqual([response.status, await response.text()], [200, `hello ${cookie}`]);
    assert.deepEqual(response.headers.getSetCookie(), FRESH);
  });

  test("an error that Hono answers later carries the new cookies", async () => {
    const app = new Hono();
    app.onError((error, c) => c.text(error.message, 500));
    app.use(hono({ authority }));
    app.post("/notes", () => {
      throw new Error("zqx");
    });
    const response = await post(app);
    assert.deepEqual([response.status, await response.text()], [500, "zqx"]);
    assert.deepEqual(response.headers.getSetCookie(), FRESH);
  });
});

describe("SvelteKit", () => {
  const eventWith = (set) => ({
    request: new Request(NOTES, { headers: { Cookie: "refresh_token=old" } }),
    url: new URL(NOTES),
    isDataRequest: false,
    locals: {},
    cookies: { set },
  });
  /** SvelteKit adds what `cookies.set` got to the app's answer, which fails where the headers of that are fixed. */
  function visited(app) {
    const set = [];
    const event = eventWith((name, value) => set.push(`${name}=${value}`));
    const resolve = async () => {
      const response = await app();
      for (const line of set) response.headers.append("Set-Cookie", line);
      return response;
    };
    return sveltekit({ authority })({ event, resolve });
  }
  /** With a hook after this one, which answers in SvelteKit's place. */
  const visitedHook = (hook, service = authority) =>
    sveltekit({ authority: service })({ event: eventWith(() => {}), resolve: hook });

  test("what an endpoint returns carries the new cookies once, and no cache keeps it", async () => {
    const response = await visited(async () => new Response("notes"));
    assert.deepEqual([response.status, await response.text(), namesOf(response)], [200, "notes", NAMES]);
    assert.equal(response.headers.get("Cache-Control"), "private, no-store");
  });

  test("an answer of `fetch`, to which SvelteKit can add nothing, is a 500 with the new cookies", async (t) => {
    const logged = t.mock.method(console, "error", () => {});
    const response = await visited(() => fetch("data:text/plain,upstream"));
    assert.deepEqual([response.status, namesOf(response)], [500, NAMES]);
    assert.equal(logged.mock.callCount(), 1);
  });

  test("an answer with fixed headers that a later hook gives carries them", async () => {
    const response = await visitedHook(async () => Response.redirect("https://app.example.org/", 303));
    assert.deepEqual([response.status, namesOf(response)], [303, NAMES]);
  });

  test("a fault in a later hook is a 500 with the new cookies, and its text is for the log", async (t) => {
    t.mock.method(console, "error", () => {});
    const response = await visitedHook(() => Promise.reject(new Error("zqx")));
    assert.deepEqual([response.status, await response.text(), namesOf(response)], [500, "Internal Error", NAMES]);
  });

  test("an expected error of a later hook keeps its status and its text", async () => {
    // As `error(403, "Not yours")` throws it.
    const response = await visitedHook(() => Promise.reject({ status: 403, body: { message: "Not yours" } }));
    assert.deepEqual([response.status, await response.text(), namesOf(response)], [403, "Not yours", NAMES]);
  });

  test("a redirect is SvelteKit's to answer, and so is every error when no cookie is new", async () => {
    const redirect = { status: 303, location: "/" };
    await assert.rejects(
      visitedHook(() => Promise.reject(redirect)),
      (thrown) => thrown === redirect,
    );
    await assert.rejects(
      visitedHook(() => Promise.reject(new Error("zqx")), idle),
      /zqx/,
    );
  });
});
