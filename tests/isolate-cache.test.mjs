/**
 * The copy of a profile that an isolate keeps for a few seconds
 * (`ISOLATE_CACHE_TTL_SECONDS`): what it saves, and what it means for a
 * revocation. Two points of presence are two isolates with one D1 and one KV.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGOUT, PROFILE, logIn, register } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const START_MS = Date.UTC(2030, 0, 1);
const [HERE, THERE] = [0, 1];

const running = [];
after(() => Promise.all(running.map((latchkey) => latchkey.dispose())));

/** Latchkey in two places, with a user whose profile has just been read in both. */
async function warm(vars) {
  const latchkey = await startLatchkey({ entry: CHAOS, pops: 2, vars });
  running.push(latchkey);
  const at = (seconds) => latchkey.control({ nowMs: START_MS + seconds * 1_000 });
  await at(0);
  const client = await logIn(latchkey, await register(latchkey));
  const read = async (pop) => client.copy({ pop }).get(PROFILE);
  for (const pop of [HERE, THERE]) {
    assert.equal((await read(pop)).status, 200);
    await latchkey.settled();
  }
  return { latchkey, client, at, read };
}

describe("a profile that an isolate has just read", () => {
  test("costs neither KV nor D1 for ISOLATE_CACHE_TTL_SECONDS, and then one look into KV", async () => {
    const { latchkey, at, read } = await warm({ ISOLATE_CACHE_TTL_SECONDS: 5 });
    for (const [seconds, asked] of [
      [1, 0],
      [4, 0],
      [5, 1],
      [9, 0],
    ]) {
      await at(seconds);
      await latchkey.resetCounters();
      assert.equal((await read(HERE)).status, 200);
      const { d1, kvGet } = await latchkey.counters();
      assert.deepEqual({ d1, kvGet }, { d1: 0, kvGet: asked }, `after ${seconds} s`);
    }
  });

  test("costs a look into KV each time when it is 0", async () => {
    const { latchkey, read } = await warm({ ISOLATE_CACHE_TTL_SECONDS: 0 });
    await latchkey.resetCounters();
    for (let i = 0; i < 3; i += 1) assert.equal((await read(HERE)).status, 200);
    assert.equal((await latchkey.counters()).kvGet, 3);
  });
});

describe("a session that ends", () => {
  test("is over at once where it ended, and elsewhere when the isolate's copy is", async () => {
    const { latchkey, client, at, read } = await warm({ ISOLATE_CACHE_TTL_SECONDS: 5 });
    assert.equal((await client.copy().post(LOGOUT)).status, 204);
    await latchkey.settled();
    assertProblem(await read(HERE), "invalid_token");
    await at(4);
    assert.equal((await read(THERE)).status, 200);
    await at(5);
    assertProblem(await read(THERE), "invalid_token");
  });

  test("is over at once everywhere when it is 0 and KV is not late", async () => {
    const { latchkey, client, read } = await warm({ ISOLATE_CACHE_TTL_SECONDS: 0 });
    assert.equal((await client.copy().post(LOGOUT)).status, 204);
    await latchkey.settled();
    for (const pop of [HERE, THERE]) assertProblem(await read(pop), "invalid_token");
  });

  test("is over everywhere a minute after the read of the database, however late KV is", async () => {
    const { latchkey, client, at, read } = await warm({ ISOLATE_CACHE_TTL_SECONDS: 60 });
    await latchkey.control({ kvStaleMs: 600_000 });
    assert.equal((await client.copy().post(LOGOUT)).status, 204);
    await at(59);
    assert.equal((await read(THERE)).status, 200);
    await at(60);
    assertProblem(await read(THERE), "invalid_token");
  });
});
