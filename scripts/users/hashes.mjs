/**
 * Which stored hashes the service can verify: the forms that
 * `src/domain/credential/hashing/argon.rs` and `foreign.rs` read, so that nobody is
 * imported who could never log in. The bounds are the service's own:
 * `hash-bounds.json` is what `tests/hash_bounds.rs` finds them to be, and that
 * test fails when it differs. `tests/import-hashes.test.mjs` holds the two
 * readers together.
 *
 * Nothing is computed here, and no answer holds a part of a hash.
 */
import { readFileSync } from "node:fs";

const BOUNDS = JSON.parse(readFileSync(new URL("hash-bounds.json", import.meta.url), "utf8"));

/** @typedef {{ pepper: string | null, reason?: undefined } | { pepper?: undefined, reason: string }} HashVerdict */

/** Of a PHC string: letters of its parameters. */
const ARGON_PARAMS_LETTERS = 127;
const BCRYPT_LETTERS = 60;
const MAX_U32 = 2 ** 32 - 1;

/** bcrypt's own alphabet; the last letters of salt and hash hold 4 and 2 bits of nothing. */
const BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BCRYPT_TAIL = /^[./A-Za-z0-9]{21}([./A-Za-z0-9])[./A-Za-z0-9]{30}([./A-Za-z0-9])$/;

const UNSUPPORTED = "hash_unsupported";
const OUT_OF_BOUNDS = "hash_out_of_bounds";
const DAMAGED = "hash_damaged";

/** Firebase's scrypt as Supabase's server writes it. */
const FBSCRYPT = /^\$fbscrypt\$v=1,n=(\d+),r=(\d+),p=1(?:,ss=([^,$]+))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/;

/**
 * The hash as the service reads it: other systems' spellings of one that it knows are rewritten.
 *
 * @param {string} text
 */
export function ownSpelling(text) {
  const [, n, r, separator = "", signer, salt, hash] = FBSCRYPT.exec(text) ?? [];
  return n === undefined ? text : firebaseScrypt({ memory: n, rounds: r, salt, separator, signer, hash });
}

/**
 * Firebase's scrypt with all that it takes to verify it, in base64 of any kind.
 *
 * @param {Record<"memory" | "rounds" | "salt" | "separator" | "signer" | "hash", string>} parts
 */
export function firebaseScrypt({ memory, rounds, salt, separator, signer, hash }) {
  return `$firebase-scrypt$ln=${memory},r=${rounds}$${[salt, separator, signer, hash].map(plainBase64).join("$")}`;
}

/**
 * The standard alphabet, padded.
 *
 * @param {string} text
 */
function plainBase64(text) {
  const letters = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  return letters.padEnd(Math.ceil(letters.length / 4) * 4, "=");
}

/**
 * `{pepper}` when the service can verify it, with the name of the pepper that
 * it needs or null; else `{reason}`.
 *
 * @param {string} text
 * @returns {HashVerdict}
 */
export function judgeHash(text) {
  const fields = text.split("$");
  const [first, name, ...rest] = fields;
  if (fields.length === 1) return betterAuth(text);
  if (first === "pbkdf2_sha256" || first === "pbkdf2_sha1") return django([name, ...rest]);
  if (first !== "") return { reason: UNSUPPORTED };
  if (["argon2id", "argon2i", "argon2d"].includes(name)) return argon(rest);
  if (["2a", "2b", "2y"].includes(name)) return bcrypt(rest, text);
  if (name === "scrypt") return scrypt(rest);
  if (["pbkdf2-sha256", "pbkdf2-sha1", "pbkdf2"].includes(name)) return pbkdf2(rest);
  if (name === "firebase-scrypt") return firebase(rest);
  if (name === "fbscrypt" && rest[0]?.startsWith("v=1,")) return { reason: DAMAGED };
  return { reason: UNSUPPORTED };
}

/**
 * @param {string[]} fields
 * @returns {HashVerdict}
 */
function argon(fields) {
  const [version, params, salt, tag] = fields;
  if (fields.length !== 4 || params.length > ARGON_PARAMS_LETTERS) return { reason: DAMAGED };
  if (!["v=16", "v=19"].includes(version)) return { reason: UNSUPPORTED };
  const pairs = params.split(",").map((pair) => pair.split("="));
  const values = new Map(pairs.map(([name, value]) => [name, value]));
  const pepper = values.has("keyid") ? pepperName(values.get("keyid")) : null;
  const isKnown =
    pairs.length === (values.has("keyid") ? 4 : 3) && pairs.every((pair) => pair.length === 2) && pepper !== undefined;
  const [m, t, p] = ["m", "t", "p"].map((one) => decimal(values.get(one)));
  const lengths = within(bytes(salt), BOUNDS.argon2.saltBytes) && within(bytes(tag), BOUNDS.argon2.tagBytes);
  if (!isKnown || m === null || t === null || p === null || !lengths) return { reason: DAMAGED };
  return bounded(within(m, BOUNDS.argon2.memoryKibByPasses[t]) && within(p, BOUNDS.argon2.lanes), pepper);
}

/**
 * @param {string[]} fields
 * @param {string} text
 * @returns {HashVerdict}
 */
function bcrypt(fields, text) {
  const [cost, tail] = fields;
  const ends = BCRYPT_TAIL.exec(tail ?? "")
    ?.slice(1)
    .map((letter) => BCRYPT_ALPHABET.indexOf(letter));
  const rounds = cost?.length === 2 ? number(cost) : null;
  const isWhole =
    fields.length === 2 && text.length === BCRYPT_LETTERS && ends && ends[0] % 16 === 0 && ends[1] % 4 === 0;
  if (!isWhole || rounds === null) return { reason: DAMAGED };
  return bounded(within(rounds, BOUNDS.bcrypt.cost));
}

