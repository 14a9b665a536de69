/**
 * Forged tokens, each in both cookies and for every policy that reads one:
 * never a 2xx, never a 5xx, no session changed; and authentic tokens are
 * accepted.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeKeys } from "../scripts/make-keys.mjs";
import { Client } from "../harness/client.mjs";
import { ACCESS, FORGERIES, MAX_TOKEN_BYTES, REFRESH, toolkit } from "./support/forgeries.mjs";
import { cookieOf } from "./support/holders.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES, openedBy } from "./support/routes.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";

/** @import { Kit } from "./support/forgeries/kit.mjs" */

const BASE = "https://auth.example.com/api/account";
const COOKIES = { [ACCESS]: "__Host-access_token", [REFRESH]: "__Host-refresh_token" };
const LIFETIMES = { [ACCESS]: 600, [REFRESH]: 604_800 };
const EMAIL = "ada@example.com";
const PASSWORD = "correct horse battery staple";
const NOW = Date.UTC(2031, 0, 2, 3, 4, 5);

let latchkey;
before(async () => {
  // Two keys: the first signs, both verify.
  const keys = [makeKeys(), makeKeys()].flatMap((set) => JSON.parse(set).keys);
  latchkey = await startLatchkey({
    vars: { ISSUER: new URL(BASE).origin },
    entry: CHAOS,
    secrets: { JWT_KEYS: JSON.stringify({ keys }) },
  });
  await latchkey.control({ nowMs: NOW });
  const created = await new Client(latchkey).post(`${BASE}/register`, { json: { email: EMAIL, password: PASSWORD } });
  assert.equal(created.status, 201);
});
after(() => latchkey.dispose());

/** A new session, and what a forger of its tokens would work with. */
async function session({ jwk = latchkey.keys.keys[0] } = {}) {
  const client = new Client(latchkey);
  const answer = await client.post(`${BASE}/login`, { form: { username: EMAIL, password: PASSWORD } });
  assert.equal(answer.status, 204);
  const [access, refresh] = [ACCESS, REFRESH].map((kind) => {
    const original = cookieOf(client, COOKIES[kind]).value;
    return toolkit({ jwk, lifetime: LIFETIMES[kind], original });
  });
  access.other = refresh;
  refresh.other = access;
  return { [ACCESS]: access, [REFRESH]: refresh };
}

/**
 * The requests that look at a token of this kind; each would have its full effect.
 *
 * @type {Record<string, any[]>}
 */
const ATTACKS = {
  [ACCESS]: openedBy("access"),
  [REFRESH]: openedBy("refresh"),
};
const attack = (name) => ROUTES.find(({ operation }) => operation === name);
const [READ, RENEW, LOG_OUT] = ["AccountProfile", "RefreshAccessToken", "AccountLogout"].map(attack);

async function send(kind, token, route) {
  const headers = { Cookie: `${COOKIES[kind]}=${token}` };
  const [path, init] = wholeRequest(route);
  return new Client(latchkey).fetch(new URL(path, BASE).href, { headers, ...init });
}

async function state() {
  const sessions = await latchkey.sql("SELECT * FROM sessions ORDER BY id");
  const users = await latchkey.sql("SELECT * FROM users ORDER BY id");
  return JSON.stringify({ sessions, users });
}

test("there are at least 150 forgeries, each with a name of its own", () => {
  const names = new Set(FORGERIES.map(({ family, name }) => `${family}: ${name}`));
  assert.equal(names.size, FORGERIES.length);
  assert.ok(names.size >= 150, `${names.size} forgeries`);
});

describe("forged", () => {
  let kits;
  let untouched;
  before(async () => {
    kits = await session();
    untouched = await state();
  });

  for (const family of new Set(FORGERIES.map(({ family }) => family))) {
    const members = FORGERIES.filter((one) => one.family === family);
    test(`${family}: ${members.length} tokens are refused in each cookie`, async () => {
      for (const forgery of members) {
        for (const kind of forgery.only ? [forgery.only] : [ACCESS, REFRESH]) {
          const token = forgery.make(kits[kind]);
          assert.notEqual(token, kits[kind].original, forgery.name);
          // Who holds an expired token may log out.
          const attacks = ATTACKS[kind].filter((route) => !(forgery.expired && route === LOG_OUT));
          const answers = await Promise.all(attacks.map((attack) => send(kind, token, attack)));
          for (const [i, answer] of answers.entries()) {
            const attack = attacks[i];
            const what = `${family}: ${forgery.name}, ${kind}, ${attack.operation}: ${answer.text}`;
            assert.equal(answer.status, 401, what);
            assert.equal(answer.json.code, forgery.expired ? "token_expired" : "invalid_token", what);
            assert.ok(
              [...answer.setCookies.values()].every(({ value }) => value === ""),
              what,
            );
          }
        }
      }
      assert.equal(await state(), untouched);
    });
  }

  test("and the real tokens still count afterwards", async () => {
    assert.equal((await send(ACCESS, kits.access.original, READ)).status, 200);
    assert.equal((await send(REFRESH, kits.refresh.original, RENEW)).status, 204);
  });
});

describe("not forged", () => {
  /** @type {[name: string, make: (kit: Kit) => string][]} */
  const CONTROLS = [
    ["as it was issued", (kit) => kit.original],
    ["made again, byte for byte", (kit) => kit.token()],
    [
      "with its members in another order",
      (kit) => kit.token({ body: Object.fromEntries(Object.entries(kit.claims).reverse()) }),
    ],
    ["with blanks in its JSON", (kit) => kit.token({ body: JSON.stringify(kit.claims, null, 1) })],
    [
      "with a name in escapes",
      (kit) => kit.token({ body: JSON.stringify(kit.claims).replace('"sub"', '"\\u0073ub"') }),
    ],
    ["as long as allowed", (kit) => kit.ofSize(MAX_TOKEN_BYTES)],
    ["in its last second", (kit) => kit.withClaims({ iat: kit.claims.iat - 60, exp: kit.claims.iat + 1 })],
    ["issued in five seconds", (kit) => kit.withClaims({ iat: kit.claims.iat + 5 })],
    ["as long-lived as configured", (kit) => kit.withClaims({ exp: kit.claims.iat + kit.lifetime })],
  ];
  for (const [name, make] of CONTROLS) {
    test(`a token ${name} is accepted`, async () => {
      const kits = await session();
      assert.equal((await send(ACCESS, make(kits.access), READ)).status, 200);
      assert.equal((await send(REFRESH, make(kits.refresh), RENEW)).status, 204);
    });
  }

  test("a token made again is the one that was issued: signing is deterministic", async () => {
    const { access, refresh } = await session();
    assert.equal(access.token(), access.original);
    assert.equal(refresh.token(), refresh.original);
  });

  test("a token under the second key is accepted", async () => {
    const kits = await session({ jwk: latchkey.keys.keys[1] });
    assert.equal((await send(ACCESS, kits.access.token(), READ)).status, 200);
    assert.equal((await send(REFRESH, kits.refresh.token(), RENEW)).status, 204);
  });

  test("an expired token still ends its session, with either cookie", async () => {
    for (const kind of [ACCESS, REFRESH]) {
      const kits = await session();
      const over = kits[kind].withClaims({ iat: kits[kind].claims.iat - 60, exp: kits[kind].claims.iat });
      assert.equal((await send(kind, over, LOG_OUT)).status, 204);
      const [row] = await latchkey.sql("SELECT end_reason FROM sessions WHERE id = ?1", kits[kind].claims.sid);
      assert.equal(row.end_reason, "logout");
    }
  });
});
