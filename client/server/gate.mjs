/** What a middleware answers in the place of the app, where only a signed-in user is let in. */

/**
 * @import { Asking, Caller, Rules } from "./types.d.ts"
 */

const RETRY_SECONDS = 5;
const LOGIN = "/login";
const REFRESH_URL = "/api/account/refresh";

/**
 * Whether a request that may change something comes from a page of another origin: the rule that Latchkey has for
 * itself (docs/http.md, section 6). A browser sends `SameSite` cookies with the forms of sibling subdomains, and
 * neither `verify` nor `refresh` knows which page has sent a request.
 *
 * @param {Asking} request
 * @param {Rules} rules
 */
export function crossSite({ headers, url }, { allowedOrigins = [] }) {
  const site = headers.get("Sec-Fetch-Site");
  const origin = headers.get("Origin");
  if (site === "same-origin" || site === "none") return false;
  if (origin !== null && allowedOrigins.includes(origin)) return false;
  // Browsers older than Sec-Fetch-Site send an Origin. A client that sends neither is not a browser.
  return site !== null || (origin !== null && origin !== new URL(url).origin);
}

/**
 * Whether this is the page to log in at. Nobody is kept from it: a redirect from there would lead there again.
 *
 * @param {string} url
 * @param {Rules} rules
 */
export function isLogin(url, { login = LOGIN }) {
  const [asked, page] = [new URL(url), new URL(login, url)];
  return asked.host === page.host && withoutSlash(asked.pathname) === withoutSlash(page.pathname);
}

/**
 * The answer for everyone but a signed-in user, or null.
 *
 * @param {Caller<unknown>} caller
 * @param {Asking} request
 * @param {Rules} rules
 * @param {{ isPage?: boolean }} asked
 */
export function gate(caller, request, { login = LOGIN, refreshUrl = REFRESH_URL }, { isPage = wantsPage(request) }) {
  if (caller.status === "signed_in") return null;
  const code = caller.problem?.code ?? (caller.status === "unavailable" ? "unavailable" : "not_authenticated");
  if (caller.status === "unavailable") {
    const headers = { "Retry-After": `${RETRY_SECONDS}`, "Cache-Control": "no-store" };
    if (!isPage) return Response.json({ code }, { status: 503, headers });
    return page(
      503,
      headers,
      `<p>We cannot look you up right now. You are still logged in: try again in a moment.</p>`,
    );
  }
  if (!isPage) return Response.json({ code }, { status: 401, headers: { "Cache-Control": "no-store" } });
  const { pathname, search } = new URL(request.url);
  // A path that begins with two slashes would name another host where the login redirects to it.
  const next = pathname.replace(/^\/+/, "/") + search;
  const loginUrl = `${login}?next=${encodeURIComponent(next)}`;
  const isRefused = caller.problem === undefined || caller.problem.status === 401;
  // A page of the app's own sends the refresh cookie if there is one, so here there is none.
  const isOwn = isRefused && request.headers.get("Sec-Fetch-Site") === "same-origin";
  const isCertain = caller.status === "signed_out" || isOwn;
  if (!isCertain) return resume(loginUrl, refreshUrl);
  return new Response(null, { status: 303, headers: { Location: loginUrl, "Cache-Control": "no-store" } });
}

/**
 * A page that refreshes and then loads itself again. A browser that comes from another site leaves the refresh cookie
 * out of this request (`SameSite=Strict`), and sends it with those of the page's own script. Without a script, and
 * when the refresh is refused, there is the login.
 *
 * @param {string} loginUrl
 * @param {string} refreshUrl
 */
function resume(loginUrl, refreshUrl) {
  const nonce = crypto.randomUUID();
  const origin = refreshUrl.startsWith("/") ? "" : ` ${new URL(refreshUrl).origin}`;
  const headers = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": `default-src 'none'; script-src 'nonce-${nonce}'; connect-src 'self'${origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
  const attributes = `data-refresh="${escaped(refreshUrl)}" data-login="${escaped(loginUrl)}"`;
  return page(
    401,
    headers,
    `<p>One moment …</p><p><a href="${escaped(loginUrl)}">Log in</a></p>
<script nonce="${nonce}" ${attributes}>${RESUME}</script>`,
  );
}

/**
 * A second visit within the minute after a refresh that worked means that this host does not get the cookies: that is
 * a matter of the settings (`COOKIE_DOMAIN`), and a third one would not end it.
 */
const RESUME = `
const { refresh, login } = document.currentScript.dataset;
const say = (text) => (document.querySelector("p").textContent = text);
const last = Number(sessionStorage.getItem("latchkey-resumed"));
fetch(refresh, { method: "POST", credentials: "include" }).then(
  ({ ok, status }) => {
    if (status === 401) return location.replace(login);
    if (!ok) return say("We cannot look you up right now. Try again in a moment, or log in.");
    if (Date.now() - last < 60000) return say("You are logged in, but this site does not get your cookies.");
    sessionStorage.setItem("latchkey-resumed", Date.now());
    location.reload();
  },
  () => say("You seem to be offline. Try again in a moment."),
);
`;

/**
 * @param {number} status
 * @param {Record<string, string>} headers
 * @param {string} body
 */
function page(status, headers, body) {
  const html = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>…</title>${body}\n`;
  return new Response(html, { status, headers: { "Content-Type": "text/html; charset=utf-8", ...headers } });
}

/**
 * Whether a browser shows the answer: a form's as well, which a navigation sends.
 *
 * @param {Asking} request
 */
function wantsPage({ method, headers }) {
  if (headers.get("Sec-Fetch-Mode") === "navigate") return true;
  return (method === "GET" || method === "HEAD") && (headers.get("Accept") ?? "").includes("text/html");
}

/** @param {string} pathname */
function withoutSlash(pathname) {
  return pathname.replace(/\/+$/, "");
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
