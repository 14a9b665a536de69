import { type Caller, bindings, latchkey } from "@latchkey/client/astro";
import type { MiddlewareHandler } from "astro";
import { sequence } from "astro/middleware";

declare global {
  namespace App {
    interface Locals {
      caller: Caller;
      cookie: string;
    }
  }
}
declare const env: Parameters<typeof bindings>[0];

const own: MiddlewareHandler = ({ locals }, next) => {
  // @ts-expect-error: nobody may be signed in.
  locals.caller.user.email;
  locals.caller.user?.email;
  return next();
};

export const onRequest = sequence(latchkey({ authority: bindings(env) }), own);

// @ts-expect-error: there is no `env` to take the bindings from.
latchkey({});
