/**
 * Known devices and the platform's limiters, against the built Worker: nobody
 * keeps a known device from logging in by using up what its client or its
 * network may try.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, newEmail, signUp } from "./support/people.mjs";

const A_MINUTE = 3;

/** @type {[shared: string, limiter: string, addresses: (i: number) => string][]} */
const SHARED = [
  ["an IPv4 address", "LOGIN_LIMITER", () => "203.0.113.7"],
  ["an IPv6 /64", "LOGIN_LIMITER", (i) => `2001:db8:7:1::${i}`],
  ["an IPv6 /48", "NETWORK_LIMITER", (i) => `2001:db8:8:${i}::1`],
];

for (const [shared, limiter, address] of SHARED) {
  describe(`behind ${shared} that strangers have used up`, () => {
    let latchkey;
    before(async () => {
      const limits = { [limiter]: { limit: A_MINUTE, period: 60 }, LOGIN_LIMITER: { limit: A_MINUTE, period: 60 } };
      latchkey = await startLatchkey({ entry: CHAOS, limits });
    });
    after(() => latchkey.dispose());

    const logIn = async (client, { email, password }, number) =>
      (
        await client.post(LOGIN, {
          json: { username: email, password },
          headers: { "CF-Connecting-IP": address(number) },
        })
      ).status;

    test("a known device logs in, a stranger does not, and each user has a budget", async () => {
      const [ada, bob] = [await signUp(latchkey), await signUp(latchkey)];
      const stranger = new Client(latchkey);
      for (let i = 1; i <= A_MINUTE; i += 1)
        assert.equal(await logIn(stranger, { email: newEmail(), password: "wrong horse" }, i), 401);
      await latchkey.resetCounters();
      assert.equal(await logIn(stranger, ada, 11), 429);
      const { calls } = await latchkey.counters();
      // The first refusal is written to the audit log, after the answer.
      const read = calls.filter((call) => call.startsWith("d1") && !call.includes("INSERT INTO audit_log"));
      assert.deepEqual(read, []);
      // Each login begins a session and carries the last one: the budget is the user's.
      for (let i = 0; i < A_MINUTE; i += 1) assert.equal(await logIn(ada.client, ada, 12 + i), 204);
      assert.equal(await logIn(ada.client, ada, 20), 429);
      // A known device of one account is a stranger to another one.
      assert.equal(await logIn(bob.client, ada, 21), 429);
      assert.equal(await logIn(bob.client, bob, 22), 204);
    });
  });
}
