/**
 * The scheduled clean-up removes what is over and nothing that a token can
 * still refer to, in bounded steps. The clock is the test's.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { ACCESS_COOKIE, REFRESH_COOKIE, assertRefused, claims, only } from "./support/holders.mjs";
import { EVERY_MINUTE } from "./support/links.mjs";
import { LOGIN, LOGOUT, PROFILE, REFRESH, logIn, register, sessionsOf, signUp } from "./support/people.mjs";

const START = Date.UTC(2030, 0, 1) / 1000;
const DAY = 86_400;
const IDLE = 7 * DAY;
const ABSOLUTE = 30 * DAY;
const ENDED_KEPT = 600;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
beforeEach(async () => {
  await latchkey.control({ reset: true, nowMs: START * 1000 });
  await latchkey.store({
    statements: [
      ["DELETE FROM users"],
      ["DELETE FROM attempts"],
      ["DELETE FROM sweeps"],
      ["DELETE FROM audit_log"],
      ["DELETE FROM mail_counts"],
    ],
  });
});
after(() => latchkey.dispose());

const at = (seconds) => latchkey.control({ nowMs: (START + seconds) * 1000 });
const refresh = (client) => client.post(REFRESH);

/** Runs the clean-up at this time, also if it has read the tables in this hour. */
async function cleanUpAt(seconds) {
  await latchkey.sql("DELETE FROM sweeps");
  await runAt(seconds);
}

async function runAt(seconds) {
  await at(seconds);
  const { outcome } = await latchkey.scheduled();
  assert.equal(outcome, "ok");
}

const ids = async (person) => (await sessionsOf(latchkey, person)).map(({ id }) => id);
const count = async (table) => (await latchkey.sql(`SELECT count(*) AS n FROM ${table}`))[0].n;

test("the platform is told to run it", () => {
  const { triggers } = unstable_readConfig({ config: "wrangler.toml" }, { hideWarnings: true });
  assert.deepEqual(triggers.crons, ["*/5 * * * *", EVERY_MINUTE]);
});

describe("sessions", () => {
  test("an ended one goes ten minutes later, and its tokens stay refused", async () => {
    const person = await signUp(latchkey);
    const kept = person.client.copy();
    await at(10);
    assert.equal((await person.client.post(LOGOUT)).status, 204);
    await cleanUpAt(10 + ENDED_KEPT - 1);
    assert.deepEqual(await ids(person), [claims(kept).sid]);
    await cleanUpAt(10 + ENDED_KEPT);
    assert.deepEqual(await ids(person), []);
    for (const name of [ACCESS_COOKIE, REFRESH_COOKIE]) {
      assertRefused(await refresh(only(REFRESH_COOKIE, kept)));
      assert.equal((await only(name, kept).post(LOGOUT)).status, 204);
    }
  });

  test("one that was refreshed to the last goes at its absolute end, and not a second before", async () => {
    const person = await signUp(latchkey);
    for (let days = 6; days < 30; days += 6) {
      await at(days * DAY);
      assert.equal((await refresh(person.client)).status, 204);
    }
    await cleanUpAt(ABSOLUTE - 1);
    assert.deepEqual(await ids(person), [claims(person.client).sid]);
    assert.equal((await refresh(person.client)).status, 204);
    await cleanUpAt(ABSOLUTE);
    assert.deepEqual(await ids(person), []);
  });

  test("one that nobody used again goes when it has been idle for too long", async () => {
    const person = await signUp(latchkey);
    await cleanUpAt(IDLE - 1);
    assert.equal((await ids(person)).length, 1);
    await cleanUpAt(IDLE);
    assert.deepEqual(await ids(person), []);
  });

  test("live ones stay, and so does what is remembered of their tokens", async () => {
    const person = await register(latchkey);
    const [thief, other] = [await logIn(latchkey, person), await logIn(latchkey, person)];
    const ended = await logIn(latchkey, person);
    await ended.copy().post(LOGOUT);
    await at(IDLE - 60);
    const victim = thief.copy();
    assert.equal((await refresh(victim)).status, 204);
    assert.equal((await refresh(other)).status, 204);
    await cleanUpAt(IDLE - 1);
    assert.equal((await ids(person)).length, 2);
    assert.equal((await other.get(PROFILE)).status, 200);
    assertRefused(await refresh(ended));
    // The predecessor is recognised, and counts as reuse.
    assertRefused(await refresh(thief));
    assertRefused(await refresh(victim));
    assert.equal((await refresh(other)).status, 204);
  });
});

