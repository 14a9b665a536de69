/**
 * What a database says when something is wrong, for the person at the terminal:
 * one line with the way out, never a stack trace. And patience, where another
 * program holds the database for a moment.
 */
import { Failure } from "../lib.mjs";
import { TYPED_SERVER, TYPED_WRANGLER } from "../place.mjs";

/** How long another program may hold the database, and the pauses between the tries. */
const PATIENCE_MS = 60_000;
const PAUSES_MS = [50, 100, 200, 400, 800];

const BUSY = /SQLITE_BUSY|SQLITE_LOCKED|database (?:table )?is locked/i;
const APPLY = `${TYPED_WRANGLER} d1 migrations apply DB`;

/**
 * What is said where an error's text matches; `where` is `--local` or `--remote`.
 *
 * @type {[pattern: RegExp, text: (where: string) => string][]}
 */
const KNOWN = [
  [
    BUSY,
    () =>
      `Another program holds the database, such as \`${TYPED_SERVER}\` or another import. Stop it, or try again later.`,
  ],
  [
    /no such table|no such column|has no column named/,
    (where) => `The database lacks tables or columns. Run: ${APPLY} ${where}`,
  ],
  [
    /SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_PERM|SQLITE_AUTH|EACCES|EPERM|EROFS/,
    () => "The database cannot be written by this user: look at who owns its folder.",
  ],
  [/SQLITE_FULL|ENOSPC|EDQUOT/, () => "The disk is full."],
  [
    /SQLITE_CORRUPT|SQLITE_NOTADB|SQLITE_IOERR|not a database|disk image is malformed|disk I\/O error/,
    () => "The database's file is damaged or cannot be read.",
  ],
];

/**
 * Any error as a {@link Failure}; `task` says what could not be done.
 *
 * @param {unknown} error
 * @param {string} task
 * @param {{ remote?: boolean }} where
 */
export function asFailure(error, task, { remote = false } = {}) {
  if (error instanceof Failure) return error;
  const text = textOf(error);
  const known = KNOWN.find(([pattern]) => pattern.test(text));
  return new Failure(`${task}: ${known ? known[1](remote ? "--remote" : "--local") : firstLine(error)}`);
}

/**
 * Runs `work` again while another program holds the database; `waits` is called
 * at the first time. A statement that found it held has changed nothing.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ waits?: () => void, patienceMs?: number, pause?: (ms: number) => Promise<unknown> }} patience
 * @returns {Promise<T>}
 */
export async function patiently(work, { waits = () => {}, patienceMs = PATIENCE_MS, pause = sleep } = {}) {
  for (let tries = 0, waited = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const next = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
      if (!BUSY.test(textOf(error)) || waited + next > patienceMs) throw error;
      if (tries === 0) waits();
      await pause(next);
      waited += next;
    }
  }
}

/**
 * An error's text and its causes'. Reading one may fail: some come from another process.
 *
 * @param {unknown} error
 */
function textOf(error) {
  try {
    const causes = [];
    for (let one = /** @type {any} */ (error); one && causes.length < 4; one = one.cause)
      causes.push(`${one.code ?? ""} ${one.message ?? one}`);
    return causes.join(" ");
  } catch {
    return "unknown error";
  }
}

/** @param {unknown} error */
function firstLine(error) {
  let text = "unknown error";
  try {
    text = String(/** @type {any} */ (error)?.message ?? error);
  } catch {
    // It cannot be read.
  }
  return text
    .trim()
    .split("\n")[0]
    .replaceAll(/\p{Cc}\[[0-9;]*m|\p{Cc}/gu, "");
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
