/** The form that a token must not have: its parts, their base64url and bytes, its size, its signature. */
import { createHmac, sign } from "node:crypto";
import { ACCESS, MAX_TOKEN_BYTES, encode, family, otherTrailingBits, stranger } from "./kit.mjs";

/** The order of Ed25519's group, for signatures that are right but for their form. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

export const structure = family("structure", [
  ["a word", () => "token"],
  ["dots", () => ".."],
  ["no signature part", (kit) => kit.token().split(".").slice(0, 2).join(".")],
  ["four parts", (kit) => `${kit.token()}.`],
  ["five parts, as a JWE", (kit) => `${kit.token()}.AAAA.AAAA`],
  ["a dot in front", (kit) => `.${kit.token()}`],
  ["an empty header", (kit) => kit.token({ head: "" })],
  ["empty claims", (kit) => kit.token({ body: "" })],
  ["header and claims exchanged", (kit) => kit.token({ head: kit.claims, body: kit.header })],
  ["a token as the claims of a token", (kit) => kit.token({ body: kit.token() })],
  ["a token as the claims, cty JWT", (kit) => kit.token({ head: { ...kit.header, cty: "JWT" }, body: kit.token() })],
  [
    "flattened JSON serialization",
    (kit) => {
      const [header, payload, signature] = kit.token().split(".");
      return encodeURIComponent(JSON.stringify({ protected: header, payload, signature }));
    },
  ],
  ...["null", "[]", "true", "1", '"x"', "{", "{}{}"].flatMap((text) => [
    [`header ${text}`, (kit) => kit.token({ head: text })],
    [`claims ${text}`, (kit) => kit.token({ body: text })],
  ]),
  ["header as a list of values", (kit) => kit.token({ head: Object.values(kit.header) })],
  ["claims as a list of values", (kit) => kit.token({ body: Object.values(kit.claims) })],
  [
    "header as a list of values, by another order",
    (kit) => kit.token({ head: ["alg", "typ", "kid"].map((name) => kit.header[name]) }),
  ],
  [
    "claims as a list of values, by another order",
    (kit) =>
      kit.token({
        body: ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"]
          .filter((name) => name in kit.claims)
          .map((name) => kit.claims[name]),
      }),
  ],
  ["claims in a list", (kit) => kit.token({ body: [kit.claims] })],
  ["something behind the claims", (kit) => kit.token({ body: `${JSON.stringify(kit.claims)}x` })],
  ["a comma behind the last claim", (kit) => kit.token({ body: JSON.stringify(kit.claims).replace("}", ",}") })],
  ["a comment in the claims", (kit) => kit.token({ body: JSON.stringify(kit.claims).replace("{", "{/**/") })],
  ["single quotes", (kit) => kit.token({ body: JSON.stringify(kit.claims).replaceAll('"', "'") })],
]);

