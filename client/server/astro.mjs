/**
 * Astro: `export const onRequest = latchkey({ authority })` in middleware.js,
 * then `Astro.locals.caller` in every page, component and endpoint.
 *
 * The trap: a component cannot set cookies, because a page is sent while it is
 * being rendered. And `Astro.request` has the cookies that came: what a page
 * passes on to another service is `Astro.locals.cookie`.
 */
import { admit, authorityOf } from "./core.mjs";
import { withCookies } from "./cookies.mjs";

export { bindings, readCaller } from "./core.mjs";

/**
 * @template U
 * @param {import("./types.d.ts").Options<U, any>} options
 */
export function latchkey(options) {
  return async (/** @type {any} */ context, /** @type {() => Promise<Response>} */ next) => {
    // Made once, for everyone: there is nobody to look up.
    if (context.isPrerendered) return next();
    const authority = authorityOf(options, context);
    const { caller, cookie, setCookies, refusal } = await admit(context.request, authority, options);
    Object.assign(context.locals, { caller, cookie });
    return withCookies(refusal ?? (await rendered(next, setCookies)), setCookies);
  };
}

/**
 * The page. Astro makes its error page of a thrown error without the cookies of this answer, and adds the headers of an
 * empty 500. The session would end with the next request that repeats the old token.
 *
 * @param {() => Promise<Response>} next
 * @param {string[]} setCookies
 */
async function rendered(next, setCookies) {
  try {
    return await next();
  } catch (error) {
    if (setCookies.length === 0) throw error;
    console.error(error);
    return new Response(null, { status: 500 });
  }
}
