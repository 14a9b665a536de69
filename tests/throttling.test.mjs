/**
 * Slowing down who guesses, against the built Worker: what the layers count,
 * whom they count together, and that nothing outruns them. (The native tests in
 * src/server/tests/throttling.rs count the hashes; here a 401 is an attempt that
 * reached one, a 429 is one that did not.)
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, PASSWORD_PATH, REFRESH, logIn, newEmail, register, signUp } from "./support/people.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES, WITH_PROOF } from "./support/routes.mjs";

/**
 * @import { Control } from "../package/test/faults.mjs"
 * @import { Options } from "../harness/latchkey.mjs"
 */

const START = Date.UTC(2031, 0, 2, 3, 4, 5);
const WRONG = "wrong horse battery staple";
const FREE_FAILURES = 10;
const MAX_IN_A_ROW = 100;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());

let now;
beforeEach(async () => {
  await latchkey.control({ reset: true });
  await at((now = START));
});
const at = (nowMs) => latchkey.control({ nowMs });
const pass = (seconds) => at((now += seconds * 1_000));

let addresses = 0;
/** An unused client address. */
const newAddress = () => `198.51.${100 + Math.floor(addresses / 250)}.${1 + (addresses++ % 250)}`;

/**
 * A try to log in: `{status, code, retryAfter, text, headers}`.
 *
 * @param {{ email: string, password?: string }} person
 * @param {string} address
 * @param {{ headers?: Record<string, string>, client?: Client }} options
 */
async function attempt({ email, password = WRONG }, address, { headers, client = new Client(latchkey) } = {}) {
  const answer = await client.post(LOGIN, {
    json: { username: email, password },
    headers: { "CF-Connecting-IP": address, ...headers },
  });
  const retryAfter = Number(answer.headers.get("Retry-After") ?? 0);
  return { status: answer.status, code: answer.json?.code, retryAfter, text: answer.text, headers: answer.headers };
}

const guess = ({ email }, address, options) => attempt({ email }, address, options);

async function fail(person, address, times) {
  for (let i = 0; i < times; i += 1) assert.equal((await guess(person, address)).code, "invalid_credentials");
}

/** A hundred failures of an account, each from a new address. */
async function failFromEverywhere(person) {
  for (let done = 0; done < MAX_IN_A_ROW; done += 10) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => guess(person, newAddress())));
    for (const { code } of answers) assert.equal(code, "invalid_credentials");
  }
}

/** A hundred failures without the time of most hashes: the first and the last three are real. */
async function failAsIfFromEverywhere(person) {
  await almostAHundred(person, 3);
  for (let i = 0; i < 3; i += 1) await fail(person, newAddress(), 1);
}

/** All but the last few of a hundred failures. */
async function almostAHundred(person, left) {
  const accounts = async () =>
    (await latchkey.sql("SELECT DISTINCT account FROM attempts")).map(({ account }) => account);
  const before = await accounts();
  await fail(person, newAddress(), 1);
  const [account] = (await accounts()).filter((one) => !before.includes(one));
  await latchkey.sql("UPDATE attempts SET counted = ?1 WHERE account = ?2", MAX_IN_A_ROW - left, account);
}

/**
 * An address that is registered and one that is not, between which the answers must not differ.
 *
 * @type {[whose: string, make: () => { email: string } | Promise<{ email: string }>, fail: (person: any) => Promise<void>][]}
 */
const EVERYBODY = [
  ["of somebody", () => register(latchkey), failFromEverywhere],
  ["that does not exist", () => ({ email: newEmail() }), failAsIfFromEverywhere],
];

