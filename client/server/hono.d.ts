/** Types of `@latchkey/client/hono`. */
import type { Context, MiddlewareHandler } from "hono";
import type { Caller, Options, User } from "./types.js";

export type * from "./types.js";
export { bindings, readCaller } from "./server.js";

/** Who sends a request is `c.get("caller")`. The bindings `AUTH` and `SESSIONS` are asked unless `authority` is given. */
export function latchkey<U = User>(
  options?: Options<U, Context>,
): MiddlewareHandler<{ Variables: { caller: Caller<U> } }>;
