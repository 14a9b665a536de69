/** Types of `@latchkey/client/astro`. */
import type { APIContext, MiddlewareHandler } from "astro";
import type { Options, User } from "./types.js";

export type * from "./types.js";
export { bindings, readCaller } from "./server.js";

/**
 * An `onRequest` for middleware.js. Who sends a request is `Astro.locals.caller`, and its `Cookie` header from now on
 * `Astro.locals.cookie`: declare `caller: Caller` and `cookie: string` in `App.Locals`.
 */
export function latchkey<U = User>(
  options: Options<U, APIContext> & Required<Pick<Options<U, APIContext>, "authority">>,
): MiddlewareHandler;
