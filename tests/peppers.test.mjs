/**
 * Rolling a pepper out, and back. Two points of presence are two isolates, one
 * a stage ahead of the other: whatever one of them has hashed, the other
 * verifies.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, PASSWORD, logIn, newEmail, register, REGISTER } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const [AHEAD, BEHIND] = [0, 1];
const A = `a:${Buffer.alloc(32, "first").toString("base64url")}`;
const B = `b:${Buffer.alloc(32, "second").toString("base64url")}`;
/** From no pepper to the first, on to a second one, and the first one out. */
const STAGES = [null, `none,${A}`, A, `${A},${B}`, `${B},${A}`, B];

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
after(() => latchkey.dispose());
beforeEach(() => latchkey.control({ reset: true }));

const place = (pop, peppers) => latchkey.control({ texts: { PASSWORD_PEPPERS: peppers } }, { pop });
const at = (pop) => new Client(latchkey, { pop });
const alarms = () => latchkey.logs.filter(({ level, message }) => level === "error" || message.includes("damaged"));

async function registerAt(pop) {
  const email = newEmail();
  const answer = await at(pop).post(REGISTER, { json: { email, password: PASSWORD } });
  assert.equal(answer.status, 201, answer.text);
  return { email, password: PASSWORD };
}

/** A login may write the hash anew. */
async function logInAt(pops, people) {
  for (const person of people) {
    for (const pop of pops) await logIn(latchkey, person, at(pop));
  }
}

describe("a pepper", () => {
  test("is rolled out, replaced and taken back stage by stage, and nobody is refused on either side", async () => {
    const first = await register(latchkey);
    const way = [...STAGES.slice(1), ...STAGES.toReversed().slice(1)];
    for (const [behind, ahead] of way.slice(1).map((stage, i) => [way[i], stage])) {
      await place(BEHIND, behind);
      await place(AHEAD, ahead);
      const people = [first, await registerAt(AHEAD), await registerAt(BEHIND)];
      await logInAt([AHEAD, BEHIND, AHEAD, BEHIND], people);
      // The stage ends when every isolate runs it, and every user has logged in once.
      await place(BEHIND, ahead);
      await logInAt([BEHIND], people);
    }
    assert.deepEqual(alarms(), []);
  });

  test("that is known and not used does not go into new hashes", async () => {
    await place(AHEAD, `none,${A}`);
    const { email } = await registerAt(AHEAD);
    const [{ password_hash: hash }] = await latchkey.sql("SELECT password_hash FROM users WHERE email = ?1", email);
    assert.doesNotMatch(hash, /keyid/);
  });

  test("that an isolate does not know makes nobody's password wrong: 503, and the log says why", async () => {
    await place(AHEAD, A);
    const person = await registerAt(AHEAD);
    for (const password of [PASSWORD, "wrong horse"]) {
      const answer = await at(BEHIND).post(LOGIN, { form: { username: person.email, password } });
      assertProblem(answer, "unavailable");
      assert.ok(answer.headers.has("Retry-After"));
      assert.equal(answer.setCookies.size, 0);
    }
    assert.ok(alarms().every(({ message }) => message.includes("PASSWORD_PEPPERS")) && alarms().length === 2);
    await place(BEHIND, `none,${A}`);
    await logIn(latchkey, person, at(BEHIND));
  });

  test("that an isolate does not know slows nobody who has the right password", async () => {
    await place(AHEAD, A);
    await place(BEHIND, null);
    const person = await registerAt(AHEAD);
    // From one address, and more often than a wrong password is free.
    const tryAt = (pop) => at(pop).post(LOGIN, { form: { username: person.email, password: PASSWORD } });
    for (let i = 0; i < 12; i += 1) assertProblem(await tryAt(BEHIND), "unavailable");
    assert.equal((await tryAt(AHEAD)).status, 204);
  });
});
