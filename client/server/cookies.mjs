/** Cookies of a request and of an answer, as text. */

/** All that Latchkey gives its cookies: in production, with `COOKIE_DOMAIN`, and on localhost. */
const PREFIXES = ["__Host-", "__Secure-", ""];
const ACCESS = "access_token";
const REFRESH = "refresh_token";

/**
 * Whether a refresh can be tried.
 *
 * @param {string} cookie A `Cookie` header.
 * @param {string} [prefix] The only one that counts.
 */
export function hasRefreshCookie(cookie, prefix) {
  return pairsOf(cookie).some((pair) => isNamed(pair, [REFRESH], prefix));
}

/**
 * The pairs that a refresh depends on.
 *
 * @param {string} cookie
 * @param {string} [prefix]
 */
export function authCookies(cookie, prefix) {
  return pairsOf(cookie).filter((pair) => isNamed(pair, [ACCESS, REFRESH], prefix));
}

/**
 * The `Cookie` header without them.
 *
 * @param {string} cookie
 * @param {string} [prefix]
 */
export function withoutAuthCookies(cookie, prefix) {
  return pairsOf(cookie)
    .filter((pair) => !isNamed(pair, [ACCESS, REFRESH], prefix))
    .join("; ");
}

/**
 * The `Cookie` header that a browser would send after these `Set-Cookie` lines. Of two lines of one name, the one
 * with a value counts: the other deletes the cookie in a former domain.
 *
 * @param {string} cookie
 * @param {string[]} setCookies
 */
export function mergedCookies(cookie, setCookies) {
  const changed = new Set(setCookies.map(nameOf));
  const kept = pairsOf(cookie).filter((pair) => !changed.has(nameOf(pair)));
  const fresh = setCookies.map((line) => line.split(";", 1)[0].trim()).filter((pair) => !pair.endsWith("="));
  return [...kept, ...fresh].join("; ");
}

/**
 * The lines that an answer still needs: without those whose cookie it sets itself. An answer that logs the user out
 * must not be followed by the tokens that were fresh before.
 *
 * @param {Headers} headers The answer's headers.
 * @param {string[]} setCookies
 */
export function missingLines(headers, setCookies) {
  const own = new Set(headers.getSetCookie().map(nameOf));
  return setCookies.filter((line) => !own.has(nameOf(line)));
}

/**
 * The answer with these cookies. No cache may keep it.
 *
 * @param {Response} response
 * @param {string[]} setCookies
 */
export function withCookies(response, setCookies) {
  if (setCookies.length === 0) return response;
  // A copy, because the headers of an answer that came from elsewhere cannot be changed.
  const answer = new Response(response.body, response);
  for (const line of missingLines(response.headers, setCookies)) answer.headers.append("Set-Cookie", line);
  answer.headers.set("Cache-Control", "private, no-store");
  return answer;
}

/**
 * The request with another `Cookie` header, if it differs. A body that has been read is left out: the code that read it
 * has it.
 *
 * @param {Request} request
 * @param {string} cookie
 */
export function withCookieHeader(request, cookie) {
  if (cookie === (request.headers.get("Cookie") ?? "")) return request;
  const headers = new Headers(request.headers);
  if (cookie === "") headers.delete("Cookie");
  else headers.set("Cookie", cookie);
  if (!request.bodyUsed) return new Request(request, { headers });
  const { url, method, redirect, signal } = request;
  // Of a Worker's request: where it came from.
  const cf = "cf" in request ? { cf: request.cf } : {};
  return new Request(url, { method, headers, redirect, signal, ...cf });
}

/** @param {string} cookie */
export function pairsOf(cookie) {
  return cookie
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "");
}

/**
 * Whether it is one of these cookies, with a value. The whole name counts: `strava_refresh_token` is another program's.
 *
 * @param {string} pair
 * @param {string[]} names
 * @param {string} [prefix]
 */
function isNamed(pair, names, prefix) {
  const prefixes = prefix === undefined ? PREFIXES : [prefix];
  const name = nameOf(pair);
  return !pair.endsWith("=") && prefixes.some((start) => names.some((end) => name === start + end));
}

/** @param {string} text A pair, or a `Set-Cookie` line. */
function nameOf(text) {
  return text.split("=", 1)[0].trim();
}
