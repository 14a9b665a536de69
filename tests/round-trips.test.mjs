/**
 * How often D1 is called, and what is written to KV: counted and read outside
 * of the Worker.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  LOGOUT,
  PASSWORD,
  PASSWORD_PATH,
  PROFILE,
  REFRESH,
  REGISTER,
  logIn,
  newEmail,
  register,
  signUp,
  tokenOf,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { WITH_BODY, WITH_PROOF } from "./support/routes.mjs";
import { decode } from "../harness/tokens.mjs";

const MIN_TTL_SECONDS = 60;
/** What may pass between the Worker's look at the clock and KV's. */
const LATE_SECONDS = 30;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
beforeEach(() => latchkey.control({ reset: true }));
after(() => latchkey.dispose());

/** Calls, waits for the background work, and returns the counts. */
async function counted(call) {
  await latchkey.settled();
  await latchkey.resetCounters();
  const answer = await call();
  await latchkey.settled();
  return { answer, ...(await latchkey.counters()) };
}

/** All of KV: `name -> {value, ttl}`, the seconds that are left. */
async function kvEntries() {
  const kv = await latchkey.kv();
  const { keys, list_complete: complete } = await kv.list();
  assert.ok(complete);
  const now = Date.now() / 1_000;
  const entries = await Promise.all(
    keys.map(async ({ name, expiration }) => [name, { value: await kv.get(name), ttl: expiration - now }]),
  );
  return new Map(entries);
}

const jti = (client) => decode(tokenOf(client, "refresh_token")).claims.jti;
/** The entry lives for `seconds`, less what has passed since. */
const assertTtl = (entry, seconds) =>
  assert.ok(entry.ttl <= seconds + 1 && entry.ttl > seconds - LATE_SECONDS, `${entry.ttl}, not ${seconds}`);

