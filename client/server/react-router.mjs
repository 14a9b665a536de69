/**
 * React Router, in framework mode: `export const middleware = [latchkey({ visit, authority })]`
 * in root.jsx, then `context.get(visit).caller` in every loader and action.
 *
 * The trap: loaders run in parallel, so none of them may refresh, and they all
 * have the request that came, with the old cookies. What a loader passes on to
 * another service is `context.get(visit).cookie`.
 */
import { admit, authorityOf } from "./core.mjs";
import { withCookies } from "./cookies.mjs";

export { bindings, readCaller } from "./core.mjs";

/**
 * @template U
 * @param {import("./types.d.ts").Options<U, any> & { visit: any }} options `visit`: a context made by `createContext`.
 */
export function latchkey({ visit, ...options }) {
  return async (/** @type {any} */ { request, context, url }, /** @type {() => Promise<Response>} */ next) => {
    const authority = authorityOf(options, context);
    // `url` is without the `.data` that the router adds where it asks for the data of a page.
    const asking = { method: request.method, url: url.href, headers: request.headers };
    const isPage = new URL(request.url).pathname.endsWith(".data") || undefined;
    const { caller, cookie, setCookies, refusal } = await admit(asking, authority, options, { isPage });
    context.set(visit, { caller, cookie });
    // Redirects and errors included: React Router has made them an answer by now.
    return withCookies(refusal ?? (await next()), setCookies);
  };
}
