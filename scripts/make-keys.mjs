/**
 * Makes the signing keys: a JWK Set with one Ed25519 private key (RFC 8037),
 * whose `kid` is the key's own thumbprint (RFC 7638).
 *
 *     node scripts/make-keys.mjs > jwt-keys.json
 *
 * prints a set for production and keeps no copy; docs/deploying.md says how it
 * becomes the secret. `npm start` uses {@link ensureDevKeys} for the
 * development keys in `.dev.vars`.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { appendFileSync, chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, main, say } from "./lib.mjs";

/** A new Ed25519 key as a JWK, private part included. */
export function makeKey() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const jwk = privateKey.export({ format: "jwk" });
  const [kty, crv, x, d] = [jwk.kty, jwk.crv, jwk.x, jwk.d].map(String);
  // RFC 7638: the required public members, in lexicographic order.
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
  return { kty, crv, x, d, kid, alg: "EdDSA", use: "sig" };
}

/** A new JWK Set, as one line of JSON. */
export function makeKeys() {
  return JSON.stringify({ keys: [makeKey()] });
}

/**
 * Adds development keys to `.dev.vars` of a folder, unless it has some. Never
 * prints them.
 *
 * @param {string} [folder]
 */
export function ensureDevKeys(folder = ROOT) {
  const path = join(folder, ".dev.vars");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (/^\s*(export\s+)?JWT_KEYS\s*=/m.test(text)) return;
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  appendFileSync(path, `${separator}JWT_KEYS='${makeKeys()}'\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  say("Made development keys in .dev.vars.");
}

await main(import.meta.url, () => {
  console.log(makeKeys());
});
