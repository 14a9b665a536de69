/** The app's own suite, on Latchkey's fixture. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startLatchkey } from "latchkey/test";

let latchkey;
before(async () => {
  latchkey = await startLatchkey({ root: import.meta.dirname, app: "wrangler.toml", elsewhere: true });
});
afterEach(() => latchkey.reset());
after(() => latchkey.dispose());

const get = (path, cookie = "") => latchkey.fetch(path, { headers: { Cookie: cookie } });
const publish = (cookie = "") => latchkey.fetch("/publish", { method: "POST", headers: { Cookie: cookie } });

test("a stranger sees the page and publishes nothing", async () => {
  const page = await get("/");
  assert.equal(page.status, 200);
  assert.match(await page.text(), /not logged in/);
  const answer = await publish();
  assert.deepEqual([answer.status, await answer.json()], [401, { code: "not_authenticated" }]);
});

test("a user is greeted by name, which is text and no HTML", async () => {
  const { cookie } = await latchkey.signIn({ name: "Ada <b>" });
  assert.match(await (await get("/", cookie)).text(), /Hello, Ada &#60;b&#62;\./);
});

test("only an editor publishes", async () => {
  const reader = await latchkey.signIn();
  assert.equal((await publish(reader.cookie)).status, 403);
  const editor = await latchkey.signIn({ role: "editor" });
  const answer = await publish(editor.cookie);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { publishedBy: editor.user.id, session: editor.session.id });
});

test("a form on a sibling subdomain publishes nothing: the cookies come along, so the app asks for the origin", async () => {
  const { cookie } = await latchkey.signIn({ role: "editor" });
  const form = (headers, method = "POST") =>
    latchkey.fetch("/publish", {
      method,
      headers: { Cookie: cookie, "Content-Type": "application/x-www-form-urlencoded", ...headers },
    });
  const sibling = "https://evil.example.org";
  for (const headers of [
    { Origin: sibling, "Sec-Fetch-Site": "same-site" },
    { Origin: sibling, "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: sibling },
    { Origin: "null" },
  ]) {
    const answer = await form(headers);
    assert.deepEqual([answer.status, await answer.json()], [403, { code: "cross_origin" }], JSON.stringify(headers));
  }
  assert.equal((await form({ "Sec-Fetch-Site": "same-site" }, "DELETE")).status, 403);
  const { origin } = new URL(latchkey.url);
  for (const headers of [{ "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none" }, { Origin: origin }, {}]) {
    assert.equal((await form(headers)).status, 200, JSON.stringify(headers));
  }
});

test("a token that has expired is a 401, for the page's script to refresh", async () => {
  const { cookie } = await latchkey.signIn({ role: "editor" });
  await latchkey.clock.advance(601);
  const answer = await publish(cookie);
  assert.deepEqual([answer.status, await answer.json()], [401, { code: "token_expired" }]);
});

test("after a log-out elsewhere nothing is published, even where KV is stale", async () => {
  const { cookie } = await latchkey.signIn({ role: "editor" });
  await latchkey.faults.kvStale(60);
  assert.equal((await publish(cookie)).status, 200);
  await latchkey.elsewhere.fetch("/api/account/logout", { method: "POST", headers: { Cookie: cookie } });
  assert.equal((await publish(cookie)).status, 401);
});

test("without a database nobody is taken for a stranger", async () => {
  const { cookie } = await latchkey.signIn({ role: "editor" });
  await latchkey.faults.d1Down();
  assert.equal((await publish(cookie)).status, 503);
  assert.equal((await get("/", cookie)).status, 503);
});
