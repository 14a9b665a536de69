/** Types of `@latchkey/client/sveltekit`. */
import type { Handle, RequestEvent } from "@sveltejs/kit";
import type { Options, User } from "./types.js";

export type * from "./types.js";
export { bindings, readCaller } from "./server.js";

/**
 * A `handle` for hooks.server.js. Who sends a request is `event.locals.caller`: declare `caller: Caller` in
 * `App.Locals`. The bindings `AUTH` and `SESSIONS` of `event.platform.env` are asked unless `authority` is given.
 */
export function latchkey<U = User>(options?: Options<U, RequestEvent>): Handle;
