/** Types of `@latchkey/client/next`. */
import type { NextRequest } from "next/server";
import type { Options, User } from "./types.js";

export type * from "./types.js";
export { bindings, readCaller } from "./server.js";

/** A `proxy` for proxy.js, or a `middleware` for middleware.js. What renders asks `readCaller`. */
export function latchkey<U = User>(
  options: Options<U, NextRequest> & Required<Pick<Options<U, NextRequest>, "authority">>,
): (request: NextRequest) => Promise<Response>;
