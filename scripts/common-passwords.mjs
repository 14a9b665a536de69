/**
 * Makes `src/domain/common_passwords/list.bin`, the compact form of a list of
 * common passwords, one a line:
 *
 *     node scripts/common-passwords.mjs LIST
 *
 * Entries of less than 8 code points are left out (no policy lets them pass),
 * the others lower-cased. Each becomes the first four bytes of its SHA-512,
 * sorted: 257 offsets of two bytes (big endian) by the first byte, then the
 * other three bytes of each. A random passphrase is refused by accident about
 * once in 270,000 times.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const TARGET = new URL("../src/domain/common_passwords/list.bin", import.meta.url);
const MIN_CODE_POINTS = 8;

const [source] = process.argv.slice(2);
if (!source) {
  console.error("Usage: node scripts/common-passwords.mjs LIST");
  process.exit(2);
}
const words = readFileSync(source, "utf8").split("\n");
const hashes = new Set();
for (const word of words) {
  const canonical = word.replace(/\r$/, "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if ([...canonical].length < MIN_CODE_POINTS) continue;
  hashes.add(createHash("sha512").update(canonical).digest().readUInt32BE(0));
}
const sorted = [...hashes].sort((a, b) => a - b);

const offsets = Buffer.alloc(257 * 2);
for (let first = 0, at = 0; first <= 256; first += 1) {
  while (at < sorted.length && sorted[at] >>> 24 < first) at += 1;
  offsets.writeUInt16BE(at, first * 2);
}
const rest = Buffer.concat(sorted.map((hash) => Buffer.from([(hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255])));
writeFileSync(TARGET, Buffer.concat([offsets, rest]));
console.log(`${sorted.length} passwords, ${offsets.length + rest.length} bytes.`);
