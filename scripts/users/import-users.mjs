/**
 * Brings records of users into D1, in batches, each of which is one
 * transaction. Never changes a user who is there: so it may be interrupted and
 * repeated, and a file cannot take an account over.
 */
import { patiently } from "./faults.mjs";
import { judge } from "./rules.mjs";
import { draftOf } from "./sources.mjs";

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @import { FileRecord } from "./records.mjs"
 * @import { RulesContext, UserRow } from "./rules.mjs"
 * @import { Source, SourceContext } from "./sources.mjs"
 *
 * @typedef {RulesContext & SourceContext & { source: Source }} Context
 *
 * @typedef {object} Steering
 * @property {(entry: Entry) => void} note
 * @property {(at: { at: number, line: number }) => void} [progress]
 * @property {() => boolean} [isStopped]
 * @property {() => void} [waits]
 * @property {boolean} [dryRun]
 *
 * @typedef {object} Counts
 * @property {number} lines
 * @property {number} imported
 * @property {number} alreadyThere
 * @property {number} superusers
 * @property {number} inactive
 * @property {Record<string, number>} skipped By reason.
 * @property {Record<string, number>} notes By what is noted.
 * @property {Record<string, number>} peppers By the name of the pepper.
 *
 * @typedef {Counts & { isComplete: boolean, lastLine?: number }} Summary
 *
 * @typedef {{ line: number, row: UserRow, oldId: string | null, notes: string[], pepper: string | null }} Waiting
 *   A user that is about to be written.
 *
 * @typedef {{ line: number, reason?: string, detail?: string, note?: string, oldId?: string | null, id?: string }} Entry
 *   A line of the report.
 */

/** Of the largest rows that the rules allow, this makes half of D1's 2 MB for a bound value. */
const BATCH_USERS = 500;

/** With the trace that tells the audit log's trigger that they registered elsewhere. */
const INSERT_USERS = `
  INSERT INTO users (id, email, name, password_hash, role_slug, is_active, is_superuser, created_at, updated_at, trace)
  SELECT value ->> '$.id',
         value ->> '$.email',
         value ->> '$.name',
         value ->> '$.password_hash',
         value ->> '$.role_slug',
         value ->> '$.is_active',
         value ->> '$.is_superuser',
         value ->> '$.created_at',
         value ->> '$.updated_at',
         '{"actor":"import"}'
    FROM json_each(?1)
   WHERE true
      ON CONFLICT DO NOTHING
  RETURNING id`;

/** Who has the addresses and the ids of a batch; by the indexes, each half by its own. */
export const HOLDERS = `
  SELECT id, email
    FROM users
   WHERE email IN (SELECT value ->> '$.email' FROM json_each(?1))
   UNION
  SELECT id, email
    FROM users
   WHERE id IN (SELECT value ->> '$.id' FROM json_each(?1))`;

/**
 * Imports and answers with what happened. `context` is what the rules and the
 * source need: `{system, source, roles, defaultRole, now, …}`.
 *
 * - `note(entry)`: a line of the report, in the order of the file
 * - `progress({at, line})`: after each batch
 * - `isStopped()`: asked after each batch
 * - `waits()`: another program holds the database
 *
 * @param {D1Database} db
 * @param {AsyncIterable<FileRecord>} records
 * @param {Context} context
 * @param {Steering} steering
 * @returns {Promise<Summary>}
 */
export async function importUsers(
  db,
  records,
  context,
  { note, progress = () => {}, isStopped = () => false, waits, dryRun = false },
) {
  const run = new Run(db, context, { note, waits, dryRun });
  for await (const record of records) {
    run.take(record);
    if (run.size < BATCH_USERS) continue;
    await run.flush();
    progress(record);
    if (isStopped()) return { ...run.summary, lastLine: record.line, isComplete: false };
  }
  await run.flush();
  return { ...run.summary, isComplete: true };
}

class Run {
  /** @type {Counts} */
  summary = { lines: 0, imported: 0, alreadyThere: 0, superusers: 0, inactive: 0, skipped: {}, notes: {}, peppers: {} };
  #db;
  #context;
  #note;
  #waits;
  #dryRun;
  /**
   * Users to be written, by id, since the last batch.
   *
   * @type {Map<string, Waiting>}
   */
  #batch = new Map();
  /**
   * What the report gets with them.
   *
   * @type {Entry[]}
   */
  #entries = [];
  /**
   * The line of each address that was taken from the file.
   *
   * @type {Map<string, number>}
   */
  #emails = new Map();
  /**
   * The line of each id that was taken from the file.
   *
   * @type {Map<string, number>}
   */
  #ids = new Map();

