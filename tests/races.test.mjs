/**
 * What happens at the same moment: registrations of one address, refreshes of
 * one token, a login and a change of the password. Each D1 call is delayed,
 * because plain local D1 hides races, and each check also runs on a
 * deliberately broken variant of the service, which it must report.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
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
  tokenOf,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { decode } from "../harness/tokens.mjs";

const POPS = 2;
const NEW_PASSWORD = "a new horse battery staple";
/** The statement that rotates, and what makes it do so for any token. */
const ROTATE = "/\\* rotate \\*/";
const WITHOUT_CONDITION = [{ find: "current_jti = \\?5", replace: "1" }];

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: POPS })));
beforeEach(() => latchkey.control({ reset: true }));
after(() => latchkey.dispose());

/** Runs `action(i)` for i from 0, all at once; every other one in another place. */
const parallel = (count, action) => Promise.all(Array.from({ length: count }, (_, i) => action(i, { pop: i % POPS })));
const count = (values) => {
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

describe("50 registrations of one address", () => {
  /** The address, each time in another spelling. */
  const spelling = (email, i) =>
    [...email].map((letter, at) => ((i >> (at % 6)) & 1 ? letter.toUpperCase() : letter)).join("");

  async function race(email) {
    const answers = await parallel(50, (i, options) =>
      new Client(latchkey, options).post(REGISTER, {
        json: { email: spelling(email, i), password: PASSWORD, name: `Person ${i}` },
      }),
    );
    const rows = await latchkey.sql("SELECT id, name FROM users WHERE lower(email) = ?1", email);
    return { answers, rows };
  }

  test("make one user: one 201, 49 times 409", async () => {
    await latchkey.control({ d1DelayMs: 5 });
    const { answers, rows } = await race(newEmail());
    assert.deepEqual(count(answers.map(({ status }) => status)), { 201: 1, 409: 49 });
    const winner = answers.find(({ status }) => status === 201);
    assert.deepEqual(rows, [{ id: winner.json.id, name: winner.json.name }]);
    for (const loser of answers.filter((answer) => answer !== winner)) assertProblem(loser, "email_taken");
  });
});

/**
 * 20 refreshes of one token at once. Answers with everything that is wrong
 * with the outcome; nothing, if there is one successor.
 */
async function refreshRace(person) {
  const before = decode(tokenOf(person.client, "refresh_token")).claims;
  const tabs = await parallel(20, async (_, options) => {
    const tab = person.client.copy(options);
    return { tab, answer: await tab.post(REFRESH) };
  });
  const faults = [];
  const check = (holds, fault) => holds || faults.push(fault);

  const statuses = count(tabs.map(({ answer }) => answer.status));
  check(statuses[204] === 20, `statuses: ${JSON.stringify(statuses)}`);
  const renewed = tabs.filter(({ answer }) => answer.status === 204).map(({ tab }) => tab);
  for (const name of ["access_token", "refresh_token"]) {
    const values = new Set(renewed.map((tab) => tokenOf(tab, name)));
    check(values.size === 1, `successors: ${values.size} of ${name}`);
  }
  const row = (await sessionsOf(latchkey, person)).find(({ id }) => id === before.sid) ?? {};
  check(row.ended_at === null, `ended: ${row.end_reason}`);
  check(row.previous_jti === before.jti, "generations: more than one step");
  const [first] = renewed;
  check(
    first && row.current_jti === decode(tokenOf(first, "refresh_token")).claims.jti,
    "generations: the row has another successor",
  );

  const works = async (tab) => (await tab.get(PROFILE)).status === 200 && (await tab.post(REFRESH)).status === 204;
  check(first && (await works(first)), "the successor does not work");
  if (first) person.client = first;
  return faults;
}

describe("20 refreshes of one token", () => {
  for (const d1DelayMs of [0, 5]) {
    test(`have one successor, the same in every answer, with ${d1DelayMs} ms added to each D1 call`, async () => {
      const person = await signUp(latchkey);
      await latchkey.control({ d1DelayMs });
      for (let round = 1; round <= 5; round += 1) assert.deepEqual(await refreshRace(person), [], `round ${round}`);
    });
  }

  test("a rotation that reads first and then writes is reported", async () => {
    const person = await signUp(latchkey);
    await latchkey.control({
      d1DelayMs: 5,
      readThenWrite: {
        sql: ROTATE,
        check: "SELECT 1 FROM sessions WHERE id = ?1 AND current_jti = ?2",
        values: [3, 5],
        rewrites: WITHOUT_CONDITION,
      },
    });
    const faults = await refreshRace(person);
    assert.ok(
      faults.some((fault) => /^successors: \d+ of refresh_token/.test(fault)),
      `${faults}`,
    );
  });

  test("a rotation without its condition is reported", async () => {
    const person = await signUp(latchkey);
    await latchkey.control({ d1DelayMs: 5, rewrites: WITHOUT_CONDITION });
    assert.notDeepEqual(await refreshRace(person), []);
  });

  test("no grace is reported", async () => {
    const person = await signUp(latchkey);
    await latchkey.control({
      d1DelayMs: 5,
      rewrites: [{ find: "previous_jti IS \\?5 AND \\?1 - rotated_at <= \\?8", replace: "0 > ?8" }],
    });
    assert.notDeepEqual(await refreshRace(person), []);
  });
});

describe("a login with the old password that meets a change of the password", () => {
  /** The login has read the old hash when the change begins, and writes after it. */
  async function race(rewrites = []) {
    const person = await signUp(latchkey);
    await latchkey.resetCounters();
    await latchkey.control({ d1DelayMs: 1_000, rewrites }, { pop: 1 });
    const slow = new Client(latchkey, { pop: 1 });
    const login = slow.post(LOGIN, { form: { username: person.email, password: PASSWORD } });
    while ((await latchkey.counters({ pop: 1 })).d1 === 0);
    const change = await person.client.patch(PASSWORD_PATH, {
      json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
    });
    assert.equal(change.status, 204, change.text);
    assert.equal((await latchkey.counters({ pop: 1 })).d1, 1, "the login has not written yet");
    const live = async () => (await sessionsOf(latchkey, person)).filter((row) => row.ended_at === null);
    return { login: await login, live: await live() };
  }

  test("leaves no session behind", async () => {
    const { login, live } = await race();
    assertProblem(login, "invalid_credentials", { error: "invalid_grant" });
    assert.deepEqual(live, []);
  });

  test("a login that does not look at the password again is reported", async () => {
    const { live } = await race([{ find: "AND password_version = \\?19", replace: "AND ?19 = ?19" }]);
    assert.equal(live.length, 1);
  });

  test("in any order, many at once, leaves no session behind", async () => {
    await latchkey.control({ d1DelayMs: 5 });
    const person = await signUp(latchkey);
    const form = { username: person.email, password: PASSWORD };
    const [change] = await Promise.all([
      person.client.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } }),
      ...[1, 2, 3, 4].map((i) => new Client(latchkey, { pop: i % POPS }).post(LOGIN, { form })),
    ]);
    assert.equal(change.status, 204, change.text);
    assert.deepEqual(
      (await sessionsOf(latchkey, person)).filter((row) => row.ended_at === null),
      [],
    );
  });
});