export const base64 = family("base64url", [
  ...["header", "claims", "signature"].flatMap((name, part) => [
    [`padding behind the ${name}`, (kit) => inPart(kit.token(), part, (text) => `${text}=`)],
    [`two paddings behind the ${name}`, (kit) => inPart(kit.token(), part, (text) => `${text}==`)],
    [`a blank in the ${name}`, (kit) => inPart(kit.token(), part, (text) => `${text.slice(0, 5)} ${text.slice(5)}`)],
    [`a tab in the ${name}`, (kit) => inPart(kit.token(), part, (text) => `${text.slice(0, 5)}\t${text.slice(5)}`)],
    [
      `a percent sign in the ${name}`,
      (kit) => inPart(kit.token(), part, (text) => text.replace(/^./, (c) => `%${c.charCodeAt(0).toString(16)}`)),
    ],
    [`a foreign character in the ${name}`, (kit) => inPart(kit.token(), part, (text) => `${text.slice(0, -1)}!`)],
  ]),
  ["other trailing bits in the header", (kit) => inPart(withUnusedBits(kit, "head"), 0, otherTrailingBits)],
  [
    "other trailing bits in the header, signed so",
    (kit) => signedText(kit, inPart(withUnusedBits(kit, "head"), 0, otherTrailingBits)),
  ],
  [
    "other trailing bits in the claims, signed so",
    (kit) => signedText(kit, inPart(withUnusedBits(kit, "body"), 1, otherTrailingBits)),
  ],
  ["other trailing bits in the signature", (kit) => inPart(kit.token(), 2, otherTrailingBits)],
  [
    "padding behind the claims, signed so",
    (kit) =>
      signedText(
        kit,
        inPart(kit.token(), 1, (text) => text.padEnd(Math.ceil(text.length / 4) * 4 + 4, "=")),
      ),
  ],
  [
    "base64's alphabet in the signature",
    (kit) => inPart(withOwnCharacters(kit), 2, (text) => text.replaceAll("-", "+").replaceAll("_", "/")),
  ],
  ["one quote in front", (kit) => `"${kit.token()}`],
  ["one quote behind", (kit) => `${kit.token()}"`],
  ["two quotes around it", (kit) => `""${kit.token()}""`],
  ["single quotes around it", (kit) => `'${kit.token()}'`],
  ["Bearer in front of it", (kit) => `Bearer ${kit.token()}`],
  ["a character too few", (kit) => kit.token().slice(0, -1)],
  ["a character too many", (kit) => `${kit.token()}A`],
  [
    "in hexadecimal",
    (kit) =>
      kit
        .token()
        .split(".")
        .map((part) => Buffer.from(part, "base64url").toString("hex"))
        .join("."),
  ],
]);

export const encodings = family("encoding", [
  ["a byte order mark", (kit) => bytesOf(kit, (json) => `\ufeff${json}`)],
  ["UTF-16, little end first", (kit) => bytesOf(kit, (json) => Buffer.from(json, "utf16le"))],
  ["UTF-16, big end first", (kit) => bytesOf(kit, (json) => Buffer.from(json, "utf16le").swap16())],
  [
    "invalid UTF-8 in iss",
    (kit) => bytesOf(kit, (json) => Buffer.from(json.replace('"iss":"', '"iss":"\xff'), "latin1")),
  ],
  [
    "overlong UTF-8 in sub",
    (kit) => bytesOf(kit, (json) => Buffer.from(json.replace('"sub":"0', '"sub":"\xc0\xb0'), "latin1")),
  ],
  ["a lone surrogate in iss", (kit) => kit.token({ body: kit.raw(kit.claims, "iss", '"\\ud800"') })],
  ["NUL in sid", (kit) => kit.withClaims({ sid: `${kit.claims.sid}\0` })],
  ["a raw control character in iss", (kit) => bytesOf(kit, (json) => json.replace('"iss":"', '"iss":"\u0001'))],
  ["fullwidth digits in sub", (kit) => kit.withClaims({ sub: kit.claims.sub.replace(/^./, "\uff10") })],
  ["a vertical tab between members", (kit) => bytesOf(kit, (json) => json.replace(",", ",\v"))],
]);

export const sizes = family("size", [
  ["a byte too long", (kit) => kit.ofSize(MAX_TOKEN_BYTES + 1)],
  ["4 KiB", (kit) => kit.ofSize(4_096)],
  ["12 KiB", (kit) => kit.ofSize(12_288)],
  [
    "a deep list in a claim",
    (kit) => kit.token({ body: kit.raw(kit.claims, "jti", "[".repeat(700) + "]".repeat(700)) }),
  ],
  [
    "a deep object in the header",
    (kit) => kit.token({ head: kit.raw(kit.header, "kid", `${'{"a":'.repeat(150)}1${"}".repeat(150)}`) }),
  ],
  ["a claim of 1,000 characters", (kit) => kit.withClaims({ iss: "x".repeat(1_000) })],
  ["a signature of 1 KiB", (kit) => kit.token({ signature: Buffer.alloc(1_024, 1) })],
]);

