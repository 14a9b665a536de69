/** What the tests of the server-side middlewares share: requests, and a Latchkey that answers as it is told. */
export const OLD = "theme=dark; __Host-access_token=old-access; __Host-refresh_token=old-refresh";
export const FRESH = [
  "__Host-access_token=new-access; Path=/; Secure",
  "__Host-refresh_token=new-refresh; Path=/; Secure",
];
export const NEW = "theme=dark; __Host-access_token=new-access; __Host-refresh_token=new-refresh";
export const ADA = { user: { id: "ada", roleSlug: "editor" }, session: { id: "s" }, readAt: "2026-11-27T12:00:00Z" };
export const problem = (code, status = 401) => ({ problem: { code, status } });
export const PAGE = { Accept: "text/html" };

/**
 * Latchkey, as far as it is asked: each call, and the given answers.
 *
 * @param {{ verified?: any, refreshed?: any, setCookies?: string[] }} [given]
 */
export function latchkey({ verified = problem("token_expired"), refreshed = ADA, setCookies = FRESH } = {}) {
  const calls = [];
  const answer = async (call, value) => {
    calls.push(call);
    if (value instanceof Error) throw value;
    return value;
  };
  return {
    calls,
    verify: (_, { maxStaleSeconds }) => answer(`verify ${maxStaleSeconds}`, verified),
    refresh: () => answer("refresh", refreshed instanceof Error ? refreshed : { setCookies, ...refreshed }),
  };
}

export function asking({ method = "GET", cookie = OLD, path = "/", headers = {} } = {}) {
  return { method, url: `https://app.example.org${path}`, headers: new Headers({ Cookie: cookie, ...headers }) };
}
