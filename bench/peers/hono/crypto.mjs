/** Passwords and tokens with what the platform brings: WebCrypto. */

/** The most that Workers allow. */
const PBKDF2_ITERATIONS = 100_000;
const SALT_BYTES = 16;
const TOKEN_BYTES = 32;
const encoder = new TextEncoder();

/** For an unknown address, so that it takes as long as a known one. */
const DUMMY = `${"A".repeat(22)}.${"A".repeat(43)}`;

export async function hashPassword(password, salt = random(SALT_BYTES)) {
  const key = await crypto.subtle.importKey("raw", encoder.encode(password.normalize("NFKC")), "PBKDF2", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: PBKDF2_ITERATIONS },
    key,
    256,
  );
  return `${base64url(salt)}.${base64url(new Uint8Array(bits))}`;
}

export async function verifyPassword(password, stored = DUMMY) {
  const salt = Uint8Array.from(atob(stored.split(".")[0].replaceAll("-", "+").replaceAll("_", "/")), (c) =>
    c.charCodeAt(0),
  );
  const [found, wanted] = [await hashPassword(password, salt), stored].map((text) => encoder.encode(text));
  return found.length === wanted.length && crypto.subtle.timingSafeEqual(found, wanted);
}

/** A new opaque token. */
export function token() {
  return base64url(random(TOKEN_BYTES));
}

export async function sha256(text) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