  /**
   * @param {D1Database} db
   * @param {Context} context
   * @param {Pick<Steering, "note" | "waits" | "dryRun">} steering
   */
  constructor(db, context, { note, waits, dryRun }) {
    this.#db = db;
    this.#context = context;
    this.#note = note;
    this.#waits = waits;
    this.#dryRun = dryRun;
  }

  /** Users that wait, or report entries if they are more. */
  get size() {
    return Math.max(this.#batch.size, this.#entries.length);
  }

  /** @param {FileRecord} record */
  take({ line, row: fields, damage }) {
    this.summary.lines += 1;
    if (damage !== undefined) return this.#skip(line, damage);
    const { source } = this.#context;
    const { row, reason, oldId, notes, pepper } = judge(draftOf(source, fields, this.#context), this.#context);
    if (reason !== undefined) return this.#skip(line, reason, { id: oldId });
    const [sameEmail, sameId] = [this.#emails.get(row.email), this.#ids.get(row.id)];
    if (sameEmail !== undefined)
      return this.#skip(line, "duplicate_email", { id: oldId, detail: `as line ${sameEmail}` });
    if (sameId !== undefined) return this.#skip(line, "duplicate_id", { id: oldId, detail: `as line ${sameId}` });
    this.#emails.set(row.email, line);
    this.#ids.set(row.id, line);
    this.#batch.set(row.id, { line, row, oldId, notes, pepper });
  }

  /** Writes the batch, and the report of everything up to here. */
  async flush() {
    const users = [...this.#batch.values()];
    if (users.length > 0) {
      const { inserted, holders } = await this.#write(JSON.stringify(users.map(({ row }) => row)));
      for (const user of users) this.#settle(user, inserted, holders);
    }
    for (const entry of this.#entries.sort((a, b) => a.line - b.line)) this.#note(entry);
    this.#entries = [];
    this.#batch = new Map();
  }

  /** @param {string} json */
  async #write(json) {
    const statements = [this.#db.prepare(HOLDERS).bind(json)];
    if (!this.#dryRun) statements.unshift(this.#db.prepare(INSERT_USERS).bind(json));
    const results = await patiently(() => this.#db.batch(statements), { waits: this.#waits });
    const rows = results.map((result) => /** @type {{ id: string, email: string }[]} */ (result.results));
    const holders = rows[rows.length - 1];
    const there = new Set(holders.map(({ id }) => id));
    const inserted = this.#dryRun
      ? new Set([...this.#batch.keys()].filter((id) => !there.has(id)))
      : new Set(rows[0].map(({ id }) => id));
    return { inserted, holders: new Map(holders.map(({ id, email }) => [email, id])) };
  }

  /**
   * @param {Waiting} user
   * @param {Set<string>} inserted
   * @param {Map<string, string>} holders
   */
  #settle({ line, row, oldId, notes, pepper }, inserted, holders) {
    const holder = holders.get(row.email);
    if (holder !== undefined && holder !== row.id) return this.#skip(line, "email_taken", { id: oldId });
    if (!inserted.has(row.id) && holder === undefined) return this.#skip(line, "id_taken", { id: oldId });
    this.summary[inserted.has(row.id) ? "imported" : "alreadyThere"] += 1;
    this.summary.superusers += row.is_superuser;
    this.summary.inactive += 1 - row.is_active;
    if (pepper !== null) count(this.summary.peppers, pepper);
    for (const one of notes) {
      count(this.summary.notes, one);
      this.#entries.push({ line, note: one, id: row.id });
    }
    if (oldId !== row.id) this.#entries.push({ line, oldId, id: row.id });
  }

  /**
   * @param {number} line
   * @param {string} reason
   * @param {{ id?: string | null, detail?: string }} more
   */
  #skip(line, reason, { id, detail } = {}) {
    count(this.summary.skipped, reason);
    this.#entries.push({ line, reason, ...(detail && { detail }), ...(id && { id }) });
  }
}

/**
 * @param {Record<string, number>} counts
 * @param {string} name
 */
function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1;
}