/**
 * @param {string[]} fields
 * @returns {HashVerdict}
 */
function scrypt(fields) {
  const [params, salt, key] = fields;
  const values = fields.length === 3 ? numbers(params, ["ln", "r", "p"]) : null;
  if (!values || !within(bytes(salt), BOUNDS.saltBytes) || !within(bytes(key), BOUNDS.keyBytes))
    return { reason: DAMAGED };
  const [logN, blocks, lanes] = values;
  return bounded(scryptWithin(logN, blocks, lanes));
}

/**
 * The salt is the text itself: only its length matters.
 *
 * @param {string} text
 * @returns {HashVerdict}
 */
function betterAuth(text) {
  const match = /^([0-9a-f]+):[0-9a-f]{128}$/i.exec(text);
  if (!match) return { reason: UNSUPPORTED };
  return within(match[1].length, BOUNDS.saltBytes) ? { pepper: null } : { reason: DAMAGED };
}

/**
 * `i=310000,l=32`, or passlib's `29000`; passlib writes `.` for `+`.
 *
 * @param {string[]} fields
 * @returns {HashVerdict}
 */
function pbkdf2(fields) {
  const [params, salt, key] = fields;
  if (fields.length !== 3) return { reason: DAMAGED };
  const [head] = params.split(",");
  const rounds = params.includes("=") ? (head.startsWith("i=") ? number(head.slice(2)) : null) : number(params);
  const lengths = [salt, key].map((part) => bytes(part.replaceAll(".", "+")));
  if (rounds === null || !within(lengths[0], BOUNDS.saltBytes) || !within(lengths[1], BOUNDS.keyBytes))
    return { reason: DAMAGED };
  return bounded(within(rounds, BOUNDS.pbkdf2.rounds));
}

/**
 * @param {string[]} fields
 * @returns {HashVerdict}
 */
function django(fields) {
  const [iterations, salt, key] = fields;
  const rounds = number(iterations);
  const isWhole =
    fields.length === 3 &&
    within(Buffer.byteLength(salt), BOUNDS.saltBytes) &&
    within(bytes(key, "padded"), BOUNDS.keyBytes);
  if (!isWhole || rounds === null) return { reason: DAMAGED };
  return bounded(within(rounds, BOUNDS.pbkdf2.rounds));
}

/**
 * @param {string[]} fields
 * @returns {HashVerdict}
 */
function firebase(fields) {
  const [params, ...parts] = fields;
  const values = parts.length === 4 ? numbers(params, ["ln", "r"]) : null;
  const [salt, separator, signer, hash] = parts.map((part) => bytes(part, "padded"));
  const isWhole =
    values &&
    separator !== null &&
    salt !== null &&
    within(salt + separator, BOUNDS.saltBytes) &&
    within(signer, BOUNDS.keyBytes) &&
    hash === signer;
  return isWhole ? bounded(scryptWithin(values[0], values[1], 1)) : { reason: DAMAGED };
}

/**
 * @param {number} logN
 * @param {number} blocks
 * @param {number} lanes
 */
function scryptWithin(logN, blocks, lanes) {
  return within(logN, BOUNDS.scrypt.logNByBlocks[blocks]) && within(lanes, BOUNDS.scrypt.lanes);
}

/**
 * @param {boolean} isWithin
 * @param {string | null} pepper
 * @returns {HashVerdict}
 */
function bounded(isWithin, pepper = null) {
  return isWithin ? { pepper } : { reason: OUT_OF_BOUNDS };
}

/**
 * @param {number | null | undefined} value
 * @param {number[] | undefined} range
 */
function within(value, range) {
  return range !== undefined && value !== null && value !== undefined && value >= range[0] && value <= range[1];
}

/**
 * As the PHC string format has it: no sign, no leading zero.
 *
 * @param {string | undefined} text
 */
function decimal(text) {
  return /^(0|[1-9]\d*)$/.test(text ?? "") ? number(text) : null;
}

/**
 * As Rust's `u32` parses.
 *
 * @param {string | undefined} text
 */
function number(text) {
  const value = /^\+?\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
  return value <= MAX_U32 ? value : null;
}

/**
 * The values of exactly these names, in this order.
 *
 * @param {string} params
 * @param {string[]} names
 */
function numbers(params, names) {
  const pairs = params.split(",").map((pair) => pair.split("="));
  const values = pairs.map(([name, value, ...more], i) =>
    name === names[i] && more.length === 0 ? number(value) : null,
  );
  const found = values.filter((value) => value !== null);
  return values.length === names.length && found.length === names.length ? found : null;
}

/**
 * How many bytes a canonical base64 text stands for, or null when it is none.
 *
 * @param {string | undefined} text
 * @param {"padded" | "unpadded"} padding
 */
function bytes(text, padding = "unpadded") {
  const decoded = Buffer.from(text ?? "", "base64");
  const padded = decoded.toString("base64");
  const canonical = padding === "padded" ? padded : padded.replace(/=+$/, "");
  return canonical === text ? decoded.length : null;
}

/**
 * The text of a `keyid`, undefined when it is damaged.
 *
 * @param {string | undefined} text
 */
function pepperName(text) {
  if (bytes(text) === null) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text ?? "", "base64"));
  } catch {
    return undefined;
  }
}
