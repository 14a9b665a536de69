/**
 * The client for browsers, compiled, against the built Worker: what it sends,
 * what it makes of refusals, and what it takes for a log-out. Several tabs are
 * in tests/browser/.
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { after, afterEach, before, describe, test } from "node:test";
import { build } from "esbuild";
import { createClient } from "../client/dist/index.js";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { LOGOUT, PASSWORD, REFRESH, logIn, newEmail, signUp } from "./support/people.mjs";

const MAX_GZIPPED_BYTES = 4_000;
const START_MS = Date.UTC(2030, 0, 1);
const LAPSED_MS = START_MS + 700_000;

let latchkey;
/** A page that is left asks no more. */
const leaves = [];
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
afterEach(() => {
  for (const leave of leaves.splice(0)) leave();
});

/**
 * A tab: a client whose `fetch` has a browser's cookie jar, the requests that it has sent, and each state of its
 * session. `disturb` may answer in the service's place, or throw.
 */
function tab(jar = new Client(latchkey)) {
  const sent = [];
  const tab = { jar, sent, disturb: (_path, send) => send() };
  const fetch = async (
    path,
    /** @type {RequestInit} */ { method = "GET", credentials, body, headers, signal } = {},
  ) => {
    signal?.throwIfAborted();
    assert.equal(credentials, path.startsWith("/api/") ? "include" : "omit");
    sent.push(`${method} ${path.replace("/api/account/", "")}`);
    return tab.disturb(path, async () => {
      const { status, text, headers: answered } = await jar.fetch(path, { method, body, headers });
      return new Response(status === 204 ? null : text, { status, headers: answered });
    });
  };
  const client = createClient({ fetch });
  const states = [];
  leaves.push(client.session.subscribe(({ status }) => states.push(status)));
  return Object.assign(tab, { client, states });
}

/** A tab of a user who is signed in. */
async function signedIn() {
  await latchkey.control({ reset: true, nowMs: START_MS });
  const person = await signUp(latchkey);
  const page = tab(person.client);
  assert.equal((await page.client.session.load()).user?.email, person.email);
  page.sent.length = 0;
  return { ...person, ...page, page };
}

/** The same, after the access cookie has lapsed, so that a browser drops it. */
async function lapsed() {
  const person = await signedIn();
  await latchkey.control({ nowMs: LAPSED_MS });
  person.jar.cookies.delete("access_token");
  return person;
}

const count = (sent, request) => sent.filter((one) => one === request).length;
const REFRESHED = "POST refresh";

describe("operations", () => {
  test("send their fields as the path, the query and the body", async () => {
    await latchkey.control({ reset: true, nowMs: START_MS });
    const { client, sent, states } = tab();
    const email = newEmail();
    const { data: user } = await client.register({ email, password: PASSWORD, name: "Ada" });
    assert.equal(user?.email, email);
    assert.deepEqual(await client.login({ username: email, password: PASSWORD }), { data: undefined });
    assert.equal(client.session.get().user?.name, "Ada");
    assert.equal((await client.profile()).data?.id, user?.id);
    assert.equal((await client.identity({ maxStaleSeconds: 0 })).data?.user.id, user?.id);
    assert.equal((await client.activity({ limit: 1 })).data?.events.length, 1);
    assert.equal((await client.updateProfile({ name: null })).data?.name, null);
    assert.equal(client.session.get().user?.name, null);
    const { data: sessions } = await client.sessions();
    assert.equal(sessions?.length, 1);
    assert.equal((await client.endSession({ id: sessions[0].id })).problem, undefined);
    assert.equal((await client.keySet()).data?.keys.length, 1);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_in", "signed_out"]);
    assert.ok(sent.includes("GET activity?limit=1"));
    assert.ok(sent.includes(`DELETE sessions/${sessions[0].id}`));
  });

  test("a path takes its part percent-encoded", async () => {
    const { client, sent } = await signedIn();
    assert.equal((await client.endSession({ id: "../profile?x" })).problem?.code, "not_found");
    assert.deepEqual(sent, ["DELETE sessions/..%2Fprofile%3Fx"]);
  });

  test("a refusal is an error with its code, its status and what comes with it", async () => {
    const { client } = tab();
    const { problem } = await client.register({ email: "ada", password: "x" });
    assert.ok(problem instanceof Error);
    assert.deepEqual([problem.name, problem.code, problem.status], ["LatchkeyError", "validation_failed", 422]);
    assert.deepEqual(
      problem.errors?.map(({ field, code }) => [field, code]),
      [
        ["email", "invalid_email"],
        ["password", "too_short"],
      ],
    );
    assert.match(problem.requestId ?? "", /^[0-9a-f-]{36}$/);
  });

  test("what answers in the service's place is no answer of it", async () => {
    const page = await signedIn();
    page.page.disturb = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
    const { problem } = await page.client.profile();
    assert.deepEqual([problem?.code, problem?.status], ["no_answer", 502]);
    page.page.disturb = async () => {
      throw new TypeError("Failed to fetch");
    };
    const lost = await page.client.profile();
    assert.deepEqual([lost.problem?.code, lost.problem?.status], ["no_answer", 0]);
    assert.equal(page.client.session.get().status, "signed_in");
  });

  test("a request can be given up", async () => {
    const { client, sent } = await signedIn();
    const { problem } = await client.profile({}, { signal: AbortSignal.abort() });
    assert.equal(problem?.code, "no_answer");
    assert.deepEqual(sent, []);
  });
});

