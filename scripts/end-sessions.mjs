/**
 * `npm run end-sessions -- --remote`: ends every session of every user, in the
 * deployed database or with `--local` in the one of `npm start`. For the time
 * after a restore; docs/operations.md says why.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, ROOT, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

const USAGE = "Usage: npm run end-sessions -- --local|--remote [--persist-to DIR]";
/** Set in the process that runs on a Node that wrangler accepts. */
const READY = "LATCHKEY_END_SESSIONS";

/** Ends what has not ended; answers how many sessions those were. */
export async function endSessions(db) {
  // Counted by the rows themselves: D1's own count has those of the audit log in it.
  const { results } = await db.prepare("UPDATE sessions SET ended_at = unixepoch(), end_reason = 'revoked' WHERE ended_at IS NULL RETURNING 1").all();
  return results.length;
}

await main(import.meta.url, async (args) => {
  const options = parse(args);
  if (!process.env[READY]) {
    const env = { ...(await setup({ rust: false })), [READY]: "true" };
    return exitCode("node", ["--no-warnings", join(ROOT, "scripts", "end-sessions.mjs"), ...args], { env, cwd: process.cwd() });
  }
  const { openDatabase, rolesIn } = await import("./users/database.mjs");
  const { db, close } = await openDatabase({ persistTo: options["persist-to"], remote: options.remote });
  try {
    await rolesIn(db, options);
    say(`Ended ${await endSessions(db)} sessions. Everybody logs in again.`);
  } finally {
    await close();
  }
});

function parse(args) {
  const flag = { type: "boolean", default: false };
  let values;
  try {
    ({ values } = parseArgs({ args, options: { local: flag, remote: flag, "persist-to": { type: "string" } } }));
  } catch (error) {
    throw new Failure(`${error.message}\n${USAGE}`);
  }
  // It cannot be undone: the database is named, and named once.
  if (values.local === values.remote || (values.remote && values["persist-to"])) throw new Failure(USAGE);
  return values;
}