describe("login attempts", () => {
  const fail = (email) =>
    latchkey
      .fetch(LOGIN, {
        method: "POST",
        headers: { "Content-Type": "application/json", "CF-Connecting-IP": "192.0.2.1" },
        body: JSON.stringify({ username: email, password: "not this one, no" }),
      })
      .then(async (answer) => [answer.status, await answer.text()][0]);

  test("are kept for a day after the last one, so that a guesser stays slowed", async () => {
    const email = "nobody@example.com";
    for (let failure = 0; failure < 10; failure += 1) assert.equal(await fail(email), 401);
    assert.equal(await fail(email), 429);
    await cleanUpAt(0);
    assert.equal(await fail(email), 429);
    await cleanUpAt(DAY - 1);
    assert.equal(await count("attempts"), 1);
    await cleanUpAt(DAY);
    assert.equal(await count("attempts"), 0);
  });
});

test("what mails leave behind goes when it has had its time, and not before", async () => {
  const person = await register(latchkey);
  const HOUR = 3_600;
  /**
   * Each table with the seconds until its row goes, and the row, of time START.
   *
   * @type {Record<string, [seconds: number, values: string]>}
   */
  const rows = {
    login_requests: [HOUR / 6, "('b', 'd', ?1, 'a@example.com', 1, 0, NULL, ?2 + 600)"],
    one_time_tokens: [HOUR, "(?1, 'verify-email', 0, 'd', 'a@example.com', NULL, 1, NULL, NULL, 0, ?2, ?2 + 3600)"],
    mail_counts: [HOUR, "('address', ?1, '{}', ?2)"],
    resting_addresses: [7 * DAY, "('a@example.com', ?1, ?2 + 604800)"],
    outbox: [7 * DAY, "('m', ?1, 'new_login', 'a@example.com', 'en', NULL, NULL, '{}', ?2, ?2, 9, ?2, NULL)"],
    seen_logins: [180 * DAY, "(?1, '[]', ?2)"],
  };
  await latchkey.store({
    statements: Object.entries(rows).map(([table, [, values]]) => [
      `INSERT INTO ${table} SELECT * FROM (VALUES ${values})`,
      person.id,
      START,
    ]),
  });
  for (const seconds of new Set(Object.values(rows).map(([time]) => time))) {
    const tables = Object.keys(rows).filter((table) => rows[table][0] === seconds);
    await cleanUpAt(seconds - 1);
    for (const table of tables) assert.equal(await count(table), 1, table);
    await cleanUpAt(seconds);
    for (const table of tables) assert.equal(await count(table), 0, table);
  }
});

