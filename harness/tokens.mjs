/**
 * Tokens taken apart and put together again, with Node's own crypto: forging
 * is the test's business, not the Worker's.
 */
import { createHash, createHmac, createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/**
 * @typedef {{ kty: string, crv: string, x: string, d: string, kid?: string, secret?: Buffer }} SigningKey
 *   An Ed25519 private JWK.
 */

/** @param {string | Uint8Array} data */
const encode = (data) => Buffer.from(data).toString("base64url");
/**
 * Converts objects to JSON; texts stay unchanged, including duplicate members.
 *
 * @param {unknown} value
 */
const json = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * `{header, claims, signature, parts}` of a compact JWS; nothing is checked.
 *
 * @param {string} token
 */
export function decode(token) {
  const parts = token.split(".");
  const [header, claims] = parts.map((part) => Buffer.from(part, "base64url").toString("utf8"));
  return { header: JSON.parse(header), claims: JSON.parse(claims), signature: parts[2], parts };
}

/**
 * Adds to a key the secret that signs refresh tokens
 * (src/domain/session/keys.rs), which `forge` then uses.
 *
 * @param {SigningKey} jwk
 * @returns {SigningKey}
 */
export function refreshKey(jwk) {
  const secret = createHash("sha512")
    .update("latchkey/refresh-token/v1")
    .update(Buffer.from(jwk.d, "base64url"))
    .digest();
  return { ...jwk, secret };
}

/**
 * Signs with an Ed25519 private JWK, or with the secret of a `refreshKey`.
 *
 * @param {SigningKey} key
 * @param {unknown} header
 * @param {unknown} claims
 */
export function forge(key, header, claims) {
  const input = `${encode(json(header))}.${encode(json(claims))}`;
  return `${input}.${encode(signatureOf(key, input))}`;
}

/**
 * The signature of a text, made like the service's.
 *
 * @param {SigningKey} key
 * @param {string} input
 */
export function signatureOf(key, input) {
  if (key.secret) return createHmac("sha512", key.secret).update(input).digest();
  return sign(null, Buffer.from(input), createPrivateKey({ key: { ...key }, format: "jwk" }));
}

/**
 * "Signs" with HMAC, for the attack that uses the public key as a secret.
 *
 * @param {string | Buffer} secret
 * @param {unknown} header
 * @param {unknown} claims
 */
export function forgeHmac(secret, header, claims) {
  const input = `${encode(json(header))}.${encode(json(claims))}`;
  return `${input}.${encode(createHmac("sha256", secret).update(input).digest())}`;
}

/**
 * No signature at all.
 *
 * @param {unknown} header
 * @param {unknown} claims
 */
export function forgeUnsigned(header, claims) {
  return `${encode(json(header))}.${encode(json(claims))}.`;
}

/**
 * An Ed25519 key that the service does not know; with the `kid` that is given.
 *
 * @param {string} [kid]
 * @returns {SigningKey}
 */
export function foreignKey(kid) {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { .../** @type {SigningKey} */ (privateKey.export({ format: "jwk" })), kid };
}

/** 128 random bits in the form of an id. */
export function randomId() {
  return randomBytes(16).toString("base64url");
}

/**
 * `object` without one member.
 *
 * @template {object} T
 * @template {keyof T} K
 * @param {T} object
 * @param {K} name
 * @returns {Omit<T, K>}
 */
export function without(object, name) {
  const { [name]: _, ...rest } = object;
  return rest;
}

/**
 * JSON of `object` in which the member `name` appears twice.
 *
 * @param {Record<string, unknown>} object
 * @param {string} name
 */
export function twice(object, name) {
  return JSON.stringify(object).replace("{", `{${JSON.stringify(name)}:${JSON.stringify(object[name])},`);
}
