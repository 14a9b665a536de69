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

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @typedef {ReturnType<typeof parse>} Options
 */

const USAGE = `Usage: ${typed("end-sessions")} --local [--persist-to DIR]|--remote [--account ID]`;
/** D1 cuts a statement off after 30 seconds, and each session that ends adds a row to the audit log. */
const STEP = 10_000;
const LAST_OF_STEP = `
  SELECT user_id, id
    FROM (SELECT user_id, id FROM sessions WHERE (user_id, id) > (?1, ?2) ORDER BY user_id, id LIMIT ${STEP})
   ORDER BY user_id DESC, id DESC
   LIMIT 1`;
const END_STEP = `
  UPDATE sessions
     SET ended_at = unixepoch(), end_reason = 'revoked'
   WHERE (user_id, id) > (?1, ?2)
     AND (user_id, id) <= (?3, ?4)
     AND ended_at IS NULL
     AND idle_expires_at > unixepoch() - 60
  RETURNING 1`;

await main(import.meta.url, async (args) => {
  const options = parse(args);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const ended = { count: 0 };
  try {
    await endSessions(options, ended);
    console.log(`Ended ${ended.count} sessions. Everybody logs in again.`);
    return 0;
  } catch (error) {
    const task =
      ended.count > 0
        ? `${ended.count} sessions were ended and the others not yet; run the command again`
        : "The sessions were not ended";
    throw asFailure(error, task, options);
  }
});

/**
 * Ends every live session, and counts them in `ended`.
 *
 * @param {Options} options
 * @param {{ count: number }} ended
 */
async function endSessions(options, ended) {
  const { db, close } = await openDatabase({
    persistTo: options["persist-to"],
    remote: options.remote,
    account: options.account,
    found: (target) => console.log(`Ending all sessions in ${describeTarget(target)}.`),
  });
  try {
    await rolesIn(db, options);
    for await (const count of steps(db)) ended.count += count;
  } finally {
    await close();
  }
}

/**
 * Ends the sessions in the order of their keys; yields how many each step has
 * ended. What has ended stays so if a later step fails.
 *
 * @param {D1Database} db
 */
async function* steps(db) {
  const waits = () =>
    console.error(`Another program holds the database, such as \`${TYPED_SERVER}\`; waiting for it ...`);
  /** @param {string} sql @param {string[]} key */
  const run = async (sql, ...key) => {
    const statement = db.prepare(sql).bind(...key);
    return (await patiently(() => statement.all(), { waits })).results;
  };
  for (let after = ["", ""]; ; ) {
    const [last] = await run(LAST_OF_STEP, ...after);
    if (!last) return;
    const to = [String(last.user_id), String(last.id)];
    // Counted by the rows themselves: D1's own count has those of the audit log in it.
    yield (await run(END_STEP, ...after, ...to)).length;
    after = to;
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
