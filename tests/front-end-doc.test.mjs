/**
 * The code of docs/front-end.md, verbatim: for a front end without the client,
 * against the built Worker, and for a login page.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGOUT, REFRESH, signUp } from "./support/people.mjs";

const DOCUMENT = readFileSync(new URL("../docs/front-end.md", import.meta.url), "utf8");
const [, CODE] = /```js\n(let refreshing[\s\S]+?)```/.exec(DOCUMENT) ?? [];
const START_MS = Date.UTC(2030, 0, 1);
const LATER_MS = START_MS + 700_000;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());

/** A page: the document's `account`, a `fetch` with a browser's cookie jar, and the requested paths. */
function page(client) {
  const asked = [];
  const fetch = async (path, { credentials, ...init }) => {
    assert.equal(credentials, "include");
    asked.push(path.replace("/api/account/", ""));
    const { status, text, headers } = await client.fetch(path, init);
    return new Response(status === 204 ? null : text, { status, headers });
  };
  const account = new Function("fetch", `${CODE.replace("export ", "")}; return account;`)(fetch);
  return { account, asked };
}

/** A user whose access cookie has lapsed, so that a browser drops it. */
async function lapsed() {
  await latchkey.control({ reset: true, nowMs: START_MS });
  const { client } = await signUp(latchkey);
  await latchkey.control({ nowMs: LATER_MS });
  client.cookies.delete("access_token");
  return client;
}

test("requests that find no access cookie share one refresh and are repeated", async () => {
  const { account, asked } = page(await lapsed());
  const answers = await Promise.all(["profile", "sessions", "activity"].map((path) => account(path, {})));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(asked.filter((path) => path === "refresh").length, 1);
  assert.equal((await account("profile", {})).status, 200);
  assert.equal(asked.filter((path) => path === "refresh").length, 1, "and none while the cookie is there");
});

test("a later lapse is refreshed anew", async () => {
  const client = await lapsed();
  const { account, asked } = page(client);
  for (let i = 0; i < 2; i += 1) {
    client.cookies.delete("access_token");
    assert.equal((await account("profile", {})).status, 200);
  }
  assert.equal(asked.filter((path) => path === "refresh").length, 2);
});

test("a wrong password is not tried twice", async () => {
  await latchkey.control({ reset: true, nowMs: START_MS });
  const person = await signUp(latchkey);
  const { account, asked } = page(person.client);
  const json = (value) => ({ headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  const change = await account("password", {
    method: "PATCH",
    ...json({ currentPassword: "wrong password", newPassword: "a new horse battery staple" }),
  });
  const login = await account("login", {
    method: "POST",
    ...json({ username: person.email, password: "wrong password" }),
  });
  assert.deepEqual([change.status, login.status], [401, 401]);
  assert.deepEqual(asked, ["password", "login"]);
});

test("a session that is over ends in the first 401, after one refresh", async () => {
  const client = await lapsed();
  const copy = client.copy();
  assert.equal((await copy.post(REFRESH)).status, 204);
  assert.equal((await copy.post(LOGOUT)).status, 204);
  const { account, asked } = page(client);
  assert.equal((await account("profile", {})).status, 401);
  assert.deepEqual(asked, ["profile", "refresh"]);
});

test("a refresh that fails for another reason is no sign that the person is signed out", async () => {
  const client = await lapsed();
  const { account, asked } = page(client);
  await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
  const answers = await Promise.all(["profile", "sessions"].map((path) => account(path, {})));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 503],
  );
  for (const answer of answers) assert.equal((await answer.json()).code, "unavailable");
  // One at a time: a 401 that comes after the first refresh has failed begins another.
  assert.ok([1, 2].includes(asked.filter((path) => path === "refresh").length));
  await latchkey.control({ faults: [] });
  assert.equal((await account("profile", {})).status, 200);
});

test("a log-out that finds nothing is answered 401 and nothing follows", async () => {
  const { account, asked } = page(new Client(latchkey));
  assert.equal((await account("logout", { method: "POST" })).status, 401);
  assert.deepEqual(asked, ["logout"]);
});

test("the login page leads to no other host, whatever `next` says", () => {
  const [, code = ""] = /```js\n(\/\*\* Where to go after[\s\S]+?)```/.exec(DOCUMENT) ?? [];
  const location = { origin: "https://app.example.org" };
  const afterLogin = new Function("location", `${code.replace("export ", "")}; return afterLogin;`)(location);
  const to = (next) => new URL(afterLogin(next), "https://app.example.org/login?next=x").href;
  assert.equal(to("/notes?tag=a#b"), "https://app.example.org/notes?tag=a#b");
  assert.equal(to(null), "https://app.example.org/");
  const evil = [
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example",
    "//",
  ];
  for (const next of [...evil, "javascript:alert(1)", "https://app.example.org.evil.example"]) {
    assert.equal(to(next), "https://app.example.org/", next);
  }
  // A path that would be another host if it were taken out of its address.
  assert.equal(to("https://app.example.org//evil.example"), "https://app.example.org//evil.example");
});
