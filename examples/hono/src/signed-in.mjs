/**
 * Hono middleware: verifies the caller, and refreshes the session where the
 * access token is not accepted any more.
 */

/** These mean that there is no good access token; a browser drops the cookie together with the token. */
const RENEWABLE = ["token_expired", "not_authenticated", "invalid_token"];
/** With any prefix: `__Host-` in production, none on localhost. */
const REFRESH_COOKIE = /(?:^|[; ])[\w-]*refresh_token=/;

/**
 * Lets only logged-in callers pass: `c.get("user")`, `c.get("session")`.
 * `maxStaleSeconds: 0` asks the database, for what changes something.
 *
 * Parallel requests with one expired token may each come here. That is fine:
 * all of them get the same new pair of tokens while the service's grace lasts
 * (`REFRESH_GRACE_SECONDS`, 10 s), so they need no lock. The trap is an answer
 * that takes longer than the grace: its `Set-Cookie` is still on the way when
 * the browser sends the old token again, which then counts as stolen and ends
 * the session. Answer fast, or set `REFRESH_GRACE_SECONDS` to the slowest answer.
 */
export const signedIn =
  ({ maxStaleSeconds = 60 } = {}) =>
  async (c, next) => {
    const cookie = c.req.header("Cookie") ?? "";
    let caller = await c.env.AUTH.verify(cookie, { maxStaleSeconds });
    let setCookies = [];
    if (RENEWABLE.includes(caller.problem?.code) && REFRESH_COOKIE.test(cookie)) {
      caller = await c.env.SESSIONS.refresh(cookie);
      setCookies = caller.setCookies;
    }
    if (caller.problem) {
      c.res = refusal(c, caller.problem);
    } else {
      c.set("user", caller.user);
      c.set("session", caller.session);
      await next();
    }
    // On every answer, errors included: the old tokens are used up.
    for (const line of setCookies) c.header("Set-Cookie", line, { append: true });
    if (setCookies.length > 0) c.header("Cache-Control", "private, no-store");
  };

/** A 429 and a 5xx say nothing about the caller, whom the page must not show as logged out. */
function refusal(c, { status, code }) {
  if (status === 429 || status >= 500) return c.json({ code }, 503, { "Retry-After": "5" });
  return c.json({ code }, 401);
}
