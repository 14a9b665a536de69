/**
 * What an import accepts of a user. What the service has rules for is asked of
 * the service itself (`service-rules.mjs`); here is what it never meets: ids,
 * dates and truth values as other systems write them, and the columns in
 * `migrations/`.
 *
 * Takes what a source has read of a line, and answers with a row or a reason.
 */
import { createHash } from "node:crypto";
import { ownSpelling } from "./hashes.mjs";
import { askService } from "./service-rules.mjs";

/** Ids of other systems that are read: numbers, UUIDs, `auth0|…`. No hash looks like one. */
const FOREIGN_ID = /^[A-Za-z0-9_|.@:+-]{1,64}$/;
/** No hash that the service reads is longer. */
const MAX_HASH_LETTERS = 1_024;
/** 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. */
const LAST_SECOND = 253_402_300_799;
/** Numbers above are milliseconds: as seconds they would be after the year 5138. */
const LEAST_MILLISECONDS = 100_000_000_000;

/**
 * @import { Question } from "./service-rules.mjs"
 * @import { Draft } from "./sources.mjs"
 *
 * @typedef {{ system: string, roles: Set<string>, defaultRole: string, now: number }} RulesContext
 *
 * @typedef {object} UserRow
 * @property {string} id
 * @property {string} email
 * @property {string | null} name
 * @property {string} password_hash
 * @property {string} role_slug
 * @property {number} is_active
 * @property {number} is_superuser
 * @property {number} created_at
 * @property {number} updated_at
 *
 * @typedef {(
 *   | { row: UserRow, reason?: undefined, oldId: string | null, notes: string[], pepper: string | null }
 *   | { row?: undefined, reason: string, oldId: string | null, notes?: undefined, pepper?: undefined }
 * )} Verdict
 */

/**
 * `{row, oldId, notes, pepper}`, or `{reason, oldId}`. `draft`: what a source
 * reads; `context`: `{system, roles, defaultRole, now}`.
 *
 * @param {Draft} draft
 * @param {RulesContext} context
 * @returns {Verdict}
 */
export function judge(draft, { system, roles, defaultRole, now }) {
  const oldId = blank(draft.id) ? null : String(draft.id);
  const question = questionOf(draft, oldId);
  const service = askService(question);
  // A number beyond 2^53 has lost its last digits when JSON was read.
  const isRounded = typeof draft.id === "number" && !Number.isSafeInteger(draft.id);
  const isId = oldId === null || service.id !== null || FOREIGN_ID.test(oldId);
  if (!isId || isRounded) return { reason: "id_invalid", oldId: null };
  /** @param {string} reason */
  const refuse = (reason) => ({ reason, oldId });
  if (draft.reason) return refuse(draft.reason);

  const { email, name } = service;
  if (blank(draft.email)) return refuse("email_missing");
  if (email === null) return refuse("email_invalid");

  if (blank(draft.hash)) return refuse("no_password");
  if (question.hash === undefined || service.hash === null) return refuse("hash_damaged");
  const { pepper, reason } = service.hash;
  if (reason !== undefined) return refuse(reason);
  // Only our own hashes can have been made with a pepper of ours.
  if (pepper !== null && system !== "latchkey") return refuse("hash_unsupported");

  const [isActive, isSuperuser] = [flag(draft.isActive, true), flag(draft.isSuperuser, false)];
  if (isActive === null || isSuperuser === null) return refuse("flag_invalid");
  const role = blank(draft.role) ? defaultRole : draft.role;
  if (typeof role !== "string" || !roles.has(role)) return refuse("role_unknown");

  const createdAt = seconds(draft.createdAt);
  const row = {
    id: service.id ?? userId(oldId, { system, email, createdAt }),
    email,
    name,
    password_hash: question.hash,
    role_slug: role,
    is_active: Number(isActive),
    is_superuser: Number(isSuperuser),
    created_at: createdAt ?? now,
    updated_at: seconds(draft.updatedAt) ?? createdAt ?? now,
  };
  const notes = [];
  if (name === null && !blank(draft.name)) notes.push("name_dropped");
  if (createdAt === null && !blank(draft.createdAt)) notes.push("date_dropped");
  return { row, oldId, notes, pepper };
}

/**
 * What the service is asked: the texts of a draft that JSON can carry.
 *
 * @param {Draft} draft
 * @param {string | null} oldId
 * @returns {Question}
 */
function questionOf({ email, name, hash }, oldId) {
  return {
    id: oldId?.toWellFormed(),
    email: typeof email === "string" ? email.toWellFormed() : undefined,
    // A name that UTF-8 cannot write is none, and is not mended either.
    name: typeof name === "string" && name.isWellFormed() ? name : undefined,
    hash: isText(hash) && hash.length <= MAX_HASH_LETTERS ? ownSpelling(hash) : undefined,
  };
}

/**
 * Any id but a UUID, which is kept, gives the same UUIDv7 each time, so that an import can be repeated.
 *
 * @param {string | null} oldId
 * @param {{ system: string, email: string, createdAt: number | null }} of
 */
function userId(oldId, { system, email, createdAt }) {
  const digest = createHash("sha256")
    .update(`latchkey/import-id/v1\0${system}\0${oldId ?? `email:${email}`}`)
    .digest("hex");
  const time = ((createdAt ?? 0) * 1000).toString(16).padStart(12, "0");
  const variant = "89ab"[Number.parseInt(digest[3], 16) % 4];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}

/**
 * Whole Unix seconds of what databases and exporters write, or null.
 *
 * @param {unknown} value
 */
export function seconds(value) {
  if (blank(value)) return null;
  const number = Number(value);
  const time = Number.isFinite(number)
    ? number >= LEAST_MILLISECONDS
      ? number / 1000
      : number
    : Date.parse(utc(String(value))) / 1000;
  const whole = Math.floor(time);
  return whole >= 0 && whole <= LAST_SECOND ? whole : null;
}

/**
 * `2024-05-01 10:00:00.123456+00` as PostgreSQL writes it, in RFC 3339; without a zone it is UTC.
 *
 * @param {string} text
 */
function utc(text) {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/.exec(text.trim());
  if (!match) return "";
  const [, date, time, , zone = "Z"] = match;
  if (zone === "Z" || zone === "UTC") return `${date}T${time}Z`;
  const minutes = zone.slice(3).replace(":", "") || "00";
  return `${date}T${time}${zone.slice(0, 3)}:${minutes}`;
}

/**
 * A truth value as databases write it; null when it is none.
 *
 * @param {unknown} value
 * @param {boolean} otherwise
 */
function flag(value, otherwise) {
  if (blank(value)) return otherwise;
  const text = String(value).toLowerCase();
  if (["true", "t", "1"].includes(text)) return true;
  return ["false", "f", "0"].includes(text) ? false : null;
}

/**
 * No control characters, and nothing that UTF-8 cannot write.
 *
 * @param {unknown} value
 * @returns {value is string}
 */
function isText(value) {
  return typeof value === "string" && value.isWellFormed() && !/\p{Cc}/u.test(value);
}

/** @param {unknown} value */
function blank(value) {
  return value === undefined || value === null || value === "";
}
