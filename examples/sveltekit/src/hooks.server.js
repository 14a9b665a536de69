import { latchkey } from "@latchkey/client/sveltekit";

export const handle = latchkey({ protect: ({ pathname }) => pathname.startsWith("/notes") });
