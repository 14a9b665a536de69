/** For a Worker of another account, or a server that is none: tokens are verified here, and refreshed over HTTP. */
import { latchkey } from "@latchkey/client/hono";
import { keySet } from "@latchkey/client/key-set";
import { Hono } from "hono";

const app = new Hono();

/** One for the whole isolate: it remembers the keys. */
let known;
const authority = ({ env: { ISSUER: issuer, AUDIENCE: audience, SERVICE: service } }) =>
  (known ??= keySet({ issuer, audience, service }));

app.use(latchkey({ authority, protect: ({ pathname }) => pathname.startsWith("/notes") }));

app.get("/*", (c) => c.text(`${greeting(c.get("caller"))}\n`));

/** A token has the user's id and role. Name and address are Latchkey's to tell. */
function greeting({ status, user }) {
  if (status === "unavailable") return "We cannot look you up right now.";
  return user ? `Hello, ${user.id}.` : "You are not logged in.";
}

export default app;