describe("in bounded steps", () => {
  const DEAD = 20_700;
  const NUMBERS = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${DEAD})`;

  test("a run goes on until nothing is left, 5,000 rows a statement, and leaves what lives", async () => {
    const person = await signUp(latchkey);
    await latchkey.store({
      statements: [
        [
          `INSERT INTO sessions (id, user_id, current_jti, created_at, last_used_at, idle_expires_at,
                                absolute_expires_at, ended_at, end_reason)
          ${NUMBERS}
          SELECT 'dead-' || i, ?1, 'jti-' || i, 0, 0, 1, 1, CASE WHEN i % 2 THEN 1 END, CASE WHEN i % 2 THEN 'logout' END
            FROM n`,
          person.id,
        ],
        [
          `INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
          ${NUMBERS}
          SELECT 'key-' || i, 'c', 1, 1, 0, 'x', 0 FROM n`,
        ],
      ],
    });
    await latchkey.resetCounters();
    latchkey.logs.length = 0;
    await cleanUpAt(1);
    const { calls } = await latchkey.counters();
    const steps = (table) => calls.filter((call) => call.includes(`sweep ${table}`)).length;
    assert.deepEqual([steps("sessions"), steps("attempts")], [5, 5]);
    assert.deepEqual(await ids(person), [claims(person.client).sid]);
    assert.equal(await count("attempts WHERE account <> 'registrations'"), 0);
    const done = latchkey.logs
      .map(({ message }) => JSON.parse(message))
      .filter(({ event }) => event === "cleanup.done");
    assert.deepEqual(
      done.map((line) => [line["cleanup.table"], line["cleanup.removed"], line["cleanup.rows_left"]]).sort(),
      [
        ["attempts", DEAD, false],
        ["audit_log", DEAD / 2, false], // the events of the rows above, in real time
        ["login_requests", 0, false],
        ["mail_counts", 0, false],
        ["one_time_tokens", 0, false],
        ["outbox", 0, false],
        ["resting_addresses", 0, false],
        ["seen_logins", 0, false],
        ["sessions", DEAD, false],
      ],
    );
    assert.equal((await refresh(person.client)).status, 204);
  });

  test("a run that is cut off leaves the rest to the next one, which does not begin again", async () => {
    await latchkey.store({
      statements: [
        [
          `INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
          ${NUMBERS}
          SELECT 'key-' || i, 'c', 1, 1, 0, 'x', 0 FROM n`,
        ],
      ],
    });
    const fault = { on: "d1", how: "fail", sql: "sweep attempts", message: "D1_ERROR: no", nth: 3 };
    await latchkey.control({ faults: [fault] });
    await runAt(1);
    assert.equal(await count("attempts"), DEAD - 2 * 5_000);
    await latchkey.control({ faults: [] });
    await latchkey.resetCounters();
    await runAt(2);
    assert.equal(await count("attempts"), 0);
    const swept = async () => {
      const { calls } = await latchkey.counters();
      return calls.flatMap((call) => /sweep (\w+)/.exec(call)?.[1] ?? []);
    };
    assert.deepEqual(await swept(), ["attempts", "attempts", "attempts"], "the others have been read in this hour");
    await latchkey.resetCounters();
    await runAt(3);
    assert.deepEqual(await swept(), []);
    await runAt(3_600);
    assert.equal((await swept()).length, 9);
  });

  test("one table that fails does not keep the others from being cleaned", async () => {
    const person = await signUp(latchkey);
    await latchkey.control({ faults: [{ on: "d1", how: "fail", sql: "sweep attempts", message: "D1_ERROR: no" }] });
    latchkey.logs.length = 0;
    await cleanUpAt(ABSOLUTE);
    assert.deepEqual(await ids(person), []);
    const failures = latchkey.logs
      .map(({ message }) => JSON.parse(message))
      .filter(({ event }) => event === "cleanup.failure");
    assert.deepEqual(
      failures.map((line) => line["cleanup.table"]),
      ["attempts"],
    );
  });

  test("a run that D1 does not answer leaves the work to the next one, and says so", async () => {
    const person = await signUp(latchkey);
    await latchkey.control({ faults: [{ on: "d1", how: "fail" }] });
    await cleanUpAt(ABSOLUTE);
    assert.equal((await ids(person)).length, 1);
    assert.ok(latchkey.logs.some(({ message }) => message.includes("cleanup.failure")));
    await latchkey.control({ faults: [] });
    await cleanUpAt(ABSOLUTE + 1);
    assert.deepEqual(await ids(person), []);
  });
});