for (const [whose, make, failAHundredTimes] of EVERYBODY) {
  describe(`an address ${whose}`, () => {
    test("has ten failures from one client, then waits of 1, 2, 4 … s up to a quarter of an hour", async () => {
      const person = await make();
      const address = newAddress();
      await fail(person, address, FREE_FAILURES);
      for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
        const early = await guess(person, address);
        assert.deepEqual([early.status, early.code, early.retryAfter], [429, "too_many_requests", wait]);
        await pass(wait - 1);
        assert.equal(
          (await guess(person, address)).retryAfter,
          1,
          "tries while it waits neither count nor lengthen it",
        );
        await pass(1);
        await fail(person, address, 1);
      }
    });

    test("has a hundred failures in a row from everywhere, then one try a minute", async () => {
      const person = await make();
      await failAHundredTimes(person);
      for (let minute = 0; minute < 3; minute += 1) {
        const early = await guess(person, newAddress());
        assert.deepEqual([early.status, early.retryAfter], [429, 60]);
        await pass(59);
        assert.equal((await guess(person, newAddress())).status, 429);
        await pass(1);
        await fail(person, newAddress(), 1);
      }
    });

    test("takes no more than ten of thirty parallel guesses from one client", async () => {
      const person = await make();
      const address = newAddress();
      await latchkey.control({ d1DelayBeforeMs: 5, d1DelayMs: 20 });
      const answers = await Promise.all(Array.from({ length: 30 }, () => guess(person, address)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [...new Array(FREE_FAILURES).fill(401), ...new Array(30 - FREE_FAILURES).fill(429)]);
    });

    test("takes no more than what is left of the hundred, in parallel from everywhere", async () => {
      const person = await make();
      await almostAHundred(person, 3);
      await latchkey.control({ d1DelayBeforeMs: 5, d1DelayMs: 20 });
      const answers = await Promise.all(Array.from({ length: 30 }, () => guess(person, newAddress())));
      assert.equal(answers.filter(({ status }) => status === 401).length, 3);
      assert.equal(answers.filter(({ status }) => status === 429).length, 27);
    });
  });
}

test("a throttled answer does not tell whether the address exists", async () => {
  const [somebody, nobody] = [await register(latchkey), { email: newEmail() }];
  const [one, other] = await Promise.all(
    [somebody, nobody].map(async (person) => {
      const address = newAddress();
      await fail(person, address, FREE_FAILURES);
      return guess(person, address);
    }),
  );
  const shape = ({ text, headers }) => {
    const id = headers.get("X-Request-Id");
    return JSON.stringify([text, [...headers]]).replaceAll(id, "ID");
  };
  assert.equal(shape(one), shape(other));
});

describe("the owner", () => {
  test("gets in from elsewhere while somebody guesses, and ends the count of the account by that", async () => {
    const person = await register(latchkey);
    const attacker = newAddress();
    await almostAHundred(person, FREE_FAILURES + 1);
    await fail(person, attacker, FREE_FAILURES);
    assert.equal((await guess(person, attacker)).status, 429);
    assert.equal((await attempt(person, newAddress())).status, 204);
    assert.equal((await guess(person, newAddress())).status, 401);
    // Not for the attacker's own address, which still has to wait.
    assert.equal((await guess(person, attacker)).status, 429);
  });

  test("gets in on a known device while the account is under attack from everywhere", async () => {
    const [person, stranger] = [await register(latchkey), await register(latchkey)];
    const [known, ended, strangers] = await Promise.all([
      logIn(latchkey, person),
      logIn(latchkey, person),
      logIn(latchkey, stranger),
    ]);
    const logOut = ended.copy();
    await logOut.post("/api/account/logout");
    await almostAHundred(person, 1);
    await fail(person, newAddress(), 1);

    assert.equal(
      (await attempt(person, newAddress(), { client: ended })).status,
      429,
      "a session that has ended vouches for nobody",
    );
    assert.equal((await attempt(person, newAddress(), { client: strangers })).status, 429, "nor does another person's");
    assert.equal((await attempt(person, newAddress(), { client: known })).status, 204);
  });

  test("gets in with the one try a minute, and then freely", async () => {
    const person = await register(latchkey);
    await almostAHundred(person, 1);
    await fail(person, newAddress(), 1);
    assert.equal((await attempt(person, newAddress())).status, 429);
    await pass(60);
    assert.equal((await attempt(person, newAddress())).status, 204);
    assert.equal((await attempt(person, newAddress())).status, 204);
  });
});

test("wrong current passwords at a password change are counted like logins, under counters of their own", async () => {
  const person = await register(latchkey);
  const client = await logIn(latchkey, person);
  const address = newAddress();
  const change = (currentPassword) =>
    client.patch(PASSWORD_PATH, {
      json: { currentPassword, newPassword: `${person.password}!` },
      headers: { "CF-Connecting-IP": address },
    });
  for (let i = 0; i < FREE_FAILURES; i += 1) assert.equal((await change(WRONG)).json.code, "wrong_current_password");
  const refused = await change(person.password);
  assert.deepEqual(
    [refused.status, refused.json.code, refused.headers.get("Retry-After")],
    [429, "too_many_requests", "1"],
  );
  // The thief of a session cannot slow down the owner's logins with it.
  assert.equal((await attempt(person, address)).status, 204);
  await pass(1);
  assert.equal((await change(person.password)).status, 204);
});

