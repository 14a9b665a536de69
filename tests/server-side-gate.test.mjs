/**
 * What the core of the server-side middlewares answers in the place of the app,
 * where only a signed-in user is let in.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { admit } from "../client/server/server.mjs";
import { ADA, PAGE, asking, latchkey, problem } from "./support/server-side.mjs";

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

  test("a form of a page of the app's own is answered as a page is", async () => {
    const form = { ...PAGE, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin" };
    for (const given of [ended, { cookie: "" }]) {
      const { refusal } = await at(given, form, "POST");
      assert.deepEqual([refusal?.status, refusal?.headers.get("Location")], [303, "/enter?next=%2Fnotes%3Fa%3D1"]);
    }
    const { refusal } = await at({ verified: problem("unavailable", 503) }, form, "POST");
    assert.deepEqual([refusal?.status, refusal?.headers.get("Content-Type")], [503, "text/html; charset=utf-8"]);
  });

  test("cookies that contradict each other send nobody to the login by themselves, and leave the way there", async () => {
    const { caller, refusal } = await at(
      { verified: problem("malformed_request", 400) },
      { ...PAGE, "Sec-Fetch-Site": "same-origin" },
    );
    assert.deepEqual([caller.status, refusal?.status], ["anonymous", 401]);
    assert.match((await refusal?.text()) ?? "", /<a href="\/enter\?next=/);
  });

  const afterwards = { 204: "reloads", 401: "/enter?next=%2Fnotes%3Fa%3D1" };
  for (const status of [204, 401, 400, 403, 404, 429, 503]) {
    const does = afterwards[status] ?? "says so";
    test(`the page that refreshes, after a ${status}: ${does}`, async () => {
      const { refusal } = await at({ cookie: "" }, PAGE);
      const [, attributes, script] =
        /<script nonce="[^"]+" ([^>]+)>([\s\S]+)<\/script>/.exec((await refusal?.text()) ?? "") ?? [];
      const [, refresh, login] = /data-refresh="([^"]+)" data-login="([^"]+)"/.exec(attributes) ?? [];
      const done = new Promise((resolve) => {
        const paragraph = {
          set textContent(_) {
            resolve("says so");
          },
        };
        const document = { currentScript: { dataset: { refresh, login } }, querySelector: () => paragraph };
        const location = { replace: resolve, reload: () => resolve("reloads") };
        const storage = { getItem: () => null, setItem: () => {} };
        const fetch = async () => new Response(null, { status });
        new Function("document", "location", "sessionStorage", "fetch", script)(document, location, storage, fetch);
      });
      assert.equal(await done, does);
    });
  }

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
