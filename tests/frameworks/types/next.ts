import { bindings, latchkey, readCaller } from "@latchkey/client/next";
import type { NextProxy } from "next/server";

declare const env: Parameters<typeof bindings>[0];

export const proxy: NextProxy = latchkey({ authority: () => bindings(env) });

export async function page() {
  const { user } = await readCaller(bindings(env), "");
  // @ts-expect-error: nobody may be signed in.
  user.email;
  return user?.email;
}

// @ts-expect-error: there is no `env` to take the bindings from.
latchkey({});
