/**
 * What makes forged tokens: signing with any key, and any JSON as header and
 * claims. Most forgeries are signed with the service's own key, so that nothing
 * but the one thing that is wrong with them can be the reason for a refusal.
 */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { refreshKey, signatureOf } from "../../../harness/tokens.mjs";

/**
 * @import { SigningKey } from "../../../harness/tokens.mjs"
 * @import { KeyObject } from "node:crypto"
 *
 * @typedef {object} Kit
 * @property {SigningKey} jwk
 * @property {KeyObject} key
 * @property {any} header
 * @property {any} claims
 * @property {number} lifetime
 * @property {string} original
 * @property {(parts?: { head?: unknown, body?: unknown, by?: KeyObject, signature?: string | Buffer }) => string} token
 *   A token of any parts: objects or texts; signed unless a signature is given.
 * @property {(change: object) => string} withHeader
 * @property {(change: object) => string} withClaims
 * @property {(members: object, name: string, text: string) => string} raw
 *   The JSON of header or claims with the value of one member as it is written.
 * @property {(bytes: number) => string} ofSize A good token of exactly `bytes` bytes: blanks in JSON are no fault.
 * @property {Kit} [other]
 *
 * @typedef {object} Forgery
 * @property {string} family
 * @property {string} name
 * @property {(kit: Kit) => string} make
 * @property {string} [only]
 * @property {boolean} [expired]
 */

export const ACCESS = "access";
export const REFRESH = "refresh";
export const MAX_TOKEN_BYTES = 2_048;

/**
 * What a forger of one kind works with: a live token of that kind (`original`)
 * with its header and claims, the longest life of such a token in seconds, and
 * a private key. `other` is to be set to the kit of the other kind.
 *
 * @param {{ jwk: SigningKey, lifetime: number, original: string }} tools
 * @returns {Kit}
 */
export function toolkit({ jwk, lifetime, original }) {
  const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const header = { ...decode(original.split(".")[0]), kid: jwk.kid };
  const claims = decode(original.split(".")[1]);
  const isRefresh = header.typ === "rt+jwt";
  const own = isRefresh ? refreshKey(jwk) : jwk;
  const kit = /** @type {Kit} */ ({ jwk, key, header, claims, lifetime, original });
  /** A token of any parts: objects or texts; signed unless a signature is given. */
  kit.token = ({ head = header, body = claims, by, signature } = {}) => {
    const input = `${encode(head)}.${encode(body)}`;
    const made = () => (by ? sign(null, Buffer.from(input), by) : signatureOf(own, input));
    const signed = signature === undefined ? made() : signature;
    return `${input}.${typeof signed === "string" ? signed : signed.toString("base64url")}`;
  };
  kit.withHeader = (change) => kit.token({ head: { ...header, ...change } });
  kit.withClaims = (change) => kit.token({ body: { ...claims, ...change } });
  /** The JSON of header or claims with the value of one member as it is written. */
  kit.raw = (members, name, text) =>
    `{${Object.entries(members)
      .map(([key, value]) => `"${key}":${key === name ? text : JSON.stringify(value)}`)
      .join(",")}}`;
  /** A good token of exactly `bytes` bytes: blanks in JSON are no fault. */
  kit.ofSize = (bytes) => {
    const blanks = Array.from({ length: 4 }, (_, count) => " ".repeat(count));
    const most = Math.floor(((bytes - kit.token().length) * 3) / 4);
    for (const inHead of blanks) {
      for (const less of blanks) {
        const body = JSON.stringify(claims).padEnd(JSON.stringify(claims).length + most - less.length);
        const token = kit.token({ head: JSON.stringify(header) + inHead, body });
        if (token.length === bytes) return token;
      }
    }
    throw new Error(`No token has ${bytes} bytes.`);
  };
  return kit;
}

/** @param {unknown} part */
export function encode(part) {
  const bytes = Buffer.isBuffer(part) || typeof part === "string" ? part : JSON.stringify(part);
  return Buffer.from(bytes).toString("base64url");
}

/** @param {string} part */
function decode(part) {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

/** Somebody who has a key, but not ours. */
export const stranger = generateKeyPairSync("ed25519").privateKey;

/**
 * A table of `[name, make]` or `[name, make, options]` as forgeries of one family.
 *
 * @param {string} family
 * @param {any[][]} rows
 * @returns {Forgery[]}
 */
export function family(family, rows) {
  return rows.map(([name, make, options]) => ({ family, name, make, ...options }));
}

/**
 * @param {Record<string, unknown>} object
 * @param {string} name
 */
export function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

/**
 * The last character changed in the bits that stand for nothing.
 *
 * @param {string} text
 */
export function otherTrailingBits(text) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const at = alphabet.indexOf(text.slice(-1));
  return text.slice(0, -1) + alphabet[at ^ 1];
}
