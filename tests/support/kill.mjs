/**
 * workerd, killed at random moments under writers and started again on the
 * same state. Only processes that this one started are killed, by their own
 * handle.
 */
import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startLatchkey } from "../../harness/latchkey.mjs";
import { Writer } from "./writers.mjs";

/** @import { Latchkey } from "../../harness/latchkey.mjs" */

export const WRITERS = 8;
/** From the first requests after a start to the kill. */
const [SHORTEST_MS, LONGEST_MS] = [50, 2_000];
/** The longest grace there is: a refresh that was cut off is repeated after the restart. */
const VARS = { REFRESH_GRACE_SECONDS: 60 };
/** Rows that only a batch that took effect by half leaves behind. */
const HALVES = {
  "sessions of before a new password that live": `
    SELECT s.id FROM sessions AS s JOIN users AS u ON u.id = s.user_id
     WHERE s.ended_at IS NULL AND u.updated_at > u.created_at AND s.created_at < u.updated_at`,
  "sessions ended by a new password that is not there": `
    SELECT s.id FROM sessions AS s JOIN users AS u ON u.id = s.user_id
     WHERE s.end_reason = 'password_changed' AND u.updated_at < s.ended_at`,
  "more live sessions than the cap": `
    SELECT user_id FROM sessions WHERE ended_at IS NULL GROUP BY user_id HAVING count(*) > 20`,
};

/**
 * Every process that this one has started, oldest first.
 *
 * @type {import("node:child_process").ChildProcess[]}
 */
const children = [];
diagnostics.subscribe("child_process", (message) => void children.push(/** @type {any} */ (message).process));

/**
 * Kills `kills` times, and checks after each: what was acknowledged holds, no
 * batch took effect by half, and the file is sound. Answers `{acknowledged,
 * cutOff}`: the writes, and how many were under way when the process died.
 *
 * @param {number} kills
 */
export async function killLoop(kills) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-kill-"));
  const writers = Array.from({ length: WRITERS }, () => new Writer());
  let secrets = {};
  try {
    for (let start = 0; start <= kills; start += 1) {
      const latchkey = await startLatchkey({ persist: folder, secrets, vars: VARS });
      secrets = { JWT_KEYS: JSON.stringify(latchkey.keys) };
      try {
        for (const writer of writers) await writer.check(latchkey);
        for (const [what, sql] of Object.entries(HALVES)) assert.deepEqual(await latchkey.sql(sql), [], what);
        if (start < kills) await writeUntilKilled(latchkey, writers);
      } finally {
        await latchkey.dispose();
      }
      assertSound(databaseFile(folder));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  /** @param {"acknowledged" | "cutOff"} name */
  const sum = (name) => writers.reduce((total, writer) => total + writer[name], 0);
  return { acknowledged: sum("acknowledged"), cutOff: sum("cutOff") };
}

/**
 * Lets the writers write until workerd is killed.
 *
 * @param {Latchkey} latchkey
 * @param {Writer[]} writers
 */
function writeUntilKilled(latchkey, writers) {
  return untilKilled((isGone) => Promise.all(writers.map((writer) => writer.run(latchkey, isGone))));
}

/**
 * Lets `work` go on, kills the newest workerd at a random moment, and waits until both have stopped.
 *
 * @param {(isGone: () => boolean) => Promise<unknown>} work
 */
export async function untilKilled(work) {
  const victim = children.findLast((child) => basename(child.spawnfile) === "workerd");
  if (!victim) throw new Error("No workerd was started.");
  const exited = new Promise((done) => victim.once("exit", done));
  const moment = SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS);
  const timer = setTimeout(() => victim.kill("SIGKILL"), moment);
  try {
    await work(() => victim.killed);
  } finally {
    clearTimeout(timer);
  }
  await exited;
  assert.equal(victim.signalCode, "SIGKILL");
}

/**
 * D1's own file: the one with our tables.
 *
 * @param {string} folder
 */
function databaseFile(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sqlite"));
  const query = "SELECT 1 FROM sqlite_master WHERE name = 'users'";
  const ours = files.map((file) => join(folder, file)).filter((file) => rows(file, query).length > 0);
  assert.equal(ours.length, 1, files.join());
  return ours[0];
}

/**
 * `PRAGMA integrity_check` is among those that D1 itself does not allow.
 *
 * @param {string} file
 */
function assertSound(file) {
  assert.deepEqual(rows(file, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  assert.deepEqual(rows(file, "PRAGMA foreign_key_check"), []);
}

/**
 * @param {string} file
 * @param {string} query
 */
function rows(file, query) {
  const db = new DatabaseSync(file);
  try {
    return db
      .prepare(query)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}