describe("at once", () => {
  test("two changes of the password: one succeeds, and its password is the one that counts", async () => {
    await latchkey.control({ d1DelayMs: 5 });
    const person = await signUp(latchkey);
    const elsewhere = await logIn(latchkey, person);
    const passwords = [`${NEW_PASSWORD} 1`, `${NEW_PASSWORD} 2`];
    const answers = await Promise.all(
      [person.client, elsewhere].map((client, i) =>
        client.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: passwords[i] } }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 401]);
    const winner = answers.findIndex(({ status }) => status === 204);
    await logIn(latchkey, { ...person, password: passwords[winner] });
    const loser = await new Client(latchkey).post(LOGIN, {
      form: { username: person.email, password: passwords[1 - winner] },
    });
    assertProblem(loser, "invalid_credentials", { error: "invalid_grant" });
  });

  test("a refresh and a logout: the session is over, whichever came first", async () => {
    await latchkey.control({ d1DelayMs: 5 });
    const person = await signUp(latchkey);
    const [kept, leaving] = [person.client.copy(), person.client.copy()];
    const answers = await parallel(10, async (i, options) => {
      const tab = (i === 5 ? leaving : kept).copy(options);
      return { tab, answer: await tab.post(i === 5 ? "/api/account/logout" : REFRESH) };
    });
    assert.equal(answers[5].answer.status, 204);
    assert.deepEqual(
      (await sessionsOf(latchkey, person)).map((row) => row.end_reason),
      ["logout"],
    );
    for (const { tab } of answers.filter(({ answer }, i) => i !== 5 && answer.status === 204)) {
      assertProblem(await tab.post(REFRESH), "invalid_token", { error: "invalid_grant" });
    }
  });

  test("four logins of one person all succeed", async () => {
    await latchkey.control({ d1DelayMs: 5 });
    const person = await register(latchkey);
    await parallel(4, (_, options) => logIn(latchkey, person, new Client(latchkey, options)));
    assert.equal((await sessionsOf(latchkey, person)).filter((row) => row.ended_at === null).length, 4);
  });
});
