/**
 * Users see their sessions and can end them; a new name shows at once; at most
 * twenty sessions are live.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { ACCESS_COOKIE, REFRESH_COOKIE, assertRefused, claims, only } from "./support/holders.mjs";
import { LOGIN, PASSWORD, PROFILE, REFRESH, logIn, register } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const START_MS = Date.UTC(2030, 0, 1);
const MAX_LIVE_SESSIONS = 20;
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
beforeEach(() => latchkey.control({ reset: true, nowMs: START_MS }));
after(() => latchkey.dispose());

const at = (seconds) => latchkey.control({ nowMs: START_MS + seconds * 1000 });
const refresh = (client) => client.post(REFRESH);
/** Logs in at this point of presence, with these headers. */
async function logInFrom(user, pop, headers) {
  const client = new Client(latchkey, { pop });
  const answer = await client.post(LOGIN, { headers, json: { username: user.email, password: PASSWORD } });
  assert.equal(answer.status, 204, answer.text);
  return client;
}
const list = async (client) => {
  const answer = await client.get("/api/account/sessions");
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const ids = async (client) => (await list(client)).map(({ id }) => id);
const end = (client, rest) => client.delete(`/api/account/sessions${rest}`);
const live = (user) => latchkey.sql("SELECT id FROM sessions WHERE user_id = ?1 AND ended_at IS NULL", user.id);

describe("the list of sessions", () => {
  test("has the caller's live ones, newest use first, in both points of presence", async () => {
    const user = await register(latchkey);
    const first = await logInFrom(user, 0, { "User-Agent": FIREFOX });
    await at(10);
    const second = await logInFrom(user, 1);
    await logIn(latchkey, await register(latchkey));
    await at(20);
    await refresh(first);
    const [one, other] = await list(first.copy({ pop: 1 }));
    // The country that Miniflare sets, whichever it is.
    assert.match(one.country, /^[A-Z]{2}$/);
    assert.deepEqual(one, {
      id: claims(first).sid,
      current: true,
      createdAt: "2030-01-01T00:00:00Z",
      lastUsedAt: "2030-01-01T00:00:20Z",
      expiresAt: "2030-01-08T00:00:20Z",
      device: "Firefox on Linux",
      userAgent: FIREFOX,
      country: one.country,
    });
    assert.deepEqual([other.id, other.current, other.lastUsedAt], [claims(second).sid, false, "2030-01-01T00:00:10Z"]);
    assert.deepEqual(
      (await list(second)).map(({ current }) => current),
      [false, true],
    );
  });

  test("leaves out what has expired", async () => {
    const user = await register(latchkey);
    await logIn(latchkey, user);
    await at(7 * 86_400);
    const now = await logIn(latchkey, user);
    assert.deepEqual(await ids(now), [claims(now).sid]);
  });
});

describe("ending sessions", () => {
  let user;
  let clients;
  beforeEach(async () => {
    user = await register(latchkey);
    clients = [await logIn(latchkey, user), await logIn(latchkey, user), await logIn(latchkey, user)];
  });

  test("one of them: it is over in both places, and the others go on", async () => {
    const [me, gone, stays] = clients;
    const answer = await end(me, `/${claims(gone).sid}`);
    assert.deepEqual([answer.status, answer.setCookies.size], [204, 0]);
    for (const pop of [0, 1]) assertRefused(await refresh(only(REFRESH_COOKIE, gone, { pop })));
    assert.deepEqual((await ids(me)).sort(), [me, stays].map((client) => claims(client).sid).sort());
    assert.equal((await refresh(stays)).status, 204);
    await at(1);
    assertProblem(await end(me, `/${claims(gone).sid}`), "not_found");
  });

  test("somebody else's is a 404, and goes on", async () => {
    const stranger = await logIn(latchkey, await register(latchkey));
    assertProblem(await end(stranger, `/${claims(clients[0]).sid}`), "not_found");
    assert.equal((await refresh(clients[0])).status, 204);
  });

  test("the current one, and all: the cookies go too; the others: they stay", async () => {
    const [me, you, they] = clients;
    assert.equal((await end(me, `/${claims(me).sid}`)).setCookies.get(REFRESH_COOKIE).attributes["Max-Age"], "0");
    assert.equal(me.cookieHeader, null);
    assert.equal((await end(you, "?scope=others")).setCookies.size, 0);
    assert.deepEqual(await ids(you), [claims(you).sid]);
    assertRefused(await refresh(they));
    const tokens = you.copy();
    assert.equal((await end(you, "?scope=all")).setCookies.get(ACCESS_COOKIE).attributes["Max-Age"], "0");
    assertRefused(await refresh(tokens));
    assert.deepEqual(await live(user), []);
  });
});

describe("a changed name", () => {
  test("shows in the caller's next GET everywhere, although KV is stale and the background work lost", async () => {
    const client = await logIn(latchkey, await register(latchkey));
    await latchkey.control({ kvStaleMs: 60_000 });
    const names = async () => {
      const answers = [0, 1].map((pop) => client.copy({ pop }).get(PROFILE));
      return (await Promise.all(answers)).map(({ json }) => json.name);
    };
    assert.deepEqual(await names(), [null, null]);
    await latchkey.settled();
    await latchkey.control({ dropWaitUntil: true });
    for (const name of ["Ada", "Grace", null]) {
      const answer = await client.patch(PROFILE, { json: { name } });
      assert.deepEqual([answer.status, answer.json.name], [200, name]);
      assert.deepEqual(await names(), [name, name]);
    }
  });
});

describe("logging in", () => {
  test("ends the live session that the request carries", async () => {
    const user = await register(latchkey);
    const client = await logIn(latchkey, user);
    const old = client.copy();
    const json = { username: user.email, password: PASSWORD };
    assert.equal((await client.post(LOGIN, { json })).status, 204);
    assert.notEqual(claims(client).sid, claims(old).sid);
    assertRefused(await refresh(old));
    assert.deepEqual(await ids(client), [claims(client).sid]);
  });

  test("25 times: the first five sessions have ended, the newest twenty live", async () => {
    const user = await register(latchkey);
    const clients = [];
    for (let i = 0; i < 25; i += 1) {
      await at(i);
      clients.push(await logInFrom(user, i % 2));
    }
    for (const client of clients.slice(0, 5)) {
      assertRefused(await refresh(only(REFRESH_COOKIE, client)));
      assertRefused(await end(only(ACCESS_COOKIE, client), "?scope=all"));
    }
    const newest = clients.slice(5).reverse();
    assert.deepEqual(
      await ids(clients[24]),
      newest.map((client) => claims(client).sid),
    );
    assert.equal((await refresh(clients[5])).status, 204);
  });

  test("30 times at once: twenty live, and their tokens are those that were handed out", async () => {
    const user = await register(latchkey);
    await latchkey.control({ d1DelayMs: 5 });
    const clients = await Promise.all(
      Array.from({ length: 30 }, (_, i) => logInFrom(user, i % 2, { "CF-Connecting-IP": `192.0.2.${i}` })),
    );
    assert.equal((await live(user)).length, MAX_LIVE_SESSIONS);
    const answers = await Promise.all(clients.map(refresh));
    assert.equal(answers.filter(({ status }) => status === 204).length, MAX_LIVE_SESSIONS);
  });
});
