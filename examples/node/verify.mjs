/** Verifies tokens of Latchkey with the keys that it publishes. */
import { createRemoteJWKSet, jwtVerify } from "jose";

/** What jose says about a token. Anything else is an outage: the keys did not come. */
const ABOUT_TOKEN = /^ERR_(?:JWT_|JWS_|JWKS_NO_MATCHING_KEY|JOSE_ALG_NOT_ALLOWED|JOSE_NOT_SUPPORTED)/;

/**
 * A function that returns the claims of a good token, or null. It throws when the keys cannot be had.
 *
 * @param {{ keys: string, issuer: string, audience: string, typ: string }} rules
 */
export function verifier({ keys, ...rules }) {
  const set = createRemoteJWKSet(new URL(keys));
  const all = { ...rules, algorithms: ["EdDSA"], requiredClaims: ["sub", "sid", "role", "iat", "exp"] };
  return async (/** @type {string} */ token) => {
    try {
      return (await jwtVerify(token, set, all)).payload;
    } catch (error) {
      if (ABOUT_TOKEN.test(error.code)) return null;
      throw error;
    }
  };
}
