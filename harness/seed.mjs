/**
 * Databases of any number of users, created by SQL inside the database and kept
 * under `target/bench/growth` for later runs.
 *
 * Every user has the password of one who has really registered, so any of them
 * can log in. Each has a live session, every second another one, every fourth a
 * third, every fourth of the others a second: two a user. Every tenth has a
 * counter of attempts, every hundredth one of mails, each a known device, and
 * the audit log has each session's beginning. Nothing of it is due for the
 * clean-up.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, say } from "../scripts/lib.mjs";
import { startLatchkey } from "./latchkey.mjs";

/**
 * @import { Latchkey } from "./latchkey.mjs"
 *
 * @typedef {Record<string, number>} Bytes How large the database was after each step.
 */

export const PASSWORD = "correct horse battery staple";
const OWNER = "owner@example.org";
const FOLDER = join(ROOT, "target", "bench", "growth");
/** Users a statement: a fraction of a second each. */
const STEP = 20_000;
/** Counters of login attempts are kept for a day: the seed must not become due while it is used. */
const KEPT_SECONDS = 12 * 3_600;
const DAY_SECONDS = 86_400;

/** Every so many-th user is one of these: three live sessions. */
const ALIKE = 12;

/**
 * The address of one of the users who are alike, somewhere in the database.
 *
 * @param {number} users
 * @param {number} random between 0 and 1
 */
export function someone(users, random) {
  return `user${ALIKE * Math.ceil(random * Math.floor((users - 1) / ALIKE))}@example.org`;
}

/** D1 receives numbers as doubles, whose text would be "2.0". */
const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < ?2)";

/** Ids in the service's form, registered one per second until now. */
const USERS = `${NUMBERS},
  made (i, at, random) AS (SELECT i, ?3 - (?4 - i), lower(hex(randomblob(9))) FROM n)
  INSERT INTO users (id, email, name, password_hash, role_slug, created_at, updated_at)
  SELECT substr(printf('%012x', at * 1000), 1, 8) || '-' || substr(printf('%012x', at * 1000), 9) || '-7' || substr(random, 1, 3)
             || '-8' || substr(random, 4, 3) || '-' || substr(random, 7),
         'user' || i || '@example.org', 'User ' || i, owner.password_hash, owner.role_slug, at, at
    FROM made, (SELECT password_hash, role_slug FROM users WHERE email = '${OWNER}') AS owner`;

/** 21 digits and an A are 128 bits in base64url. */
const SESSIONS = `${NUMBERS}
  INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at, user_agent, country)
  SELECT users.id, substr(hex(randomblob(11)), 1, 21) || 'A', substr(hex(randomblob(11)), 1, 21) || 'A',
         ?3 - ${8 * DAY_SECONDS}, ?3 - abs(random()) % ${DAY_SECONDS}, ?3 + ${6 * DAY_SECONDS}, ?3 + ${22 * DAY_SECONDS},
         'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', 'DE'
    FROM n
    JOIN users ON users.email = 'user' || i || '@example.org'
    JOIN (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS kinds
      ON kind = 0
      OR (kind = 1 AND i % 2 = 0)
      OR (kind = 2 AND i % 4 = 0)
      OR (kind = 3 AND i % 4 = 1)`;

const ATTEMPTS = `${NUMBERS}
  INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
  SELECT 'a' || substr(hex(randomblob(11)), 1, 22), 'c' || substr(hex(randomblob(11)), 1, 22), 1 + i % 3, 1 + i % 3, 0,
         substr(hex(randomblob(11)), 1, 21) || 'A', ?3 - abs(random()) % 3600
    FROM n
   WHERE i % 10 = 0`;

const EVENTS = `${NUMBERS}
  INSERT INTO audit_log (user_id, id, event, session_id, at, last_at, actor, country, client, request_id)
  SELECT users.id, row_number() OVER (PARTITION BY users.id ORDER BY sessions.id), 'logged_in', sessions.id,
         sessions.created_at, sessions.created_at, 'user', 'DE',
         'c' || substr(hex(randomblob(11)), 1, 22), lower(hex(randomblob(18)))
    FROM n
    JOIN users ON users.email = 'user' || i || '@example.org'
    JOIN sessions ON sessions.user_id = users.id
   WHERE ?3 > 0`;

