/**
 * Types of Latchkey for the Workers and programs that use it.
 *
 * In `wrangler.toml` of an app:
 *
 *     [[services]]
 *     binding = "AUTH"
 *     service = "latchkey"
 *     entrypoint = "Auth"
 *
 * and in its code `AUTH: Service<typeof import("latchkey").Auth>`, which is what
 * `wrangler types -c wrangler.toml -c auth/wrangler.toml` writes too.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

/** A user, as `GET /api/account/profile` returns it. */
export interface User {
  /** A UUID in lower case. */
  id: string;
  name: string | null;
  email: string;
  isActive: boolean;
  isSuperuser: boolean;
  /** The slug of the user's role. */
  roleSlug: string;
}

/** The session that the access token belongs to. */
export interface Session {
  /** 128 bits in base64url. */
  id: string;
}

/** Who sent a request, and how old this knowledge is. */
export interface Identity {
  user: User;
  session: Session;
  /** RFC 3339 in UTC. The user and the session were like this at this time, or at a later one. */
  readAt: string;
  problem?: undefined;
}

/** A problem document (RFC 9457), as docs/http.md lists them. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** The stable part. An app branches on this one, and treats an unknown code by its `status`. */
  code: ProblemCode | (string & {});
  detail: string;
  requestId: string;
  /** With `validation_failed` alone. */
  errors?: { field: string; code: string; message: string }[];
  /** OAuth's name of the error, in a 401 of a login or a refresh. */
  error?: string;
}

/** The codes that `verify` and `refresh` answer with. */
export type ProblemCode =
  | "malformed_request"
  | "not_authenticated"
  | "invalid_token"
  | "token_expired"
  | "validation_failed"
  | "too_many_requests"
  | "internal"
  | "unavailable"
  | "misconfigured";

/** Why nobody is returned. */
export interface Refused {
  problem: Problem;
  user?: undefined;
  session?: undefined;
  readAt?: undefined;
}

/** What {@link Auth.verify} returns. `if (user)` or `if (problem)` tells the two apart. */
export type Verified = Identity | Refused;

/**
 * What {@link Sessions.refresh} returns. Send each line of `setCookies` to the
 * client as a `Set-Cookie` header, beside a `problem` too: the client's old
 * tokens may be used up.
 */
export type Refreshed = { setCookies: string[] } & Verified;

/** The request's `Cookie` header: `request.headers.get("Cookie")`. */
export type CookieHeader = string | null | undefined;

export interface IdentityOptions {
  /**
   * How old the knowledge may be, in whole seconds from 0 to 300. 0 asks the
   * database. Left out, or above the service's own bound
   * (`USER_CACHE_TTL_SECONDS`), it is that bound.
   */
  maxStaleSeconds?: number;
}

/** Reads. For a service binding with `entrypoint = "Auth"`. */
export class Auth extends WorkerEntrypoint {
  /**
   * Returns the user and the session of these cookies, or the problem. Never
   * rotates a token, and never sets a cookie: on `token_expired` let the client
   * refresh, or call {@link Sessions.refresh}.
   */
  verify(cookieHeader: CookieHeader, options?: IdentityOptions): Promise<Verified>;
}

/** Changes sessions. For a service binding with `entrypoint = "Sessions"`. */
export class Sessions extends WorkerEntrypoint {
  /**
   * Replaces both tokens, and returns the cookies that the client needs now.
   * The same call repeated within the grace returns the same cookies.
   */
  refresh(cookieHeader: CookieHeader): Promise<Refreshed>;
}

/** The Worker itself: the HTTP endpoints of docs/http.md. */
export default class Latchkey extends WorkerEntrypoint {
  fetch(request: Request): Promise<Response>;
}
