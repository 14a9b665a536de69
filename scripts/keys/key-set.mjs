/**
 * The stages of a signing key, as functions of a set, a request and the time.
 * Knows no file and no command line.
 *
 * The first key of a set signs and all private ones verify. So a key is published
 * before it signs, and one that has signed stays until its tokens are gone:
 *
 *     add      at the end of the set: it verifies
 *     promote  to the front: it signs, and the one before it is replaced
 *     retire   out of the set
 *
 * The times are members of the keys themselves, `added`, `published`, `promoted`
 * and `replaced`, which the service ignores. A key without them was made by other
 * means: it counts as added long ago, and as one that may have signed.
 */
import { Failure } from "../lib.mjs";
import { makeKey } from "../make-keys.mjs";

/**
 * @typedef {object} Key A JWK of Ed25519; without `d` it is only published.
 * @property {string} kty
 * @property {string} crv
 * @property {string} kid
 * @property {string} x
 * @property {string} [d]
 * @property {string} [added] RFC 3339: when it came into the set.
 * @property {string} [published] When it was put in place for the first time, if this command did.
 * @property {string} [promoted] When it began to sign, the last time.
 * @property {string} [replaced] When another key began to sign in its place.
 *
 * @typedef {{ keys: Key[] }} KeySet
 *
 * @typedef {{ idleSeconds: number, accessSeconds: number }} Lifetimes Of the tokens, by the settings.
 *
 * @typedef {"signs" | "waits" | "ready" | "replaced" | "gone" | "may have signed" | "published only"} State
 *   `ready` may be promoted, `gone` may be retired. When a key that may have signed did so last, is not recorded.
 */

/** As the service has it. */
export const MAX_KEYS = 8;
/** `Cache-Control` of `/.well-known/jwks.json`: how long a verifier may not know a new key. */
const JWKS_CACHE_SECONDS = 600;
/** How long isolates with the set before may go on, in every location. */
const ROLLOUT_SECONDS = 300;
/** How long a key is published before it may sign. */
export const PUBLISHED_SECONDS = JWKS_CACHE_SECONDS + ROLLOUT_SECONDS;

/**
 * How long a key stays after it has signed for the last time: for the life of a
 * refresh token, then of an access token, after the last isolate has changed.
 *
 * @param {Lifetimes} lifetimes
 */
export function keptSeconds({ idleSeconds, accessSeconds }) {
  return ROLLOUT_SECONDS + idleSeconds + accessSeconds;
}

/**
 * Each key with its state and from when on the next step is allowed.
 *
 * @param {KeySet} set
 * @param {Lifetimes} lifetimes
 * @param {Date} now
 * @returns {{ key: Key, state: State, next: Date | null }[]}
 */
export function states(set, lifetimes, now) {
  return set.keys.map((key, i) => {
    if (i === 0) return { key, state: "signs", next: null };
    if (mayHaveSigned(key)) {
      const next = retirable(set, key, lifetimes);
      if (next === null) return { key, state: "may have signed", next };
      return { key, state: next <= now ? "gone" : "replaced", next };
    }
    if (key.d === undefined) return { key, state: "published only", next: null };
    const next = after(key.published ?? key.added, PUBLISHED_SECONDS);
    return { key, state: next <= now ? "ready" : "waits", next };
  });
}

/**
 * The set with a new key at its end. The first key of all signs at once: nobody
 * has a token yet.
 *
 * @param {KeySet} set
 * @param {Date} now
 * @returns {{ set: KeySet, key: Key }}
 */
export function add(set, now) {
  if (set.keys.length >= MAX_KEYS) {
    throw new Failure(`The set has ${set.keys.length} keys, and the service takes ${MAX_KEYS}. Retire one first.`);
  }
  const at = time(now);
  const isFirst = set.keys.length === 0;
  const key = { ...makeKey(), added: at, ...(isFirst && { promoted: at }) };
  return { set: { ...set, keys: [...set.keys, key] }, key };
}

/**
 * The set with `kid` at its front. Fails if the key has not been published for
 * long enough, unless it is forced.
 *
 * @param {KeySet} set
 * @param {string | undefined} kid Without it, the one key that has not signed yet.
 * @param {{ now: Date, isForced: boolean, isRemote: boolean }} how Remote: it counts since when the key is in place.
 * @returns {{ set: KeySet, key: Key, former: Key, isEarly: boolean }}
 */
