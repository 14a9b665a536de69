/**
 * Where a key set is kept: in `.dev.vars`, for this machine, or in a file of the
 * operator's, for a deployment, because Cloudflare never gives a secret back.
 * Either is readable by its owner alone, and replaced as a whole or not at all,
 * by one run at a time: `FILE.part`, which is made before the set is read, keeps
 * others out.
 */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { chmodSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Failure, codeOf } from "../lib.mjs";

/**
 * @import { Key, KeySet } from "./key-set.mjs"
 *
 * @typedef {object} Store
 * @property {string} path
 * @property {() => KeySet | null} read Null where there is none yet.
 * @property {(edit: (before: KeySet | null) => Edit) => Promise<void>} change
 *   If the edit or its `commit` fails, everything is as it was before; if a
 *   `commit` that failed was interrupted, the new set stays in `FILE.part`.
 *
 * @typedef {{ set: KeySet, commit?: () => Promise<void> }} Edit
 */

const OWNER_ONLY = 0o600;
const SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM"]);
/** The line of a set in `.dev.vars`: in quotes of any kind, or without. */
const LINE = /^([ \t]*(?:export[ \t]+)?JWT_KEYS[ \t]*=[ \t]*)(?:'([^']*)'|"([^"]*)"|`([^`]*)`|([^\n]*))/m;

/**
 * The set in a file of its own.
 *
 * @param {string} path
 * @returns {Store}
 */
export function fileStore(path) {
  const read = () => (existsSync(path) ? parse(readFileSync(path, "utf8"), path) : null);
  return {
    path,
    read,
    change: (edit) =>
      replace(path, () => {
        const { set, commit } = edit(read());
        return { text: `${JSON.stringify(set, null, 2)}\n`, commit };
      }),
  };
}

/**
 * The set in `.dev.vars`, whose other lines stay as they are.
 *
 * @param {string} path
 * @returns {Store}
 */
export function devVarsStore(path) {
  const text = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const read = () => {
    const found = LINE.exec(text());
    if (!found) return null;
    const [, , single, double, tick, bare] = found;
    return parse(single ?? double ?? tick ?? bare, path);
  };
  return {
    path,
    read,
    change: (edit) =>
      replace(path, () => {
        const { set, commit } = edit(read());
        const before = text();
        const value = `'${JSON.stringify(set)}'`;
        const separator = before === "" || before.endsWith("\n") ? "" : "\n";
        const after = LINE.test(before)
          ? before.replace(LINE, (_, name) => `${name}${value}`)
          : `${before}${separator}JWT_KEYS=${value}\n`;
        return { text: after, commit };
      }),
  };
}

/**
 * A set as the service accepts it, with times that can be read. What is wrong
 * with it is said without its text.
 *
 * @param {string} text
 * @param {string} path
 * @returns {KeySet}
 */
function parse(text, path) {
  const set = json(text);
  const keys = set?.keys;
  if (!Array.isArray(keys)) throw new Failure(`${path} has no JWK Set: {"keys": [...]}.`);
  keys.forEach((key, i) => {
    if (!isKey(key)) throw new Failure(`Key ${i + 1} of ${path} is not an Ed25519 key with a kid.`);
    for (const name of /** @type {const} */ (["added", "published", "promoted", "replaced"])) {
      if (key[name] !== undefined && Number.isNaN(Date.parse(key[name]))) {
        throw new Failure(`"${name}" of the key ${key.kid} in ${path} is not a time.`);
      }
    }
  });
  const ids = new Set(keys.map(({ kid }) => kid));
  if (ids.size !== keys.length) throw new Failure(`Two keys of ${path} have the same kid.`);
  return set;
}

/** @param {string} text */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The service refuses a `d` without its own `x`. An `x` whose bytes are all the
 * same is a placeholder, which OpenSSL takes for a key.
 *
 * @param {any} key
 * @returns {key is Key}
 */
function isKey(key) {
  if (typeof key?.kid !== "string" || key.kid === "" || key.kty !== "OKP" || key.crv !== "Ed25519") return false;
  try {
    const read = createPublicKey(
      key.d === undefined ? { key, format: "jwk" } : createPrivateKey({ key, format: "jwk" }),
    );
    return read.export({ format: "jwk" }).x === key.x && new Set(Buffer.from(key.x, "base64url")).size > 1;
  } catch {
    return false;
  }
}

/**
 * An interruption ends nothing here: `commit`, which has been sent the signal by
 * the terminal as well, tells how it ended.
 *
 * @param {string} path
 * @param {() => { text: string, commit?: () => Promise<void> }} edit Reads what is there.
 */
async function replace(path, edit) {
  const target = existsSync(path) ? realpathSync(path) : path;
  const part = `${target}.part`;
  reserve(part);
  let isInterrupted = false;
  const note = () => {
    isInterrupted = true;
  };
  for (const signal of SIGNALS) process.on(signal, note);
  try {
    const { text, commit } = edit();
    writeFileSync(part, text);
    try {
      await commit?.();
    } catch (error) {
      if (isInterrupted) throw new Interrupted(afterwards(path, part));
      throw error;
    }
    chmodSync(part, OWNER_ONLY);
    renameSync(part, target);
  } catch (error) {
    if (!(error instanceof Interrupted)) rmSync(part, { force: true });
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, note);
  }
}

class Interrupted extends Failure {}

/** @param {string} part */
function reserve(part) {
  try {
    writeFileSync(part, "", { mode: OWNER_ONLY, flag: "wx" });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    throw new Failure(
      `Another run is at work, or one was interrupted: look at ${part}. It has the set that was to be next, if any.`,
    );
  }
}

/**
 * @param {string} path
 * @param {string} part
 */
function afterwards(path, part) {
  return `Interrupted: the secret may be in place or not. ${part} has the new set, private parts included, and ${path} the one before. If /.well-known/jwks.json has the keys of the new set in a few minutes, rename ${part} to ${path}; if not, delete it.`;
}
