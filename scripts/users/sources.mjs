/**
 * What each system's export looks like, and which of its fields say what. A
 * source turns the fields of a line into a draft, which `rules.mjs` judges:
 *
 *     {id, email, name, hash, isActive, isSuperuser, role, createdAt, updatedAt}
 *
 * or `{id, reason}` for a line that is no user to be moved. Any source's file
 * may have a column `role_slug` beside its own.
 */
import { readFileSync } from "node:fs";
import { Failure, codeOf } from "../lib.mjs";
import { Bytes } from "./bytes.mjs";
import { firebaseScrypt } from "./hashes.mjs";
import { jsonRecords } from "./json.mjs";
import { seconds } from "./rules.mjs";

/**
 * @typedef {Record<string, any>} Fields Of a line, by name: whatever another system wrote.
 *
 * @typedef {{ signer: string, separator: string, rounds: string, memory: string }} FirebaseParameters
 *
 * @typedef {{ firebase?: FirebaseParameters, profiles?: Map<string, Fields> }} SourceContext
 *
 * @typedef {object} Draft Of a user, not judged yet: the values are of any type.
 * @property {unknown} [id]
 * @property {unknown} [email]
 * @property {unknown} [name]
 * @property {unknown} [hash]
 * @property {unknown} [isActive]
 * @property {unknown} [isSuperuser]
 * @property {unknown} [role]
 * @property {unknown} [createdAt]
 * @property {unknown} [updatedAt]
 * @property {string} [reason] Why this is no user to be moved.
 *
 * @typedef {object} Source
 * @property {string[]} [required]
 * @property {{ names: Record<number, string>, least: number }} [columns]
 * @property {(row: Fields, context: SourceContext) => Draft} read
 */

/** Seconds stand in the first four bytes of a MongoDB ObjectId. */
const OBJECT_ID = /^[0-9a-f]{24}$/;
/** firebase-tools writes no header; only these columns matter here. */
const FIREBASE_COLUMNS = {
  0: "localId",
  1: "email",
  3: "passwordHash",
  4: "salt",
  5: "displayName",
  23: "createdAt",
  26: "disabled",
};
const FIREBASE_LEAST_COLUMNS = 27;

/**
 * `required`: columns that a CSV file must have; `columns`: those of a file without a header.
 *
 * @type {Record<string, Source>}
 */
