/** Types of `@latchkey/client/server`: for servers and frameworks without a middleware here. */
import type { Asking, Authority, Caller, Rules, User, Visit } from "./types.js";

export type * from "./types.js";

/** Latchkey over the service bindings `AUTH` and `SESSIONS`. */
export function bindings(env: {
  AUTH: { verify(cookieHeader: string, options: { maxStaleSeconds: number }): Promise<unknown> };
  SESSIONS: { refresh(cookieHeader: string): Promise<unknown> };
}): Authority<User>;

/**
 * Who sends a request, with a refresh on the way where the access token is not accepted any more. Call it once for each
 * request, before anything that reads cookies, and send `setCookies` with whatever the answer is.
 */
export function admit<U>(
  request: Asking,
  authority: Authority<U>,
  rules?: Rules,
  /** `isPage`: the request is a router's own, for a page, though it does not look like one. */
  asked?: { isPage?: boolean },
): Promise<Visit<U>>;

/** Who these cookies belong to, without a refresh: for code that renders, behind a middleware that has refreshed. */
export function readCaller<U>(
  authority: Authority<U>,
  cookieHeader: string,
  options?: Pick<Rules, "maxStaleSeconds" | "prefix">,
): Promise<Caller<U>>;

/** The `Cookie` header that a browser would send after these `Set-Cookie` lines. */
export function mergedCookies(cookieHeader: string, setCookies: string[]): string;

/** The lines that an answer still needs: without those whose cookie it sets itself, such as at a log-out. */
export function missingLines(headers: Headers, setCookies: string[]): string[];

/** The request with another `Cookie` header. */
export function withCookieHeader(request: Request, cookieHeader: string): Request;

/** The answer with these cookies, and with a `Cache-Control` that keeps it out of caches. */
export function withCookies(response: Response, setCookies: string[]): Response;
