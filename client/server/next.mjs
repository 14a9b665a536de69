/**
 * Next.js: `export const middleware = latchkey({ authority })` in
 * middleware.js, or `export const proxy` in proxy.js, then
 * `readCaller(authority, cookie)` where a page renders.
 *
 * The trap: a server component cannot set cookies, so it must not refresh
 * either. The middleware does, and gives the render the new `Cookie` header.
 */
import { NextResponse } from "next/server";
import { admit, authorityOf } from "./core.mjs";
import { withCookies } from "./cookies.mjs";

export { bindings, readCaller } from "./core.mjs";

/**
 * @template U
 * @param {import("./types.d.ts").Options<U, Request>} options
 */
export function latchkey(options) {
  return async (/** @type {Request} */ request) => {
    const authority = authorityOf(options, request);
    const { cookie, setCookies, refusal } = await admit(request, authority, options);
    if (refusal) return withCookies(absolute(refusal, request), setCookies);
    const headers = new Headers(request.headers);
    headers.set("Cookie", cookie);
    return withCookies(NextResponse.next({ request: { headers } }), setCookies);
  };
}

/**
 * Next.js takes no redirect to a path alone.
 *
 * @param {Response} response
 * @param {Request} request
 */
function absolute(response, request) {
  const location = response.headers.get("Location");
  return location === null ? response : NextResponse.redirect(new URL(location, request.url), response.status);
}
