import type { Handle } from "@sveltejs/kit";
import { sequence } from "@sveltejs/kit/hooks";
import { type Caller, latchkey } from "@latchkey/client/sveltekit";

declare global {
  namespace App {
    interface Locals {
      caller: Caller;
    }
  }
}

const own: Handle = ({ event, resolve }) => {
  const { caller } = event.locals;
  // @ts-expect-error: nobody may be signed in.
  caller.user.email;
  if (caller.user) caller.user.email;
  return resolve(event);
};

export const handle = sequence(latchkey({ login: "/enter", maxStaleSeconds: 10 }), own);

// @ts-expect-error: a path is a text.
latchkey({ login: 1 });
