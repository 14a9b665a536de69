/**
 * The command behind `npm run import`; `scripts/import.mjs` starts it on a Node
 * that wrangler accepts.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Failure, main, messageOf } from "../lib.mjs";
import { TYPED_SERVER, typed } from "../place.mjs";
import { Bytes } from "./bytes.mjs";
import { openDatabase, rolesIn } from "./database.mjs";
import { asFailure } from "./faults.mjs";
import { importUsers } from "./import-users.mjs";
import { Progress } from "./progress.mjs";
import { formatOf, records } from "./records.mjs";
import { Report } from "./report.mjs";
import { SOURCES, sourceContext } from "./sources.mjs";
import { describeTarget } from "./target.mjs";

/**
 * @import { Context, Summary } from "./import-users.mjs"
 * @import { FileRecord } from "./records.mjs"
 *
 * @typedef {NonNullable<ReturnType<typeof parse>>["options"]} Options
 */

const USAGE = `Usage: ${typed("import")} FILE [--format csv|jsonl]
       [--from ${Object.keys(SOURCES)
         .filter((name) => name !== "latchkey")
         .join("|")}]
       [--local [--persist-to DIR]|--remote [--account ID]] [--report FILE] [--dry-run]
       [--firebase-hash-config FILE] [--allow-firebase-csv] [--auth0-profiles FILE]`;

/** The exit codes: everything is in; failed; lines were skipped; interrupted. */
const [ALL, FAILED, SOME, INTERRUPTED] = [0, 1, 2, 130];
const TASK = "The import failed";
const FORGEABLE =
  "Firebase's CSV does not quote every field: a line break in a name that somebody chose makes a user with a password of their choice. " +
  "Export as JSON (--format=json). If nobody could have written into this file: --allow-firebase-csv";
const OPEN_END = "The last line has no line end. If the file was cut off there, look at its last user.";
/** How long a signal to the whole process group may take to arrive here. */
const SIGNAL_MS = 250;

await main(import.meta.url, async (args) => {
  const asked = parse(args);
  if (asked === null) {
    console.log(USAGE);
    return 0;
  }
  const { path, options } = asked;
  const system = options.from ?? "latchkey";
  const source = SOURCES[system];
  const format = formatOf(path, options.format);
  if (system === "firebase" && format === "csv" && !options["allow-firebase-csv"]) throw new Failure(FORGEABLE);
  const context = await sourceContext(system, {
    firebaseHashConfig: options["firebase-hash-config"],
    auth0Profiles: options["auth0-profiles"],
  });
  const bytes = await Bytes.open(path);
  try {
    const { db, defaultRole, close } = await openDatabase({
      persistTo: options["persist-to"],
      remote: options.remote,
      account: options.account,
      found: (target) => console.log(`${options["dry-run"] ? "Reading" : "Writing to"} ${describeTarget(target)}.`),
    });
    try {
      const roles = await rolesIn(db, { remote: options.remote });
      if (!roles.has(defaultRole)) throw new Failure(`The default role "${defaultRole}" is not in the table roles.`);
      const now = Math.floor(Date.now() / 1000);
      if (format === "csv" && !(await bytes.tail(1)).endsWith("\n")) console.error(OPEN_END);
      const file = { size: bytes.size, records: records(bytes, format, source) };
      return await importFile(db, file, { ...context, system, source, roles, defaultRole, now }, options);
    } finally {
      await close();
    }
  } catch (error) {
    throw asFailure(error, TASK, options);
  } finally {
    await bytes.close();
  }
});

/**
 * Imports with a report and a progress bar; answers with the exit code.
 *
 * @param {import("@cloudflare/workers-types/experimental").D1Database} db
 * @param {{ size: number, records: AsyncIterable<FileRecord> }} file
 * @param {Context} context
 * @param {Options} options
 */
async function importFile(db, { size, records }, context, options) {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"]) {
    // The embedded database's own listener would end this process in the middle of a batch.
    process.removeAllListeners(signal).on(signal, () => (stopping = true));
  }
  const report = new Report(options.report);
  const progress = new Progress(size);
  try {
    const summary = await importUsers(db, records, context, {
      dryRun: options["dry-run"],
      note: (entry) => report.write(entry),
      progress: ({ at, line }) => progress.show(at, line),
      isStopped: () => stopping,
      waits: () => console.error(`Another program holds the database, such as \`${TYPED_SERVER}\`; waiting for it ...`),
    });
    progress.end();
    return tell(summary, report, options);
  } catch (error) {
    progress.end();
    // Ctrl-C ends the database's process too, and that may be noticed before the signal.
    await new Promise((done) => setTimeout(done, SIGNAL_MS));
    if (stopping) return interrupted();
    throw new Failure(
      `${asFailure(error, TASK, options).message} What was imported stays; run the same command again.`,
    );
  } finally {
    report.close();
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
    local: flag,
    remote: flag,
    "dry-run": flag,
    "allow-firebase-csv": flag,
    help: flag,
    format: text,
    from: text,
    account: text,
    "persist-to": text,
    report: text,
    "firebase-hash-config": text,
    "auth0-profiles": text,
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
  if (values["allow-firebase-csv"] && values.from !== "firebase")
    throw new Failure("--allow-firebase-csv goes with --from firebase.");
  if (values.from !== undefined && (!Object.hasOwn(SOURCES, values.from) || values.from === "latchkey")) {
    throw new Failure(`"${values.from}" is none of the systems.\n${USAGE}`);
  }
  const [path] = positionals;
  const report = values.report ?? `${path}.report.jsonl`;
  if (resolve(report) === resolve(path)) throw new Failure("The report would replace the file that is imported.");
  return { path, options: { ...values, report } };
}

/**
 * @param {Summary} summary
 * @param {Report} report
 * @param {Options} options
 */
function tell(summary, report, options) {
  const { imported, alreadyThere, superusers, inactive, lines } = summary;
  const skipped = Object.values(summary.skipped).reduce((sum, one) => sum + one, 0);
  const would = options["dry-run"] ? "would be " : "";
  console.log(`${lines} read, ${imported} ${would}imported, ${alreadyThere} already there, ${skipped} skipped`);
  for (const [reason, times] of Object.entries(summary.skipped).sort()) console.log(`  skipped ${times}: ${reason}`);
  for (const [note, times] of Object.entries(summary.notes).sort()) console.log(`  noted ${times}: ${note}`);
  for (const [id, times] of Object.entries(summary.peppers).sort()) {
    console.log(`  ${times} hashed with the pepper "${id}": they verify only where PASSWORD_PEPPERS has it`);
  }
  console.log(`  SUPERUSERS in the file: ${superusers}`);
  if (inactive > 0) console.log(`  inactive in the file: ${inactive}`);
  if (lines > 0 && skipped === lines) console.log("  Nobody could be read. Are --from and --format right?");
  if (lines === 0) console.log("  The file has no users in it.");
  console.log(`report: ${report.path}`);
  if (!summary.isComplete) return interrupted(summary.lastLine);
  if (lines === 0) return FAILED;
  return skipped > 0 ? SOME : ALL;
}

/** @param {number} [line] */
function interrupted(line) {
  console.log(`Interrupted${line ? ` after line ${line}` : ""}. What was imported stays; run the same command again.`);
  return INTERRUPTED;
}
