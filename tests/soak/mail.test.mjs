/**
 * Mails over a long time: none is lost, and the time of an answer does not
 * reveal whether an address has an account.
 *
 * As in timing.test.mjs, the fastest are compared: other work on the machine
 * can only make a request slower. A hash is what a refused login takes beyond
 * a request that is refused before one.
 *
 *     npm run test:soak
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../../harness/mails.mjs";
import { FORGOT } from "../support/links.mjs";
import { mailKillLoop } from "../support/mail-kill.mjs";
import { LOGIN, REGISTER } from "../support/people.mjs";

const CHANGES = 500;
const ROUNDS = 200;
/** So that nobody is mailed more than three times. */
const PEOPLE = 70;
const LOGINS = 40;
/** Of a hash. */
const MOST = 0.02;

test(`${CHANGES} resets and changes under kills and a provider that loses its answers: each mail leaves under one id`, async (t) => {
  const { tried, acknowledged, rolledBack, mails, tries, kills } = await mailKillLoop(CHANGES);
  assert.ok(acknowledged > kills && rolledBack > kills && tries > mails, "Things went wrong on the way.");
  t.diagnostic(`${tried} changes, ${acknowledged} acknowledged, ${kills} kills: ${mails} mails in ${tries} tries`);
});

describe("asking for a reset", () => {
  const provider = new MailProvider();
  let latchkey;
  let requests = 0;
  before(async () => {
    latchkey = await startLatchkey({ entry: CHAOS, vars: MAIL_BY_PROVIDER, outbound: provider.answer });
  });
  after(() => latchkey.dispose());

  /** Milliseconds of a request from a client that nobody has seen; `status` is the answer's. */
  async function timed(path, fields, status) {
    requests += 1;
    const headers = {
      "Content-Type": "application/json",
      "CF-Connecting-IP": `10.${requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`,
    };
    const begin = performance.now();
    const answer = await latchkey.fetch(path, { method: "POST", headers, body: JSON.stringify(fields) });
    await answer.text();
    const time = performance.now() - begin;
    assert.equal(answer.status, status);
    await latchkey.settled();
    return time;
  }

  test(`${ROUNDS} known and ${ROUNDS} unknown addresses take the same time at their fastest`, async (t) => {
    for (let i = 0; i < PEOPLE; i += 1)
      await timed(REGISTER, { email: `known${i}@example.com`, password: `a long password of person ${i}` }, 201);
    const refused = [];
    const logins = [];
    for (let i = 0; i < LOGINS; i += 1) {
      refused.push(await timed(LOGIN, { username: "no address", password: "x" }, 422));
      logins.push(await timed(LOGIN, { username: `known${i}@example.com`, password: "a wrong password" }, 401));
    }
    const known = [];
    const unknown = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      const one = async () => known.push(await timed(FORGOT, { email: `known${i % PEOPLE}@example.com` }, 202));
      const other = async () => unknown.push(await timed(FORGOT, { email: `unknwn${i % PEOPLE}@example.com` }, 202));
      for (const send of i % 2 ? [one, other] : [other, one]) await send();
    }
    assert.equal(provider.accepted.size, ROUNDS);
    const least = (times) => Math.min(...times);
    const middle = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
    const oneHash = least(logins) - least(refused);
    const difference = Math.abs(least(known) - least(unknown));
    for (const [name, times] of Object.entries({ known, unknown }))
      t.diagnostic(`${name}: ${least(times).toFixed(2)} ms at least, ${middle(times).toFixed(2)} ms in the middle`);
    t.diagnostic(
      `difference of the minima: ${difference.toFixed(2)} ms, ${((100 * difference) / oneHash).toFixed(1)} % of a hash of ${oneHash.toFixed(1)} ms`,
    );
    assert.ok(oneHash > 5, `a hash takes ${oneHash} ms: it is left out somewhere`);
    assert.ok(difference < MOST * oneHash, `${difference} ms of a hash of ${oneHash} ms`);
  });
});
