/**
 * What each framework's middleware must do, asked of its example: the same
 * pages, built for Workers, beside the built Latchkey in real workerd.
 *
 * The pages of an example: `/` greets in its layout and in its page, `/notes`
 * is for signed-in users, `/moved` redirects, `/broken` throws while rendering.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { cookieHeader, startLatchkey } from "../../package/test.mjs";

/** One second more than an access token lives. */
const EXPIRED_SECONDS = 601;
const PARALLEL = 100;
/** An example is installed and built before its first test. */
const BUILD_TIMEOUT_MS = 600_000;
/** D1 is far away: each call takes this long in each direction, so that requests overlap. */
const DISTANT = { d1DelayBeforeMs: 5, d1DelayMs: 5 };
const PAGE = { Accept: "text/html", "Sec-Fetch-Mode": "navigate" };
const STRANGER = "You are not logged in.";
const OUTAGE = "We cannot look you up right now.";

/**
 * How the framework's router asks for the data of a page.
 *
 * @typedef {object} Router
 * @property {(path: string) => string} address
 * @property {Record<string, string>} [headers]
 * @property {(answer: { status: number, headers: Headers, text: string }) => void} isSentToLogin Fails unless the router
 *   takes this answer for a way to the login.
 */

/**
 * @param {string} name
 * @param {() => import("../../package/test.d.ts").Options["app"]} app Called once, before the first test.
 * @param {{ loaders?: number, router?: Router }} [traits] `loaders`: how many places of the first page ask who is calling.
 */
