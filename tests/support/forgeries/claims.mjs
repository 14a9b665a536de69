/** Invalid claims: too few, too many, wrong ones, or repeated ones. */
import { ACCESS, REFRESH, family, otherTrailingBits, without } from "./kit.mjs";

const CLAIMS = ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"];

export const missing = family("missing claim", [
  ...CLAIMS.map((claim) => [claim, (kit) => kit.token({ body: without(kit.claims, claim) }), onlyFor(claim)]),
  ["all of them", (kit) => kit.token({ body: {} })],
]);

export const wrongTypes = family("wrongly typed claim", [
  ...["iss", "aud", "sub", "sid", "role", "jti"].flatMap((claim) =>
    [
      ["null", () => null],
      ["a number", () => 1],
      ["true", () => true],
      ["a list", (value) => [value]],
      ["an object", (value) => ({ value })],
    ].map((/** @type {any[]} */ [what, wrong]) => [
      `${claim}: ${what}`,
      (kit) => kit.withClaims({ [claim]: wrong(kit.claims[claim]) }),
      onlyFor(claim),
    ]),
  ),
  ...["iat", "exp"].flatMap((claim) => [
    ...[null, true, [], {}, ""].map((value) => [
      `${claim}: ${JSON.stringify(value)}`,
      (kit) => kit.withClaims({ [claim]: value }),
    ]),
    [`${claim}: a text of digits`, (kit) => kit.withClaims({ [claim]: String(kit.claims[claim]) })],
    [`${claim}: in a list`, (kit) => kit.withClaims({ [claim]: [kit.claims[claim]] })],
    [`${claim}: with a fraction`, (kit) => kit.withClaims({ [claim]: kit.claims[claim] + 0.5 })],
    [`${claim}: as a float`, (kit) => kit.token({ body: kit.raw(kit.claims, claim, `${kit.claims[claim]}.0`) })],
    [`${claim}: with an exponent`, (kit) => kit.token({ body: kit.raw(kit.claims, claim, `${kit.claims[claim]}e0`) })],
  ]),
]);

export const extras = family("further claim", [
  ...Object.entries({
    nbf: 0,
    email: "ada@example.org",
    name: "Ada",
    scope: "admin",
    isSuperuser: true,
    ver: 1,
    cnf: {},
    act: {},
    ISS: "x",
    "": "",
    null: null,
  }).map(([name, value]) => [name || "without a name", (kit) => kit.withClaims({ [name]: value })]),
  ["role in a refresh token", (kit) => kit.withClaims({ role: "admin" }), { only: REFRESH }],
]);

export const duplicates = family("duplicate", [
  ...CLAIMS.map((claim) => [
    `claim ${claim}, the same value`,
    (kit) => kit.token({ body: doubled(kit.claims, `"${claim}"`, JSON.stringify(kit.claims[claim])) }),
    onlyFor(claim),
  ]),
  ["claim sub, another value", (kit) => kit.token({ body: doubled(kit.claims, '"sub"', '"x"') })],
  ["claim exp, a later one", (kit) => kit.token({ body: doubled(kit.claims, '"exp"', "9999999999") })],
  ["claim sub, its name in escapes", (kit) => kit.token({ body: doubled(kit.claims, '"\\u0073ub"', '"x"') })],
  ...["alg", "typ", "kid"].map((name) => [
    `header member ${name}`,
    (kit) => kit.token({ head: doubled(kit.header, `"${name}"`, JSON.stringify(kit.header[name])) }),
  ]),
  ["header member alg, none", (kit) => kit.token({ head: doubled(kit.header, '"alg"', '"none"') })],
  [
    "header member alg, its name in escapes",
    (kit) => kit.token({ head: doubled(kit.header, '"\\u0061lg"', '"none"') }),
  ],
]);

