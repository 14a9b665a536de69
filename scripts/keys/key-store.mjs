/**
 * Where a key set is kept: in `.dev.vars`, for this machine, or in a file of the
 * operator's, for a deployment, because Cloudflare never gives a secret back.
 * Either is readable by its owner alone, and replaced as a whole or not at all.
 */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { chmodSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Failure } from "../lib.mjs";

/**
 * @import { Key, KeySet } from "./key-set.mjs"
 *
 * @typedef {object} Store
 * @property {string} path
 * @property {() => KeySet | null} read Null where there is none yet.
 * @property {(set: KeySet, commit?: () => Promise<void>) => Promise<void>} write
 *   If `commit` fails, everything is as it was before.
 */

const OWNER_ONLY = 0o600;
/** The line of a set in `.dev.vars`: in quotes of any kind, or without. */
const LINE = /^([ \t]*(?:export[ \t]+)?JWT_KEYS[ \t]*=[ \t]*)(?:'([^']*)'|"([^"]*)"|`([^`]*)`|([^\n]*))/m;

/**
 * The set in a file of its own.
 *
 * @param {string} path
 * @returns {Store}
 */
export function fileStore(path) {
  return {
    path,
    read: () => (existsSync(path) ? parse(readFileSync(path, "utf8"), path) : null),
    write: (set, commit) => replace(path, `${JSON.stringify(set, null, 2)}\n`, commit),
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
  return {
    path,
    read: () => {
      const found = LINE.exec(text());
      if (!found) return null;
      const [, , single, double, tick, bare] = found;
      return parse(single ?? double ?? tick ?? bare, path);
    },
    write: (set, commit) => {
      const before = text();
      const value = `'${JSON.stringify(set)}'`;
      const separator = before === "" || before.endsWith("\n") ? "" : "\n";
      const after = LINE.test(before)
        ? before.replace(LINE, (_, name) => `${name}${value}`)
        : `${before}${separator}JWT_KEYS=${value}\n`;
      return replace(path, after, commit);
    },
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
    for (const name of /** @type {const} */ (["added", "promoted", "replaced"])) {
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
 * @param {any} key
 * @returns {key is Key}
 */
function isKey(key) {
  if (typeof key?.kid !== "string" || key.kid === "" || key.kty !== "OKP" || key.crv !== "Ed25519") return false;
  try {
    if (key.d === undefined) createPublicKey({ key, format: "jwk" });
    else createPrivateKey({ key, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} path
 * @param {string} text
 * @param {() => Promise<void>} [commit]
 */
async function replace(path, text, commit) {
  const target = existsSync(path) ? realpathSync(path) : path;
  const part = `${target}.part`;
  rmSync(part, { force: true });
  writeFileSync(part, text, { mode: OWNER_ONLY, flag: "wx" });
  try {
    await commit?.();
    chmodSync(part, OWNER_ONLY);
    renameSync(part, target);
  } finally {
    rmSync(part, { force: true });
  }
}
