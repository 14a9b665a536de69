/**
 * The audit log in D1: every event in order, once, with who, when, where and
 * which request, and without secrets or addresses.
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
  sessionsOf,
  signUp,
} from "./support/people.mjs";

/**
 * @import { Answer } from "../harness/client.mjs"
 * @import { Person } from "./support/people.mjs"
 */

const ACTIVITY = "/api/account/activity";
const SESSIONS = "/api/account/sessions";
const NEW_PASSWORD = "battery staple correct horse";
const WRONG = "a wrong horse battery";
const START_MS = Date.UTC(2030, 0, 1);
const DAY = 86_400;
const LOST = "D1_ERROR: Network connection lost.";

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
beforeEach(() => latchkey.control({ reset: true }));
after(() => latchkey.dispose());

/** The rows about a user, in commit order. */
async function logOf({ id }) {
  await latchkey.settled();
  return latchkey.sql("SELECT * FROM audit_log WHERE user_id = ?1 ORDER BY id", id);
}

const events = (rows) => rows.map(({ event, reason }) => (reason ? `${event}: ${reason}` : event));
/** What was written since `before`. */
async function since(person, before) {
  return events((await logOf(person)).slice(before.length));
}

const tryPassword = (email, password = WRONG, headers = {}) =>
  new Client(latchkey).post(LOGIN, { form: { username: email, password }, headers });

test("tells a whole story in its order, with who, when, where and which request", async () => {
  const at = (seconds) => latchkey.control({ nowMs: START_MS + seconds * 1_000 });
  const wherever = { headers: { "CF-Connecting-IP": "203.0.113.77" } };
  await at(0);
  const email = newEmail();
  const registered = await new Client(latchkey).post(REGISTER, { json: { email, password: PASSWORD }, ...wherever });
  const person = { id: registered.json.id, email, password: PASSWORD };
  await at(1);
  const laptop = await logIn(latchkey, person);
  await at(2);
  await tryPassword(email);
  await tryPassword(email);
  await latchkey.settled();
  await at(3);
  const phone = await logIn(latchkey, person);
  await logIn(latchkey, person, laptop);
  await at(4);
  const stolen = phone.copy();
  await phone.post(REFRESH);
  await phone.post(REFRESH);
  await stolen.post(REFRESH);
  await at(5);
  await tryPassword(email);
  await latchkey.settled();
  await logIn(latchkey, person);
  await laptop.delete(`${SESSIONS}?scope=others`);
  await at(6);
  await laptop.patch(PASSWORD_PATH, { json: { currentPassword: WRONG, newPassword: NEW_PASSWORD } });
  await latchkey.settled();
  const changed = await laptop
    .copy()
    .patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } });
  await at(7);
  const last = await logIn(latchkey, { email, password: NEW_PASSWORD });
  await last.copy().post(LOGOUT);
  await latchkey.control({ nowMs: null });

  const rows = await logOf(person);
  assert.deepEqual(events(rows), [
    "registered",
    "logged_in",
    "login_failed",
    "logged_in",
    "logged_in",
    "session_ended: replaced",
    "refresh_reused",
    "logged_in",
    "session_ended: revoked",
    "wrong_current_password",
    "password_changed",
    "logged_in",
    "logged_out",
  ]);
  assert.deepEqual(
    rows.map(({ at }) => at - START_MS / 1_000),
    [0, 1, 2, 3, 3, 3, 4, 5, 5, 6, 6, 7, 7],
  );
  const [first, , failed] = rows;
  assert.equal(first.request_id, registered.headers.get("X-Request-Id"));
  assert.equal(rows[10].request_id, changed.headers.get("X-Request-Id"));
  // Refusals of an hour are one row.
  assert.deepEqual(
    [failed.count, failed.at, failed.last_at].map((n) => (n > 1e9 ? n - START_MS / 1_000 : n)),
    [3, 2, 5],
  );
  // The origin is a keyed hash: equal for the same client prefix, different for others.
  assert.match(first.client, /^c[\w-]{22}$/);
  assert.notEqual(first.client, rows[1].client);
  assert.equal(rows[1].client, rows[3].client);
  const own = new Set((await sessionsOf(latchkey, person)).map(({ id }) => id));
  for (const row of rows.filter(({ session_id: id }) => id !== null)) assert.ok(own.has(row.session_id), row.event);
});

