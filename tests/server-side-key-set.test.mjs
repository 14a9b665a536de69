/**
 * The key set as an authority, where Latchkey has refreshed and the new token
 * cannot be verified here. tests/frameworks/key-set.test.mjs has the rest, with
 * the built Latchkey.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { keySet } from "../client/server/key-set.mjs";
import { admit } from "../client/server/server.mjs";

const AUDIENCE = "latchkey";
const OLD = "refresh_token=old";

/** What Latchkey does at the moment; each test begins with a service that works. */
let latchkey;
let keys;
let issuer;
let server;

async function newKey(kid) {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" } };
}

function accessToken() {
  const { signing, audience, issuedAt } = latchkey;
  return new SignJWT({ sub: "ada", sid: "s", role: "editor", jti: "j" })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: signing.kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 600)
    .sign(signing.privateKey);
}

before(async () => {
  keys = [await newKey("first"), await newKey("second")];
  server = createServer(async ({ url, headers }, response) => {
    if (url === "/.well-known/jwks.json") {
      response.writeHead(latchkey.jwksStatus, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ keys: latchkey.published.map(({ jwk }) => jwk) }));
      return;
    }
    latchkey.refreshes.push(headers);
    const cookies = [`access_token=${await accessToken()}; Path=/`, "refresh_token=new; Path=/"];
    response.writeHead(204, { "Set-Cookie": cookies }).end();
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  issuer = `http://127.0.0.1:${server.address().port}`;
});
beforeEach(() => {
  latchkey = {
    signing: keys[0],
    published: [keys[0]],
    audience: AUDIENCE,
    issuedAt: Math.floor(Date.now() / 1_000),
    jwksStatus: 200,
    refreshes: [],
  };
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const PAGE = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin" };
const visit = (authority, headers = {}) =>
  admit(
    { method: "GET", url: "http://app/notes", headers: new Headers({ ...PAGE, Cookie: OLD, ...headers }) },
    authority,
    { protect: () => true },
  );
const authority = () => keySet({ issuer, audience: AUDIENCE });

test("a refresh whose token is good is the user's", async () => {
  const { caller, setCookies, refusal } = await visit(authority());
  assert.deepEqual([caller.user, setCookies.length, refusal], [{ id: "ada", roleSlug: "editor" }, 2, null]);
});

test("a refresh can name the visitor whose request has come", async () => {
  const named = keySet({
    issuer,
    audience: AUDIENCE,
    headers: ({ headers }) => ({ "X-Visitor": headers.get("X-Real-IP") ?? "" }),
  });
  await visit(named, { "X-Real-IP": "192.0.2.1", Cookie: "refresh_token=a" });
  await visit(named, { "X-Real-IP": "192.0.2.2", Cookie: "refresh_token=b" });
  const sent = latchkey.refreshes.map((headers) => [headers.cookie, headers["x-visitor"]]);
  assert.deepEqual(sent, [
    ["refresh_token=a", "192.0.2.1"],
    ["refresh_token=b", "192.0.2.2"],
  ]);
});

describe("a refresh that has happened is no log-out, and its cookies go out, when the new token", () => {
  const faults = {
    "meets a key set that is away": () => (latchkey.jwksStatus = 503),
    "is of a key that is not known here yet": () => (latchkey.signing = keys[1]),
    "is for another audience": () => (latchkey.audience = "other"),
    "has expired by the clock of this server": () => (latchkey.issuedAt -= 601),
  };
  for (const [name, breaks] of Object.entries(faults)) {
    test(name, async (t) => {
      const logged = t.mock.method(console, "error", () => {});
      breaks();
      const { caller, setCookies, cookie, refusal } = await visit(authority());
      assert.deepEqual([caller.status, caller.problem?.code, refusal?.status], ["unavailable", "unavailable", 503]);
      assert.deepEqual([setCookies.length, cookie.includes("refresh_token=new")], [2, true]);
      assert.equal(logged.mock.callCount(), 1, "the operator reads of it");
      const [{ arguments: said }] = logged.mock.calls;
      assert.doesNotMatch(String(said[0]), /eyJ/, "the log has no token");
    });
  }
});
