/**
 * The core of the server-side middlewares, without a framework: what it makes
 * of each answer of Latchkey. tests/frameworks has the middlewares themselves,
 * with the built Latchkey.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { admit, mergedCookies, missingLines, readCaller, withCookies } from "../client/server/server.mjs";

const OLD = "theme=dark; __Host-access_token=old-access; __Host-refresh_token=old-refresh";
const FRESH = ["__Host-access_token=new-access; Path=/; Secure", "__Host-refresh_token=new-refresh; Path=/; Secure"];
const NEW = "theme=dark; __Host-access_token=new-access; __Host-refresh_token=new-refresh";
const ADA = { user: { id: "ada", roleSlug: "editor" }, session: { id: "s" }, readAt: "2026-11-27T12:00:00Z" };
const problem = (code, status = 401) => ({ problem: { code, status } });
const PAGE = { Accept: "text/html" };

/**
 * Latchkey, as far as it is asked: each call, and the given answers.
 *
 * @param {{ verified?: any, refreshed?: any, setCookies?: string[] }} [given]
 */
function latchkey({ verified = problem("token_expired"), refreshed = ADA, setCookies = FRESH } = {}) {
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

function asking({ method = "GET", cookie = OLD, path = "/", headers = {} } = {}) {
  return { method, url: `https://app.example.org${path}`, headers: new Headers({ Cookie: cookie, ...headers }) };
}

describe("who is calling", () => {
  test("a good token is not refreshed", async () => {
    const service = latchkey({ verified: ADA });
    const visit = await admit(asking(), service);
    assert.deepEqual([visit.caller.status, visit.caller.user, visit.setCookies], ["signed_in", ADA.user, []]);
    assert.deepEqual([visit.cookie, service.calls], [OLD, ["verify 60"]]);
  });

  for (const code of ["token_expired", "not_authenticated", "invalid_token"]) {
    test(`${code} beside a refresh cookie is refreshed, and the render gets the new cookies`, async () => {
      const service = latchkey({ verified: problem(code) });
      const { caller, cookie, setCookies } = await admit(asking(), service);
      assert.deepEqual([caller.user, cookie, setCookies], [ADA.user, NEW, FRESH]);
      assert.deepEqual(service.calls, ["verify 60", "refresh"]);
    });
  }

  test("without a refresh cookie nothing is refreshed, whatever else has such a name", async () => {
    const others = ["not_refresh_token_at_all=1", "strava_refresh_token=1", "__Secure-x-refresh_token=1"];
    for (const cookie of ["", "__Host-access_token=old", "refresh_token=", ...others]) {
      const service = latchkey();
      const visit = await admit(asking({ cookie }), service);
      assert.deepEqual([visit.caller.status, service.calls], ["anonymous", ["verify 60"]], cookie);
      assert.equal((await readCaller(service, cookie)).status, "anonymous", cookie);
    }
  });

  test("the cookies of another program stay as they are, and so do those with another prefix than the one given", async () => {
    const ended = { refreshed: problem("invalid_token"), setCookies: [] };
    const foreign = "strava_access_token=1; strava_refresh_token=2";
    assert.equal(
      (await admit(asking({ cookie: `${foreign}; ${OLD}` }), latchkey(ended))).cookie,
      `${foreign}; theme=dark`,
    );
    const rules = { prefix: "__Host-" };
    const plain = "access_token=1; refresh_token=2";
    const visit = await admit(asking({ cookie: `${plain}; ${OLD}` }), latchkey(ended), rules);
    assert.equal(visit.cookie, `${plain}; theme=dark`);
    const service = latchkey();
    assert.equal((await admit(asking({ cookie: plain }), service, rules)).caller.status, "anonymous");
    assert.equal((await readCaller(service, plain, rules)).status, "anonymous");
    assert.ok(!service.calls.includes("refresh"));
  });

  test("a refused refresh is a log-out, and the render gets no tokens", async () => {
    for (const code of ["invalid_token", "token_expired"]) {
      const service = latchkey({ refreshed: problem(code), setCookies: [] });
      const { caller, cookie } = await admit(asking(), service);
      assert.deepEqual([caller.status, cookie], ["signed_out", "theme=dark"], code);
    }
  });

  test("a refresh that found no cookie of its own says nothing", async () => {
    const service = latchkey({ refreshed: problem("not_authenticated"), setCookies: [] });
    assert.equal((await admit(asking(), service)).caller.status, "anonymous");
  });

  for (const [name, given] of Object.entries({
    "a verification that is throttled": { verified: problem("too_many_requests", 429) },
    "a verification without a database": { verified: problem("unavailable", 503) },
    "a verification that throws": { verified: new Error("binding") },
    "a refresh that is throttled": { refreshed: problem("too_many_requests", 429), setCookies: [] },
    "a refresh without a database": { refreshed: problem("unavailable", 503), setCookies: [] },
    "a refresh that throws": { refreshed: new Error("binding") },
  })) {
    test(`${name} is not a log-out`, async () => {
      const { caller, cookie, setCookies } = await admit(asking(), latchkey(given));
      assert.deepEqual([caller.status, cookie, setCookies], ["unavailable", OLD, []]);
    });
  }

  test("the cookies of a rotation are kept beside a problem", async () => {
    const { caller, cookie, setCookies } = await admit(asking(), latchkey({ refreshed: problem("unavailable", 503) }));
    assert.deepEqual([caller.status, cookie, setCookies], ["unavailable", NEW, FRESH]);
  });

  test("what may change something asks the database", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const service = latchkey({ verified: ADA });
      await admit(asking({ method }), service, { maxStaleSeconds: 300 });
      assert.deepEqual(service.calls, ["verify 0"], method);
    }
  });

  test("parallel requests share one refresh, later ones have their own, and a failure is not kept", async () => {
    const service = latchkey();
    const visits = await Promise.all(Array.from({ length: 100 }, () => admit(asking(), service)));
    assert.equal(service.calls.filter((call) => call === "refresh").length, 1);
    assert.deepEqual([...new Set(visits.map(({ cookie }) => cookie))], [NEW]);
    const failing = latchkey({ refreshed: new Error("binding") });
    const failed = await Promise.all(Array.from({ length: 5 }, () => admit(asking(), failing)));
    assert.deepEqual([...new Set(failed.map(({ caller }) => caller.status))], ["unavailable"]);
    await admit(asking(), service);
    assert.equal(service.calls.filter((call) => call === "refresh").length, 2);
  });

  test("a refresh that never ends, of a request that was cancelled, holds the others up for two seconds", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const lost = { ...latchkey(), refresh: () => new Promise(() => {}) };
    admit(asking(), lost);
    const service = latchkey();
    const others = Array.from({ length: 5 }, () => admit(asking(), service));
    await new Promise(setImmediate);
    assert.ok(!service.calls.includes("refresh"), "they wait");
    t.mock.timers.tick(2_000);
    const visits = await Promise.all(others);
    assert.deepEqual([...new Set(visits.map(({ caller }) => caller.status))], ["signed_in"]);
    assert.equal(service.calls.filter((call) => call === "refresh").length, 1, "one of them refreshes for all");
    await admit(asking(), service);
    assert.equal(service.calls.filter((call) => call === "refresh").length, 2, "nobody waits for the lost one again");
  });

  test("requests of two sessions share nothing", async () => {
    const service = latchkey();
    await Promise.all(["a", "b"].map((token) => admit(asking({ cookie: `refresh_token=${token}` }), service)));
    assert.equal(service.calls.filter((call) => call === "refresh").length, 2);
  });

  test("what only renders never refreshes, and knows an outage from a stranger", async () => {
    for (const { cookie = OLD, status, ...given } of [
      { verified: ADA, status: "signed_in" },
      { status: "unavailable" },
      { verified: problem("not_authenticated"), cookie: "", status: "anonymous" },
      { verified: new Error("binding"), status: "unavailable" },
    ]) {
      const service = latchkey(given);
      assert.equal((await readCaller(service, cookie)).status, status);
      assert.deepEqual(service.calls, ["verify 60"]);
    }
  });
});

