/**
 * The command behind `npm run export`: all users with their password hashes as
 * JSON Lines, in a file that only its owner can read. Nothing of them reaches
 * the terminal.
 */
import { existsSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Failure, codeOf, main, messageOf } from "../lib.mjs";
import { typed } from "../place.mjs";
import { openDatabase, rolesIn } from "./database.mjs";
import { asFailure, patiently } from "./faults.mjs";
import { exportUsers } from "./export-users.mjs";
import { Progress } from "./progress.mjs";
import { describeTarget } from "./target.mjs";

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @import { FileHandle } from "node:fs/promises"
 *
 * @typedef {NonNullable<ReturnType<typeof parse>>["options"]} Options
 */

const USAGE = `Usage: ${typed("export")} FILE [--force] [--local [--persist-to DIR]|--remote [--account ID]]`;
const TASK = "The export failed";
const OWNER_ONLY = 0o600;
const INTERRUPTED = 130;
/** Ctrl-C ends the database's process too, and that may be noticed before the signal. */
const SIGNAL_MS = 200;

await main(import.meta.url, async (args) => {
  const asked = parse(args);
  if (asked === null) {
    console.log(USAGE);
    return 0;
  }
  const { path, options } = asked;
  if (existsSync(path) && !options.force)
    throw new Failure(`${path} is there already. Name another file, or add --force.`);
  if (existsSync(path) && statSync(path).isDirectory()) throw new Failure(`${path} is a folder. Name a file.`);
  try {
    return await exportTo(path, options);
  } catch (error) {
    throw asFailure(error, TASK, options);
  }
});

/**
 * Exports; answers with the exit code.
 *
 * @param {string} path
 * @param {Options} options
 */
async function exportTo(path, options) {
  const { db, close } = await openDatabase({
    persistTo: options["persist-to"],
    remote: options.remote,
    account: options.account,
    found: (target) => console.log(`Reading ${describeTarget(target)}.`),
  });
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"]) {
    // The embedded database's own listener would end this process and leave half a file.
    process.removeAllListeners(signal).on(signal, () => (stopping = true));
  }
  try {
    await rolesIn(db, { remote: options.remote });
    const count = await writeWhole(path, (file) => write(db, file, () => stopping));
    if (count === null) {
      console.log("Interrupted. Nothing was written.");
      return INTERRUPTED;
    }
    console.log(`${count} users in ${path}, with their password hashes: keep it as you keep the database.`);
    return 0;
  } finally {
    await close();
  }
}

/**
 * What is to be done; null: say how it is asked for.
 *
 * @param {string[]} args
 */
function parse(args) {
  const flag = /** @type {const} */ ({ type: "boolean" });
  const text = /** @type {const} */ ({ type: "string" });
  const options = {
    force: flag,
    local: flag,
    remote: flag,
    help: flag,
    account: text,
    "persist-to": text,
  };
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Failure(`${messageOf(error).split(". ")[0]}.\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  if (values.help) return null;
  if (positionals.length !== 1) throw new Failure(USAGE);
  if (values.local && values.remote) throw new Failure("--local or --remote, not both.");
  if (values.remote && values["persist-to"]) throw new Failure("--persist-to goes with --local.");
  if (values.account !== undefined && !values.remote) throw new Failure("--account goes with --remote.");
  return { path: positionals[0], options: values };
}

/**
 * The file appears when it is complete, or not at all: when `body` answers null or fails.
 *
 * @param {string} path
 * @param {(file: FileHandle) => Promise<number | null>} body
 */
async function writeWhole(path, body) {
  const part = `${path}.part`;
  await rm(part, { force: true });
  let file;
  try {
    file = await open(part, "wx", OWNER_ONLY);
  } catch (error) {
    throw new Failure(`${part} cannot be written (${codeOf(error)}).`);
  }
  try {
    const answer = await body(file);
    if (answer === null) {
      await file.close();
      await rm(part);
      return null;
    }
    await file.sync();
    await file.close();
    await rename(part, path);
    return answer;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}

/**
 * How many users were written; null when it was told to stop.
 *
 * @param {D1Database} db
 * @param {FileHandle} file
 * @param {() => boolean} isStopped
 */
async function write(db, file, isStopped) {
  const counted = await patiently(() => db.prepare("SELECT count(*) AS total FROM users").first());
  const progress = new Progress(Number(counted?.total));
  let count = 0;
  try {
    for await (const users of exportUsers(db)) {
      if (isStopped()) return null;
      await file.write(users.map((user) => `${JSON.stringify(user)}\n`).join(""));
      count += users.length;
      progress.show(count, count);
    }
  } catch (error) {
    await new Promise((done) => setTimeout(done, SIGNAL_MS));
    if (!isStopped()) throw error;
    return null;
  } finally {
    progress.end();
  }
  return count;
}
