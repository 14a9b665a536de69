/**
 * All users in pages, in the form that the import reads by default. Each page
 * begins behind the last id of the one before, so nobody is passed over or
 * read twice while others register.
 */
import { patiently } from "./faults.mjs";

/** @import { D1Database } from "@cloudflare/workers-types/experimental" */

const PAGE_USERS = 1_000;

const PAGE = `
  SELECT id,
         email,
         name,
         password_hash,
         is_active,
         is_superuser,
         role_slug,
         created_at,
         updated_at
    FROM users
   WHERE id > ?1
   ORDER BY id
   LIMIT ?2`;

/**
 * Yields arrays of `{id, email, name, passwordHash, isActive, isSuperuser, roleSlug, createdAt, updatedAt}`.
 *
 * @param {D1Database} db
 */
export async function* exportUsers(db) {
  let last = "";
  for (;;) {
    const { results } = await patiently(() => db.prepare(PAGE).bind(last, PAGE_USERS).all());
    if (results.length > 0) yield results.map(user);
    if (results.length < PAGE_USERS) return;
    last = String(results[results.length - 1].id);
  }
}

/** @param {Record<string, any>} row */
function user(row) {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    passwordHash: row.password_hash,
    isActive: row.is_active === 1,
    isSuperuser: row.is_superuser === 1,
    roleSlug: row.role_slug,
    createdAt: rfc3339(row.created_at),
    updatedAt: rfc3339(row.updated_at),
  };
}

/** @param {number} seconds */
function rfc3339(seconds) {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