export function holdsForFramework(name, app, { loaders = 2, router } = {}) {
  describe(name, () => {
    let latchkey;
    before(async () => (latchkey = await startLatchkey({ app: app(), elsewhere: true })), {
      timeout: BUILD_TIMEOUT_MS,
    });
    afterEach(() => latchkey.reset());
    after(() => latchkey?.dispose());

    const get = async (path, cookie = "", headers = {}) => {
      const response = await latchkey.fetch(path, {
        headers: { ...PAGE, ...headers, ...(cookie && { Cookie: cookie }) },
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    /** A user whose access token has just expired. */
    const expired = async () => {
      const person = await latchkey.signIn();
      await latchkey.clock.advance(EXPIRED_SECONDS);
      return person;
    };

    test("without cookies a page is for strangers, and no cookie is set", async () => {
      const page = await get("/");
      assert.equal(page.status, 200);
      assert.equal(count(page.text, STRANGER), loaders, page.text);
      assert.deepEqual(page.headers.getSetCookie(), []);
    });

    test("a user is greeted in every part of the page, and no cookie is set", async () => {
      const { cookie, email } = await latchkey.signIn();
      const page = await get("/", cookie);
      assert.deepEqual([page.status, count(page.text, `Hello, ${email}.`)], [200, loaders], page.text);
      assert.deepEqual(page.headers.getSetCookie(), []);
      const notes = await get("/notes", cookie);
      assert.deepEqual([notes.status, notes.text.includes(`Notes of ${email}`)], [200, true], notes.text);
    });

    /** @type {Record<string, (cookie: string) => string>} */
    const carriers = {
      "with the expired access token": (cookie) => cookie,
      "of a browser that has dropped the access cookie": refreshCookie,
    };
    for (const [title, carried] of Object.entries(carriers)) {
      test(`${PARALLEL} parallel requests ${title}: all are answered, one rotation, nobody is logged out`, async () => {
        const { cookie, email, refreshToken, session } = await expired();
        await latchkey.auth.fetch("/__test/control", { method: "POST", body: JSON.stringify(DISTANT) });
        const pages = await Promise.all(Array.from({ length: PARALLEL }, () => get("/", carried(cookie))));
        await latchkey.auth.fetch("/__test/control", {
          method: "POST",
          body: JSON.stringify({ d1DelayBeforeMs: 0, d1DelayMs: 0 }),
        });
        for (const page of pages) {
          assert.deepEqual([page.status, count(page.text, `Hello, ${email}.`)], [200, loaders], page.text);
          assert.match(page.headers.get("Cache-Control") ?? "", /no-store/);
        }
        const [fresh, ...others] = new Set(pages.map((page) => cookieHeader(page)));
        assert.deepEqual(others, [], "all of them get one pair");
        await rotatedOnce(latchkey, session, refreshToken, fresh);
        const later = await get("/", fresh);
        assert.deepEqual([later.status, count(later.text, `Hello, ${email}.`)], [200, loaders]);
        assert.deepEqual(later.headers.getSetCookie(), []);
      });
    }

    test("what a page passes on to another service has the new tokens, and one refresh is for all of the page", async () => {
      const { cookie, email } = await expired();
      await latchkey.auth.resetCounters();
      const notes = await get("/notes", cookie);
      assert.deepEqual([notes.status, notes.text.includes(`Notes of ${email}`)], [200, true], notes.text);
      const { calls } = await latchkey.auth.counters();
      assert.equal(calls.filter((call) => call.includes("/* rotate */")).length, 1, calls.join("\n"));
    });

    test("requests in two points of presence get one pair as well", async () => {
      const { cookie, email, refreshToken, session } = await expired();
      const [page, elsewhere] = await Promise.all([
        get("/", cookie),
        latchkey.elsewhere.fetch("/api/account/refresh", { method: "POST", headers: { Cookie: cookie } }),
      ]);
      await elsewhere.text();
      assert.equal(count(page.text, `Hello, ${email}.`), loaders);
      assert.equal(cookieHeader(page), cookieHeader(elsewhere));
      await rotatedOnce(latchkey, session, refreshToken, cookieHeader(page));
    });

    test("a redirect carries the new cookies", async () => {
      const { cookie } = await expired();
      const moved = await get("/moved", cookie);
      assert.ok([302, 303, 307].includes(moved.status), `${moved.status}`);
      assert.equal(new URL(moved.headers.get("Location"), latchkey.url).pathname, "/");
      const page = await get("/", cookieHeader(cookie, moved));
      assert.deepEqual([page.text.includes("Hello, "), page.headers.getSetCookie()], [true, []]);
    });

    test("an error of the app's own carries the new cookies", async () => {
      const { cookie } = await expired();
      const broken = await get("/broken", cookie);
      assert.equal(broken.status, 500);
      const page = await get("/", cookieHeader(cookie, broken));
      assert.deepEqual([page.text.includes("Hello, "), page.headers.getSetCookie()], [true, []]);
    });

    test("forged tokens make nobody, and mint nothing", async () => {
      const { cookie } = await latchkey.signIn();
      const forged = cookie.replaceAll(/=([^.]+)\.([^.]+)\.[^;]+/g, `=$1.$2.${"A".repeat(86)}`);
      for (const sent of [forged, forged.split("; ").find((pair) => pair.startsWith("access"))]) {
        const page = await get("/", sent);
        assert.deepEqual([page.status, count(page.text, STRANGER)], [200, loaders], page.text);
        assert.equal(cookieHeader(page), "", "cookies are deleted at most");
      }
      const kept = await get("/", cookie);
      assert.ok(kept.text.includes("Hello, "), "the session that was imitated goes on");
    });

    test("while Latchkey has no database nobody is logged out", async () => {
      const { cookie, email } = await expired();
      await latchkey.faults.d1Down();
      const page = await get("/", cookie);
      assert.deepEqual([page.status, count(page.text, OUTAGE)], [200, loaders], page.text);
      assert.deepEqual(page.headers.getSetCookie(), []);
      const notes = await get("/notes", cookie);
      assert.deepEqual([notes.status, notes.headers.get("Retry-After")], [503, "5"]);
      assert.deepEqual(notes.headers.getSetCookie(), []);
      await latchkey.faults.clear();
      assert.equal(count((await get("/", cookie)).text, `Hello, ${email}.`), loaders);
    });

    test("a first navigation without cookies is not sent to the login: its page refreshes", async () => {
      const notes = await get("/notes?tag=a", "", { "Sec-Fetch-Site": "cross-site" });
      assert.equal(notes.status, 401);
      assert.equal(notes.headers.get("Location"), null);
      assert.match(notes.text, /data-refresh="\/api\/account\/refresh" data-login="\/login\?next=%2Fnotes%3Ftag%3Da"/);
      const [, nonce] = /<script nonce="([^"]+)"/.exec(notes.text) ?? [];
      assert.match(notes.headers.get("Content-Security-Policy") ?? "", new RegExp(`script-src 'nonce-${nonce}'`));
    });

    test("a session that has ended is a stranger's, and a page for users sends it to the login", async () => {
      const { cookie } = await latchkey.signIn();
      await latchkey.auth.fetch("/api/account/logout", { method: "POST", headers: { Cookie: cookie } });
      await latchkey.settled();
      await latchkey.clock.advance(EXPIRED_SECONDS);
      const notes = await get("/notes", cookie, { "Sec-Fetch-Site": "cross-site" });
      assert.equal(notes.status, 303);
      const { pathname, search } = new URL(notes.headers.get("Location"), latchkey.url);
      assert.equal(pathname + search, "/login?next=%2Fnotes");
      const page = await get("/", cookie);
      assert.deepEqual([page.status, count(page.text, STRANGER)], [200, loaders], page.text);
    });

    if (router) {
      const fetched = { Accept: "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", ...router.headers };

      test("the router's own requests refresh as pages do: all are answered, one rotation", async () => {
        const { cookie, email, refreshToken, session } = await expired();
        const paths = Array.from({ length: 20 }, (_, index) => router.address(index % 2 === 0 ? "/" : "/notes"));
        const answers = await Promise.all(paths.map((path) => get(path, cookie, fetched)));
        for (const answer of answers) {
          assert.deepEqual([answer.status, answer.text.includes(email)], [200, true], answer.text);
        }
        const [fresh, ...others] = new Set(answers.map((answer) => cookieHeader(answer)));
        assert.deepEqual(others, []);
        await rotatedOnce(latchkey, session, refreshToken, fresh);
      });

      test("the router is sent to the login where a page is", async () => {
        const answer = await get(router.address("/notes"), "", fetched);
        router.isSentToLogin(answer);
        assert.deepEqual(answer.headers.getSetCookie(), []);
      });
    }

    test("a form of another origin is refused, and refreshes nothing", async () => {
      const { cookie } = await expired();
      const form = {
        Cookie: cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-site",
      };
      for (const headers of [{ ...form, Origin: "https://evil.example.org" }, form]) {
        const response = await latchkey.fetch("/notes", { method: "POST", headers, body: "text=x" });
        await response.text();
        // React Router refuses a foreign `Origin` by itself, with a 400.
        assert.ok([400, 403].includes(response.status), `${response.status}`);
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
    });
  });
}

/** The session's row: the token that it was renewed with was the first one, and the successor is the one that was set. */
async function rotatedOnce(latchkey, session, refreshToken, fresh) {
  const [row] = await latchkey.sql(
    "SELECT current_jti, previous_jti, ended_at FROM sessions WHERE id = ?1",
    session.id,
  );
  const [, successor] = /refresh_token=([^;]+)/.exec(fresh) ?? [];
  assert.deepEqual(row, { current_jti: jtiOf(successor), previous_jti: jtiOf(refreshToken), ended_at: null });
}

function jtiOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString()).jti;
}

function refreshCookie(cookie) {
  return cookie.split("; ").find((pair) => pair.includes("refresh_token="));
}

/** In what is shown: scripts repeat it, for the router. */
function count(text, wanted) {
  return text.replaceAll(/<script[\s\S]*?<\/script>/g, "").split(wanted).length - 1;
}