describe("who counts as one client", () => {
  const ONE = {
    "an IPv4 address": [
      "203.0.113.7",
      "::ffff:203.0.113.7",
      "::FFFF:203.0.113.7",
      "::ffff:cb00:7107",
      "0:0:0:0:0:ffff:203.0.113.7",
      "0000:0000:0000:0000:0000:FFFF:CB00:7107",
    ],
    "a /64": [
      "2001:db8:0:1::1",
      "2001:DB8:0:1::2",
      "2001:db8::1:0:0:0:3",
      "2001:0db8:0000:0001:0000:0000:0000:0004",
      "2001:db8:0:1:ffff:ffff:ffff:ffff",
      "2001:db8:0:1::203.0.113.7",
    ],
    "everybody without a readable address": [
      "localhost",
      "203.0.113.8, 203.0.113.9",
      "203.0.113.8:443",
      "203.0.113",
      "0x7f.1",
      "fe80::1%eth0",
    ],
  };
  for (const [name, spellings] of Object.entries(ONE)) {
    test(`${name}, in ${spellings.length} spellings`, async () => {
      const person = await register(latchkey);
      for (let i = 0; i < FREE_FAILURES; i += 1) await fail(person, spellings[i % spellings.length], 1);
      for (const address of spellings) assert.equal((await guess(person, address)).status, 429, address);
      assert.equal((await attempt(person, "2001:db8:0:2::1")).status, 204);
    });
  }

  test("whatever other headers say", async () => {
    const person = await register(latchkey);
    const address = newAddress();
    const headers = (i) =>
      Object.fromEntries(
        [
          "X-Forwarded-For",
          "True-Client-IP",
          "X-Real-IP",
          "Forwarded",
          "X-Client-IP",
          "Fastly-Client-IP",
          "CF-Connecting-IPv6",
          "CF-Pseudo-IPv4",
        ].map((name) => [name, `192.0.2.${i}`]),
      );
    for (let i = 0; i < FREE_FAILURES; i += 1)
      assert.equal((await guess(person, address, { headers: headers(i) })).status, 401);
    assert.equal((await guess(person, address, { headers: headers(9) })).status, 429);
  });

  test("an address in any case is one account", async () => {
    const person = await register(latchkey);
    const address = newAddress();
    for (let i = 0; i < FREE_FAILURES; i += 1)
      await fail({ email: i % 2 ? person.email.toUpperCase() : person.email }, address, 1);
    assert.equal((await guess(person, address)).status, 429);
  });
});

test("what is counted is counted under keyed hashes: no address of either sort", async () => {
  const person = await register(latchkey);
  await latchkey.resetCounters();
  await guess(person, "203.0.113.77");
  await guess(person, "2001:db8:77::1");
  const stored = await latchkey.sql("SELECT * FROM attempts");
  const { calls } = await latchkey.counters();
  assert.ok(stored.length > 0 && calls.some((call) => call.startsWith("limiter: ")));
  // Registrations are counted by the hour, without an address.
  for (const { account, client } of stored.filter((row) => row.account !== "registrations")) {
    assert.match(account, /^[au][A-Za-z0-9_-]{22}$/);
    assert.match(client, /^[cds][A-Za-z0-9_-]{22}$/);
  }
  for (const call of calls.filter((one) => one.startsWith("limiter: ")))
    assert.match(call, /^limiter: \w+:c[A-Za-z0-9_-]{22}$/);
  const everything = JSON.stringify([stored, calls, (await (await latchkey.kv()).list()).keys]);
  for (const planted of [person.email, person.email.split("@")[0], "203.0.113", "2001:db8"])
    assert.ok(!everything.includes(planted), planted);
});

