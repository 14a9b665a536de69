/**
 * A signing key changes under 200 live sessions, stage by stage, while two
 * isolates are at different stages: nobody is logged out and nothing fails.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { decode } from "../harness/tokens.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { PROFILE, REFRESH, logIn, register, tokenOf } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const USERS = 10;
/** As many as a user may have. */
const SESSIONS_EACH = 20;
const ACCESS_TTL_SECONDS = 600;
const REFRESH_TTL_SECONDS = 7 * 86_400;
const VERIFY = "/api/account/verify?aud=orders";

const [oldKey] = JSON.parse(makeKeys()).keys;
const [newKey] = JSON.parse(makeKeys()).keys;
const { d: _, ...newPublicKey } = newKey;
const set = (...keys) => JSON.stringify({ keys });
/** As docs/deploying.md has them. */
const STAGES = {
  "the old key alone": set(oldKey),
  "the new key published": set(oldKey, newKey),
  "the new key signs": set(newKey, oldKey),
  "the old key retired": set(newKey),
};

let latchkey;
let clients;
let nowMs = Math.floor(Date.now() / 1_000) * 1_000;
before(async () => {
  latchkey = await startLatchkey({
    entry: CHAOS,
    pops: 2,
    vars: { UPSTREAMS: "orders" },
    secrets: { JWT_KEYS: set(oldKey) },
  });
  await moveClock(0);
  clients = [];
  for (let i = 0; i < USERS; i += 1) {
    const person = await register(latchkey);
    for (let k = 0; k < SESSIONS_EACH; k += 1) clients.push(await logIn(latchkey, person));
  }
});
after(() => latchkey.dispose());

async function moveClock(seconds) {
  nowMs += seconds * 1_000;
  await latchkey.control({ nowMs });
}

/** Each point of presence at a stage of its own. */
async function stages(...names) {
  for (const [pop, name] of names.entries()) await latchkey.control({ texts: { JWT_KEYS: STAGES[name] } }, { pop });
}

const kidOf = (token) => decode(token).header.kid;
const at = (client, pop) => {
  client.options = { pop };
  return client;
};

/**
 * Every session refreshes in one place; its new tokens are used in both, and an identity of either
 * is signed by a key that both publish. Answers the keys that have signed.
 */
async function everybody() {
  const published = await Promise.all(
    [0, 1].map(async (pop) => {
      const { keys } = await (await latchkey.fetch("/.well-known/jwks.json", { pop })).json();
      return keys.map(({ kid }) => kid);
    }),
  );
  const signers = new Set();
  await Promise.all(
    clients.map(async (client, i) => {
      const refreshed = await at(client, i % 2).post(REFRESH);
      assert.equal(refreshed.status, 204, `session ${i} is refreshed: ${refreshed.text}`);
      for (const pop of [0, 1]) {
        const profile = await at(client, pop).get(PROFILE);
        assert.equal(profile.status, 200, `session ${i} at ${pop}: ${profile.text}`);
      }
      const verified = await at(client, (i + 1) % 2).get(VERIFY);
      assert.equal(verified.status, 204, `session ${i}: ${verified.text}`);
      const identity = kidOf(verified.headers.get("X-Auth-Identity"));
      for (const kids of published) assert.ok(kids.includes(identity), "an identity's key is published everywhere");
      for (const name of ["access_token", "refresh_token"]) signers.add(kidOf(tokenOf(client, name)));
    }),
  );
  return [...signers].sort();
}

describe(`a key changes under ${USERS * SESSIONS_EACH} live sessions`, () => {
  let leftBehind;

  test("before", async () => {
    assert.deepEqual(await everybody(), [oldKey.kid]);
    // One session is not used any more.
    leftBehind = clients[0].copy();
  });

  const steps = Object.keys(STAGES);
  for (const [i, next] of steps.slice(1).entries()) {
    test(`${next} in one place, not in the other`, async () => {
      // The old key is retired when its last token has expired.
      if (next === "the old key retired") {
        for (let half = 0; half < 2; half += 1) {
          await moveClock(REFRESH_TTL_SECONDS / 2 + 1);
          assert.deepEqual(await everybody(), [newKey.kid]);
        }
      } else {
        await moveClock(ACCESS_TTL_SECONDS + 1);
      }
      await stages(next, steps[i]);
      const signers = await everybody();
      assert.deepEqual(
        signers,
        next === "the new key signs" ? [newKey.kid, oldKey.kid].sort() : [[oldKey.kid], [], [newKey.kid]][i],
      );
    });

    test(`${next} in both`, async () => {
      await moveClock(60);
      await stages(next, next);
      assert.deepEqual(await everybody(), [i === 0 ? oldKey.kid : newKey.kid]);
    });
  }

  test("a token of the retired key is refused, as that of a session that has ended", async () => {
    for (const pop of [0, 1]) {
      assertProblem(await at(leftBehind, pop).copy().get(PROFILE), "invalid_token");
      assertProblem(await at(leftBehind, pop).copy().post(REFRESH), "invalid_token", { error: "invalid_grant" });
    }
  });

  test("a stage that is left out is noticed: what one place signs, the other refuses", async () => {
    await stages("the old key retired", "the old key alone");
    const client = clients[1].copy();
    assert.equal((await at(client, 0).post(REFRESH)).status, 204);
    assertProblem(await at(client, 1).get(PROFILE), "invalid_token");
  });
});

test("a key without its private part is published, and verifies nothing here", async () => {
  await latchkey.control({ texts: { JWT_KEYS: set(oldKey, newPublicKey) } });
  const { keys } = await (await latchkey.fetch("/.well-known/jwks.json")).json();
  assert.deepEqual(
    keys.map(({ kid }) => kid),
    [oldKey.kid, newKey.kid],
  );
  assertProblem(await at(clients[2], 0).copy().get(PROFILE), "invalid_token");
});
