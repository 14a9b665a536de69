/** The client of Latchkey for browsers. */
export { type Client, type Operation, type Options, type Result, createClient } from "./client.js";
export type * from "./contract.js";
export { LatchkeyError, type NoAnswer, type Problem } from "./problem.js";
export type { SessionState, SessionStore } from "./session.js";
