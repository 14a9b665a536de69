/**
 * Makes `src/domain/credential/common_passwords/list.bin`, the compact form of the lists
 * of common passwords that lie beside it:
 *
 *     node scripts/common-passwords.mjs
 *
 * Entries of fewer than 8 code points are left out (no policy accepts them),
 * the ASCII letters of the others lower-cased. Each becomes the first four
 * bytes of its SHA-512, and all entries with the same first byte one bucket:
 *
 * - 257 offsets of two bytes (big endian), one for each bucket and the end:
 *   bytes from the first bucket on
 * - each bucket: the other 24 bits of its entries in ascending order, each as
 *   the difference to the one before (the first: to -1) less one, in Rice's
 *   code: the quotient by 2^17 as ones and a zero, then 17 bits; the rest of
 *   the last byte is ones
 *
 * A random passphrase is refused by accident about once in 220,000 times.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const FOLDER = new URL("../src/domain/credential/common_passwords/", import.meta.url);
const LISTS = ["zxcvbn.txt", "django.txt"];
const MIN_CODE_POINTS = 8;
/** The mean difference is 2^32 / 19,536: a little under 2^18. */
const REMAINDER_BITS = 17;

const hashes = new Set();
for (const list of LISTS) {
  for (const word of readFileSync(new URL(list, FOLDER), "utf8").split("\n")) {
    const canonical = word.replace(/\r$/, "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    if ([...canonical].length < MIN_CODE_POINTS) continue;
    hashes.add(createHash("sha512").update(canonical).digest().readUInt32BE(0));
  }
}
/** @type {number[][]} */
const buckets = Array.from({ length: 256 }, () => []);
for (const hash of [...hashes].sort((a, b) => a - b)) buckets[hash >>> 24].push(hash & 0xffffff);

const offsets = Buffer.alloc(257 * 2);
const coded = [];
let length = 0;
for (const [first, bucket] of buckets.entries()) {
  const bits = code(bucket);
  coded.push(bits);
  length += bits.length;
  offsets.writeUInt16BE(length, (first + 1) * 2);
}
writeFileSync(new URL("list.bin", FOLDER), Buffer.concat([offsets, ...coded]));
console.log(`${hashes.size} passwords, ${offsets.length + length} bytes.`);

/** @param {number[]} bucket */
function code(bucket) {
  let bits = "";
  let before = -1;
  for (const entry of bucket) {
    const difference = entry - before - 1;
    bits += `${"1".repeat(difference >>> REMAINDER_BITS)}0${(difference & (2 ** REMAINDER_BITS - 1)).toString(2).padStart(REMAINDER_BITS, "0")}`;
    before = entry;
  }
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1").match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}