describe("a request of another origin that may change something", () => {
  const own = "https://app.example.org";
  const evil = "https://evil.example.org";
  for (const [headers, passes] of [
    [{ "Sec-Fetch-Site": "same-origin", Origin: own }, true],
    [{ "Sec-Fetch-Site": "none" }, true],
    [{ "Sec-Fetch-Site": "same-site", Origin: evil }, false],
    [{ "Sec-Fetch-Site": "cross-site", Origin: evil }, false],
    [{ "Sec-Fetch-Site": "same-site" }, false],
    [{ "Sec-Fetch-Site": "same-site", Origin: "https://admin.example.org" }, true],
    [{ Origin: own }, true],
    [{ Origin: evil }, false],
    [{ Origin: "null" }, false],
    [{}, true],
  ]) {
    test(`${JSON.stringify(headers)} ${passes ? "passes" : "is refused unasked"}`, async () => {
      const service = latchkey();
      const rules = { allowedOrigins: ["https://admin.example.org"] };
      const { refusal, setCookies } = await admit(asking({ method: "POST", headers }), service, rules);
      assert.equal(refusal?.status, passes ? undefined : 403);
      if (!passes) assert.deepEqual([service.calls, setCookies], [[], []]);
      assert.equal((await admit(asking({ headers }), service, rules)).refusal, null, "reading is for everyone");
    });
  }
});

