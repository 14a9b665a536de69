import { bindings, latchkey } from "@latchkey/client/astro";
import { env } from "cloudflare:workers";

export const onRequest = latchkey({
  authority: bindings(env),
  protect: ({ pathname }) => pathname.startsWith("/notes"),
});
