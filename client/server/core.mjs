/**
 * What the middlewares have in common: who sends a request, a refresh on the
 * way where the access token is not accepted any more, and what to answer
 * where only a signed-in user is let in. Knows no framework.
 */
import { authCookies, hasRefreshCookie, mergedCookies, withoutAuthCookies } from "./cookies.mjs";
import { joined } from "./flight.mjs";
import { crossSite, gate, isLogin } from "./gate.mjs";

/**
 * @import { Asking, Authority, Answer, Caller, Options, Rules, Visit } from "./types.d.ts"
 */

/** These mean that there is no good access token; a browser drops the cookie together with the token. */
const RENEWABLE = ["token_expired", "not_authenticated", "invalid_token"];
/** A refresh that is refused so had a session to refuse. Without an own cookie it would be `not_authenticated`. */
const ENDED = ["token_expired", "invalid_token"];
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];
const MAX_STALE_SECONDS = 60;

/**
 * Latchkey over the service bindings `AUTH` and `SESSIONS` (docs/package.md).
 *
 * @template U
 * @param {{ AUTH: Pick<Authority<U>, "verify">, SESSIONS: { refresh(cookie: string): ReturnType<Authority<U>["refresh"]> } }} env
 * @returns {Authority<U>}
 */
export function bindings({ AUTH, SESSIONS }) {
  return {
    verify: (cookie, options) => AUTH.verify(cookie, options),
    refresh: (cookie) => SESSIONS.refresh(cookie),
  };
}

/**
 * The authority that the options name, or the bindings of the `env` that the framework has.
 *
 * @template U, C
 * @param {Options<U, C>} options
 * @param {C} context
 * @param {() => any} [env]
 * @returns {Authority<U>}
 */
export function authorityOf({ authority }, context, env) {
  if (authority === undefined && env) return bindings(env());
  if (authority === undefined) throw new TypeError("latchkey() needs an authority, such as bindings(env)");
  return typeof authority === "function" ? authority(context) : authority;
}

/**
 * Admits a request: called once for each, before anything that reads cookies. What renders the page reads the result.
 *
 * Parallel requests with one expired token refresh once in an isolate. Those in other isolates, and later ones within
 * the service's grace (`REFRESH_GRACE_SECONDS`, 10 s), get the same new pair from Latchkey.
 *
 * @template U
 * @param {Asking} request
 * @param {Authority<U>} authority
 * @param {Rules} [rules]
 * @param {{ isPage?: boolean }} [asked] `isPage`: the framework knows that its router asks for a page.
 * @returns {Promise<Visit<U>>}
 */
export async function admit(request, authority, rules = {}, asked = {}) {
  const cookie = cookieOf(request);
  const isSafe = SAFE_METHODS.includes(request.method);
  if (!isSafe && crossSite(request, rules)) {
    const refusal = Response.json({ code: "cross_origin" }, { status: 403 });
    return { caller: { status: "anonymous" }, cookie, setCookies: [], refusal };
  }
  const maxStaleSeconds = isSafe ? (rules.maxStaleSeconds ?? MAX_STALE_SECONDS) : 0;
  const { caller, setCookies } = await ask(authority, request, maxStaleSeconds, rules.prefix);
  const isProtected = (rules.protect?.(new URL(request.url)) ?? false) && !isLogin(request.url, rules);
  return {
    caller,
    cookie: cookieFor(caller, cookie, setCookies, rules.prefix),
    setCookies,
    refusal: isProtected ? gate(caller, request, rules, asked) : null,
  };
}

/**
 * Who these cookies belong to, without a refresh: for code that renders and cannot set cookies, behind a middleware
 * that has refreshed already.
 *
 * @template U
 * @param {Authority<U>} authority
 * @param {string} cookie
 * @param {Pick<Rules, "maxStaleSeconds" | "prefix">} [options]
 * @returns {Promise<Caller<U>>}
 */
export async function readCaller(authority, cookie, { maxStaleSeconds = MAX_STALE_SECONDS, prefix } = {}) {
  try {
    const answer = await authority.verify(cookie, { maxStaleSeconds });
    // The middleware would have replaced this cookie, or left it out, if Latchkey had answered.
    const isPending = RENEWABLE.includes(answer.problem?.code ?? "") && hasRefreshCookie(cookie, prefix);
    return isPending ? { status: "unavailable", problem: answer.problem } : judged(answer, false);
  } catch (error) {
    return { status: "unavailable", error };
  }
}

/** @param {Asking} request */
function cookieOf({ headers }) {
  return headers.get("Cookie") ?? "";
}

/**
 * The `Cookie` header for what renders: with the new tokens, and without those of a session that has ended.
 *
 * @param {Caller<unknown>} caller
 * @param {string} cookie
 * @param {string[]} setCookies
 * @param {string} [prefix]
 */
function cookieFor({ status }, cookie, setCookies, prefix) {
  if (status === "signed_out") return withoutAuthCookies(cookie, prefix);
  return setCookies.length === 0 ? cookie : mergedCookies(cookie, setCookies);
}

/**
 * @template U
 * @param {Authority<U>} authority
 * @param {Asking} request
 * @param {number} maxStaleSeconds
 * @param {string} [prefix]
 * @returns {Promise<{ caller: Caller<U>, setCookies: string[] }>}
 */
async function ask(authority, request, maxStaleSeconds, prefix) {
  const cookie = cookieOf(request);
  try {
    const verified = await authority.verify(cookie, { maxStaleSeconds });
    const isRenewable = RENEWABLE.includes(verified.problem?.code ?? "") && hasRefreshCookie(cookie, prefix);
    if (!isRenewable) return { caller: judged(verified, false), setCookies: [] };
    const flight = authCookies(cookie, prefix).join("; ");
    const { setCookies, ...refreshed } = await joined(flight, () => authority.refresh(cookie, request));
    // Beside a problem too: a rotation may have happened before it.
    return { caller: judged(/** @type {Answer<U>} */ (refreshed), true), setCookies: [...setCookies] };
  } catch (error) {
    return { caller: { status: "unavailable", error }, setCookies: [] };
  }
}

/**
 * @template U
 * @param {Answer<U>} answer
 * @param {boolean} isRefresh
 * @returns {Caller<U>}
 */
function judged(answer, isRefresh) {
  const { problem } = answer;
  if (!problem) return { status: "signed_in", user: answer.user, session: answer.session, readAt: answer.readAt };
  // Only a 401 says that nobody is logged in, and a 400 that the cookies contradict each other, which a login resolves.
  if (problem.status !== 401 && problem.status !== 400) return { status: "unavailable", problem };
  return {
    status: isRefresh && problem.status === 401 && ENDED.includes(problem.code) ? "signed_out" : "anonymous",
    problem,
  };
}