const DEVICES = `${NUMBERS}
  INSERT INTO seen_logins (user_id, device, seen_at)
  SELECT users.id, '["Chrome on Linux","DE"]', ?3 - ?3 % ${DAY_SECONDS}
    FROM n
    JOIN users ON users.email = 'user' || i || '@example.org'`;

/** Such a counter lasts for an hour: as if its mail were sent when the seed is thrown away. */
const MAIL_COUNTS = `${NUMBERS}
  INSERT INTO mail_counts (kind, counted, mails, updated_at)
  SELECT 'address', 'm' || substr(hex(randomblob(11)), 1, 22),
         json_object(lower(hex(randomblob(18))), CAST(?3 + ${KEPT_SECONDS} AS INTEGER)), ?3 + ${KEPT_SECONDS}
    FROM n
   WHERE i % 100 = 0`;

/**
 * The folder of a database with so many users, for `startLatchkey`'s
 * `persist`, and how large it was after each step:
 * `{folder, bytes: {users, sessions, attempts, events, devices, counts}}`.
 *
 * @param {number} users
 * @returns {Promise<{ folder: string, bytes: Bytes }>}
 */
export async function seeded(users) {
  const folder = join(FOLDER, String(users));
  const marker = join(folder, "seed.json");
  const made = existsSync(marker) ? JSON.parse(readFileSync(marker, "utf8")) : null;
  const wanted = recipe();
  if (made?.recipe === wanted && Date.now() / 1_000 - made.at < KEPT_SECONDS) return { folder, bytes: made.bytes };
  say(`Making a database of ${users.toLocaleString("en-US")} users ...`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const at = Math.floor(Date.now() / 1_000);
  const bytes = await make(folder, users, at);
  writeFileSync(marker, JSON.stringify({ recipe: wanted, at, bytes }));
  return { folder, bytes };
}

/**
 * Takes away what was added since, also by a run that was stopped in its middle.
 *
 * @param {Latchkey} latchkey
 */
export async function restore(latchkey) {
  await latchkey.sql(`DELETE FROM users WHERE email NOT LIKE 'user%@example.org' AND email <> '${OWNER}'`);
  await latchkey.sql("DELETE FROM sessions WHERE created_at > unixepoch() - ?1", 7 * DAY_SECONDS);
  await latchkey.sql("DELETE FROM audit_log WHERE at > unixepoch() - ?1", 7 * DAY_SECONDS);
  // What was made to be cleaned up, and was not.
  await latchkey.sql("DELETE FROM sweeps");
  do await latchkey.scheduled();
  while (!(await isSwept(latchkey)));
}

/**
 * Whether the clean-up has read every table to its end. The position there is a number, and else a key.
 *
 * @param {Latchkey} latchkey
 */
export async function isSwept(latchkey) {
  const unfinished = await latchkey.sql("SELECT swept FROM sweeps WHERE position LIKE '[%'");
  return unfinished.length === 0;
}

/**
 * @param {string} folder
 * @param {number} users
 * @param {number} at
 * @returns {Promise<Bytes>}
 */
async function make(folder, users, at) {
  const latchkey = await startLatchkey({ persist: folder });
  try {
    const answer = await latchkey.fetch("/api/account/register", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: OWNER, password: PASSWORD }),
    });
    if (answer.status !== 201) throw new Error(await answer.text());
    const db = await latchkey.db();
    /** @type {Bytes} */
    const bytes = {};
    // Without the triggers, so that each table's bytes are its own.
    const triggers = await latchkey.sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
    for (const { name } of triggers) await latchkey.sql(`DROP TRIGGER ${name}`);
    /** @type {[name: string, sql: string, ...values: number[]][]} */
    const steps = [
      ["users", USERS, users],
      ["sessions", SESSIONS],
      ["attempts", ATTEMPTS],
      ["events", EVENTS],
      ["devices", DEVICES],
      ["counts", MAIL_COUNTS],
    ];
    for (const [name, sql, ...rest] of steps) {
      for (let from = 2; from <= users; from += STEP) {
        const { meta } = await db
          .prepare(sql)
          .bind(from, Math.min(from + STEP - 1, users), at, ...rest)
          .run();
        bytes[name] = meta.size_after;
      }
    }
    for (const { sql } of triggers) await latchkey.sql(sql);
    return bytes;
  } finally {
    await latchkey.dispose();
  }
}

/** Changes with the schema and with this file. */
function recipe() {
  const folder = join(ROOT, "migrations");
  const hash = createHash("sha256").update(readFileSync(new URL(import.meta.url)));
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
