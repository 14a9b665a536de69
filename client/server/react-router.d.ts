/** Types of `@latchkey/client/react-router`. */
import type { MiddlewareFunction, RouterContext, RouterContextProvider } from "react-router";
import type { Caller, Options, User } from "./types.js";

export type * from "./types.js";
export { bindings, readCaller } from "./server.js";

/** What a loader and an action get with `context.get(visit)`. */
export interface Admitted<U = User> {
  caller: Caller<U>;
  /** The request's `Cookie` header from now on: what is passed on to another service. */
  cookie: string;
}

/** A middleware for the root route. `visit` is made by `createContext<Admitted>()`. */
export function latchkey<U = User>(
  options: Options<U, Readonly<RouterContextProvider>> &
    Required<Pick<Options<U, Readonly<RouterContextProvider>>, "authority">> & { visit: RouterContext<Admitted<U>> },
): MiddlewareFunction<Response>;