/** The `iat` of a kit is the time at which its tokens are sent. */
export const times = family("time", [
  [
    "over in this very second",
    (kit) => kit.withClaims({ iat: kit.claims.iat - 60, exp: kit.claims.iat }),
    { expired: true },
  ],
  [
    "over for a second",
    (kit) => kit.withClaims({ iat: kit.claims.iat - 60, exp: kit.claims.iat - 1 }),
    { expired: true },
  ],
  [
    "over for a year",
    (kit) => kit.withClaims({ iat: kit.claims.iat - 31_536_060, exp: kit.claims.iat - 31_536_000 }),
    { expired: true },
  ],
  ["issued in six seconds", (kit) => kit.withClaims({ iat: kit.claims.iat + 6, exp: kit.claims.iat + 60 })],
  ["issued in a year", (kit) => kit.withClaims({ iat: kit.claims.iat + 31_536_000, exp: kit.claims.iat + 31_536_060 })],
  ["a second longer than configured", (kit) => kit.withClaims({ exp: kit.claims.iat + kit.lifetime + 1 })],
  [
    "an hour longer, issued earlier",
    (kit) => kit.withClaims({ iat: kit.claims.iat - 3_600, exp: kit.claims.iat + kit.lifetime }),
  ],
  ["ends when it begins", (kit) => kit.withClaims({ exp: kit.claims.iat })],
  ["ends before it begins", (kit) => kit.withClaims({ exp: kit.claims.iat - 1 })],
  ["issued before 1970", (kit) => kit.withClaims({ iat: -1 })],
  ...[
    "0",
    "-1",
    "-0",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "-1e400",
    "1e18",
    "0x7fffffff",
    "NaN",
    "Infinity",
    `1${"0".repeat(400)}`,
  ].map((text) => [`exp ${text.slice(0, 24)}`, number("exp", text)]),
  ...["-9223372036854775808", "9223372036854775807", "1e400", "NaN"].map((text) => [
    `iat ${text}`,
    number("iat", text),
  ]),
]);

export const values = family("wrong value", [
  ...["", "https://evil.example", "null", "HTTP://LOCALHOST:8787"].map((iss) => [
    `iss ${JSON.stringify(iss)}`,
    (kit) => kit.withClaims({ iss }),
  ]),
  ["iss with a slash behind", (kit) => kit.withClaims({ iss: `${kit.claims.iss}/` })],
  ["iss with a NUL behind", (kit) => kit.withClaims({ iss: `${kit.claims.iss}\0` })],
  ...["", "other", "*"].map((aud) => [`aud ${JSON.stringify(aud)}`, (kit) => kit.withClaims({ aud })]),
  ["aud a list with ours first", (kit) => kit.withClaims({ aud: [kit.claims.aud, "other"] })],
  ["aud with a blank behind", (kit) => kit.withClaims({ aud: `${kit.claims.aud} ` })],
  ["aud of the other kind", (kit) => kit.withClaims({ aud: kit.other.claims.aud })],
  ["sub in capitals", (kit) => kit.withClaims({ sub: kit.claims.sub.toUpperCase() })],
  ["sub without hyphens", (kit) => kit.withClaims({ sub: kit.claims.sub.replaceAll("-", "") })],
  ["sub in braces", (kit) => kit.withClaims({ sub: `{${kit.claims.sub}}` })],
  ["sub as a URN", (kit) => kit.withClaims({ sub: `urn:uuid:${kit.claims.sub}` })],
  ["sub with SQL", (kit) => kit.withClaims({ sub: `${kit.claims.sub}' OR '1'='1` })],
  ["sub empty", (kit) => kit.withClaims({ sub: "" })],
  ...["sid", "jti"].flatMap((claim) => [
    [`${claim} empty`, (kit) => kit.withClaims({ [claim]: "" })],
    [`${claim} padded`, (kit) => kit.withClaims({ [claim]: `${kit.claims[claim]}==` })],
    [`${claim} cut`, (kit) => kit.withClaims({ [claim]: kit.claims[claim].slice(0, -1) })],
    [`${claim} with other trailing bits`, (kit) => kit.withClaims({ [claim]: otherTrailingBits(kit.claims[claim]) })],
    [`${claim} with SQL`, (kit) => kit.withClaims({ [claim]: "' OR 1=1 --" })],
  ]),
]);

export const kinds = family("one kind as the other", [
  ["the other token as it is", (kit) => kit.other.original],
  ["the other token under this typ", (kit) => kit.other.token({ head: kit.header })],
  ["the other token with this audience", (kit) => kit.other.withClaims({ aud: kit.claims.aud })],
  [
    "the other claims, this typ and audience",
    (kit) => kit.other.token({ head: kit.header, body: { ...kit.other.claims, aud: kit.claims.aud } }),
  ],
  ["this token under the other typ", (kit) => kit.token({ head: kit.other.header })],
  ["these claims with the other audience", (kit) => kit.withClaims({ aud: kit.other.claims.aud })],
  ["both audiences", (kit) => kit.withClaims({ aud: [kit.claims.aud, kit.other.claims.aud] })],
]);

/** Refresh tokens have no role. */
function onlyFor(claim) {
  return claim === "role" ? { only: ACCESS } : {};
}

/** JSON with one member once more. */
function doubled(members, name, text) {
  return `${JSON.stringify(members).slice(0, -1)},${name}:${text}}`;
}

/** A claim whose value is this text, a number or not. */
function number(claim, text) {
  return (kit) => kit.token({ body: kit.raw(kit.claims, claim, text) });
}