test("has no secret and no address, whatever the request brought along", async () => {
  const person = await signUp(latchkey);
  await tryPassword(person.email, "planted password", {
    "User-Agent": "planted agent",
    "CF-Connecting-IP": "203.0.113.99",
    "X-Forwarded-For": "planted forward",
  });
  await tryPassword("planted@example.org");
  await person.client.patch(PROFILE, { json: { name: "planted name" } });
  await person.client.post(LOGIN, {
    json: {},
    headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://planted.example" },
  });
  await latchkey.settled();
  const text = JSON.stringify(await latchkey.sql("SELECT * FROM audit_log"));
  for (const planted of ["planted", person.email, "@", "203.0.113", "$argon2", PASSWORD])
    assert.ok(!text.includes(planted), planted);
  for (const { value } of person.client.cookies.values()) assert.ok(!text.includes(value.split(".")[2]));
});

describe("an upgraded hash", () => {
  test("is told behind the login that brought it", async () => {
    const strong = await startLatchkey({ entry: CHAOS, vars: { ARGON2_MEMORY_KIB: 20_000 } });
    try {
      const person = await register(latchkey);
      const [{ password_hash: hash }] = await latchkey.sql("SELECT password_hash FROM users WHERE id = ?1", person.id);
      const there = await register(strong);
      await strong.sql("UPDATE users SET password_hash = ?2 WHERE id = ?1", there.id, hash);
      await logIn(strong, there);
      await logIn(strong, there);
      const rows = await strong.sql("SELECT event FROM audit_log WHERE user_id = ?1 ORDER BY id", there.id);
      assert.deepEqual(
        rows.map(({ event }) => event),
        ["registered", "password_changed", "logged_in", "hash_upgraded", "logged_in"],
      );
    } finally {
      await strong.dispose();
    }
  });
});

test("a session over the cap is told", async () => {
  const person = await register(latchkey);
  for (let device = 0; device < 21; device += 1) await logIn(latchkey, person);
  const told = events(await logOf(person));
  assert.deepEqual(told, ["registered", ...new Array(21).fill("logged_in"), "session_ended: evicted"]);
});

/** Gives a user the hash of the same password at a lower cost. */
async function weaken({ id }) {
  const other = await startLatchkey({ vars: { ARGON2_MEMORY_KIB: 18_000 } });
  try {
    const { id: there } = await register(other);
    const [{ password_hash: hash }] = await other.sql("SELECT password_hash FROM users WHERE id = ?1", there);
    await latchkey.sql("UPDATE users SET password_hash = ?2 WHERE id = ?1", id, hash);
  } finally {
    await other.dispose();
  }
}

/** Gives a user the maximum number of live sessions. */
async function fill({ id }) {
  const [{ n }] = await latchkey.sql("SELECT count(*) AS n FROM sessions WHERE user_id = ?1 AND ended_at IS NULL", id);
  await latchkey.sql(
    `INSERT INTO sessions (id, user_id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     SELECT substr(hex(randomblob(11)), 1, 21) || 'A', ?1, substr(hex(randomblob(11)), 1, 21) || 'A',
            unixepoch() - 9, unixepoch() - 9, unixepoch() + 900, unixepoch() + 900 FROM n`,
    id,
    20 - n,
  );
}

