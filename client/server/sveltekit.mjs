/**
 * SvelteKit: `export const handle = latchkey()` in hooks.server.js, then
 * `locals.caller` in every `load`, action and endpoint.
 *
 * The traps: `load` functions run in parallel, so none of them may refresh;
 * `handle` has done so before any of them starts. And SvelteKit cannot add the
 * new cookies to what `fetch` returned: an endpoint that passes such an answer
 * on returns `new Response(answer.body, answer)`.
 */
import { admit, authorityOf } from "./core.mjs";
import { withCookies } from "./cookies.mjs";

export { bindings, readCaller } from "./core.mjs";

/**
 * @template U
 * @param {import("./types.d.ts").Options<U, any>} [options]
 */
export function latchkey(options = {}) {
  return async (/** @type {{ event: any, resolve: (event: any) => Promise<Response> }} */ { event, resolve }) => {
    const authority = authorityOf(options, event, () => event.platform.env);
    // Without the `__data.json` that the router adds where it asks for the data of a page.
    const asking = { method: event.request.method, url: event.url.href, headers: event.request.headers };
    const isPage = event.isDataRequest || undefined;
    const { caller, setCookies, refusal } = await admit(asking, authority, options, { isPage });
    if (refusal) return withCookies(refusal, setCookies);
    event.locals.caller = caller;
    // Seen by `cookies.get` and `fetch` of every `load`, and sent with redirects and errors as well.
    for (const line of setCookies) event.cookies.set(...parsed(line));
    return withCookies(await answered(() => resolve(event), setCookies), setCookies);
  };
}

/**
 * The app's answer. SvelteKit makes one of a thrown redirect with the new cookies, and of any other error without them:
 * the session would end with the next request that repeats the old token.
 *
 * @param {() => Promise<Response>} resolve
 * @param {string[]} setCookies
 */
async function answered(resolve, setCookies) {
  try {
    return await resolve();
  } catch (error) {
    if (setCookies.length === 0 || typeof (/** @type {any} */ (error)?.location) === "string") throw error;
    return failure(error);
  }
}

/**
 * What SvelteKit answers to `error(403, "…")` of a later hook, or to a fault.
 *
 * @param {any} error
 */
function failure(error) {
  const isExpected = !(error instanceof Error) && error?.status >= 400 && error.status <= 599;
  if (isExpected) return new Response(error.body?.message, { status: error.status });
  console.error(error);
  return new Response("Internal Error", { status: 500 });
}

/**
 * A `Set-Cookie` line as `cookies.set` takes it.
 *
 * @param {string} line
 * @returns {[name: string, value: string, options: object]}
 */
function parsed(line) {
  const [[name, value], ...attributes] = line.split(";").map((part) => split(part.trim()));
  const given = new Map(attributes.map(([key, text]) => [key.toLowerCase(), text]));
  const expires = given.get("expires");
  const options = {
    path: given.get("path") ?? "/",
    domain: given.get("domain"),
    secure: given.has("secure"),
    httpOnly: given.has("httponly"),
    sameSite: given.get("samesite")?.toLowerCase(),
    maxAge: Number(given.get("max-age")),
    expires: expires === undefined ? undefined : new Date(expires),
    encode: String,
  };
  return [name, value, options];
}

/**
 * @param {string} text
 * @returns {[string, string]}
 */
function split(text) {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
