/** For servers and frameworks without a middleware here: examples/node/pages.mjs shows how. */
export { admit, bindings, readCaller } from "./core.mjs";
export { mergedCookies, missingLines, withCookieHeader, withCookies } from "./cookies.mjs";
