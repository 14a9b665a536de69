/** The published keys, as two libraries of others use them: jose in Node, PyJWT in Python. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { ROOT } from "../scripts/lib.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { decode, foreignKey, forge } from "../harness/tokens.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { signUp, tokenOf } from "./support/people.mjs";
import { linesOf, python } from "./support/programs.mjs";

const PATH = "/.well-known/jwks.json";
const UPSTREAM = "orders";
const [signing, second] = [makeKeys(), makeKeys()].map((set) => JSON.parse(set).keys[0]);
const { d: _, ...publicOnly } = JSON.parse(makeKeys()).keys[0];

let latchkey;
let person;
/** By `typ`: the audience, and a token that the service has issued. */
let issued;
before(async () => {
  const keys = JSON.stringify({ keys: [signing, second, publicOnly] });
  latchkey = await startLatchkey({ vars: { UPSTREAMS: UPSTREAM }, secrets: { JWT_KEYS: keys } });
  person = await signUp(latchkey);
  const verified = await person.client.get(`/api/account/verify?aud=${UPSTREAM}`);
  issued = {
    "at+jwt": { audience: "latchkey", token: tokenOf(person.client, "access_token") },
    "identity+jwt": { audience: UPSTREAM, token: verified.headers.get("X-Auth-Identity") },
  };
});
after(() => latchkey.dispose());

const address = () => new URL(PATH, latchkey.url).href;

test("the set has the public members of every key, and is for every cache", async () => {
  const answer = await latchkey.fetch(PATH);
  assert.equal(answer.headers.get("Cache-Control"), "public, max-age=600");
  assert.deepEqual(answer.headers.getSetCookie(), []);
  const { keys, ...rest } = await answer.json();
  assert.deepEqual(rest, {});
  const expected = [signing, second, publicOnly].map(({ kty, crv, x, kid }) => ({
    kty,
    crv,
    x,
    kid,
    alg: "EdDSA",
    use: "sig",
  }));
  assert.deepEqual(keys, expected);
  const withCookies = await person.client.get(PATH);
  assert.deepEqual(withCookies.json.keys, keys);
});

/** Tokens of one type that must not pass, by what is wrong. */
function forgeries({ token, audience }, typ) {
  const { header, claims } = decode(token);
  const past = { iat: claims.iat - 7_200, exp: claims.iat - 3_600 };
  return {
    expired: forge(signing, header, { ...claims, ...past }),
    "for another audience": forge(signing, header, { ...claims, aud: `not-${audience}` }),
    "of another issuer": forge(signing, header, { ...claims, iss: "https://elsewhere.example" }),
    "of another type": forge(signing, { ...header, typ: typ === "at+jwt" ? "identity+jwt" : "at+jwt" }, claims),
    "by an unknown key": forge(foreignKey("unknown"), { ...header, kid: "unknown" }, claims),
    "by another key under this name": forge(foreignKey(header.kid), header, claims),
    "a refresh token": tokenOf(person.client, "refresh_token"),
  };
}

for (const typ of ["at+jwt", "identity+jwt"]) {
  describe(`${typ}, verified by`, () => {
    test("jose", async () => {
      const { token, audience } = issued[typ];
      const keys = createRemoteJWKSet(new URL(address()));
      const rules = { issuer: latchkey.origin, audience, typ, algorithms: ["EdDSA"] };
      const { payload } = await jwtVerify(token, keys, rules);
      assert.equal(payload.sub, person.id);
      for (const [what, forged] of Object.entries(forgeries(issued[typ], typ))) {
        await assert.rejects(jwtVerify(forged, keys, rules), { code: /^ERR_J/ }, what);
      }
    });

    test("PyJWT", async () => {
      const { token, audience } = issued[typ];
      const forged = forgeries(issued[typ], typ);
      const script = join(ROOT, "tests", "support", "verify_token.py");
      const args = [script, address(), latchkey.origin, audience, typ];
      const lines = await linesOf(python(), args, [token, ...Object.values(forged)]);
      const [first, ...others] = lines.map((line) => JSON.parse(line));
      assert.equal(first.claims?.sub, person.id, lines[0]);
      assert.deepEqual(others.map(({ claims }, i) => claims && Object.keys(forged)[i]).filter(Boolean), []);
      assert.equal(others.length, Object.keys(forged).length);
    });
  });
}
