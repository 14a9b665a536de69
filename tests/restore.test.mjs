/**
 * A database that comes back from its own dump, by the tools an operator has:
 * `wrangler d1 export`, then `wrangler d1 execute --file` into an empty one.
 * The rows are the same, nothing is recorded a second time, and later changes
 * are recorded as before.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { WRANGLER } from "../scripts/wrangler.mjs";

const TABLES = [
  "schema_migrations",
  "roles",
  "users",
  "sessions",
  "attempts",
  "sweeps",
  "one_time_tokens",
  "login_requests",
  "outbox",
  "mail_counts",
  "resting_addresses",
  "seen_logins",
  "audit_log",
];
const TRACE = `'{"at":100,"actor":"user","session":"s1","country":"DE","client":"c","request":"r1"}'`;
/**
 * Ada with a live and an ended session, a proven address, links and mails; Bob who was imported and
 * deactivated; refusals, counters, the place of a clean-up.
 */
const LIFE = `
  INSERT INTO users (id, email, name, password_hash, role_slug, created_at, updated_at, trace)
    VALUES ('ada', 'ada@example.org', 'Ada; "CREATE TRIGGER"', 'h', 'application-access', 1, 1, ${TRACE});
  INSERT INTO users (id, email, role_slug, created_at, updated_at, trace)
    VALUES ('bob', 'bob@example.org', 'application-access', 1, 1, '{"actor":"import"}');
  INSERT INTO users (id, email, role_slug, created_at, updated_at)
    VALUES ('eve', 'eve@example.org', 'application-access', 1, 1);
  INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at, trace)
    VALUES ('ada', 's1', 'j1', 1, 1, 9999999999, 9999999999, ${TRACE}), ('ada', 's2', 'j2', 1, 1, 9999999999, 9999999999, ${TRACE});
  UPDATE sessions SET ended_at = 5, end_reason = 'logout' WHERE id = 's2';
  UPDATE users SET is_active = 0 WHERE id = 'bob';
  DELETE FROM users WHERE id = 'eve';
  INSERT INTO attempts VALUES ('a', 'c', 3, 3, 0, 'x', 1);
  INSERT INTO sweeps VALUES ('sessions', '["ada","s1"]');
  UPDATE users SET email_verified_at = 7, language = 'de' WHERE id = 'ada';
  INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, is_proven, issued_at, expires_at)
    VALUES ('ada', 'reset-password', 0, 'd', 'ada@example.org', 1, 1, 9999999999),
           ('ada', 'undo-email', 1, 'e', 'old@example.org', 1, 1, 9999999999);
  INSERT INTO login_requests (browser, digest, user_id, email, expires_at)
    VALUES ('b', 'd', 'ada', 'ada@example.org', 9999999999), ('b', 'e', NULL, 'nobody@example.org', 9999999999);
  INSERT INTO outbox (id, user_id, kind, email, language, nonce, key_id, facts, created_at, next_try_at, tries, trace)
    VALUES ('m1', 'ada', 'reset_password', 'ada@example.org', 'de', 'n', 'k', '{}', 1, 9, 1, ${TRACE}),
           ('m2', 'ada', 'confirm_email', 'new@example.org', 'de', 'n', 'k', '{}', 1, 9, 1, ${TRACE});
  INSERT INTO mail_counts VALUES ('client', 'c', '{"m1":1}', 1);
  INSERT INTO resting_addresses VALUES ('old@example.org', 'ada', 9999999999);
  INSERT INTO seen_logins VALUES ('ada', '["Firefox","DE"]', 1);
  INSERT INTO audit_log (user_id, id, event, at, last_at, count, actor, bucket) VALUES ('', 1, 'login_failed', 1, 2, 7, 'user', 'b');
`;

let env;
let folder;
before(async () => {
  env = { ...(await setup({ rust: false })), CI: "1" };
  folder = mkdtempSync(join(tmpdir(), "latchkey-restore-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A project with its own local database. */
function project(name) {
  const cwd = join(folder, name);
  cpSync(join(ROOT, "migrations"), join(cwd, "migrations"), { recursive: true });
  writeFileSync(
    join(cwd, "wrangler.toml"),
    `
    name = "${name}"
    compatibility_date = "2026-01-01"
    [[d1_databases]]
    binding = "DB"
    database_name = "latchkey"
    database_id = "${name}"`,
  );
  const d1 = (...args) => {
    const { status, stdout, stderr } = spawnSync("node", ["--no-warnings", WRANGLER, "d1", ...args], {
      cwd,
      env,
      encoding: "utf8",
    });
    assert.equal(status, 0, `${args.join(" ")}\n${stdout}${stderr}`);
    return stdout;
  };
  const execute = (sql) => {
    const file = join(cwd, "statements.sql");
    writeFileSync(file, sql);
    d1("execute", "DB", "--local", "--yes", "--file", file);
  };
  const query = (sql) =>
    JSON.parse(d1("execute", "DB", "--local", "--yes", "--json", "--command", sql)).map(({ results }) => results);
  return { d1, execute, query };
}

const everything = ({ query }) => query(TABLES.map((table) => `SELECT * FROM ${table}`).join("; "));

test("a dump restores the same rows, tells nothing twice, and the triggers go on", () => {
  const [first, second] = [project("first"), project("second")];
  first.d1("migrations", "apply", "DB", "--local");
  first.execute(LIFE);
  const rows = everything(first);
  for (const [place, table] of TABLES.entries()) assert.ok(rows[place].length > 0, `${table} has no row`);
  const told = rows.at(-1);
  assert.deepEqual(
    told.map(({ user_id, event }) => `${user_id} ${event}`),
    [
      " login_failed",
      "ada registered",
      "ada logged_in",
      "ada logged_in",
      "ada logged_out",
      "ada email_verified",
      "ada mail_queued",
      "bob deactivated",
      "eve registered",
      "eve deleted",
    ],
  );

  const dump = join(folder, "dump.sql");
  first.d1("export", "DB", "--local", "--output", dump);
  second.d1("execute", "DB", "--local", "--yes", "--file", dump);
  assert.deepEqual(everything(second), rows);
  const schema =
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY type, name";
  assert.deepEqual(second.query(schema), first.query(schema));

  second.execute("UPDATE users SET is_active = 0 WHERE id = 'ada';");
  const [events] = second.query("SELECT event, actor FROM audit_log WHERE user_id = 'ada' AND id > 6 ORDER BY id");
  assert.deepEqual(events, [
    { event: "deactivated", actor: "database" },
    { event: "session_ended", actor: "database" },
  ]);
  assert.deepEqual(second.query("SELECT end_reason FROM sessions ORDER BY id"), [
    [{ end_reason: "deactivated" }, { end_reason: "logout" }],
  ]);
});