describe("a change whose answer is lost and which is repeated is told once", () => {
  /**
   * By name: the statement, the events, and what is done by a person whose first session is held by another, too.
   *
   * @type {Record<string, [string, string[], (person: Person & { client: Client, stolen: Client }) => Promise<Answer>]>}
   */
  const STORIES = {
    "a registration": [
      "register",
      [],
      () => new Client(latchkey).post(REGISTER, { json: { email: newEmail(), password: PASSWORD } }),
    ],
    "a login that carries a session": [
      "begin session",
      ["logged_in", "session_ended: replaced"],
      (person) => person.client.post(LOGIN, { form: { username: person.email, password: PASSWORD } }),
    ],
    "a log-out": ["end session", ["logged_out"], (person) => person.client.post(LOGOUT)],
    "ending the others": [
      "end others",
      ["session_ended: revoked"],
      (person) => person.client.delete(`${SESSIONS}?scope=others`),
    ],
    "a reused token": ["rotate", ["refresh_reused"], (person) => person.stolen.post(REFRESH)],
    "a change of the password": [
      "replace password",
      ["password_changed"],
      (person) =>
        person.client.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } }),
    ],
    "a login that replaces a hash": [
      "begin session",
      ["logged_in", "hash_upgraded"],
      (person) => weaken(person).then(() => tryPassword(person.email, PASSWORD)),
    ],
    "a login over the cap": [
      "begin session",
      ["logged_in", "session_ended: evicted"],
      (person) => fill(person).then(() => tryPassword(person.email, PASSWORD)),
    ],
  };
  for (const [name, [statement, expected, act]] of Object.entries(STORIES)) {
    test(name, async () => {
      const signedUp = await signUp(latchkey);
      const person = { ...signedUp, stolen: signedUp.client.copy() };
      await logIn(latchkey, person);
      await person.client.post(REFRESH);
      await person.client.post(REFRESH);
      const before = await logOf(person);
      await latchkey.resetCounters();
      await latchkey.control({
        faults: [{ on: "d1", how: "fail-after", sql: `/\\* ${statement} \\*/`, times: 1, message: LOST }],
      });
      const answer = await act(person);
      assert.ok(answer.status < 500, answer.text);
      await latchkey.settled();
      const { calls } = await latchkey.counters();
      assert.equal(calls.filter((call) => call.includes(`/* ${statement} */`)).length, 2, "it was repeated");
      if (answer.status === 201) person.id = answer.json.id;
      // What the test itself did by hand is recorded as such.
      const rows = (await logOf(person)).filter(({ actor }) => actor === "user");
      assert.deepEqual(
        events(answer.status === 201 ? rows : rows.slice(before.length)),
        answer.status === 201 ? ["registered"] : expected,
      );
      assert.ok(rows.every(({ count }) => count === 1));
    });
  }
});

test("a refusal whose answer from D1 is lost is not counted twice", async () => {
  const person = await signUp(latchkey);
  const refusals = {
    login_failed: () => tryPassword(person.email),
    wrong_current_password: () =>
      person.client.patch(PASSWORD_PATH, { json: { currentPassword: WRONG, newPassword: NEW_PASSWORD } }),
  };
  for (const [event, refuse] of Object.entries(refusals)) {
    await latchkey.control({ faults: [{ on: "d1", how: "fail-after", sql: "add refusals", times: 1, message: LOST }] });
    assert.equal((await refuse()).status, 401);
    await latchkey.settled();
    assert.equal((await refuse()).status, 401);
    const rows = (await logOf(person)).filter((row) => row.event === event);
    assert.deepEqual(
      rows.map(({ count }) => count),
      [2],
    );
  }
});

test("a throttled login does the same work whoever's the address is", async () => {
  await latchkey.control({ nowMs: START_MS });
  const [person, nobody] = [(await register(latchkey)).email, newEmail()];
  const work = {};
  for (const email of [person, nobody]) {
    for (let i = 0; i < 10; i += 1) assert.equal((await tryPassword(email)).status, 401);
    await latchkey.settled();
    work[email] = [];
    for (let i = 0; i < 3; i += 1) {
      await latchkey.resetCounters();
      assert.equal((await tryPassword(email)).status, 429);
      await latchkey.settled();
      const { d1, d1Statements, waitUntil } = await latchkey.counters();
      work[email].push([d1, d1Statements, waitUntil]);
    }
  }
  assert.deepEqual(work[person], work[nobody]);
  assert.deepEqual(
    work[person].map(([d1]) => d1),
    [2, 1, 1],
    "the first one is written, the others are held back",
  );
});

