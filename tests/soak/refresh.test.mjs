/**
 * A thousand rounds of twenty parallel refreshes with each of D1's delays: no
 * round with two live successors, none that loses the session (`npm run
 * test:soak`).
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHAOS, startLatchkey } from "../../harness/latchkey.mjs";
import { PROFILE, signUp } from "../support/people.mjs";
import { DELAYS_MS, PARALLEL, refreshRounds } from "../support/rounds.mjs";

const ROUNDS = 1_000;
const POPS = [0, 1];

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: POPS.length })));
after(() => latchkey.dispose());

for (const d1DelayMs of DELAYS_MS) {
  test(`${ROUNDS} rounds of ${PARALLEL} refreshes with ${d1DelayMs} ms on each D1 call`, async (t) => {
    await latchkey.control({ reset: true });
    const { client } = await signUp(latchkey);
    await latchkey.control({ resetCounters: true, d1DelayMs });
    const last = await refreshRounds(latchkey, client, ROUNDS);
    const counters = await Promise.all(POPS.map((pop) => latchkey.counters({ pop })));
    const requests = counters.reduce((sum, each) => sum + each.requests, 0);
    assert.equal(requests, ROUNDS * PARALLEL);
    assert.equal((await last.get(PROFILE)).status, 200);
    t.diagnostic(`${ROUNDS} rounds, ${requests} refreshes: one live successor in each, no session lost`);
  });
}
