/** The app's own suite, on Latchkey's fixture. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { cookieHeader, startLatchkey } from "latchkey/test";

const EXPIRED_SECONDS = 601;
const GRACE_SECONDS = 10;

let latchkey;
before(async () => {
  latchkey = await startLatchkey({ root: import.meta.dirname, app: "wrangler.toml" });
});
afterEach(() => latchkey.reset());
after(() => latchkey.dispose());

async function get(path, cookie = "") {
  const response = await latchkey.fetch(path, { headers: { Cookie: cookie } });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test("anyone sees the first page, only a user their notes", async () => {
  assert.equal((await get("/")).status, 200);
  assert.equal((await get("/notes")).status, 401);
  const { cookie, user } = await latchkey.signIn();
  const notes = await get("/notes", cookie);
  assert.deepEqual([notes.status, JSON.parse(notes.text)], [200, { notesOf: user.id }]);
  assert.deepEqual(notes.headers.getSetCookie(), []);
});

test("an expired token is refreshed on the way, and the cookies are passed on", async () => {
  const { cookie, user } = await latchkey.signIn();
  await latchkey.clock.advance(EXPIRED_SECONDS);
  const notes = await get("/notes", cookie);
  assert.deepEqual([notes.status, JSON.parse(notes.text)], [200, { notesOf: user.id }]);
  assert.equal(notes.headers.get("Cache-Control"), "private, no-store");
  const later = await get("/notes", cookieHeader(cookie, notes));
  assert.deepEqual([later.status, later.headers.getSetCookie()], [200, []]);
});

test("a browser that has dropped the access cookie stays logged in", async () => {
  const { cookie } = await latchkey.signIn();
  const refreshOnly = cookie.split("; ").find((pair) => pair.includes("refresh_token="));
  assert.equal((await get("/notes", refreshOnly)).status, 200);
});

test("parallel requests with one expired token get the same new cookies", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.clock.advance(EXPIRED_SECONDS);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get("/notes", cookie)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.equal(new Set(answers.map((answer) => cookieHeader(answer))).size, 1);
  assert.equal((await get("/notes", cookieHeader(cookie, answers[0]))).status, 200);
});

test("the trap: an answer that is slower than the grace costs the session", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.clock.advance(EXPIRED_SECONDS);
  const slow = await get("/notes", cookie);
  // The browser has not seen that answer yet, and sends what it has.
  await latchkey.clock.advance(GRACE_SECONDS + 1);
  assert.equal((await get("/notes", cookie)).status, 401);
  const headers = { Cookie: cookieHeader(cookie, slow), "Sec-Fetch-Site": "same-origin" };
  const ended = await latchkey.fetch("/notes", { method: "POST", headers });
  assert.equal(ended.status, 401);
  await ended.text();
});

test("an error of the app's own does not lose the new cookies", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.clock.advance(EXPIRED_SECONDS);
  const broken = await get("/broken", cookie);
  assert.equal(broken.status, 500);
  assert.equal((await get("/notes", cookieHeader(cookie, broken))).status, 200);
});

test("a form on a sibling subdomain saves nothing: the cookies come along, so the app asks for the origin", async () => {
  const { cookie, user } = await latchkey.signIn();
  const post = async (headers) => {
    const response = await latchkey.fetch("/notes", {
      method: "POST",
      headers: { Cookie: cookie, "Content-Type": "application/x-www-form-urlencoded", ...headers },
    });
    return [response.status, await response.text()];
  };
  const sibling = "https://evil.example.org";
  for (const headers of [
    { Origin: sibling, "Sec-Fetch-Site": "same-site" },
    { Origin: sibling, "Sec-Fetch-Site": "cross-site" },
    { Origin: sibling },
    { Origin: "null" },
    { Origin: sibling, "Sec-Fetch-Site": "same-site", "Content-Type": "text/plain" },
  ]) {
    assert.deepEqual(await post(headers), [403, '{"code":"cross_origin"}'], JSON.stringify(headers));
  }
  const saved = [201, JSON.stringify({ savedBy: user.id })];
  assert.deepEqual(await post({ "Sec-Fetch-Site": "same-origin" }), saved);
  assert.deepEqual(await post({ Origin: new URL(latchkey.url).origin }), saved);
});

test("a forged form does not refresh the session either", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.clock.advance(EXPIRED_SECONDS);
  const headers = { Cookie: cookie, Origin: "https://evil.example.org", "Sec-Fetch-Site": "same-site" };
  const forged = await latchkey.fetch("/notes", { method: "POST", headers });
  await forged.text();
  assert.deepEqual([forged.status, forged.headers.getSetCookie()], [403, []]);
});

test("a session that has ended is a 401, a database that is away is not", async () => {
  const { cookie } = await latchkey.signIn();
  await latchkey.faults.d1Down();
  assert.equal((await get("/notes", cookie)).status, 503);
  await latchkey.faults.clear();
  await latchkey.auth.fetch("/api/account/logout", { method: "POST", headers: { Cookie: cookie } });
  const answer = await get("/notes", cookie);
  assert.deepEqual([answer.status, JSON.parse(answer.text)], [401, { code: "invalid_token" }]);
});
