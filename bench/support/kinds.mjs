import { DISTANCE_MS } from "./distant.mjs";

/**
 * The kinds of request that are compared, each with the contestants that have
 * it: `[contestant, chapter of its story, how the row is called]`. Ours comes
 * first.
 */
export const KINDS = {
  nothing: {
    title: "Nothing but the way there",
    cells: [
      ["latchkey", "nothing"],
      ["better-auth", "nothing"],
      ["hono", "nothing"],
      ["hello-js", "nothing"],
      ["hello-rust", "nothing"],
      ["latchkey-console", "nothing"],
    ],
  },
  read: {
    title: "Read the session",
    cells: [
      ["latchkey", "read", "Latchkey, cached"],
      ["better-auth", "read", "Better Auth, cookie cache"],
      ["hono", "read", "Hono and jose, the token's claims alone"],
      ["latchkey-strict", "read", "Latchkey, strict (from D1)"],
      ["better-auth-uncached", "read", "Better Auth, no cookie cache (from D1)"],
      ["hono", "readStored", "Hono and jose, from D1"],
    ],
  },
  renew: {
    title: "Refresh or renew",
    cells: [
      ["latchkey", "renew"],
      ["better-auth-renewing", "renew"],
      ["hono", "renew"],
      ["one-write", "renew"],
    ],
  },
  renewDistant: {
    title: `Refresh or renew, with D1's primary ${DISTANCE_MS} ms away`,
    cells: [
      ["latchkey-distant", "renew"],
      ["better-auth-renewing-distant", "renew"],
      ["hono-distant", "renew"],
    ],
  },
};

/** Those in which the distance of the database plays no part: its CPU time would be the same. */
export const NEAR_KINDS = Object.fromEntries(Object.entries(KINDS).filter(([kind]) => kind !== "renewDistant"));

/** Those who know passwords, and what is done with them. */
export const PASSWORD_CONTESTANTS = ["latchkey", "better-auth", "hono"];
export const CHAPTERS = ["register", "login", "logout"];
