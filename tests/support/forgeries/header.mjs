/** Invalid headers: another algorithm, type or key, or additional members. */
import { createHmac, createPublicKey } from "node:crypto";
import { refreshKey } from "../../../harness/tokens.mjs";
import { encode, family, stranger, without } from "./kit.mjs";

const strangersJwk = createPublicKey(stranger).export({ format: "jwk" });

export const algorithms = family("algorithm", [
  ...["none", "None", "NONE", "nOnE", ""].map((alg) => [
    `${alg || "empty"}, unsigned`,
    (kit) => kit.token({ head: { ...kit.header, alg }, signature: "" }),
  ]),
  ...[
    "none",
    "eddsa",
    "EDDSA",
    "EdDSA ",
    " EdDSA",
    "EdDSA\0",
    "Ed25519",
    "Ed448",
    "ES256",
    "RS256",
    "PS256",
    "HS256",
    "HS384",
    "hs512",
    "HS512 ",
    "",
    null,
    0,
    true,
    ["EdDSA"],
    ["HS512"],
    { alg: "EdDSA" },
  ].map((alg) => [`${JSON.stringify(alg)}, rightly signed`, (kit) => kit.withHeader({ alg })]),
  ["missing", (kit) => kit.token({ head: without(kit.header, "alg") })],
  ["HS256 under the raw public key", (kit) => hmac(kit, "HS256", Buffer.from(kit.jwk.x, "base64url"))],
  ["HS256 under the public key's text", (kit) => hmac(kit, "HS256", kit.jwk.x)],
  ["HS256 under the public key's PEM", (kit) => hmac(kit, "HS256", publicKey(kit, { type: "spki", format: "pem" }))],
  ["HS512 under the public key's DER", (kit) => hmac(kit, "HS512", publicKey(kit, { type: "spki", format: "der" }))],
  ["HS256 under an empty secret", (kit) => hmac(kit, "HS256", "")],
  ["HS512 under an empty secret", (kit) => hmac(kit, "HS512", "")],
  ["HS512 under the private key", (kit) => hmac(kit, "HS512", Buffer.from(kit.jwk.d, "base64url"))],
  ["HS512 under the raw public key", (kit) => hmac(kit, "HS512", Buffer.from(kit.jwk.x, "base64url"))],
  [
    "the other kind's, rightly signed",
    (kit) => kit.withHeader({ alg: kit.header.alg === "EdDSA" ? "HS512" : "EdDSA" }),
  ],
  [
    "its own by name, the other kind's in truth",
    (kit) => (kit.header.alg === "EdDSA" ? hmac(kit, "EdDSA", refreshKey(kit.jwk).secret) : kit.token({ by: kit.key })),
  ],
  [
    "the other kind's by name and in truth",
    (kit) =>
      kit.header.alg === "EdDSA"
        ? hmac(kit, "HS512", refreshKey(kit.jwk).secret)
        : kit.token({ head: { ...kit.header, alg: "EdDSA" }, by: kit.key }),
  ],
]);

export const types = family("typ", [
  ...["JWT", "jwt", "application/at+jwt", "", null, 1, "id+jwt"].map((typ) => [
    JSON.stringify(typ),
    (kit) => kit.withHeader({ typ }),
  ]),
  ["in capitals", (kit) => kit.withHeader({ typ: kit.header.typ.toUpperCase() })],
  ["with a blank behind", (kit) => kit.withHeader({ typ: `${kit.header.typ} ` })],
  ["with a NUL behind", (kit) => kit.withHeader({ typ: `${kit.header.typ}\0` })],
  ["with its media type's tree", (kit) => kit.withHeader({ typ: `application/${kit.header.typ}` })],
  ["in a list", (kit) => kit.withHeader({ typ: [kit.header.typ] })],
  ["missing", (kit) => kit.token({ head: without(kit.header, "typ") })],
]);

export const keyIds = family("kid", [
  ...[
    "",
    "unknown",
    "*",
    "0",
    "../../../../dev/null",
    "/proc/self/environ",
    "' OR '1'='1",
    "x' UNION SELECT 'k",
    "|/bin/sleep 5",
    "https://evil.example/key",
    "__proto__",
    "constructor",
    "k".repeat(1_024),
    null,
    0,
    true,
    {},
  ].map((kid) => [JSON.stringify(kid).slice(0, 40), (kit) => kit.withHeader({ kid })]),
  ["in a list", (kit) => kit.withHeader({ kid: [kit.jwk.kid] })],
  ["missing", (kit) => kit.token({ head: without(kit.header, "kid") })],
  ["with a NUL behind", (kit) => kit.withHeader({ kid: `${kit.jwk.kid}\0` })],
  ["in the other case", (kit) => kit.withHeader({ kid: swapCase(kit.jwk.kid) })],
  ["all but its last character", (kit) => kit.withHeader({ kid: kit.jwk.kid.slice(0, -1) })],
  ["one of a stranger's key", (kit) => kit.token({ head: { ...kit.header, kid: "stranger" }, by: stranger })],
]);

export const members = family("header member", [
  ["jwk, signed by it", (kit) => kit.token({ head: { ...kit.header, jwk: strangersJwk }, by: stranger })],
  [
    "jwk without kid, signed by it",
    (kit) => kit.token({ head: { ...without(kit.header, "kid"), jwk: strangersJwk }, by: stranger }),
  ],
  ...Object.entries({
    jwk: strangersJwk,
    jku: "https://evil.example/jwks.json",
    x5u: "https://evil.example/cert.pem",
    x5c: ["MIIB"],
    x5t: "AAAA",
    "x5t#S256": "AAAA",
    zip: "DEF",
    cty: "JWT",
    enc: "A256GCM",
    epk: strangersJwk,
    apu: "AAAA",
    p2c: 2_000_000_000,
    iss: "http://localhost:8787",
    ALG: "none",
    "": "",
    __proto__x: {},
  }).map(([name, value]) => [`${name || "without a name"}`, (kit) => kit.withHeader({ [name]: value })]),
  ["crit, empty", (kit) => kit.withHeader({ crit: [] })],
  ["crit with exp", (kit) => kit.withHeader({ crit: ["exp"] })],
  ["crit with an unknown name", (kit) => kit.withHeader({ crit: ["x"], x: true })],
  ["b64 false with crit", (kit) => kit.withHeader({ b64: false, crit: ["b64"] })],
]);

function hmac(kit, algorithm, secret) {
  const head = { ...kit.header, alg: algorithm };
  const input = `${encode(head)}.${encode(kit.claims)}`;
  const hash = algorithm === "EdDSA" ? "sha512" : algorithm.replace("HS", "sha");
  return kit.token({ head, signature: createHmac(hash, secret).update(input).digest() });
}

function publicKey(kit, options) {
  return createPublicKey(kit.key).export(options);
}

function swapCase(text) {
  return text.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));
}
