/** 10,000 random schedules of questions who is calling, see tests/support/ages.mjs. */
import { after, before, test } from "node:test";
import { CHAOS, startLatchkey } from "../../harness/latchkey.mjs";
import { newCounts, round } from "../support/ages.mjs";

const USERS = 250;
const ROUNDS = 40;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
after(() => latchkey.dispose());

test(`${USERS * ROUNDS} random schedules: no answer claims less age than it has`, async () => {
  const sums = newCounts();
  const first = Math.floor(Math.random() * 2 ** 31);
  for (let seed = first; seed < first + ROUNDS; seed += 1) {
    for (const [name, count] of Object.entries(await round(latchkey, USERS, seed))) sums[name] += count;
  }
  console.log(`# from seed ${first}: ${JSON.stringify(sums)}`);
});
