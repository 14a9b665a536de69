/**
 * Files of users, and the import of them into a Latchkey under test: what
 * `npm run import` does, without the command line.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Bytes } from "../../scripts/users/bytes.mjs";
import { rolesIn } from "../../scripts/users/database.mjs";
import { importUsers } from "../../scripts/users/import-users.mjs";
import { formatOf, records } from "../../scripts/users/records.mjs";
import { SOURCES, sourceContext } from "../../scripts/users/sources.mjs";

/**
 * @import { TestContext } from "node:test"
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 * @import { Entry, Steering } from "../../scripts/users/import-users.mjs"
 *
 * @typedef {{ from: string, path: string, firebaseHashConfig?: string, auth0Profiles?: string }} Export
 */

/** A bcrypt hash of {@link HASHED_PASSWORD} that costs little. */
export const HASH = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
export const HASHED_PASSWORD = "correct horse";
/** A piece of a hash that is long enough to look a leaked database through for it. */
const PIECE_LETTERS = 12;
/** What our own hashes begin with under the default settings. */
export const OURS = "$argon2id$v=19$m=19456,t=2,p=1$";

/**
 * A file of `tests/support/exports/`; README.md there says how each was made.
 *
 * @param {string} name
 */
export function exportFile(name) {
  return fileURLToPath(new URL(`exports/${name}`, import.meta.url));
}

/**
 * All fixtures, and what they are imported with.
 *
 * @type {Export[]}
 */
export const EXPORTS = [
  { from: "better-auth", path: exportFile("better-auth/users.csv") },
  { from: "better-auth", path: exportFile("better-auth/users.json") },
  { from: "supabase", path: exportFile("supabase/users.csv") },
  { from: "django", path: exportFile("django/users.jsonl") },
  { from: "django", path: exportFile("django/users.json") },
  { from: "fastapi-users", path: exportFile("fastapi-users/users.csv") },
  {
    from: "firebase",
    path: exportFile("firebase/users.json"),
    firebaseHashConfig: exportFile("firebase/hash-config.txt"),
  },
  {
    from: "firebase",
    path: exportFile("firebase/users.csv"),
    firebaseHashConfig: exportFile("firebase/hash-config.txt"),
  },
  { from: "auth0", path: exportFile("auth0/passwords.ndjson"), auth0Profiles: exportFile("auth0/profiles.ndjson") },
];

/**
 * A folder for a test's files, removed after it.
 *
 * @param {TestContext} t
 */
export function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-import-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Writes a file of users: a text, bytes, or objects for JSON Lines.
 *
 * @param {string} folder
 * @param {string} name
 * @param {string | Buffer | object[]} content
 */
export function fileOf(folder, name, content) {
  const path = join(folder, name);
  const isRows = Array.isArray(content);
  writeFileSync(path, isRows ? content.map((row) => `${JSON.stringify(row)}\n`).join("") : content);
  return path;
}

/**
 * A row in our own form.
 *
 * @param {number} number
 * @param {Record<string, unknown>} rest
 */
export function person(number, rest = {}) {
  const id = `0190a0a0-0000-7000-8000-${String(number).padStart(12, "0")}`;
  return {
    id,
    email: `import${number}@example.com`,
    name: null,
    passwordHash: HASH,
    createdAt: "2024-05-01T10:00:00Z",
    ...rest,
  };
}

/**
 * Imports a file: `{summary, report}`, the report as entries.
 *
 * @param {Latchkey} latchkey
 * @param {Partial<Export> & { path: string, format?: string } & Partial<Steering>} asked
 */
export async function importFile(
  latchkey,
  { path, from = "latchkey", format, firebaseHashConfig, auth0Profiles, ...options },
) {
  const db = await latchkey.db();
  const source = SOURCES[from];
  /** @type {Entry[]} */
  const report = [];
  const bytes = await Bytes.open(path);
  try {
    const context = {
      ...(await sourceContext(from, { firebaseHashConfig, auth0Profiles })),
      system: from,
      source,
      roles: await rolesIn(db),
      defaultRole: "application-access",
      now: 1_800_000_000,
    };
    const summary = await importUsers(db, records(bytes, formatOf(path, format), source), context, {
      note: (entry) => void report.push(entry),
      ...options,
    });
    return { summary, report };
  } finally {
    await bytes.close();
  }
}

/**
 * All records that the readers make of a file, without where they begin.
 *
 * @param {string} path
 * @param {string} from
 */
export async function read(path, from = "latchkey") {
  const bytes = await Bytes.open(path);
  const all = [];
  try {
    for await (const { at, ...record } of records(bytes, formatOf(path), SOURCES[from])) all.push(record);
  } finally {
    await bytes.close();
  }
  return all;
}

/**
 * Nothing of the hashes, salts and keys in a file stands in `text`, not even a piece of one.
 *
 * @param {string} path
 * @param {string} text
 */
export function assertNoSecrets(path, text) {
  const secrets = secretsIn(path);
  assert.ok(secrets.length >= 3, path);
  for (const secret of secrets) {
    for (let at = 0; at + PIECE_LETTERS <= secret.length; at += PIECE_LETTERS / 2) {
      const piece = secret.slice(at, at + PIECE_LETTERS);
      assert.ok(!text.includes(piece), `${path}: ${piece}`);
    }
  }
}

/**
 * Whatever is long and random in a file and is no id; ids belong into the report.
 *
 * @param {string} path
 */
function secretsIn(path) {
  const file = readFileSync(path, "utf8");
  const ids = new Set(file.match(/^[A-Za-z0-9-]{28,36}(?=,)|(?<="(?:id|localId|\$oid)": ?")[^"]+/gm));
  return [...new Set(file.match(/[A-Za-z0-9+/._]{22,}/g))].filter((text) => !ids.has(text));
}
