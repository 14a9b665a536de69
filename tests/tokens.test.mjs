/**
 * The contents of tokens, byte for byte, and which ones are refused: each wrong
 * or forged token goes into both cookies of every endpoint that reads one, and
 * is a 401 that changes nothing (docs/http.md, section 3).
 */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER } from "../harness/mails.mjs";
import {
  LOGOUT,
  PASSWORD,
  PASSWORD_PATH,
  PROFILE,
  REFRESH,
  logIn,
  sessionsOf,
  signUp,
  snapshot,
  tokenOf,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { openedBy } from "./support/routes.mjs";
import {
  decode,
  foreignKey,
  forge,
  forgeHmac,
  forgeUnsigned,
  randomId,
  refreshKey,
  twice,
  without,
} from "../harness/tokens.mjs";

const ISSUER = "https://auth.example.com";
const ACCESS = "__Host-access_token";
const REFRESH_COOKIE = "__Host-refresh_token";
const NOW = Date.UTC(2027, 5, 1) / 1_000;
const HEADER_MEMBERS = ["alg", "kid", "typ"];
const ACCESS_CLAIMS = ["aud", "exp", "iat", "iss", "jti", "role", "sid", "sub"];
const REFRESH_CLAIMS = ["aud", "exp", "iat", "iss", "jti", "sid", "sub"];

let latchkey;
let key;
let person;
let other;
/** The user's parsed tokens; `token` is the original. */
let access;
let refresh;
before(async () => {
  latchkey = await startLatchkey({
    vars: { ...MAIL_BY_PROVIDER, ISSUER, AUDIENCE: "https://api.example.com" },
    entry: CHAOS,
  });
  await latchkey.control({ nowMs: NOW * 1_000 });
  [key] = latchkey.keys.keys;
  person = await signUp(latchkey, { name: "Ada Lovelace" });
  other = await signUp(latchkey);
  access = { key, token: tokenOf(person.client, "access_token"), ...decode(tokenOf(person.client, "access_token")) };
  refresh = {
    key: refreshKey(key),
    token: tokenOf(person.client, "refresh_token"),
    ...decode(tokenOf(person.client, "refresh_token")),
  };
});
beforeEach(() => latchkey.control({ reset: true, nowMs: NOW * 1_000 }));
after(() => latchkey.dispose());

const change = { json: { currentPassword: PASSWORD, newPassword: "a new horse battery staple" } };
const send = (cookies, method, path, init) =>
  new Client(latchkey).fetch(path, {
    method,
    ...init,
    headers: { Cookie: cookies.map(([name, value]) => `${name}=${value}`).join("; ") },
  });
const profile = (token) => send([[ACCESS, token]], "GET", PROFILE);

/** Every endpoint that reads the cookie of this kind, with only that cookie. */
const READERS = {
  [ACCESS]: readers("access"),
  [REFRESH_COOKIE]: readers("refresh"),
};
function readers(kind) {
  return openedBy(kind).map((route) => {
    const [path, { method, ...init }] = wholeRequest(route);
    return [method, path, init];
  });
}

/** The tokens (`[what, token]`) are believed nowhere, in either cookie, and change nothing. */
async function believedNowhere(tokens) {
  const before = await snapshot(latchkey);
  for (const [what, token] of tokens) {
    const tries = Object.entries(READERS).flatMap(([name, requests]) => requests.map((request) => [name, ...request]));
    await Promise.all(
      tries.map(async ([name, method, path, init]) => {
        const answer = await send([[name, token]], method, path, init);
        const error = path === REFRESH ? "invalid_grant" : undefined;
        assertProblem(answer, "invalid_token", { error, message: `${what}, as ${name} on ${method} ${path}:` });
      }),
    );
  }
  assert.deepEqual(await snapshot(latchkey), before);
}

describe("issued tokens", () => {
  test("have exactly the contract's header and claims", () => {
    for (const { header } of [access, refresh]) assert.deepEqual(Object.keys(header).sort(), HEADER_MEMBERS);
    assert.deepEqual([access.header.alg, access.header.typ, access.header.kid], ["EdDSA", "at+jwt", key.kid]);
    assert.deepEqual([refresh.header.alg, refresh.header.typ, refresh.header.kid], ["HS512", "rt+jwt", key.kid]);
    assert.deepEqual(Object.keys(access.claims).sort(), ACCESS_CLAIMS);
    assert.deepEqual(Object.keys(refresh.claims).sort(), REFRESH_CLAIMS);
    const { jti, sid, ...rest } = access.claims;
    assert.deepEqual(rest, {
      iss: ISSUER,
      aud: "https://api.example.com",
      sub: person.id,
      role: "application-access",
      iat: NOW,
      exp: NOW + 600,
    });
    const { jti: refreshId, ...claims } = refresh.claims;
    assert.deepEqual(claims, { iss: ISSUER, aud: ISSUER, sub: person.id, sid, iat: NOW, exp: NOW + 604_800 });
    for (const id of [jti, sid, refreshId]) {
      assert.match(id, /^[A-Za-z0-9_-]{22,}$/);
      assert.ok(Buffer.from(id, "base64url").length >= 16);
    }
    assert.equal(new Set([jti, sid, refreshId]).size, 3);
  });

  test("are signed by the first key, and hold neither address nor name", () => {
    for (const { key, token, header, claims, parts } of [access, refresh]) {
      assert.equal(
        forge(key, Buffer.from(parts[0], "base64url").toString(), Buffer.from(parts[1], "base64url").toString()),
        token,
      );
      assert.doesNotMatch(JSON.stringify([header, claims]), /example\.com"?,?.*@|person\d|Ada|Lovelace/);
      assert.ok(!JSON.stringify([header, claims]).includes(person.email));
      assert.ok(token.length <= 2_048);
    }
  });

  test("share nothing from login to login but what they must", async () => {
    const again = decode(tokenOf(await logIn(latchkey, person), "refresh_token"));
    assert.notEqual(again.claims.sid, refresh.claims.sid);
    assert.notEqual(again.claims.jti, refresh.claims.jti);
  });

  test("live as long as the settings say", async () => {
    const vars = { ACCESS_TOKEN_TTL_SECONDS: 60, REFRESH_IDLE_TTL_SECONDS: 300, REFRESH_ABSOLUTE_TTL_SECONDS: 301 };
    const short = await startLatchkey({ vars });
    try {
      const { client } = await signUp(short);
      const lifetime = (name) => decode(tokenOf(client, name)).claims.exp - decode(tokenOf(client, name)).claims.iat;
      assert.deepEqual([lifetime("access_token"), lifetime("refresh_token")], [60, 300]);
    } finally {
      await short.dispose();
    }
  });
});

test("tokens that are forged without a fault, with the right key, are believed", async () => {
  const { header, claims } = access;
  assert.equal((await profile(access.token)).status, 200);
  const forged = forge(key, { kid: header.kid, typ: "at+jwt", alg: "EdDSA" }, { ...claims, jti: randomId() });
  assert.equal((await profile(forged)).status, 200);
  assert.equal((await send([[ACCESS, forged]], "PATCH", PASSWORD_PATH, { json: {} })).status, 422);
  const another = await logIn(latchkey, person);
  const { header: ours, claims: theirs } = decode(tokenOf(another, "refresh_token"));
  assert.equal((await send([[REFRESH_COOKIE, forge(refreshKey(key), ours, theirs)]], "POST", REFRESH)).status, 204);
  const own = decode(tokenOf(another, "access_token"));
  assert.equal(
    (await send([[ACCESS, forge(key, own.header, { ...own.claims, jti: randomId() })]], "POST", LOGOUT)).status,
    204,
  );
});

describe("not believed in either cookie:", () => {
  /** Each family makes `[what, token]` of a token that is in order. */
  const families = {
    "an algorithm of the attacker's choice": ({ header, claims, key }) => {
      const publicKey = createPublicKey({ key: { ...without(key, "d") }, format: "jwk" });
      const secrets = {
        raw: Buffer.from(key.x, "base64url"),
        base64url: key.x,
        PEM: publicKey.export({ type: "spki", format: "pem" }),
        DER: publicKey.export({ type: "spki", format: "der" }),
      };
      return [
        ...["none", "None", "NONE", "nOnE", ""].map((alg) => [
          `alg ${alg}, unsigned`,
          forgeUnsigned({ ...header, alg }, claims),
        ]),
        ...["none", "EDDSA", "Ed25519", "ES256", "HS256", "RS256", null, 0, ["EdDSA"]].map((alg) => [
          `alg ${alg}, signed`,
          forge(key, { ...header, alg }, claims),
        ]),
        ...Object.entries(secrets).map(([form, secret]) => [
          `HS256 with the public key (${form})`,
          forgeHmac(secret, { ...header, alg: "HS256" }, claims),
        ]),
        ["its own by name, HMAC under the public key in truth", forgeHmac(secrets.raw, header, claims)],
        ["its own without a signature", forgeUnsigned(header, claims)],
      ];
    },
    "another key": ({ header, claims, key }) => {
      const foreign = foreignKey(key.kid);
      return [
        ["another key under our kid", forge(foreign, header, claims)],
        ["another key under its own kid", forge(foreign, { ...header, kid: "foreign" }, claims)],
        ["another key that comes along", forge(foreign, { ...header, jwk: without(foreign, "d") }, claims)],
        ["another key by URL", forge(foreign, { ...header, jku: "https://evil.example/jwks.json" }, claims)],
        ...["", "0", key.kid.slice(1), `${key.kid} `, key.kid.toUpperCase(), "../../dev/null", 0, null].map((kid) => [
          `kid ${kid}`,
          forge(key, { ...header, kid }, claims),
        ]),
      ];
    },
    "another kind or header": ({ header, claims, key }) => [
      ...["JWT", "jwt", "at+jwt ", "application/at+jwt", "rt+jwtx", "", null, 1].map((typ) => [
        `typ ${typ}`,
        forge(key, { ...header, typ }, claims),
      ]),
      ["the other kind's typ", forge(key, { ...header, typ: header.typ === "at+jwt" ? "rt+jwt" : "at+jwt" }, claims)],
      ...HEADER_MEMBERS.flatMap((name) => [
        [`no ${name}`, forge(key, without(header, name), claims)],
        [`${name} twice`, forge(key, twice(header, name), claims)],
      ]),
      ...["cty", "crit", "x5c", "b64", "zqx"].map((name) => [
        `extra ${name}`,
        forge(key, { ...header, [name]: name === "crit" ? ["b64"] : "x" }, claims),
      ]),
      ["a header that is no object", forge(key, "[]", claims)],
      ["a header that is no JSON", forge(key, "zqx", claims)],
    ],
    "claims that are missing, twice or too many": ({ header, claims, key }) => [
      ...Object.keys(claims).flatMap((name) => [
        [`no ${name}`, forge(key, header, without(claims, name))],
        [`${name} twice`, forge(key, header, twice(claims, name))],
        [`${name} null`, forge(key, header, { ...claims, [name]: null })],
      ]),
      ...["nbf", "scope", "email", "zqx"].map((name) => [
        `extra ${name}`,
        forge(key, header, { ...claims, [name]: 1 }),
      ]),
      ["claims that are no object", forge(key, header, "[]")],
      ["claims that are no JSON", forge(key, header, "zqx")],
      ["claims and something more", forge(key, header, `${JSON.stringify(claims)}{}`)],
    ],
    "claims of a wrong type or value": ({ header, claims, key }) => {
      const wrong = {
        iss: ["", `${ISSUER}/`, "https://evil.example", "http://auth.example.com", [ISSUER], 1],
        aud: ["", "https://evil.example", claims.aud.toUpperCase(), [claims.aud], [claims.aud, "x"], 1],
        sub: [
          "",
          claims.sub.toUpperCase(),
          `{${claims.sub}}`,
          claims.sub.replaceAll("-", ""),
          "00000000-0000-0000-0000-00000000000",
          1,
        ],
        sid: ["", `${claims.sid}=`, claims.sid.slice(1), `${claims.sid}A`, 1],
        jti: ["", `${claims.jti}=`, claims.jti.slice(1), 1],
        iat: [NOW + 6, -1, `${NOW}`, NOW + 0.5, 1e300, true],
        exp: [
          NOW + 100_000_000,
          claims.exp + 1,
          `${claims.exp}`,
          claims.exp + 0.5,
          claims.iat,
          claims.iat - 1,
          1e300,
          -1,
        ],
      };
      return Object.entries(wrong).flatMap(([name, values]) =>
        values.map((value) => [`${name} ${JSON.stringify(value)}`, forge(key, header, { ...claims, [name]: value })]),
      );
    },
    "another structure or encoding": ({ token, parts: [header, claims, signature] }) => {
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      // 64 bytes of signature leave 4 bits of the last letter unused.
      const trailing = signature.slice(0, -1) + letters[letters.indexOf(signature.at(-1)) + 1];
      const flip = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      return [
        ["trailing bits", `${header}.${claims}.${trailing}`],
        ["padding", `${token}==`],
        ["padding inside", `${header}=.${claims}.${signature}`],
        ["no signature", `${header}.${claims}.`],
        ["two parts", `${header}.${claims}`],
        ["four parts", `${token}.${signature}`],
        ["five parts", `${token}.x.y`],
        ["a dot more", `${token}.`],
        ["a dot before", `.${token}`],
        ["dots", ".."],
        ["a word", "zqx"],
        ["a short signature", `${header}.${claims}.${signature.slice(0, -4)}`],
        ["a changed signature", `${header}.${claims}.${flip(signature, 10)}`],
        ["a changed claim", `${header}.${flip(claims, 20)}.${signature}`],
        ["a changed header", `${flip(header, 4)}.${claims}.${signature}`],
        ["parts in another order", `${claims}.${header}.${signature}`],
        ["standard base64", `${header}.${claims}.${signature.replace(/[-_]/g, "+")}+`],
        ["JSON", encodeURIComponent(`{"payload":"${claims}"}`)],
        ["garbage", "\u0001\u0002".replace(/./g, "%")],
        ["10 kB of garbage", "a".repeat(10_000)],
        ["10 kB behind it", `${token}.${"a".repeat(10_000)}`],
        ["one quote", `"${token}`],
        ["single quotes", `'${token}'`],
        ["Bearer", `Bearer ${token}`],
      ];
    },
  };
  for (const [family, make] of Object.entries(families)) {
    test(`${family}`, async () => {
      for (const good of [access, refresh]) {
        const forgeries = make(good).map(([what, token]) => [`${good.header.typ}: ${what}`, token]);
        for (const [what, token] of forgeries) assert.notEqual(token, good.token, what);
        await believedNowhere(forgeries);
      }
      assert.equal((await profile(access.token)).status, 200, "the genuine one still is");
    });
  }

  test("a refresh token as access token, and back", async () => {
    const before = await snapshot(latchkey);
    for (const [name, token] of [
      [ACCESS, refresh.token],
      [REFRESH_COOKIE, access.token],
    ]) {
      for (const [method, path, init] of READERS[name]) {
        assertProblem(await send([[name, token]], method, path, init), "invalid_token", {
          error: path === REFRESH ? "invalid_grant" : undefined,
        });
      }
    }
    assertProblem(
      await send(
        [
          [ACCESS, refresh.token],
          [REFRESH_COOKIE, access.token],
        ],
        "POST",
        LOGOUT,
      ),
      "invalid_token",
    );
    const claims = { ...refresh.claims, aud: access.claims.aud, exp: NOW + 600 };
    await believedNowhere([
      ["refresh claims under at+jwt", forge(key, access.header, claims)],
      ["refresh claims under at+jwt, signed as a refresh token", forge(refreshKey(key), access.header, claims)],
      ["access claims under rt+jwt", forge(refreshKey(key), refresh.header, access.claims)],
    ]);
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("unknown users and sessions, and the session of another", async () => {
    const before = await snapshot(latchkey);
    const stranger = "0190a000-0000-7000-8000-000000000000";
    const [{ id: otherSession }] = await sessionsOf(latchkey, other);
    for (const change_ of [
      { sub: stranger },
      { sid: randomId() },
      { sub: stranger, sid: randomId() },
      { sub: other.id },
      { sid: otherSession },
    ]) {
      for (const [method, path, init] of READERS[ACCESS].filter(([, path]) => path !== LOGOUT)) {
        const token = forge(key, access.header, { ...access.claims, ...change_ });
        assertProblem(await send([[ACCESS, token]], method, path, init), "invalid_token", {
          message: JSON.stringify(change_),
        });
      }
      const token = forge(refreshKey(key), refresh.header, { ...refresh.claims, ...change_ });
      assertProblem(await send([[REFRESH_COOKIE, token]], "POST", REFRESH), "invalid_token", {
        error: "invalid_grant",
      });
      // Authentic, but of no user: logging out ends nothing.
      assert.equal((await send([[REFRESH_COOKIE, token]], "POST", LOGOUT)).status, 204);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});

describe("times", () => {
  test("exp has no leeway, and says that the token has expired", async () => {
    const { client } = await signUp(latchkey);
    const at = async (seconds) => latchkey.control({ nowMs: (NOW + seconds) * 1_000 });
    await at(599.999);
    assert.equal((await client.get(PROFILE)).status, 200);
    await at(600);
    assertProblem(await client.get(PROFILE), "token_expired");
    assertProblem(await client.patch(PASSWORD_PATH, change), "token_expired");
    await at(604_799);
    assert.equal((await client.copy().post(REFRESH)).status, 204);
    await at(604_800);
    assertProblem(await client.post(REFRESH), "token_expired", { error: "invalid_grant" });
  });

  test("iat has five seconds", async () => {
    const issuedAt = (iat) => profile(forge(key, access.header, { ...access.claims, iat, exp: iat + 600 }));
    assert.equal((await issuedAt(NOW + 5)).status, 200);
    assertProblem(await issuedAt(NOW + 6), "invalid_token");
  });

  test("a lifetime is not longer than configured", async () => {
    const living = (iat, seconds) => profile(forge(key, access.header, { ...access.claims, iat, exp: iat + seconds }));
    assert.equal((await living(NOW - 10, 600)).status, 200);
    assertProblem(await living(NOW - 10, 601), "invalid_token");
  });
});

test("a token of 2,048 bytes is read, a longer one is not", async () => {
  const ofRole = (length) => forge(key, access.header, { ...access.claims, role: "r".repeat(length) });
  let length = 1;
  while (ofRole(length + 1).length <= 2_048) length += 1;
  assert.ok(ofRole(length).length > 2_044);
  assert.equal((await profile(ofRole(length))).status, 200);
  await believedNowhere([["over 2,048 bytes", ofRole(length + 1)]]);
});

test("with several keys the first signs and all verify; a retired key does not", async () => {
  const [old, fresh] = [foreignKey("old"), foreignKey("fresh")];
  const withKeys = (...keys) => startLatchkey({ vars: { ISSUER }, secrets: { JWT_KEYS: JSON.stringify({ keys }) } });
  const rotated = await withKeys(fresh, old);
  try {
    const { client } = await signUp(rotated);
    const { header, claims } = decode(tokenOf(client, "access_token"));
    assert.equal(header.kid, "fresh");
    const get = (token) => new Client(rotated).get(PROFILE, { headers: { Cookie: `${ACCESS}=${token}` } });
    assert.equal((await get(forge(old, { ...header, kid: "old" }, claims))).status, 200);
    assertProblem(await get(forge(old, { ...header, kid: "fresh" }, claims)), "invalid_token");
    assertProblem(await get(forge(key, { ...header, kid: key.kid }, claims)), "invalid_token");
  } finally {
    await rotated.dispose();
  }
});
