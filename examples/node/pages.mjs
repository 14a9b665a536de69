/**
 * Pages in plain Node that keep their visitors logged in: access tokens are
 * verified here, and refreshed on the way over HTTP. It has to be reached at
 * Latchkey's host, behind one proxy, or on a sibling subdomain with
 * COOKIE_DOMAIN: otherwise the cookies do not come here.
 */
import { createServer } from "node:http";
import { keySet } from "@latchkey/client/key-set";
import { admit, missingLines } from "@latchkey/client/server";

const { ISSUER = "http://localhost:8787", AUDIENCE = "latchkey", PORT = "3000" } = process.env;
/** Latchkey's address from here, if it is not `ISSUER`. */
const { SERVICE = ISSUER } = process.env;

/** One for the whole process: it remembers the keys. */
const authority = keySet({ issuer: ISSUER, audience: AUDIENCE, service: SERVICE });
const rules = { protect: ({ pathname }) => pathname.startsWith("/notes") };

const server = createServer(async (incoming, outgoing) => {
  const request = {
    method: incoming.method,
    url: new URL(incoming.url, `http://${incoming.headers.host}`).href,
    headers: new Headers(incoming.headers),
  };
  const { caller, setCookies, refusal } = await admit(request, authority, rules);
  const answer =
    refusal ?? new Response(`${greeting(caller)}\n`, { headers: { "Cache-Control": "private, no-store" } });
  // Whatever the answer is: the old tokens are used up.
  for (const line of missingLines(answer.headers, setCookies)) answer.headers.append("Set-Cookie", line);
  outgoing.writeHead(answer.status, [...answer.headers].flat());
  outgoing.end(await answer.text());
});

/** A token has the user's id and role. Name and address are Latchkey's to tell. */
function greeting({ status, user }) {
  if (status === "unavailable") return "We cannot look you up right now.";
  return user ? `Hello, ${user.id}.` : "You are not logged in.";
}

server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
