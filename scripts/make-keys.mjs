/**
 * Makes the signing keys: a JWK Set with one Ed25519 private key (RFC 8037),
 * whose `kid` is the key's own thumbprint (RFC 7638).
 *
 *     node scripts/make-keys.mjs > jwt-keys.json
 *
 * prints a set for production and keeps no copy; README.md ("Deploying") says
 * how it becomes the secret. `npm start` uses {@link ensureDevKeys} for the
 * development keys in `.dev.vars`.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { appendFileSync, chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, main, say } from "./lib.mjs";

/** A new JWK Set, as one line of JSON. */
export function makeKeys() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x, d } = privateKey.export({ format: "jwk" });
  // RFC 7638: the required public members, in lexicographic order.
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
  return JSON.stringify({ keys: [{ kty, crv, x, d, kid, alg: "EdDSA", use: "sig" }] });
}

/** Adds development keys to `.dev.vars`, unless it has some. Never prints them. */
export function ensureDevKeys() {
  const path = join(ROOT, ".dev.vars");
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
