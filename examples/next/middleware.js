import { latchkey } from "@latchkey/client/next";
import { authority } from "./lib/authority.js";

export const middleware = latchkey({ authority, protect: ({ pathname }) => pathname.startsWith("/notes") });

export const config = { matcher: ["/((?!_next/static|_next/image|favicon.ico).*)"] };
