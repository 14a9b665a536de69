/**
 * Makes a password for an account whose owner has lost theirs, and the hash of
 * it for `users.password_hash`; docs/operations.md says how it gets there.
 *
 *     node scripts/hash-password.mjs
 *
 * The hash is scrypt's, because Node has it; the owner's first login replaces
 * it by one of Latchkey's own.
 */
import { randomBytes, scryptSync } from "node:crypto";
import { main } from "./lib.mjs";

/** OWASP's Password Storage Cheat Sheet, the setting with 16 MiB. */
const LOG_N = 14;
const BLOCKS = 8;
const LANES = 5;

/** 15 random bytes: 20 characters that survive being read aloud or pasted. */
export function makePassword() {
  return randomBytes(15).toString("base64url");
}

/**
 * `$scrypt$ln=…,r=…,p=…$salt$key`, base64 without padding.
 *
 * @param {string} password
 * @param {Buffer} salt
 */
export function hashPassword(password, salt = randomBytes(16)) {
  const key = scryptSync(password, salt, 32, { N: 2 ** LOG_N, r: BLOCKS, p: LANES, maxmem: 2 ** 26 });
  /** @param {Buffer} bytes */
  const text = (bytes) => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=${LOG_N},r=${BLOCKS},p=${LANES}$${text(salt)}$${text(key)}`;
}

await main(import.meta.url, () => {
  const password = makePassword();
  console.log(`password: ${password}\nhash:     ${hashPassword(password)}`);
});
