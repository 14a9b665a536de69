/**
 * Spellings of hashes that the service reads in another one. Nothing is judged
 * or computed here.
 */

/** Firebase's scrypt as Supabase's server writes it. */
const FBSCRYPT = /^\$fbscrypt\$v=1,n=(\d+),r=(\d+),p=1(?:,ss=([^,$]+))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/;

/**
 * The hash as the service reads it: other systems' spellings of one that it knows are rewritten.
 *
 * @param {string} text
 */
export function ownSpelling(text) {
  const [, n, r, separator = "", signer, salt, hash] = FBSCRYPT.exec(text) ?? [];
  return n === undefined ? text : firebaseScrypt({ memory: n, rounds: r, salt, separator, signer, hash });
}

/**
 * Firebase's scrypt with all that it takes to verify it, in base64 of any kind.
 *
 * @param {Record<"memory" | "rounds" | "salt" | "separator" | "signer" | "hash", string>} parts
 */
export function firebaseScrypt({ memory, rounds, salt, separator, signer, hash }) {
  return `$firebase-scrypt$ln=${memory},r=${rounds}$${[salt, separator, signer, hash].map(plainBase64).join("$")}`;
}

/**
 * The standard alphabet, padded.
 *
 * @param {string} text
 */
function plainBase64(text) {
  const letters = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  return letters.padEnd(Math.ceil(letters.length / 4) * 4, "=");
}
