/**
 * The statements that run at each login and profile read find their rows by
 * an index, and the user's sessions by the one that holds live sessions only:
 * ended ones, which stay until the clean-up, cost nothing.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLatchkey } from "./support/harness.mjs";

const LIVE = "user_id = 'x' AND ended_at IS NULL AND idle_expires_at > 0 AND absolute_expires_at > 0";

/** Statement -> the index it must use. */
const PLANS = [
  [`SELECT id FROM sessions WHERE ${LIVE}`, "sessions_live_by_user"],
  [`SELECT id FROM sessions WHERE ${LIVE} AND id <> 'y' ORDER BY last_used_at DESC, rowid DESC LIMIT -1 OFFSET 19`, "sessions_live_by_user"],
  ["UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE user_id = 'x' AND id IS NOT 'y' AND ended_at IS NULL", "sessions_live_by_user"],
  ["SELECT rowid FROM sessions WHERE absolute_expires_at <= 0 LIMIT 500", "sessions_absolute_expires_at"],
  ["SELECT rowid FROM sessions WHERE ended_at IS NOT NULL AND ended_at <= 0 LIMIT 500", "sessions_ended_at"],
  ["SELECT key FROM login_attempts WHERE updated_at <= 0 LIMIT 500", "login_attempts_updated_at"],
  ["SELECT id FROM users WHERE email = 'x'", "users_email"],
  ["DELETE FROM users WHERE id = 'x'", "sqlite_autoindex_users_1"],
];

let latchkey;
before(async () => (latchkey = await startLatchkey()));
after(() => latchkey.dispose());

for (const [statement, index] of PLANS) {
  test(`${index}: ${statement}`, async () => {
    const plan = await latchkey.sql(`EXPLAIN QUERY PLAN ${statement}`);
    const steps = plan.map(({ detail }) => detail).join("; ");
    assert.match(steps, new RegExp(`INDEX ${index}\\b`));
    assert.doesNotMatch(steps, /SCAN (sessions|users|login_attempts)/);
  });
}
