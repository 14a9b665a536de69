/**
 * How old an answer to "who is calling?" may be, what it claims about its age,
 * and what each accepted age costs.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { IDENTITY, check, newCounts, round } from "./support/ages.mjs";
import { signUp } from "./support/people.mjs";

const USERS = 100;
const ROUNDS = 3;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
beforeEach(() => latchkey.control({ reset: true }));
after(() => latchkey.dispose());

test(`${USERS * ROUNDS} random schedules: no answer claims less age than it has, and none is older than accepted`, async () => {
  const sums = newCounts();
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    for (const [name, count] of Object.entries(await round(latchkey, USERS, seed))) sums[name] += count;
  }
  console.log(`# ${JSON.stringify(sums)}`);
  // Schedules that never meet a copy, or an end, would show nothing.
  for (const [name, count] of Object.entries(sums)) assert.ok(count > USERS, `${count} ${name}`);
});

describe("the check of the schedules notices", () => {
  const [start, now] = [1_800_000_000, 1_800_000_040];
  const versions = [
    { at: start, name: "0", isLive: true },
    { at: start + 10, name: "1", isLive: true },
    { at: start + 20, name: "2", isLive: false },
    { at: start + 30, name: "3", isLive: true },
  ];
  const verdict = (name, readAt, accepted = /** @type {number | null} */ (null)) => {
    const text = JSON.stringify({ user: { name }, readAt: new Date(readAt * 1_000).toISOString() });
    check({ versions }, accepted, { status: 200, text }, now, false, newCounts(), "");
  };

  test("a copy that claims to be younger than it is", () => {
    verdict("1", start + 15);
    assert.throws(() => verdict("1", start + 21), /claims a read/);
  });
  test("a copy that is older than accepted", () => {
    verdict("3", start + 35, 10);
    assert.throws(() => verdict("3", start + 30, 10), /10 s old/);
    assert.throws(() => verdict("3", now - 60), /60 s old/);
  });
  test("a session that had ended", () => assert.throws(() => verdict("2", start + 25), /had ended/));
  test("an answer for 0 that is not the newest", () => assert.throws(() => verdict("1", now, 0), /claims|database/));
  test("a live session that is refused", () => {
    const answer = { status: 401, text: JSON.stringify({ code: "invalid_token" }) };
    assert.throws(() => check({ versions }, null, answer, now, false, newCounts(), ""), /live session/);
  });
});

describe("round trips of an answer, by the age that is accepted", () => {
  /** Seconds after the first answer, and what D1 and KV are asked then. */
  /** @type {[number | null, Record<number, number[]>][]} */
  const COSTS = [
    [0, { 0: [1, 0], 4: [1, 0], 20: [1, 0], 59: [1, 0], 61: [1, 0] }],
    [1, { 0: [0, 0], 4: [1, 1], 20: [1, 1], 59: [1, 1], 61: [1, 1] }],
    [10, { 0: [0, 0], 4: [0, 0], 20: [1, 1], 59: [1, 1], 61: [1, 1] }],
    [30, { 0: [0, 0], 4: [0, 0], 20: [0, 1], 59: [1, 1], 61: [1, 1] }],
    [60, { 0: [0, 0], 4: [0, 0], 20: [0, 1], 59: [0, 1], 61: [1, 1] }],
    [300, { 0: [0, 0], 4: [0, 0], 20: [0, 1], 59: [0, 1], 61: [1, 1] }],
    [null, { 0: [0, 0], 4: [0, 0], 20: [0, 1], 59: [0, 1], 61: [1, 1] }],
  ];
  for (const [accepted, costs] of COSTS) {
    test(`maxStaleSeconds ${accepted ?? "left out"}`, async () => {
      const path = accepted === null ? IDENTITY : `${IDENTITY}?maxStaleSeconds=${accepted}`;
      for (const [seconds, expected] of Object.entries(costs)) {
        const start = Math.floor(Date.now() / 1_000) * 1_000;
        await latchkey.control({ reset: true, nowMs: start });
        const { client } = await signUp(latchkey);
        assert.equal((await client.get(IDENTITY)).status, 200);
        await latchkey.settled();
        await latchkey.control({ resetCounters: true, nowMs: start + Number(seconds) * 1_000 });
        const answer = await client.get(path);
        assert.equal(answer.status, 200, answer.text);
        await latchkey.settled();
        const { d1, kvGet } = await latchkey.counters();
        assert.deepEqual([d1, kvGet], expected, `after ${seconds} s`);
        const readAt = Date.parse(answer.json.readAt);
        assert.equal(readAt, d1 === 1 ? start + Number(seconds) * 1_000 : start);
      }
    });
  }
});
