/**
 * An app on Workers beside Latchkey: a page for everyone, notes for those who
 * are logged in, and a route for editors.
 */

/** A page may be a minute behind; what changes something asks the database. */
const FRESH_ENOUGH_SECONDS = 60;

export default {
  /**
   * @param {Request} request
   * @param {{ AUTH: Service<typeof import("latchkey").Auth>, LATCHKEY: Fetcher }} env
   */
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const who = (/** @type {number} */ maxStaleSeconds) =>
      env.AUTH.verify(request.headers.get("Cookie"), { maxStaleSeconds });

    // In production a route gives Latchkey these paths, and they do not come here.
    if (pathname.startsWith("/api/account/")) return env.LATCHKEY.fetch(request);
    if (!mayProceed(request)) return Response.json({ code: "cross_origin" }, { status: 403 });
    if (request.method === "GET" && pathname === "/") return page(await who(FRESH_ENOUGH_SECONDS));
    if (request.method === "POST" && pathname === "/publish") return publish(await who(0));
    return new Response("Not found\n", { status: 404 });
  },
};

/**
 * Whether an unsafe request comes from the app's own page: the rule that Latchkey has for itself
 * (docs/http.md, section 6). `verify` says who the cookies belong to, not which page sent the
 * request, and a browser sends `SameSite` cookies with the forms of sibling subdomains.
 */
function mayProceed(request) {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return true;
  const site = request.headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "same-origin" || site === "none";
  // Browsers older than Sec-Fetch-Site send an Origin. A client that sends neither is not a browser.
  const origin = request.headers.get("Origin");
  return origin === null || origin === new URL(request.url).origin;
}

/** A refusal is not an error here: the visitor sees the page of a stranger. */
function page({ user, problem }) {
  if (isOutage(problem)) return unavailable();
  const greeting = user ? `Hello, ${escaped(user.name ?? user.email)}.` : `You are not logged in.`;
  return new Response(`<!doctype html><title>App</title><p>${greeting}</p>\n`, {
    headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "private, no-store" },
  });
}

function publish({ user, session, problem }) {
  if (isOutage(problem)) return unavailable();
  // The page's script refreshes after a 401 and repeats the request: docs/front-end.md.
  if (problem) return Response.json({ code: problem.code }, { status: 401 });
  if (user.roleSlug !== "editor") return Response.json({ code: "forbidden" }, { status: 403 });
  return Response.json({ publishedBy: user.id, session: session.id });
}

/** Says nothing about the caller: nobody is logged out because a database is away. */
function isOutage(problem) {
  return problem?.status === 429 || problem?.status >= 500;
}

function unavailable() {
  return new Response("Try again in a moment\n", { status: 503, headers: { "Retry-After": "5" } });
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
