/**
 * The command behind `npm run end-sessions`; `scripts/end-sessions.mjs` starts
 * it on a Node that wrangler accepts.
 */
import { parseArgs } from "node:util";
import { Failure, main, messageOf } from "../lib.mjs";
import { TYPED_SERVER, typed } from "../place.mjs";
import { openDatabase, rolesIn } from "./database.mjs";
import { asFailure, patiently } from "./faults.mjs";
import { describeTarget } from "./target.mjs";

/** @typedef {ReturnType<typeof parse>} Options */

const USAGE = `Usage: ${typed("end-sessions")} --local [--persist-to DIR]|--remote [--account ID]`;
const TASK = "The sessions were not ended";

await main(import.meta.url, async (args) => {
  const options = parse(args);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  try {
    console.log(`Ended ${await endSessions(options)} sessions. Everybody logs in again.`);
    return 0;
  } catch (error) {
    throw asFailure(error, TASK, options);
  }
});

/**
 * Ends what has not ended; answers how many sessions those were.
 *
 * @param {Options} options
 */
async function endSessions(options) {
  const { db, close } = await openDatabase({
    persistTo: options["persist-to"],
    remote: options.remote,
    account: options.account,
    found: (target) => console.log(`Ending all sessions in ${describeTarget(target)}.`),
  });
  try {
    await rolesIn(db, options);
    const end = db.prepare(
      "UPDATE sessions SET ended_at = unixepoch(), end_reason = 'revoked' WHERE ended_at IS NULL RETURNING 1",
    );
    const waits = () =>
      console.error(`Another program holds the database, such as \`${TYPED_SERVER}\`; waiting for it ...`);
    // Counted by the rows themselves: D1's own count has those of the audit log in it.
    return (await patiently(() => end.all(), { waits })).results.length;
  } finally {
    await close();
  }
}

/** @param {string[]} args */
function parse(args) {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const text = /** @type {const} */ ({ type: "string" });
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: { local: flag, remote: flag, help: flag, account: text, "persist-to": text },
    }));
  } catch (error) {
    throw new Failure(`${messageOf(error).split(". ")[0]}.\n${USAGE}`);
  }
  // It cannot be undone: the database is named, and named once.
  const isClear =
    values.local !== values.remote && !(values.remote && values["persist-to"]) && !(values.local && values.account);
  if (!values.help && !isClear) throw new Failure(USAGE);
  return values;
}
