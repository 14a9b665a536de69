/**
 * Latchkey without a service binding: access tokens are verified here, with
 * the keys at `/.well-known/jwks.json`, and refreshed over HTTP. For servers
 * that are no Worker, or a Worker of another account. Needs jose.
 *
 * What a token cannot say: the user's name and address, whether the role has
 * changed since it was issued, and whether the session has ended. A session
 * that has ended is accepted until its token expires, ten minutes at most
 * (docs/http.md, section 3). What must not happen then asks Latchkey.
 */
import { createRemoteJWKSet, jwtVerify } from "jose";
import { mergedCookies, pairsOf } from "./cookies.mjs";

/**
 * @import { Answer, Asking, Authority, TokenUser } from "./types.d.ts"
 */

/** What jose says about a token. Anything else is an outage: the keys did not come. */
const ABOUT_TOKEN = /^ERR_(?:JWT_|JWS_|JWKS_NO_MATCHING_KEY|JOSE_ALG_NOT_ALLOWED|JOSE_NOT_SUPPORTED)/;
const CLAIMS = ["sub", "sid", "role", "iat", "exp", "jti"];
/** Of one name: another program's cookie must not lock anyone out. */
const MAX_VALUES = 8;
/** A request to Latchkey ends within 10 s. */
const TIMEOUT_MS = 12_000;

/**
 * @param {object} options
 * @param {string} options.issuer Latchkey's `ISSUER`.
 * @param {string} options.audience Its `AUDIENCE`.
 * @param {string} [options.service] Its address from here, where that is not the issuer.
 * @param {string} [options.prefix] Of the cookies: `__Host-` with an https issuer and none on localhost, unless given;
 *   `__Secure-` with `COOKIE_DOMAIN`.
 * @param {(request: Asking) => HeadersInit} [options.headers] Added to each refresh: who the visitor is
 *   (docs/operations.md). Gets the visitor's request.
 * @returns {Authority<TokenUser>}
 */
export function keySet({ issuer, audience, service = issuer, prefix, headers = () => ({}) }) {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", service));
  const rules = { issuer, audience, typ: "at+jwt", algorithms: ["EdDSA"], requiredClaims: CLAIMS };
  const start = prefix ?? (issuer.startsWith("https:") ? "__Host-" : "");
  const [access, refresh] = [`${start}access_token`, `${start}refresh_token`];

  /** @param {string} token @returns {Promise<Answer<TokenUser>>} */
  const judge = async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, rules);
      const readAt = new Date(Number(payload.iat) * 1_000).toISOString();
      const user = { id: String(payload.sub), roleSlug: String(payload.role) };
      return { user, session: { id: String(payload.sid) }, readAt };
    } catch (error) {
      const code = String(/** @type {any} */ (error).code);
      if (!ABOUT_TOKEN.test(code)) throw error;
      return refused(code === "ERR_JWT_EXPIRED" ? "token_expired" : "invalid_token");
    }
  };
  const verify = async (/** @type {string} */ cookie) => {
    let answer = refused("not_authenticated");
    for (const token of valuesOf(cookie, access)) {
      const judged = await judge(token);
      if (judged.user) return judged;
      // One that has merely expired is the user's own.
      if (answer.problem?.code !== "token_expired") answer = judged;
    }
    return answer;
  };
  /**
   * The user of a token that Latchkey has just issued. The old tokens are used up, so the new cookies go out whatever
   * happens here. A token that is not accepted here (a key that is not known yet, another audience, a clock that is
   * wrong) is a fault between the two servers, and no log-out.
   *
   * @param {string} cookie
   * @returns {Promise<Answer<TokenUser>>}
   */
  const successor = async (cookie) => {
    try {
      const answer = await verify(cookie);
      if (answer.user) return answer;
      console.error(`Latchkey's new access token is not accepted here: ${answer.problem?.code}`);
    } catch (error) {
      console.error("Latchkey's new access token cannot be verified here", error);
    }
    return { problem: { code: "unavailable", status: 503 } };
  };

  return {
    verify,
    async refresh(cookie, request) {
      const own = [access, refresh].flatMap((name) => valuesOf(cookie, name).map((value) => `${name}=${value}`));
      const { setCookies, problem } = await post(new URL("/api/account/refresh", service), own, headers(request));
      return { setCookies, ...(problem ? { problem } : await successor(mergedCookies("", setCookies))) };
    },
  };
}

/**
 * @param {URL} url
 * @param {string[]} cookies
 * @param {HeadersInit} added
 */
async function post(url, cookies, added) {
  const headers = new Headers(added);
  headers.set("Cookie", cookies.join("; "));
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { method: "POST", headers, redirect: "manual", signal });
  const setCookies = response.headers.getSetCookie();
  if (response.status === 204) return { setCookies, problem: undefined };
  const { code } = /** @type {{ code?: unknown }} */ (await response.json());
  return { setCookies, problem: { code: String(code), status: response.status } };
}

/** @param {string} code @returns {Answer<TokenUser>} */
function refused(code) {
  return { problem: { code, status: 401 } };
}

/**
 * @param {string} header
 * @param {string} name
 */
function valuesOf(header, name) {
  return pairsOf(header)
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, "$1"))
    .filter((value) => value !== "")
    .slice(0, MAX_VALUES);
}
