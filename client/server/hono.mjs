/**
 * Hono: `app.use(latchkey())`, then `c.get("caller")`.
 *
 * The trap: an answer that takes longer than `REFRESH_GRACE_SECONDS` (10 s).
 * Its `Set-Cookie` is still on the way when the browser sends the old token
 * again, which then counts as stolen and ends the session.
 */
import { admit, authorityOf } from "./core.mjs";
import { missingLines, withCookieHeader } from "./cookies.mjs";

export { bindings, readCaller } from "./core.mjs";

/**
 * @template U
 * @param {import("./types.d.ts").Options<U, any>} [options]
 */
export function latchkey(options = {}) {
  return async (/** @type {any} */ c, /** @type {() => Promise<void>} */ next) => {
    const authority = authorityOf(options, c, () => c.env);
    const { caller, cookie, setCookies, refusal } = await admit(c.req.raw, authority, options);
    c.set("caller", caller);
    try {
      if (refusal) {
        c.res = refusal;
      } else {
        c.req.raw = withCookieHeader(c.req.raw, cookie);
        await next();
      }
    } finally {
      // Errors included, whether Hono has made them an answer by now or will do so: the old tokens are used up.
      const missing = c.finalized ? missingLines(c.res.headers, setCookies) : setCookies;
      for (const line of missing) c.header("Set-Cookie", line, { append: true });
      if (setCookies.length > 0) c.header("Cache-Control", "private, no-store");
    }
  };
}
