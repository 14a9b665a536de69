/**
 * The core of the server-side middlewares, without a framework: what it makes
 * of each answer of Latchkey. tests/frameworks has the middlewares themselves,
 * with the built Latchkey.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { admit, mergedCookies, missingLines, readCaller, withCookies } from "../client/server/server.mjs";
import { ADA, FRESH, NEW, OLD, asking, latchkey, problem } from "./support/server-side.mjs";

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
    "a refresh at an address that is not Latchkey's": { refreshed: problem("invalid_token", 404), setCookies: [] },
    "a refresh that is forbidden": { refreshed: problem("cross_origin", 403), setCookies: [] },
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
