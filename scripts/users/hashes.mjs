/**
 * Which stored hashes the service can verify: the forms and bounds of
 * `src/domain/hashing/argon.rs` and `foreign.rs`, so that nobody is imported
 * who could never log in. `tests/import-hashes.test.mjs` holds the two together.
 *
 * Nothing is computed here, and no answer holds a part of a hash.
 */
const ARGON_MEMORY_KIB = [4_096, 65_536];
const ARGON_ITERATIONS = [1, 10];
const ARGON_LANES = [1, 4];
/** Of the PHC string's salt: in characters of base64, then in bytes. */
const ARGON_SALT_LETTERS = [11, 64];
const ARGON_SALT_BYTES = [8, 48];
const ARGON_PARAMS_LETTERS = 127;
const BCRYPT_COST = [4, 13];
const BCRYPT_LETTERS = 60;
const SCRYPT_LOG_N = [1, 20];
const SCRYPT_BLOCKS = [1, 64];
const SCRYPT_LANES = [1, 5];
const SCRYPT_BYTES = 64 * 1024 * 1024;
const PBKDF2_ROUNDS = [1, 2_000_000];
const SALT_BYTES = [1, 128];
const KEY_BYTES = [16, 64];
const MAX_U32 = 2 ** 32 - 1;

/** bcrypt's own alphabet; the last letters of salt and hash hold 4 and 2 bits of nothing. */
const BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BCRYPT_TAIL = /^[./A-Za-z0-9]{21}([./A-Za-z0-9])[./A-Za-z0-9]{30}([./A-Za-z0-9])$/;

const UNSUPPORTED = "hash_unsupported";
const OUT_OF_BOUNDS = "hash_out_of_bounds";
const DAMAGED = "hash_damaged";

/**
 * `{pepper}` when the service can verify it, with the name of the pepper that
 * it needs or null; else `{reason}`.
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
  return { reason: UNSUPPORTED };
}

function argon(fields) {
  const [version, params, salt, tag] = fields;
  if (fields.length !== 4 || params.length > ARGON_PARAMS_LETTERS) return { reason: DAMAGED };
  if (!["v=16", "v=19"].includes(version)) return { reason: UNSUPPORTED };
  const pairs = params.split(",").map((pair) => pair.split("="));
  const values = new Map(pairs);
  const pepper = values.has("keyid") ? pepperName(values.get("keyid")) : null;
  const isKnown = pairs.length === (values.has("keyid") ? 4 : 3) && pairs.every((pair) => pair.length === 2) && pepper !== undefined;
  const [m, t, p] = ["m", "t", "p"].map((one) => decimal(values.get(one)));
  const lengths = within(salt.length, ARGON_SALT_LETTERS) && within(bytes(salt), ARGON_SALT_BYTES) && within(bytes(tag), KEY_BYTES);
  if (!isKnown || m === null || t === null || p === null || !lengths) return { reason: DAMAGED };
  return bounded(within(m, ARGON_MEMORY_KIB) && within(t, ARGON_ITERATIONS) && within(p, ARGON_LANES), pepper);
}

function bcrypt(fields, text) {
  const [cost, tail] = fields;
  const ends = BCRYPT_TAIL.exec(tail ?? "")?.slice(1).map((letter) => BCRYPT_ALPHABET.indexOf(letter));
  const rounds = cost.length === 2 ? number(cost) : null;
  const isWhole = fields.length === 2 && text.length === BCRYPT_LETTERS && ends && ends[0] % 16 === 0 && ends[1] % 4 === 0;
  if (!isWhole || rounds === null) return { reason: DAMAGED };
  return bounded(within(rounds, BCRYPT_COST));
}

function scrypt(fields) {
  const [params, salt, key] = fields;
  const values = fields.length === 3 ? numbers(params, ["ln", "r", "p"]) : null;
  if (!values || !within(bytes(salt), SALT_BYTES) || !within(bytes(key), KEY_BYTES)) return { reason: DAMAGED };
  return bounded(scryptWithin(...values));
}

/** The salt is the text itself: only its length matters. */
function betterAuth(text) {
  const match = /^([0-9a-f]+):[0-9a-f]{128}$/i.exec(text);
  if (!match) return { reason: UNSUPPORTED };
  return within(match[1].length, SALT_BYTES) ? { pepper: null } : { reason: DAMAGED };
}

/** `i=310000,l=32`, or passlib's `29000`; passlib writes `.` for `+`. */
function pbkdf2(fields) {
  const [params, salt, key] = fields;
  if (fields.length !== 3) return { reason: DAMAGED };
  const [head] = params.split(",");
  const rounds = params.includes("=") ? (head.startsWith("i=") ? number(head.slice(2)) : null) : number(params);
  const lengths = [salt, key].map((part) => bytes(part.replaceAll(".", "+")));
  if (rounds === null || !within(lengths[0], SALT_BYTES) || !within(lengths[1], KEY_BYTES)) return { reason: DAMAGED };
  return bounded(within(rounds, PBKDF2_ROUNDS));
}

function django(fields) {
  const [iterations, salt, key] = fields;
  const rounds = number(iterations);
  const isWhole = fields.length === 3 && within(Buffer.byteLength(salt), SALT_BYTES) && within(bytes(key, "padded"), KEY_BYTES);
  if (!isWhole || rounds === null) return { reason: DAMAGED };
  return bounded(within(rounds, PBKDF2_ROUNDS));
}

function firebase(fields) {
  const [params, ...parts] = fields;
  const values = parts.length === 4 ? numbers(params, ["ln", "r"]) : null;
  const [salt, separator, signer, hash] = parts.map((part) => bytes(part, "padded"));
  const isWhole = values && separator !== null && salt !== null && within(salt + separator, SALT_BYTES) && within(signer, KEY_BYTES) && hash === signer;
  return isWhole ? bounded(scryptWithin(...values, 1)) : { reason: DAMAGED };
}

function scryptWithin(logN, blocks, lanes) {
  return within(logN, SCRYPT_LOG_N) && within(blocks, SCRYPT_BLOCKS) && within(lanes, SCRYPT_LANES) && 128 * blocks * 2 ** logN <= SCRYPT_BYTES;
}

function bounded(isWithin, pepper = null) {
  return isWithin ? { pepper } : { reason: OUT_OF_BOUNDS };
}

function within(value, [least, most]) {
  return value !== null && value !== undefined && value >= least && value <= most;
}

/** As the PHC string format has it: no sign, no leading zero. */
function decimal(text) {
  return /^(0|[1-9]\d*)$/.test(text ?? "") ? number(text) : null;
}

/** As Rust's `u32` parses. */
function number(text) {
  const value = /^\+?\d+$/.test(text ?? "") ? Number(text) : NaN;
  return value <= MAX_U32 ? value : null;
}

/** The values of exactly these names, in this order. */
function numbers(params, names) {
  const pairs = params.split(",").map((pair) => pair.split("="));
  const values = pairs.map(([name, value, ...more], i) => (name === names[i] && more.length === 0 ? number(value) : null));
  return values.length === names.length && !values.includes(null) ? values : null;
}

/** How many bytes a canonical base64 text stands for, or null when it is none. */
function bytes(text, padding = "unpadded") {
  const decoded = Buffer.from(text ?? "", "base64");
  const padded = decoded.toString("base64");
  const canonical = padding === "padded" ? padded : padded.replace(/=+$/, "");
  return canonical === text ? decoded.length : null;
}

/** The text of a `keyid`, undefined when it is damaged. */
function pepperName(text) {
  if (bytes(text) === null) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "base64"));
  } catch {
    return undefined;
  }
}
