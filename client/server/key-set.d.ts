/** Types of `@latchkey/client/key-set`. */
import type { Asking, Authority, TokenUser } from "./types.js";

export type * from "./types.js";

export interface KeySetOptions {
  /** Latchkey's `ISSUER`. */
  issuer: string;
  /** Latchkey's `AUDIENCE`. */
  audience: string;
  /** Latchkey's address from here, where that is not the issuer. */
  service?: string;
  /**
   * Of the cookies' names: `__Host-` with an https issuer and none on localhost, unless given. `__Secure-` with
   * `COOKIE_DOMAIN`.
   */
  prefix?: string;
  /**
   * Headers for each refresh: who the visitor is, as docs/operations.md has it. Gets the visitor's request; of parallel
   * requests that share a refresh, one of them.
   */
  headers?: (request: Asking) => HeadersInit;
}

/**
 * Latchkey without a service binding: verifies access tokens with the published keys, and refreshes over HTTP. Make one
 * for the whole process or isolate: it remembers the keys. Needs jose.
 */
export function keySet(options: KeySetOptions): Authority<TokenUser>;