describe("the platform's limiters", () => {
  test("answer 429 with Retry-After before anything is read, by route and client", async () => {
    const limitedRoutes = ROUTES.filter(({ limiter }) => limiter !== null);
    const limited = await startLatchkey({
      entry: CHAOS,
      limits: Object.fromEntries(limitedRoutes.map(({ limiter }) => [limiter, { limit: 2, period: 60 }])),
    });
    try {
      const client = new Client(limited);
      const from = (address) => ({ headers: { "CF-Connecting-IP": address } });
      for (const { method, path, body: types } of limitedRoutes.filter(({ counted }) =>
        counted.startsWith("by client"),
      )) {
        const send = (address, body = "{}") =>
          client.fetch(path, {
            method,
            ...(types && { body }),
            headers: { "Content-Type": "application/json", "CF-Connecting-IP": address },
          });
        assert.notEqual((await send("2001:db8::1")).status, 429);
        assert.notEqual((await send("2001:db8::2")).status, 429);
        await limited.resetCounters();
        const refused = await send("2001:DB8:0:0::3", "x".repeat(10_000));
        assert.equal(refused.status, 429, path);
        assert.equal(refused.json.code, "too_many_requests");
        assert.ok(Number(refused.headers.get("Retry-After")) > 0);
        const { kvGet, limiter, calls } = await limited.counters();
        assert.deepEqual({ kvGet, limiter }, { kvGet: 0, limiter: 1 });
        // The first one is written to the audit log, after the answer.
        assert.deepEqual(
          calls.filter((call) => call.startsWith("d1") && !call.includes("INSERT INTO audit_log")),
          [],
        );
        assert.notEqual((await send("2001:db8:0:1::1")).status, 429);
      }
      // Without a token there is nothing to be limited: nobody uses up what people behind one address have.
      for (const route of WITH_PROOF) {
        const [path, init] = wholeRequest(route);
        for (let i = 0; i < 4; i += 1)
          assert.equal((await client.fetch(path, { ...init, ...from("2001:db8::1") })).status, 401, path);
      }
      assert.equal((await client.get("/health", from("2001:db8::1"))).status, 200);
    } finally {
      await limited.dispose();
    }
  });

  test("count each session by itself, and people behind one address do not share a budget", async () => {
    const limited = await startLatchkey({ entry: CHAOS, limits: { SESSION_LIMITER: { limit: 3, period: 60 } } });
    try {
      const [one, other] = [await signUp(limited), await signUp(limited)];
      const statuses = [];
      for (let i = 0; i < 5; i += 1) statuses.push((await one.client.post(REFRESH)).status);
      assert.deepEqual(statuses, [204, 204, 204, 429, 429]);
      assert.equal((await other.client.post(REFRESH)).status, 204);
      // Another operation of the same session has a separate budget.
      assert.equal((await one.client.get("/api/account/sessions")).status, 200);
    } finally {
      await limited.dispose();
    }
  });

  /** @type {[what: string, options: Options, control: Partial<Control>][]} */
  const BROKEN = [
    ["throw", { entry: CHAOS }, { faults: [{ on: "limiter", how: "fail" }] }],
    // A text in the place of the binding.
    [
      "are no limiters",
      { entry: CHAOS, vars: { LOGIN_LIMITER: "x", REGISTER_LIMITER: "x", NETWORK_LIMITER: "x", SESSION_LIMITER: "x" } },
      {},
    ],
  ];
  for (const [what, options, control] of BROKEN) {
    test(`that ${what} let requests on, the database still counts, and the log says so once`, async () => {
      const broken = await startLatchkey(options);
      try {
        await broken.control(control);
        const [person, nobody] = [await register(broken), { email: newEmail() }];
        for (const { email } of [person, nobody]) {
          const statuses = [];
          for (let i = 0; i < FREE_FAILURES + 2; i += 1) {
            statuses.push(
              (await new Client(broken).post(LOGIN, { json: { username: email, password: WRONG } })).status,
            );
          }
          assert.deepEqual(statuses.slice(0, FREE_FAILURES), new Array(FREE_FAILURES).fill(401));
          assert.ok(statuses.slice(FREE_FAILURES).includes(429));
        }
        const lines = broken.logs
          .map(({ message }) => JSON.parse(message))
          .filter(({ event }) => event === "limiter.failure");
        assert.equal(lines.length, 1);
        assert.equal(lines[0].level, "error");
      } finally {
        await broken.dispose();
      }
    });
  }
});
