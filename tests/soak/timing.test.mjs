/**
 * Does the time of a refused login reveal whether the address exists?
 *
 * Known and unknown addresses alternate, each login from a new client address,
 * so that nothing is throttled. The fastest of each are compared: other work on
 * the machine can only make a login slower (docs/security.md explains the
 * minimum). The cost of a hash is that of a login minus that of a request that
 * is refused before one.
 *
 *     npm run test:soak
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLatchkey } from "../../harness/latchkey.mjs";
import { LOGIN, REGISTER } from "../support/people.mjs";

const ROUNDS = 200;
const PEOPLE = 50;
/** Of a hash. */
const MOST = 0.1;

let latchkey;
let requests = 0;
before(async () => (latchkey = await startLatchkey()));
after(() => latchkey.dispose());

/** Milliseconds, status. */
async function timed(path, fields) {
  requests += 1;
  const headers = {
    "Content-Type": "application/json",
    "CF-Connecting-IP": `10.${requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`,
  };
  const begin = performance.now();
  const answer = await latchkey.fetch(path, { method: "POST", headers, body: JSON.stringify(fields) });
  await answer.text();
  return [performance.now() - begin, answer.status];
}

async function login(username) {
  const [time, status] = await timed(LOGIN, { username, password: `wrong password ${requests}` });
  assert.equal(status, 401);
  return time;
}

test(`${ROUNDS} known and ${ROUNDS} unknown addresses take the same time at their fastest`, async (t) => {
  for (let i = 0; i < PEOPLE; i += 1) {
    const [, status] = await timed(REGISTER, {
      email: `known${i}@example.com`,
      password: `a long password of person ${i}`,
    });
    assert.equal(status, 201);
  }
  const refused = [];
  for (let i = 0; i < ROUNDS; i += 1) refused.push((await timed(LOGIN, { username: "no address", password: "x" }))[0]);
  const known = [];
  const unknown = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    // In turns, and each first in every other round: what warms up, warms up for both.
    const one = async () => known.push(await login(`known${i % PEOPLE}@example.com`));
    const other = async () => unknown.push(await login(`unknwn${i % PEOPLE}@example.com`));
    for (const send of i % 2 ? [one, other] : [other, one]) await send();
  }
  const least = (times) => Math.min(...times);
  const oneHash = Math.min(least(known), least(unknown)) - least(refused);
  const difference = Math.abs(least(known) - least(unknown));
  const middle = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
  t.diagnostic(`a refusal without a hash: ${least(refused).toFixed(2)} ms; a hash: ${oneHash.toFixed(2)} ms`);
  t.diagnostic(`known: ${least(known).toFixed(2)} ms at least, ${middle(known).toFixed(2)} ms in the middle`);
  t.diagnostic(`unknown: ${least(unknown).toFixed(2)} ms at least, ${middle(unknown).toFixed(2)} ms in the middle`);
  t.diagnostic(
    `difference of the minima: ${difference.toFixed(2)} ms, ${((100 * difference) / oneHash).toFixed(1)} % of a hash`,
  );
  // Without a hash for unknown addresses both minima would be those of a refusal.
  assert.ok(oneHash > 5, `a hash takes ${oneHash} ms: it is left out somewhere`);
  assert.ok(difference < MOST * oneHash, `${difference} ms of a hash of ${oneHash} ms`);
});
