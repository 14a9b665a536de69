/** Types that the middlewares share. */

/** What an access token says of a user. The role is the one that the user had when the token was issued. */
export interface TokenUser {
  /** A UUID in lower case. */
  id: string;
  /** The slug of the user's role. */
  roleSlug: string;
}

/** A user, as a service binding returns it. */
export interface User extends TokenUser {
  name: string | null;
  email: string;
  isActive: boolean;
  isSuperuser: boolean;
}

/** What is read of a problem document (docs/http.md, section 4). */
export interface Problem {
  code: string;
  status: number;
}

/** Who sent a request, or why nobody is returned. */
export type Answer<U = User> =
  | { user: U; session: { id: string }; readAt: string; problem?: undefined }
  | { problem: Problem; user?: undefined; session?: undefined; readAt?: undefined };

/** Who knows: Latchkey over two service bindings, or its key set and its HTTP endpoints. */
export interface Authority<U = User> {
  verify(cookieHeader: string, options: { maxStaleSeconds: number }): Promise<Answer<U>>;
  /** `request`: the one that has come, for who the visitor is. Its cookies are `cookieHeader`. */
  refresh(cookieHeader: string, request: Asking): Promise<{ setCookies: string[] } & Answer<U>>;
}

/**
 * Who sent a request:
 *
 * - `signed_in`: this user.
 * - `signed_out`: nobody. A refresh has been refused, so a redirect to a login is right.
 * - `anonymous`: the request carried no session. That does not mean that the user has none: a browser that follows a
 *   link from another site leaves the refresh cookie out (`SameSite=Strict`). Never redirect to a login then.
 * - `unavailable`: nobody could say. The user is not logged out.
 */
export type Caller<U = User> =
  | { status: "signed_in"; user: U; session: { id: string }; readAt: string; problem?: undefined; error?: undefined }
  | {
      status: "signed_out" | "anonymous" | "unavailable";
      user?: undefined;
      session?: undefined;
      readAt?: undefined;
      /** Latchkey's refusal. */
      problem?: Problem;
      /** What was thrown, where Latchkey could not be reached at all. */
      error?: unknown;
    };

/** Whether only a signed-in user may have this address. */
export type Protects = (url: URL) => boolean;

export interface Rules {
  /**
   * Which addresses are for signed-in users only; none unless given. The middleware answers for them: it redirects to
   * `login`, lets the browser refresh first where that may help, or asks it to try again. The path of `login` itself is for everyone, whatever this says.
   */
  protect?: Protects;
  /** The path of the login page. The address that was asked for is added as `?next=`. `/login` unless given. */
  login?: string;
  /** Where a browser refreshes: `/api/account/refresh` unless given, or Latchkey's own address on a sibling subdomain. */
  refreshUrl?: string;
  /** How old the knowledge of a `GET` may be, in seconds; 60 unless given. Every other method asks the database. */
  maxStaleSeconds?: number;
  /**
   * Of the cookies' names: `__Host-` in production, `__Secure-` with `COOKIE_DOMAIN`, empty on localhost. All three count
   * unless given, so give it where another program sets a `refresh_token` at the same host.
   */
  prefix?: string;
  /** Origins beside the app's own whose pages may send requests that change something. */
  allowedOrigins?: string[];
}

export interface Options<U = User, Context = unknown> extends Rules {
  /** Who knows. The bindings `AUTH` and `SESSIONS` of the framework's `env` unless given. */
  authority?: Authority<U> | ((context: Context) => Authority<U>);
}

/** What the middleware has found out about a request. */
export interface Visit<U = User> {
  caller: Caller<U>;
  /** The request's `Cookie` header as it is from now on: with the new tokens, if there are any. */
  cookie: string;
  /** `Set-Cookie` lines for the browser, on every answer: the old tokens are used up. */
  setCookies: string[];
  /** The answer that the middleware gives in the place of the app. */
  refusal: Response | null;
}

/** What is read of a request. */
export interface Asking {
  method: string;
  url: string;
  headers: Headers;
}
