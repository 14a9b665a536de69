/** PBKDF2 with SHA-256 by WebCrypto, in a Worker or in Node. */
import { PASSWORD, SALT } from "./hash-settings.mjs";

export async function pbkdf2(iterations) {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(PASSWORD), "PBKDF2", false, ["deriveBits"]);
  return crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: SALT, iterations }, key, 256);
}