export const signatures = family("signature", [
  ["none", (kit) => kit.token({ signature: "" })],
  ["zeros", (kit) => kit.token({ signature: Buffer.alloc(64) })],
  [
    "the neutral point and zero",
    (kit) => kit.token({ signature: Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]) }),
  ],
  ["ones", (kit) => kit.token({ signature: Buffer.alloc(64, 255) })],
  ...[0, 31, 32, 63].map((at) => [`a bit of byte ${at} changed`, (kit) => resigned(kit, flip(at))]),
  ["a byte too short", (kit) => resigned(kit, (bytes) => bytes.subarray(0, 63))],
  ["a byte too long", (kit) => resigned(kit, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))],
  [
    "its halves exchanged",
    (kit) => resigned(kit, (bytes) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])),
  ],
  ["the group's order added to S", (kit) => resigned(kit, addOrder)],
  ["a stranger's", (kit) => kit.token({ by: stranger })],
  ["of the claims alone", (kit) => kit.token({ signature: sign(null, Buffer.from(encode(kit.claims)), kit.key) })],
  [
    "of the decoded parts",
    (kit) =>
      kit.token({
        signature: sign(null, Buffer.from(JSON.stringify(kit.header) + JSON.stringify(kit.claims)), kit.key),
      }),
  ],
  [
    "of another token",
    (kit) =>
      kit.token({ signature: Buffer.from(kit.withClaims({ iat: kit.claims.iat - 1 }).split(".")[2], "base64url") }),
  ],
  ["of the other kind", (kit) => kit.token({ signature: Buffer.from(kit.other.token().split(".")[2], "base64url") })],
  [
    "before the role was raised",
    (kit) => kit.token({ body: { ...kit.claims, role: "admin" }, signature: signatureOf(kit) }),
    { only: ACCESS },
  ],
  [
    "before the time was extended",
    (kit) => kit.token({ body: { ...kit.claims, exp: kit.claims.exp + 1 }, signature: signatureOf(kit) }),
  ],
  [
    "before the user was exchanged",
    (kit) =>
      kit.token({
        body: { ...kit.claims, sub: kit.claims.sub.replace(/.$/, (c) => (c === "0" ? "1" : "0")) },
        signature: signatureOf(kit),
      }),
  ],
  [
    "an HMAC in its place",
    (kit) =>
      kit.token({
        signature: createHmac("sha512", kit.jwk.x)
          .update(`${encode(kit.header)}.${encode(kit.claims)}`)
          .digest(),
      }),
  ],
]);

/** A token whose part ends in unused bits; JSON takes the blanks that this needs. */
function withUnusedBits(kit, name) {
  const members = JSON.stringify(name === "head" ? kit.header : kit.claims);
  const blanks = members.length % 3 === 0 ? 1 : 0;
  return kit.token({ [name]: members + " ".repeat(blanks) });
}

/** A token whose signature contains both characters that are specific to base64url. */
function withOwnCharacters(kit) {
  for (let blanks = 0; ; blanks += 1) {
    const token = kit.token({ body: JSON.stringify(kit.claims) + " ".repeat(blanks) });
    if (/-.*_|_.*-/.test(token.split(".")[2])) return token;
  }
}

function inPart(token, part, change) {
  const parts = token.split(".");
  parts[part] = change(parts[part]);
  return parts.join(".");
}

/** Signs header and claims as raw text. */
function signedText(kit, token) {
  const input = token.split(".").slice(0, 2).join(".");
  return `${input}.${sign(null, Buffer.from(input), kit.key).toString("base64url")}`;
}

function bytesOf(kit, change) {
  return kit.token({ body: change(JSON.stringify(kit.claims)) });
}

function signatureOf(kit) {
  return Buffer.from(kit.token().split(".")[2], "base64url");
}

function resigned(kit, change) {
  return kit.token({ signature: change(signatureOf(kit)) });
}

function flip(at) {
  return (bytes) => {
    bytes[at] ^= 1;
    return bytes;
  };
}

/** S + L: the same point, but not the one form that RFC 8032, section 5.1.7, accepts. */
function addOrder(bytes) {
  let s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`) + GROUP_ORDER;
  const tail = Buffer.alloc(32);
  for (let i = 0; i < 32; i += 1, s >>= 8n) tail[i] = Number(s & 255n);
  return Buffer.concat([bytes.subarray(0, 32), tail]);
}