describe("what did not happen is not told", () => {
  test("the end of a session that had expired", async () => {
    await latchkey.control({ nowMs: START_MS });
    const person = await signUp(latchkey);
    const [{ id: expired }] = await sessionsOf(latchkey, person);
    const other = await logIn(latchkey, person);
    const before = await logOf(person);
    await latchkey.control({ nowMs: START_MS + 8 * DAY * 1_000 });
    assert.equal((await person.client.copy().post(LOGOUT)).status, 204);
    assert.equal((await other.post(LOGIN, { form: { username: person.email, password: PASSWORD } })).status, 204);
    assert.equal((await other.delete(`${SESSIONS}/${expired}`)).status, 404);
    assert.equal((await other.delete(`${SESSIONS}?scope=others`)).status, 204);
    assert.deepEqual(await since(person, before), ["logged_in"]);
  });

  test("a log-out that finds the session over, a refresh that rotates or converges, a taken address", async () => {
    const person = await signUp(latchkey);
    const copy = person.client.copy();
    await person.client.post(REFRESH);
    await copy.copy().post(REFRESH);
    await person.client.copy().post(LOGOUT);
    const before = await logOf(person);
    await person.client.copy().post(LOGOUT);
    await copy.post(REFRESH);
    await new Client(latchkey).post(REGISTER, { json: { email: person.email, password: PASSWORD } });
    assert.deepEqual(await since(person, before), []);
    const { n } = (
      await latchkey.sql(
        "SELECT count(*) AS n FROM audit_log WHERE event = 'registered' AND user_id NOT IN (SELECT id FROM users)",
      )
    )[0];
    assert.equal(n, 0);
  });

  test("a change that the database refused", async () => {
    const person = await signUp(latchkey);
    const before = await logOf(person);
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
    for (const send of [() => person.client.copy().post(LOGOUT), () => tryPassword(person.email)])
      assert.equal((await send()).status, 503);
    await latchkey.control({ faults: [] });
    assert.deepEqual(await since(person, before), []);
  });
});

test("10,000 failed logins leave a bounded number of rows, and the owner is told", async () => {
  const own = await startLatchkey({ entry: CHAOS });
  try {
    // The clock is stopped: after ten attempts nothing costs a hash.
    await own.control({ nowMs: START_MS });
    const people = [];
    for (let i = 0; i < 10; i += 1) people.push(await signUp(own));
    const unknown = Array.from({ length: 10 }, newEmail);
    const addresses = [...people.map(({ email }) => email), ...unknown];
    const client = new Client(own);
    let refused = 0;
    const attack = async (address) => {
      for (let i = 0; i < 10_000 / addresses.length; i += 1) {
        const answer = await client.copy().post(LOGIN, { form: { username: address, password: WRONG } });
        if ([401, 429].includes(answer.status)) refused += 1;
      }
    };
    await Promise.all(addresses.map(attack));
    assert.equal(refused, 10_000);
    await own.settled();
    const rows = await own.sql(
      "SELECT event, user_id, count FROM audit_log WHERE event IN ('login_failed', 'throttled')",
    );
    assert.ok(rows.length <= 2 * (people.length + 1), `${rows.length} rows`);
    const failed = rows.filter(({ event }) => event === "login_failed");
    assert.deepEqual(failed.map(({ user_id, count }) => [user_id === "", count]).sort(), [
      ...people.map(() => [false, 10]),
      [true, 100],
    ]);
    const [newest] = (await people[0].client.get(ACTIVITY)).json.events;
    assert.equal(newest.event, "throttled");
  } finally {
    await own.dispose();
  }
});