export const SOURCES = {
  latchkey: {
    required: ["id", "email", "passwordHash"],
    read: ({ id, email, name, passwordHash: hash, isActive, isSuperuser, roleSlug: role, createdAt, updatedAt }) => ({
      id,
      email,
      name,
      hash,
      isActive,
      isSuperuser,
      role,
      createdAt,
      updatedAt,
    }),
  },

  "better-auth": {
    required: ["id", "email", "password"],
    read: (row) => ({
      id: row.id,
      email: row.email,
      name: row.name,
      hash: row.password,
      isActive: not(row.banned),
      createdAt: row.createdAt ?? row.created_at,
      updatedAt: row.updatedAt ?? row.updated_at,
    }),
  },

  supabase: {
    required: ["id", "email", "encrypted_password"],
    read: (row) => ({
      id: row.id,
      email: row.email,
      name: row.name || nameInMetadata(row.raw_user_meta_data),
      hash: row.encrypted_password,
      isActive: isAllowed(row.banned_until),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      reason: row.deleted_at ? "deleted" : undefined,
    }),
  },

  django: {
    required: ["id", "email", "password"],
    // A line of `dumpdata`, or a row of the table.
    read: (line) => {
      const row = line.fields ?? line;
      return {
        id: line.pk ?? line.id,
        email: row.email,
        name: [row.first_name, row.last_name].filter(Boolean).join(" ") || row.name,
        ...djangoHash(row.password),
        isActive: row.is_active,
        isSuperuser: row.is_superuser,
        createdAt: row.date_joined,
        ...(line.model !== undefined && row.password === undefined && { reason: "not_a_user" }),
      };
    },
  },

  "fastapi-users": {
    required: ["id", "email", "hashed_password"],
    read: (row) => ({
      id: row.id,
      email: row.email,
      name: row.name || row.full_name || [row.first_name, row.last_name].filter(Boolean).join(" "),
      hash: row.hashed_password,
      isActive: row.is_active,
      isSuperuser: row.is_superuser,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    }),
  },

  firebase: {
    columns: { names: FIREBASE_COLUMNS, least: FIREBASE_LEAST_COLUMNS },
    read: (row, { firebase }) => ({
      id: row.localId,
      email: row.email,
      name: row.displayName,
      hash: row.passwordHash && row.salt && firebase && firebaseHash(row, firebase),
      isActive: not(row.disabled),
      createdAt: row.createdAt,
    }),
  },

  auth0: {
    required: ["_id", "email", "passwordHash"],
    read: (row, { profiles }) => {
      const oid = row._id?.$oid ?? row._id;
      // Users of a custom database, and those made with an id of one's own, have it as `alt_id`.
      const own = row.alt_id || row.alt_id === 0 ? row.alt_id : oid;
      const id = ["string", "number"].includes(typeof own) ? `auth0|${own}` : undefined;
      const profile = id === undefined ? undefined : profiles?.get(id);
      const email = row.email || emailIdentifier(row.identifiers) || profile?.email;
      return {
        id,
        email,
        // Auth0 puts the address where no name was given.
        name: [row.email, email].includes(profile?.name) ? null : profile?.name,
        hash: row.passwordHash,
        isActive: not(profile?.blocked),
        // First what is there with and without profiles: our id is made of it.
        createdAt: OBJECT_ID.test(oid) ? Number.parseInt(oid.slice(0, 8), 16) : profile?.created_at,
        updatedAt: profile?.updated_at,
        reason: profiles && !profile ? "profile_missing" : undefined,
      };
    },
  },
};

/**
 * The draft of a line; `context` is what {@link sourceContext} has read.
 *
 * @param {Source} source
 * @param {Fields} row
 * @param {SourceContext} context
 * @returns {Draft}
 */
export function draftOf(source, row, context) {
  return { role: row.role_slug, ...source.read(row, context) };
}

/**
 * What a source needs beside the file: `{firebase, profiles}`.
 *
 * @param {string} system
 * @param {{ firebaseHashConfig?: string, auth0Profiles?: string }} files
 * @returns {Promise<SourceContext>}
 */
export async function sourceContext(system, { firebaseHashConfig, auth0Profiles }) {
  if (firebaseHashConfig && system !== "firebase")
    throw new Failure("--firebase-hash-config goes with --from firebase.");
  if (auth0Profiles && system !== "auth0") throw new Failure("--auth0-profiles goes with --from auth0.");
  if (system === "firebase" && !firebaseHashConfig) {
    throw new Failure(
      "Firebase's hashes need the project's parameters: --firebase-hash-config FILE (see docs/migrating.md).",
    );
  }
  return {
    firebase: firebaseHashConfig ? firebaseParameters(firebaseHashConfig) : undefined,
    profiles: auth0Profiles ? await readProfiles(auth0Profiles) : undefined,
  };
}

/**
 * `hash_config { … }` as Firebase's console shows it.
 *
 * @param {string} path
 */
function firebaseParameters(path) {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`${path} cannot be read (${codeOf(error)}).`);
  }
  const [signer, separator, rounds, memory] = ["base64_signer_key", "base64_salt_separator", "rounds", "mem_cost"].map(
    (name) => {
      const value = new RegExp(`\\b${name}\\s*:\\s*"?([A-Za-z0-9+/=_-]+)`).exec(text)?.[1];
      if (value === undefined) throw new Failure(`${path} says nothing of ${name}.`);
      return value;
    },
  );
  if (!/\balgorithm\s*:\s*"?SCRYPT\b/.test(text)) throw new Failure(`${path}: the algorithm is not SCRYPT.`);
  return { signer, separator, rounds, memory };
}