export function promote(set, kid, { now, isForced, isRemote }) {
  const key = kid === undefined ? onlyCandidate(set) : find(set, kid);
  const former = set.keys[0];
  if (key === former) throw new Failure(`${key.kid} signs already.`);
  if (key.d === undefined) throw new Failure(`${key.kid} has no private part: it is published only.`);
  const since = key.published ?? (isRemote ? key.promoted : key.added);
  const isUnknown = since === undefined && key.added !== undefined;
  const from = after(since, PUBLISHED_SECONDS);
  const isEarly = isUnknown || from > now;
  if (isEarly && !isForced) {
    throw new Failure(
      isUnknown
        ? `${key.kid} was added without --remote, and whether it is in place is not recorded. If it has been for ${PUBLISHED_SECONDS / 60} minutes, add --force.`
        : `${key.kid} was ${key.published === undefined ? "added" : "put in place"} at ${since}. It may sign from ${time(from)} on: until then some services that verify tokens do not know it.`,
    );
  }
  const { replaced: _, ...rest } = key;
  const first = { ...rest, promoted: time(now) };
  const second = { ...former, replaced: time(now) };
  const others = set.keys.filter((one) => one !== key && one !== former);
  return { set: { ...set, keys: [first, second, ...others] }, key: first, former: second, isEarly };
}

/**
 * The set without `kid`. Fails while the key signs or has live tokens, unless it
 * is forced: then the next key that can signs, or a new one where there is none.
 *
 * @param {KeySet} set
 * @param {string} kid
 * @param {{ now: Date, isForced: boolean, lifetimes: Lifetimes }} how
 * @returns {{ set: KeySet, key: Key, successor: Key | null, isEarly: boolean }}
 */
export function retire(set, kid, { now, isForced, lifetimes }) {
  const key = find(set, kid);
  const isSigning = key === set.keys[0];
  if (isSigning && !isForced) {
    throw new Failure(`${key.kid} signs. Promote another key first; if it has leaked, add --force.`);
  }
  const from = retirable(set, key, lifetimes);
  const isEarly = isSigning || (mayHaveSigned(key) && (from === null || from > now));
  if (isEarly && !isForced) {
    throw new Failure(
      from === null
        ? `${key.kid} may have signed, and until when is not recorded. If it has not for ${keptSeconds(lifetimes)} seconds, nothing that it signed is valid: add --force.`
        : `${key.kid} was replaced at ${replacedAt(set, key)}. It may be retired from ${time(from)} on: until then there are tokens that it signed.`,
    );
  }
  const rest = set.keys.filter((one) => one !== key);
  if (!isSigning) return { set: { ...set, keys: rest }, key, successor: null, isEarly };
  const able = rest.find((one) => one.d !== undefined) ?? { ...makeKey(), added: time(now) };
  const { replaced: _, ...kept } = able;
  const successor = { ...kept, promoted: time(now) };
  return { set: { ...set, keys: [successor, ...rest.filter((one) => one !== able)] }, key, successor, isEarly };
}

/**
 * The set with the time at which it is put in place, at each key that was not.
 *
 * @param {KeySet} set
 * @param {Date} now
 * @returns {KeySet}
 */
export function publish(set, now) {
  const keys = set.keys.map((key) => (key.published === undefined ? { ...key, published: time(now) } : key));
  return { ...set, keys };
}

/**
 * A time as the keys have it: RFC 3339, in whole seconds.
 *
 * @param {Date} date
 */
export function time(date) {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

/**
 * The key of that id, or of the only id that begins so.
 *
 * @param {KeySet} set
 * @param {string} kid
 */
function find(set, kid) {
  const exact = set.keys.find((key) => key.kid === kid);
  const begun = set.keys.filter((key) => key.kid.startsWith(kid));
  if (!exact && begun.length !== 1) {
    const ids = set.keys.map((key) => key.kid).join(", ");
    throw new Failure(`${begun.length === 0 ? "No key" : "More than one key"} has the id ${kid}. The set has: ${ids}.`);
  }
  return exact ?? begun[0];
}

/** @param {KeySet} set */
function onlyCandidate(set) {
  const candidates = set.keys.slice(1).filter((key) => key.d !== undefined && !mayHaveSigned(key));
  if (candidates.length === 1) return candidates[0];
  throw new Failure(
    candidates.length === 0 ? "No key waits. Add one first." : "More than one key waits. Say which, by its id.",
  );
}

/**
 * Whether a key behind the first has signed, or was made by other means: then
 * that is not recorded.
 *
 * @param {Key} key
 */
function mayHaveSigned(key) {
  const hasSigned = key.promoted !== undefined || key.replaced !== undefined;
  return hasSigned || (key.d !== undefined && key.added === undefined);
}

/**
 * Since when a key has not signed. What is not written down is bounded by the
 * time at which the first key began to.
 *
 * @param {KeySet} set
 * @param {Key} key
 */
function replacedAt(set, key) {
  return key.replaced ?? set.keys[0].promoted;
}

/**
 * @param {KeySet} set
 * @param {Key} key
 * @param {Lifetimes} lifetimes
 * @returns {Date | null} Null where it is not recorded since when the key has not signed.
 */
function retirable(set, key, lifetimes) {
  const since = replacedAt(set, key);
  return since === undefined ? null : after(since, keptSeconds(lifetimes));
}

/**
 * @param {string | undefined} since Undefined: long ago.
 * @param {number} seconds
 */
function after(since, seconds) {
  return new Date(since === undefined ? 0 : Date.parse(since) + seconds * 1000);
}
