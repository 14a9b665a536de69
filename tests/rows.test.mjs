/**
 * How many rows a request reads and writes, by D1's own figures: the basis of
 * its price, and of the load on the one primary.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../harness/counted.mjs";
import { PASSWORD, restore, seeded, someone } from "../harness/seed.mjs";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, LOGOUT, PROFILE, REFRESH } from "./support/people.mjs";

const ENTRY = "harness/counting-latchkey.mjs";
const MAX_ROWS = { login: 7, refresh: 1, logout: 3 };
/** Different enough that a scan, or an index that is not selective, shows. */
const SIZES = [100, 5_000];

/** What one of the users who are alike costs, request by request, in a database of so many users. */
async function costs(users) {
  const { folder } = await seeded(users);
  const latchkey = await startLatchkey({ entry: ENTRY, persist: folder });
  const client = new Client(latchkey);
  const username = someone(users, 0.5);
  const requests = {
    login: () => client.post(LOGIN, { form: { username, password: PASSWORD } }),
    profile: () => client.get(PROFILE),
    refresh: () => client.post(REFRESH),
    sessions: () => client.get("/api/account/sessions"),
    logout: () => client.post(LOGOUT),
  };
  const found = {};
  try {
    await restore(latchkey);
    for (const [name, send] of Object.entries(requests)) {
      const { answer, counts } = await counted(latchkey, send);
      assert.ok(answer.status < 300, `${name}: ${answer.text}`);
      const { roundTrips, rowsRead, rowsWritten } = counts;
      found[name] = { roundTrips, rowsRead, rowsWritten };
    }
    return found;
  } finally {
    await latchkey.dispose();
  }
}

test("a request reads and writes the same rows, however many users there are; a login writes seven at most, a refresh one, a log-out three", async () => {
  const [few, many] = [await costs(SIZES[0]), await costs(SIZES[1])];
  assert.deepEqual(many, few);
  assert.equal(few.refresh.roundTrips, 1);
  for (const [name, most] of Object.entries(MAX_ROWS))
    assert.ok(few[name].rowsWritten <= most, `${name}: ${few[name].rowsWritten} rows`);
});
