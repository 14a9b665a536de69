/**
 * Refreshing in real D1: parallel calls converge on one successor, a lost
 * answer can be fetched again, and a token that should not exist any more ends
 * its session and no other.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { ACCESS_COOKIE, REFRESH_COOKIE, assertRefused, claims, only } from "./support/holders.mjs";
import { PROFILE, REFRESH, logIn, register } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { DELAYS_MS, PARALLEL, refreshRounds } from "./support/rounds.mjs";

const ROUNDS = 5; // a thousand in soak/refresh.test.mjs
const START_MS = Date.UTC(2030, 0, 1);
const GRACE_SECONDS = 10;
const POPS = [0, 1];

let latchkey;
let user;
before(async () => {
  latchkey = await startLatchkey({ entry: CHAOS, pops: 2 });
  user = await register(latchkey);
});
beforeEach(() => latchkey.control({ reset: true }));
after(() => latchkey.dispose());

const at = (seconds) => latchkey.control({ nowMs: START_MS + seconds * 1000 });
const refresh = (client) => client.post(REFRESH);
const profile = (client) => client.get(PROFILE);

/** Refreshes, and returns the client as it was before: a copy of the old tokens. */
async function superseded(client) {
  const old = client.copy();
  assert.equal((await refresh(client)).status, 204);
  return old;
}

/** Neither token of the client is good anywhere. */
async function assertDead(client) {
  for (const pop of POPS) {
    assertRefused(await refresh(only(REFRESH_COOKIE, client, { pop })));
    assertRefused(await only(ACCESS_COOKIE, client, { pop }).get("/api/account/sessions"));
  }
}

describe(`${PARALLEL} parallel refreshes with one token`, () => {
  for (const d1DelayMs of DELAYS_MS) {
    test(`converge on one successor, with ${d1DelayMs} ms on each D1 call`, async () => {
      const client = await logIn(latchkey, user);
      await latchkey.control({ d1DelayMs });
      const last = await refreshRounds(latchkey, client, ROUNDS);
      assert.equal((await profile(last)).status, 200);
    });
  }
});

describe("an answer that is lost after the commit", () => {
  const rotation = { on: "d1", how: "fail-after", sql: "/\\* rotate \\*/" };

  test("is fetched again by the Worker itself, where D1 says that this may help", async () => {
    const client = await logIn(latchkey, user);
    const { jti, sid } = claims(client, REFRESH_COOKIE);
    await latchkey.control({ faults: [{ ...rotation, times: 2 }] });
    assert.equal((await refresh(client)).status, 204);
    const [row] = await latchkey.sql("SELECT current_jti, previous_jti FROM sessions WHERE id = ?1", sid);
    assert.deepEqual({ ...row }, { current_jti: claims(client, REFRESH_COOKIE).jti, previous_jti: jti });
    assert.equal((await refresh(client)).status, 204);
  });

  test("is the same successor when the client asks again, in either place, within the grace", async () => {
    await at(0);
    const client = await logIn(latchkey, user);
    const { sid } = claims(client);
    await latchkey.control({ faults: [{ ...rotation, message: "D1_ERROR: Something else." }] }, { pop: 0 });
    assertProblem(await refresh(client), "unavailable");
    await latchkey.control({ faults: [] });
    const [committed] = await latchkey.sql("SELECT current_jti FROM sessions WHERE id = ?1", sid);

    const retries = POPS.map((pop) => client.copy({ pop }));
    for (const [pop, retry] of retries.entries()) {
      await at(pop * GRACE_SECONDS);
      assert.equal((await refresh(retry)).status, 204);
      assert.equal(claims(retry, REFRESH_COOKIE).jti, committed.current_jti);
    }
    for (const name of [ACCESS_COOKIE, REFRESH_COOKIE]) {
      assert.equal(retries[0].cookies.get(name)?.value, retries[1].cookies.get(name)?.value);
    }
    assert.equal((await profile(retries[0])).status, 200);
    assert.equal((await refresh(retries[0])).status, 204);
  });
});

describe("a copy of a superseded token ends the session for both holders, and no other session", () => {
  const scenarios = {
    "two generations old, within the grace": async (client) => {
      const old = await superseded(client);
      await superseded(client);
      return old;
    },
    "the predecessor, a second after the grace": async (client) => {
      const old = await superseded(client);
      await at(GRACE_SECONDS + 1);
      return old;
    },
  };
  for (const [name, scenario] of Object.entries(scenarios)) {
    for (const pop of POPS) {
      test(`${name}, presented in point of presence ${pop}`, async () => {
        await at(0);
        const [client, other] = [await logIn(latchkey, user), await logIn(latchkey, user)];
        const old = await scenario(client);
        const { sid } = claims(client);
        const reason = () => latchkey.sql("SELECT end_reason FROM sessions WHERE id = ?1", sid);
        assert.equal((await reason())[0].end_reason, null);

        assertRefused(await refresh(only(REFRESH_COOKIE, old, { pop })));
        assert.equal((await reason())[0].end_reason, "reuse");
        await assertDead(client);
        await assertDead(old);
        assert.equal((await profile(other)).status, 200);
        assert.equal((await refresh(other)).status, 204);
      });
    }
  }
});

test("a session ends when it is idle, and after its absolute time however busy it is", async () => {
  const day = 86_400;
  await at(0);
  const [idle, busy] = [await logIn(latchkey, user), await logIn(latchkey, user)];
  for (let days = 6; days < 30; days += 6) {
    await at(days * day);
    assert.equal((await refresh(busy)).status, 204);
  }
  assertRefused(await refresh(idle), "token_expired");
  assert.equal(claims(busy, REFRESH_COOKIE).exp, START_MS / 1000 + 30 * day);
  await at(30 * day - 1);
  assert.equal((await refresh(busy)).status, 204);
  await at(30 * day);
  assertRefused(await refresh(busy), "token_expired");
});