describe("where only a signed-in user is let in", () => {
  const rules = { protect: ({ pathname }) => pathname === "/notes", login: "/enter" };
  const at = (given, headers = {}, method = "GET") =>
    admit(asking({ method, path: "/notes?a=1", headers, ...given }), latchkey(given), rules);
  const ended = { refreshed: problem("invalid_token"), setCookies: [] };

  test("a user passes, and other paths are for everyone", async () => {
    assert.equal((await at({ verified: ADA }, PAGE)).refusal, null);
    assert.equal((await admit(asking({ cookie: "", headers: PAGE }), latchkey(), rules)).refusal, null);
  });

  test("after a refused refresh a page is redirected to the login, and a script gets the code", async () => {
    const { refusal: page } = await at(ended, PAGE);
    assert.deepEqual([page?.status, page?.headers.get("Location")], [303, "/enter?next=%2Fnotes%3Fa%3D1"]);
    for (const { headers = {}, method } of [{ method: "GET" }, { headers: PAGE, method: "POST" }]) {
      const { refusal } = await at(ended, headers, method);
      assert.deepEqual([refusal?.status, await refusal?.json()], [401, { code: "invalid_token" }]);
    }
  });

  test("the login page is for everyone, also where everything is protected", async () => {
    const everything = { protect: () => true, login: "/enter" };
    for (const path of ["/enter", "/enter/", "/enter?next=%2Fnotes"]) {
      for (const method of ["GET", "POST"]) {
        const visit = await admit(asking({ path, method, headers: PAGE }), latchkey(ended), everything);
        assert.deepEqual([visit.caller.status, visit.refusal], ["signed_out", null], path);
      }
    }
    for (const path of ["/enter/now", "/"]) {
      const { refusal } = await admit(asking({ path, headers: PAGE }), latchkey(ended), everything);
      assert.equal(refusal?.status, 303, path);
    }
    const elsewhere = { protect: () => true, login: "https://auth.example.org/enter" };
    const { refusal } = await admit(asking({ path: "/enter", headers: PAGE }), latchkey(ended), elsewhere);
    assert.equal(refusal?.headers.get("Location"), "https://auth.example.org/enter?next=%2Fenter");
  });

  test("what the login gets as `next` is a path of this host", async () => {
    const request = asking({ path: "//evil.example.org/notes?a=1", headers: PAGE });
    const { refusal } = await admit(request, latchkey(ended), { protect: () => true });
    assert.equal(refusal?.headers.get("Location"), "/login?next=%2Fevil.example.org%2Fnotes%3Fa%3D1");
  });

  test("without cookies a page from elsewhere refreshes first, one of the app's own is redirected", async () => {
    for (const site of ["cross-site", "none", "same-site"]) {
      const { refusal } = await at({ cookie: "" }, { ...PAGE, "Sec-Fetch-Site": site });
      assert.deepEqual([refusal?.status, refusal?.headers.get("Location")], [401, null], site);
    }
    const { refusal } = await at({ cookie: "" }, { ...PAGE, "Sec-Fetch-Site": "same-origin" });
    assert.equal(refusal?.status, 303);
  });

  test("the page that refreshes runs no script but its own, and what the address says is text", async () => {
    const request = asking({ cookie: "", path: `/notes?"><script>alert(1)</script>`, headers: PAGE });
    const refreshUrl = "https://auth.example.org/api/account/refresh";
    const { refusal } = await admit(request, latchkey(), { ...rules, refreshUrl });
    const text = (await refusal?.text()) ?? "";
    assert.equal(text.split("<script").length, 2, text);
    const policy = refusal?.headers.get("Content-Security-Policy") ?? "";
    assert.match(
      policy,
      /^default-src 'none'; script-src 'nonce-[0-9a-f-]{36}'; connect-src 'self' https:\/\/auth\.example\.org;/,
    );
    assert.equal(refusal?.headers.get("Cache-Control"), "no-store");
  });

  test("an outage is a 503 for pages and scripts", async () => {
    for (const headers of [PAGE, {}]) {
      const { refusal } = await at({ refreshed: problem("unavailable", 503), setCookies: [] }, headers);
      assert.deepEqual([refusal?.status, refusal?.headers.get("Retry-After")], [503, "5"]);
    }
  });
});

describe("cookies", () => {
  test("a deletion in a former domain does not undo the new cookie", () => {
    const lines = [...FRESH, "__Host-refresh_token=; Max-Age=0; Domain=example.org"];
    assert.equal(mergedCookies(OLD, lines), NEW);
    assert.equal(
      mergedCookies(OLD, ["__Host-access_token=; Max-Age=0"]),
      "theme=dark; __Host-refresh_token=old-refresh",
    );
    assert.equal(mergedCookies("", FRESH), "__Host-access_token=new-access; __Host-refresh_token=new-refresh");
  });

  test("an answer that logs out keeps its own lines", () => {
    const headers = new Headers([
      ["Set-Cookie", "__Host-access_token=; Max-Age=0"],
      ["Set-Cookie", "theme=light"],
    ]);
    assert.deepEqual(missingLines(headers, FRESH), [FRESH[1]]);
  });

  test("an answer whose headers cannot be changed gets the cookies, and no cache keeps it", () => {
    const fixed = Response.redirect("https://app.example.org/", 303);
    assert.throws(() => fixed.headers.set("X", "y"));
    const answer = withCookies(fixed, FRESH);
    assert.deepEqual([answer.status, answer.headers.get("Location")], [303, "https://app.example.org/"]);
    assert.deepEqual(answer.headers.getSetCookie(), FRESH);
    assert.equal(answer.headers.get("Cache-Control"), "private, no-store");
    assert.equal(withCookies(fixed, []), fixed);
  });
});