/**
 * @param {Fields} row
 * @param {FirebaseParameters} parameters
 */
function firebaseHash({ passwordHash, salt }, parameters) {
  return firebaseScrypt({ ...parameters, salt: String(salt), hash: String(passwordHash) });
}

/**
 * The address among Auth0's `identifiers`, where the field `email` is missing.
 *
 * @param {unknown} identifiers
 */
function emailIdentifier(identifiers) {
  const emails = Array.isArray(identifiers) ? identifiers.filter((one) => one?.type === "email") : [];
  return (emails.find(({ verified }) => verified === true) ?? emails[0])?.value;
}

/**
 * Auth0's profiles by user id: an account that is blocked there must not open
 * here. One that was linked to another is found by its own id as well.
 *
 * @param {string} path
 */
async function readProfiles(path) {
  const bytes = await Bytes.open(path);
  const [profiles, linked] = [new Map(), new Map()];
  try {
    for await (const { line, object } of jsonRecords(bytes)) {
      const { user_id: id, email, name, blocked, created_at, updated_at, identities } = object ?? {};
      if (typeof id !== "string") throw new Failure(`${path}: line ${line} is no profile with a user_id.`);
      const profile = { email, name: name === email ? null : name, blocked, created_at, updated_at };
      profiles.set(id, profile);
      for (const one of Array.isArray(identities) ? identities : []) {
        if (one?.provider === "auth0") linked.set(`auth0|${one.user_id}`, { ...profile, email: undefined });
      }
    }
    for (const [id, profile] of linked) if (!profiles.has(id)) profiles.set(id, profile);
  } finally {
    await bytes.close();
  }
  return profiles;
}

/**
 * Django's prefixes go; its scrypt is written as a PHC string, whose salt is base64 of the text.
 *
 * @param {unknown} text
 * @returns {{ hash: unknown }}
 */
function djangoHash(text) {
  if (typeof text !== "string") return { hash: text };
  // `set_unusable_password()` writes "!" and random letters.
  if (text.startsWith("!")) return { hash: null };
  if (text.startsWith("argon2$")) return { hash: text.slice("argon2".length) };
  if (text.startsWith("bcrypt$$")) return { hash: text.slice("bcrypt$".length) };
  const [, n, salt, r, p, key] = /^scrypt\$(\d+)\$([^$]*)\$(\d+)\$(\d+)\$([A-Za-z0-9+/]+)=*$/.exec(text) ?? [];
  if (n === undefined) return { hash: text };
  const logN = Math.log2(Number(n));
  const salted = Buffer.from(salt).toString("base64").replace(/=+$/, "");
  return Number.isInteger(logN) ? { hash: `$scrypt$ln=${logN},r=${r},p=${p}$${salted}$${key}` } : { hash: text };
}

/**
 * Supabase keeps what people said at sign-up as JSON; in CSV it is a text.
 *
 * @param {unknown} metadata
 */
function nameInMetadata(metadata) {
  let data = /** @type {any} */ (metadata);
  try {
    if (typeof metadata === "string") data = JSON.parse(metadata);
  } catch {
    return null;
  }
  return data?.full_name ?? data?.name ?? data?.display_name;
}

/**
 * Whether a ban is over, or there is none. What is no time stays as it is, to be judged.
 *
 * @param {any} until
 */
function isAllowed(until) {
  if (until === undefined || until === null || until === "") return true;
  if (/^\+?infinity$/i.test(until)) return false;
  const end = seconds(until);
  return end === null ? String(until) : end <= Date.now() / 1000;
}

/**
 * Turns a flag over; what is none stays as it is, to be judged.
 *
 * @param {unknown} value
 */
function not(value) {
  /** @type {Record<string, string>} */
  const opposite = { true: "false", t: "f", 1: "0", false: "true", f: "t", 0: "1" };
  return opposite[String(value ?? "").toLowerCase()] ?? value;
}