describe("round trips to D1", () => {
  test("register 1, taken or not", async () => {
    const json = { email: newEmail(), password: PASSWORD };
    for (const status of [201, 409]) {
      const { answer, d1 } = await counted(() => new Client(latchkey).post(REGISTER, { json }));
      assert.deepEqual([answer.status, d1], [status, 1]);
    }
  });

  test("login 2, also where it ends another session or the oldest", async () => {
    const person = await register(latchkey);
    const client = new Client(latchkey);
    for (const _ of ["the first", "one that carries a session"]) {
      const { answer, d1 } = await counted(() =>
        client.post(LOGIN, { form: { username: person.email, password: PASSWORD } }),
      );
      assert.deepEqual([answer.status, d1], [204, 2]);
    }
  });

  test("refresh 1, whether rotated, repeated, reused or ended", async () => {
    const { client } = await signUp(latchkey);
    const old = client.copy();
    const rotated = await counted(() => client.post(REFRESH));
    assert.deepEqual([rotated.answer.status, rotated.d1], [204, 1]);
    const repeated = await counted(() => old.copy().post(REFRESH));
    assert.deepEqual([repeated.answer.status, repeated.d1], [204, 1]);
    await client.post(REFRESH);
    const reused = await counted(() => old.copy().post(REFRESH));
    assert.deepEqual([reused.answer.status, reused.d1], [401, 1]);
    const ended = await counted(() => client.post(REFRESH));
    assert.deepEqual([ended.answer.status, ended.d1], [401, 1]);
  });

  test("logout 1", async () => {
    const { client } = await signUp(latchkey);
    const { answer, d1 } = await counted(() => client.post(LOGOUT));
    assert.deepEqual([answer.status, d1], [204, 1]);
  });

  test("password change 2", async () => {
    const { client } = await signUp(latchkey);
    const json = { currentPassword: PASSWORD, newPassword: "a new horse battery staple" };
    const { answer, d1 } = await counted(() => client.patch(PASSWORD_PATH, { json }));
    assert.deepEqual([answer.status, d1], [204, 2]);
  });

  test("profile 1 with a cold cache, 0 with a warm one, 1 when the copy is too old", async () => {
    const { client } = await signUp(latchkey);
    const start = Date.now();
    for (const [seconds, expected] of [
      [0, 1],
      [0, 0],
      [59, 0],
      [60, 1],
      [60, 0],
    ]) {
      await latchkey.control({ nowMs: start + seconds * 1_000 });
      const { answer, d1 } = await counted(() => client.get(PROFILE));
      assert.deepEqual([answer.status, d1], [200, expected], `after ${seconds} s`);
    }
  });

  test("profile 1 each time with PROFILE_CONSISTENCY=strict", async () => {
    const strict = await startLatchkey({ entry: CHAOS, vars: { PROFILE_CONSISTENCY: "strict" } });
    try {
      const { client } = await signUp(strict);
      await strict.settled();
      await strict.resetCounters();
      for (let i = 0; i < 3; i += 1) assert.equal((await client.get(PROFILE)).status, 200);
      const { d1, kvGet, kvPut } = await strict.counters();
      assert.deepEqual({ d1, kvGet, kvPut }, { d1: 3, kvGet: 0, kvPut: 0 });
    } finally {
      await strict.dispose();
    }
  });

  test("none for what can be refused without it", async () => {
    /** @type {[method: string, path: string, init?: object][]} */
    const refusals = [
      ["GET", "/nowhere"],
      ["GET", LOGIN],
      ...WITH_BODY.map(({ method, path }) => [method, path, { json: {} }]),
      ...WITH_PROOF.flatMap((route) => {
        const [path, { method, ...init }] = wholeRequest(route);
        const forged = { headers: { Cookie: "access_token=zqx; refresh_token=zqx" }, ...init };
        return [
          [method, path, init],
          [method, path, forged],
        ];
      }),
    ];
    for (const [method, path, init] of refusals) {
      const { answer, d1, kvGet, kvPut } = await counted(() => new Client(latchkey).fetch(path, { method, ...init }));
      assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}`);
      assert.deepEqual({ d1, kvGet, kvPut }, { d1: 0, kvGet: 0, kvPut: 0 }, `${method} ${path}`);
    }
  });
});

describe("KV", () => {
  test("is neither asked nor written by a login that ends nothing, nor by a log-out that finds nothing to end", async () => {
    const person = await register(latchkey);
    const client = new Client(latchkey);
    const login = await counted(() => client.post(LOGIN, { form: { username: person.email, password: PASSWORD } }));
    assert.deepEqual([login.answer.status, login.kvGet, login.kvPut, login.kvDelete], [204, 0, 0, 0]);
    const copy = client.copy();
    const logout = await counted(() => client.post(LOGOUT));
    assert.deepEqual([logout.answer.status, logout.kvGet, logout.kvPut, logout.kvDelete], [204, 0, 1, 1]);
    const again = await counted(() => copy.post(LOGOUT));
    assert.deepEqual([again.answer.status, again.kvGet, again.kvPut, again.kvDelete], [204, 0, 0, 0]);
  });

  test("is neither asked nor written by a refresh", async () => {
    const { client } = await signUp(latchkey);
    const { answer, kvGet, kvPut, kvDelete } = await counted(() => client.post(REFRESH));
    assert.deepEqual([answer.status, kvGet, kvPut, kvDelete], [204, 0, 0, 0]);
  });

  test("knows what has ended while D1 has no answer, and nothing else", async () => {
    const [ended, living] = [await signUp(latchkey), await signUp(latchkey)];
    assert.equal((await ended.client.copy().post(LOGOUT)).status, 204);
    await latchkey.settled();
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
    assertProblem(await ended.client.copy().post(REFRESH), "invalid_token", { error: "invalid_grant" });
    assertProblem(await living.client.copy().post(REFRESH), "unavailable");
  });

  test("lists the one token of an ended session that might still be presented, while it would live", async () => {
    const { client } = await signUp(latchkey);
    const first = jti(client);
    await client.post(REFRESH);
    const second = jti(client);
    await latchkey.settled();
    const before = await kvEntries();
    for (const id of [first, second]) assert.ok(!before.has(`revoked:${id}`));

    await client.post(LOGOUT);
    await latchkey.settled();
    const ended = await kvEntries();
    assert.equal(ended.get(`revoked:${second}`).value, "ended");
    assertTtl(ended.get(`revoked:${second}`), 604_800);
    assert.ok(!ended.has(`revoked:${first}`), "D1 refuses a superseded one");
  });

  test("keeps a token that has little time left for 60 s at least", async () => {
    const start = Date.now();
    for (const [left, kept] of [
      [300, 300],
      [10, MIN_TTL_SECONDS],
    ]) {
      await latchkey.control({ nowMs: start });
      const { client } = await signUp(latchkey);
      const name = `revoked:${jti(client)}`;
      await latchkey.control({ nowMs: start + (604_800 - left) * 1_000 });
      assert.equal((await client.post(LOGOUT)).status, 204);
      await latchkey.settled();
      assertTtl((await kvEntries()).get(name), kept);
    }
  });

  test("ends the tokens of every cause", async () => {
    const causes = {
      reuse: async (client) => {
        const stolen = client.copy();
        await client.post(REFRESH);
        await client.post(REFRESH);
        assertProblem(await stolen.post(REFRESH), "invalid_token", { error: "invalid_grant" });
        return jti(client);
      },
      "password change": async (client) => {
        const id = jti(client);
        await client.patch(PASSWORD_PATH, {
          json: { currentPassword: PASSWORD, newPassword: "a new horse battery staple" },
        });
        return id;
      },
      "login that carries it": async (client, person) => {
        const id = jti(client);
        await logIn(latchkey, person, client);
        return id;
      },
    };
    for (const [cause, end] of Object.entries(causes)) {
      const person = await signUp(latchkey);
      const id = await end(person.client, person);
      await latchkey.settled();
      assert.equal((await kvEntries()).get(`revoked:${id}`)?.value, "ended", cause);
    }
  });

  test("has a copy of the user with the live sessions and the time of its reading", async () => {
    const person = await signUp(latchkey, { name: "Ada" });
    const elsewhere = await logIn(latchkey, person);
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    await latchkey.control({ nowMs: now });
    const profile = (await person.client.get(PROFILE)).json;
    await latchkey.settled();
    const entry = (await kvEntries()).get(`user:${person.id}`);
    const copy = JSON.parse(entry.value);
    assert.deepEqual(Object.keys(copy).sort(), ["readAt", "sessions", "user"]);
    assert.deepEqual(copy.user, profile);
    assert.equal(copy.readAt, now / 1_000);
    const sids = [person.client, elsewhere].map((client) => decode(tokenOf(client, "access_token")).claims.sid);
    assert.deepEqual(copy.sessions.sort(), sids.sort());
    assert.ok(entry.ttl >= MIN_TTL_SECONDS - LATE_SECONDS && entry.ttl <= 3_600, `${entry.ttl}`);

    await elsewhere.post(LOGOUT);
    await latchkey.settled();
    assert.ok(!(await kvEntries()).has(`user:${person.id}`), "a change drops it");
  });

  test("a copy never makes a token good: forged or foreign ones do not count", async () => {
    const person = await signUp(latchkey);
    const kv = await latchkey.kv();
    const { sid } = decode(tokenOf(person.client, "access_token")).claims;
    const user = (await person.client.get(PROFILE)).json;
    await latchkey.settled();
    await person.client.copy().post(LOGOUT);
    await latchkey.settled();
    const readAt = Math.floor(Date.now() / 1_000);
    const good = { user, sessions: [sid], readAt };
    const copies = [
      { ...good, readAt: readAt + 600 },
      { ...good, readAt: readAt - 60 },
      { ...good, sessions: [] },
      { ...good, user: { ...user, isActive: false } },
      { ...good, user: { ...user, id: "0190a000-0000-7000-8000-000000000000" } },
      { ...good, extra: 1 },
      { ...good, user: { ...user, extra: 1 } },
      { sessions: [sid], readAt },
      "x",
      [],
    ];
    for (const copy of copies) {
      await kv.put(`user:${person.id}`, JSON.stringify(copy));
      const { answer, d1 } = await counted(() => person.client.copy().get(PROFILE));
      assertProblem(answer, "invalid_token", { message: JSON.stringify(copy) });
      assert.equal(d1, 1);
    }
    await kv.delete(`user:${person.id}`);
  });

  test("holds no password, no hash and no token, and nothing else than the two kinds", async () => {
    const person = await signUp(latchkey, { password: "zqx-marker secret" });
    const tokens = [tokenOf(person.client, "access_token"), tokenOf(person.client, "refresh_token")];
    await person.client.get(PROFILE);
    await person.client.post(REFRESH);
    await person.client.get(PROFILE);
    await latchkey.settled();
    const entries = await kvEntries();
    assert.ok(entries.size >= 2);
    for (const [name, { value, ttl }] of entries) {
      assert.match(name, /^(revoked:[A-Za-z0-9_-]{22}|user:[0-9a-f-]{36})$/);
      assert.ok(ttl > 0, `${name} would stay for ever`);
      if (name.startsWith("revoked:")) assert.equal(value, "ended");
      assert.doesNotMatch(value, /argon2|zqx-marker|eyJ/);
      for (const token of tokens) assert.ok(!value.includes(token.split(".")[2]));
    }
  });
});