describe("a lapsed access cookie", () => {
  test("is refreshed once for all requests that wait", async () => {
    const { client, sent, states } = await lapsed();
    const answers = await Promise.all([client.profile(), client.sessions(), client.activity({ limit: 1 })]);
    assert.ok(answers.every(({ problem }) => problem === undefined));
    assert.equal(count(sent, REFRESHED), 1);
    assert.equal((await client.profile()).problem, undefined);
    assert.equal(count(sent, REFRESHED), 1, "and none while the cookie is there");
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("is not refreshed when another tab has done it meanwhile", async () => {
    const { client, sent, jar, page } = await lapsed();
    page.disturb = async (_, send) => {
      const answer = await send();
      page.disturb = (_, again) => again();
      assert.equal((await jar.post(REFRESH)).status, 204);
      return answer;
    };
    assert.equal((await client.profile()).problem, undefined);
    assert.deepEqual(sent, ["GET profile", "GET profile"]);
  });

  test("is refreshed for an endpoint of the app, whatever its 401 says", async () => {
    const { client, sent, page } = await lapsed();
    let asked = 0;
    page.disturb = async (path, send) => {
      if (path !== "/api/orders") return send();
      asked += 1;
      return page.jar.cookies.has("access_token") ? new Response("orders") : new Response("no", { status: 401 });
    };
    assert.equal(await (await client.fetch("/api/orders")).text(), "orders");
    assert.equal(asked, 3, "at first, in its turn, and after the refresh");
    assert.equal(count(sent, REFRESHED), 1);
  });

  test("is refreshed before a change of the password; a wrong one is tried once", async () => {
    const { client, sent } = await lapsed();
    const wrong = { currentPassword: "wrong password", newPassword: "a new horse battery staple" };
    assert.equal((await client.updatePwd(wrong)).problem?.code, "wrong_current_password");
    assert.deepEqual(sent, ["PATCH password", REFRESHED, "PATCH password"]);
    sent.length = 0;
    assert.equal((await client.updatePwd(wrong)).problem?.code, "wrong_current_password");
    assert.deepEqual(sent, ["PATCH password"]);
  });

  test("a refresh whose answer is lost is repeated within the grace", async () => {
    const { client, sent, page } = await lapsed();
    let lost = 0;
    page.disturb = async (path, send) => {
      if (path !== REFRESH || lost === 2) return send();
      lost += 1;
      await page.jar.copy().post(REFRESH);
      throw new TypeError("Failed to fetch");
    };
    assert.equal((await client.profile()).problem, undefined);
    assert.equal(count(sent, REFRESHED), 3);
    assert.equal(client.session.get().status, "signed_in");
  });
});

describe("no log-out", () => {
  const refuse = (status, code, headers) => async (path, send) =>
    path === REFRESH ? Response.json({ code, status, detail: "No" }, { status, headers }) : send();

  test("a throttled refresh: the session stays, and the next one waits for Retry-After", async () => {
    const { client, sent, page, states } = await lapsed();
    page.disturb = refuse(429, "too_many_requests", { "Retry-After": "60" });
    const { problem } = await client.profile();
    assert.deepEqual([problem?.code, problem?.retryAfter], ["too_many_requests", 60]);
    assert.equal((await client.sessions()).problem?.code, "too_many_requests");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a service without settings, which says when to come again", async () => {
    const { client, sent, page, states } = await lapsed();
    page.disturb = refuse(503, "misconfigured", { "Retry-After": "30" });
    assert.equal((await client.profile()).problem?.code, "misconfigured");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a database that fails: all requests say so, and later ones succeed", async () => {
    const { client, states } = await lapsed();
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
    const answers = await Promise.all([client.profile(), client.sessions()]);
    assert.deepEqual(
      answers.map(({ problem }) => problem?.code),
      ["unavailable", "unavailable"],
    );
    await latchkey.control({ faults: [] });
    await untilSuccess(() => client.profile());
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a network that is gone: the first question stays open", async () => {
    await latchkey.control({ reset: true, nowMs: START_MS });
    const page = tab();
    page.disturb = async () => {
      throw new TypeError("Failed to fetch");
    };
    assert.deepEqual(await page.client.session.load(), { status: "unknown", user: null });
    assert.deepEqual(page.states, ["unknown"]);
  });

  /** A service that was down asks for a pause of two seconds, which the client keeps. */
  async function untilSuccess(act) {
    for (;;) {
      const { problem } = await act();
      if (!problem) return;
      assert.equal(problem.code, "unavailable");
      await new Promise((done) => setTimeout(done, 50));
    }
  }
});

describe("a log-out", () => {
  test("is what ends the session, and a 401 of it is done", async () => {
    const { client, sent, states } = await signedIn();
    assert.deepEqual(await client.logout(), { data: undefined });
    assert.deepEqual(await client.logout(), { data: undefined });
    assert.deepEqual(sent, ["POST logout", "POST logout"]);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("that fails leaves the session", async () => {
    const { client, states } = await signedIn();
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
    assert.equal((await client.logout()).problem?.code, "unavailable");
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("on another device shows after one refused refresh", async () => {
    const { client, sent, jar, states } = await lapsed();
    const copy = jar.copy();
    assert.equal((await copy.post(REFRESH)).status, 204);
    assert.equal((await copy.post(LOGOUT)).status, 204);
    assert.equal((await client.profile()).problem?.code, "not_authenticated");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("somebody who never was signed in costs one question and one refused refresh", async () => {
    await latchkey.control({ reset: true, nowMs: START_MS });
    const { client, states } = tab();
    assert.equal((await client.session.load()).status, "signed_out");
    assert.deepEqual(states, ["unknown", "signed_out"]);
  });

  test("a new password ends every session, this one too", async () => {
    const { client, states } = await signedIn();
    const { problem } = await client.updatePwd({
      currentPassword: PASSWORD,
      newPassword: "a new horse battery staple",
    });
    assert.equal(problem, undefined);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("so does ending all sessions, and ending the others does not", async () => {
    const person = await signedIn();
    await logIn(latchkey, person);
    assert.equal((await person.client.endSessions({ scope: "others" })).problem, undefined);
    assert.equal((await person.client.sessions()).data?.length, 1);
    assert.equal(person.client.session.get().status, "signed_in");
    assert.equal((await person.client.endSessions({ scope: "all" })).problem, undefined);
    assert.equal(person.client.session.get().status, "signed_out");
  });
});

describe("two accounts in turn", () => {
  test("a login replaces the user, and a refused one leaves the first", async () => {
    const { client, email } = await signedIn();
    const other = newEmail();
    await client.register({ email: other, password: PASSWORD });
    assert.equal(
      (await client.login({ username: other, password: "wrong password" })).problem?.code,
      "invalid_credentials",
    );
    assert.equal(client.session.get().user?.email, email);
    assert.equal((await client.login({ username: other, password: PASSWORD })).problem, undefined);
    assert.equal(client.session.get().user?.email, other);
  });

  test("an answer that is older than a login does not bring the first user back", async () => {
    const { client, page } = await signedIn();
    const other = newEmail();
    await client.register({ email: other, password: PASSWORD });
    const { promise: held, resolve: release } = Promise.withResolvers();
    page.disturb = async (_, send) => {
      page.disturb = (_, again) => again();
      const answer = await send();
      await held;
      return answer;
    };
    const old = client.profile();
    await client.login({ username: other, password: PASSWORD });
    release(null);
    assert.notEqual((await old).data?.email, other);
    assert.equal(client.session.get().user?.email, other);
  });

  test("a login whose user cannot be read makes the session unknown, not the first user's", async () => {
    const { client, page } = await signedIn();
    const other = newEmail();
    await client.register({ email: other, password: PASSWORD });
    page.disturb = async (path, send) => {
      if (path.endsWith("/login")) return send();
      throw new TypeError("Failed to fetch");
    };
    assert.equal((await client.login({ username: other, password: PASSWORD })).problem, undefined);
    assert.deepEqual(client.session.get(), { status: "unknown", user: null });
    page.disturb = (_, send) => send();
    assert.equal((await client.session.load()).user?.email, other);
  });
});

describe("the store", () => {
  test("keeps its state's identity, calls at once, and forgets who has left", async () => {
    const { client } = await signedIn();
    const { session } = client;
    const state = session.get();
    await client.profile();
    assert.equal(session.get(), state);
    const seen = [];
    const leave = session.subscribe((state) => seen.push(state.status));
    assert.deepEqual(seen, ["signed_in"]);
    leave();
    await client.logout();
    assert.deepEqual(seen, ["signed_in"]);
  });

  test("starts with the user for whom a server has rendered the page", () => {
    const user = { id: "1", name: null, email: "ada@example.com", isActive: true, isSuperuser: false, roleSlug: "x" };
    assert.deepEqual(createClient({ user }).session.get(), { status: "signed_in", user });
    assert.equal(createClient({ user: null }).session.get().status, "signed_out");
    assert.equal(createClient().session.get().status, "unknown");
  });
});

test("the bundle of an app grows by 4 kB at most", async () => {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}/client/dist/index.js`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  assert.ok(bytes <= MAX_GZIPPED_BYTES, `${bytes} bytes gzipped`);
});