describe("GET activity", () => {
  test("gives the caller's own events, newest first, in pages that hold each once", async () => {
    const [person, other] = [await signUp(latchkey), await signUp(latchkey)];
    for (let i = 0; i < 6; i += 1) await logIn(latchkey, person);
    await tryPassword(other.email);
    await latchkey.settled();
    const rows = (await logOf(person)).reverse();
    const pages = [];
    for (let query = "?limit=3"; query; ) {
      const { json } = await person.client.get(`${ACTIVITY}${query}`);
      pages.push(json.events);
      query = json.nextCursor && `?limit=3&cursor=${encodeURIComponent(json.nextCursor)}`;
    }
    assert.deepEqual(
      pages.map(({ length }) => length),
      [3, 3, 2],
    );
    assert.deepEqual(
      pages.flat().map(({ requestId }) => requestId),
      rows.map(({ request_id: id }) => id),
    );
    const keys = ["event", "at", "lastAt", "count", "sessionId", "reason", "actor", "country", "requestId"];
    for (const event of pages.flat()) assert.deepEqual(Object.keys(event), keys);
  });

  test("reads a page by the key, however many events there are", async () => {
    const person = await signUp(latchkey);
    await latchkey.sql(
      `INSERT INTO audit_log (user_id, id, event, at, last_at, actor)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       SELECT CASE WHEN i % 2 THEN ?1 ELSE 'x' END, 100 + i, 'logged_in', i, i, 'user' FROM n`,
      person.id,
    );
    await latchkey.resetCounters();
    assert.equal((await person.client.get(`${ACTIVITY}?limit=5`)).json.events.length, 5);
    const { calls } = await latchkey.counters();
    const [, sql] = /(\/\* list events \*\/.*)$/.exec(calls.at(-1) ?? "") ?? [];
    const db = await latchkey.db();
    const { meta } = await db
      .prepare(sql)
      .bind(0, person.id, "", null, 2 ** 52, 6)
      .run();
    assert.ok(meta.rows_read <= 7, `${meta.rows_read} rows read`);
  });
});

describe("the clean-up", () => {
  test("removes events after AUDIT_RETENTION_DAYS, in bounded steps, and none before", async () => {
    const short = await startLatchkey({ entry: CHAOS, vars: { AUDIT_RETENTION_DAYS: 2 } });
    try {
      const now = START_MS / 1_000;
      await short.sql(
        `INSERT INTO audit_log (user_id, id, event, at, last_at, actor)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5203)
         SELECT '', i, 'throttled', ?1, ?1, 'user' FROM n`,
        now,
      );
      await short.sql(
        "INSERT INTO audit_log (user_id, id, event, at, last_at, actor) VALUES ('', 9999, 'throttled', ?1, ?1, 'user')",
        now + 1,
      );
      const left = async (seconds) => {
        await short.control({ nowMs: (now + seconds) * 1_000 });
        await short.sql("DELETE FROM sweeps");
        await short.resetCounters();
        assert.equal((await short.scheduled()).outcome, "ok");
        const steps = (await short.counters()).calls.filter((call) => call.includes("sweep audit_log"));
        return [(await short.sql("SELECT count(*) AS n FROM audit_log"))[0].n, steps.length];
      };
      assert.deepEqual(await left(2 * DAY), [5_204, 2]);
      assert.deepEqual(await left(2 * DAY + 1), [1, 2]);
      assert.deepEqual(await left(2 * DAY + 2), [0, 1]);
    } finally {
      await short.dispose();
    }
  });
});

test("a log that cannot be written holds nobody up, and the console says so", async () => {
  const person = await signUp(latchkey);
  latchkey.logs.length = 0;
  await latchkey.control({ faults: [{ on: "d1", how: "fail", sql: "add refusals", message: "D1_ERROR: no" }] });
  assert.equal((await tryPassword(person.email)).status, 401);
  await latchkey.settled();
  const lines = latchkey.logs
    .map(({ message }) => JSON.parse(message))
    .filter(({ event }) => event === "audit.failure");
  assert.deepEqual(
    lines.map((line) => line["error.cause"]),
    ["database unavailable: D1_ERROR: no"],
  );
});
