/**
 * What is deployed: the Worker that Rust makes, and two classes for other
 * Workers of the same account, which reach them through a service binding with
 * `entrypoint = "Auth"` or `entrypoint = "Sessions"`.
 *
 * Every exported class is open to each Worker that binds it. So `Auth` only
 * reads, what changes something is in `Sessions`, and neither inherits from the
 * Worker: they have no `fetch` and no `scheduled`, and nothing reaches the
 * Worker through them but the requests that are made here.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import Latchkey from "./build/index.js";

export { default } from "./build/index.js";

/**
 * @typedef {import("./latchkey.js").CookieHeader} CookieHeader
 * @typedef {import("./latchkey.js").Identity} Identity
 * @typedef {import("./latchkey.js").IdentityOptions} IdentityOptions
 * @typedef {import("./latchkey.js").Problem} Problem
 * @typedef {import("./latchkey.js").Refreshed} Refreshed
 * @typedef {import("./latchkey.js").Verified} Verified
 *
 * @typedef {{ ctx: unknown, env: Record<string, unknown> }} Entrypoint
 */

const IDENTITY = "/api/account/identity";
const REFRESH = "/api/account/refresh";
/** Where there is no valid `ISSUER`, the Worker itself says so: it answers every address with `misconfigured`. */
const NO_ISSUER = "https://latchkey.invalid";
/** What no setting can be. */
const INTERNAL = Symbol("a Worker of this account asks");

export class Auth extends WorkerEntrypoint {
  /**
   * Who sent these cookies. Never rotates a token and never sets a cookie.
   *
   * @param {CookieHeader} cookieHeader
   * @param {IdentityOptions} [options]
   * @returns {Promise<Verified>}
   */
  verify(cookieHeader, options) {
    return identity(this, cookieHeader, options);
  }
}

export class Sessions extends WorkerEntrypoint {
  /**
   * Rotates the refresh token. `setCookies` belongs in the answer to the client
   * whatever else is returned: the old tokens have ended with the rotation.
   *
   * @param {CookieHeader} cookieHeader
   * @returns {Promise<Refreshed>}
   */
  async refresh(cookieHeader) {
    const response = await call(this, "POST", REFRESH, cookieHeader);
    const setCookies = response.headers.getSetCookie();
    if (!response.ok) return { setCookies, ...(await refusal(response)) };
    return { setCookies, ...(await identity(this, cookieHeaderOf(setCookies))) };
  }
}

/**
 * @param {Entrypoint} entrypoint
 * @param {CookieHeader} cookieHeader
 * @param {IdentityOptions} [options]
 * @returns {Promise<Verified>}
 */
async function identity(entrypoint, cookieHeader, options) {
  const maxStaleSeconds = options?.maxStaleSeconds;
  const query =
    maxStaleSeconds === undefined ? "" : `?${new URLSearchParams({ maxStaleSeconds: `${maxStaleSeconds}` })}`;
  const response = await call(entrypoint, "GET", `${IDENTITY}${query}`, cookieHeader);
  return response.ok ? /** @type {Promise<Identity>} */ (response.json()) : refusal(response);
}

/**
 * Asks the Worker in this isolate. `LATCHKEY_INTERNAL` says that the caller is a
 * Worker of this account, whose calls the limiter of sessions does not count.
 *
 * @param {Entrypoint} entrypoint
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {CookieHeader} cookieHeader
 * @returns {Promise<Response>}
 */
function call({ ctx, env }, method, path, cookieHeader) {
  const issuer = String(env.ISSUER);
  const url = new URL(path, URL.canParse(issuer) ? issuer : NO_ISSUER);
  const headers = new Headers();
  if (cookieHeader && isHeaderValue(cookieHeader)) headers.set("Cookie", cookieHeader);
  const latchkey = new Latchkey(ctx, { ...env, LATCHKEY_INTERNAL: INTERNAL });
  return latchkey.fetch(new Request(url, { method, headers }));
}

/**
 * No request can have another one, so it is as if there were no cookies.
 *
 * @param {string} text
 */
function isHeaderValue(text) {
  try {
    new Headers().set("Cookie", text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The problem document of a refusal.
 *
 * @param {Response} response
 * @returns {Promise<{ problem: Problem }>}
 */
async function refusal(response) {
  return { problem: /** @type {Problem} */ (await response.json()) };
}

/**
 * What a browser sends after these `Set-Cookie` lines: those that delete are left out.
 *
 * @param {string[]} setCookies
 */
function cookieHeaderOf(setCookies) {
  return setCookies
    .map((line) => line.split(";", 1)[0])
    .filter((pair) => !pair.endsWith("="))
    .join("; ");
}
