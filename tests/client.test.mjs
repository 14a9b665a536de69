/**
 * The client for browsers, compiled, against the built Worker: what it sends,
 * when it refreshes, and what it does not take for a log-out. Several tabs are in
 * tests/browser/.
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { after, afterEach, before, describe, test } from "node:test";
import { build } from "esbuild";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { begin, lapsed, leaveTabs, signedIn, tab } from "./support/client-tab.mjs";
import { PASSWORD, REFRESH, newEmail } from "./support/people.mjs";

const MAX_GZIPPED_BYTES = 4_000;
const REFRESHED = "POST refresh";
const count = (sent, request) => sent.filter((one) => one === request).length;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
afterEach(leaveTabs);

describe("operations", () => {
  test("send their fields as the path, the query and the body", async () => {
    await begin(latchkey);
    const { client, sent, states } = tab(latchkey);
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
    const { client, sent } = await signedIn(latchkey);
    assert.equal((await client.endSession({ id: "../profile?x" })).problem?.code, "not_found");
    assert.deepEqual(sent, ["DELETE sessions/..%2Fprofile%3Fx"]);
  });

  test("a refusal is an error with its code, its status and what comes with it", async () => {
    const { client } = tab(latchkey);
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
    const page = await signedIn(latchkey);
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
    const { client, sent } = await signedIn(latchkey);
    const { problem } = await client.profile({}, { signal: AbortSignal.abort() });
    assert.equal(problem?.code, "no_answer");
    assert.deepEqual(sent, []);
  });
});

describe("a lapsed access cookie", () => {
  test("is refreshed once for all requests that wait", async () => {
    const { client, sent, states } = await lapsed(latchkey);
    const answers = await Promise.all([client.profile(), client.sessions(), client.activity({ limit: 1 })]);
    assert.ok(answers.every(({ problem }) => problem === undefined));
    assert.equal(count(sent, REFRESHED), 1);
    assert.equal((await client.profile()).problem, undefined);
    assert.equal(count(sent, REFRESHED), 1, "and none while the cookie is there");
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("is not refreshed when another tab has done it meanwhile", async () => {
    const { client, sent, jar, page } = await lapsed(latchkey);
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
    const { client, sent, page } = await lapsed(latchkey);
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
    const { client, sent } = await lapsed(latchkey);
    const wrong = { currentPassword: "wrong password", newPassword: "a new horse battery staple" };
    assert.equal((await client.updatePwd(wrong)).problem?.code, "wrong_current_password");
    assert.deepEqual(sent, ["PATCH password", REFRESHED, "PATCH password"]);
    sent.length = 0;
    assert.equal((await client.updatePwd(wrong)).problem?.code, "wrong_current_password");
    assert.deepEqual(sent, ["PATCH password"]);
  });

  test("is refreshed for the requests that wait, when the first of them is given up", async () => {
    const { client, page, sent } = await lapsed(latchkey);
    const given = new AbortController();
    let profiles = 0;
    page.disturb = async (path, send) => {
      if (path.endsWith("/profile")) profiles += 1;
      // In its turn.
      if (path.endsWith("/profile") && profiles === 2) {
        given.abort();
        throw given.signal.reason;
      }
      return send();
    };
    const first = client.profile({}, { signal: given.signal });
    const second = client.sessions();
    assert.equal((await first).problem?.code, "no_answer");
    assert.equal((await second).problem, undefined);
    assert.equal(count(sent, REFRESHED), 1);
  });

  test("a refresh whose answer is lost is repeated within the grace", async () => {
    const { client, sent, page } = await lapsed(latchkey);
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
    const { client, sent, page, states } = await lapsed(latchkey);
    page.disturb = refuse(429, "too_many_requests", { "Retry-After": "60" });
    const { problem } = await client.profile();
    assert.deepEqual([problem?.code, problem?.retryAfter], ["too_many_requests", 60]);
    assert.equal((await client.sessions()).problem?.code, "too_many_requests");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a service without settings, which says when to come again", async () => {
    const { client, sent, page, states } = await lapsed(latchkey);
    page.disturb = refuse(503, "misconfigured", { "Retry-After": "30" });
    assert.equal((await client.profile()).problem?.code, "misconfigured");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a database that fails: all requests say so, and later ones succeed", async () => {
    const { client, states } = await lapsed(latchkey);
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

  test("a 401 of something in between, to a refresh and to a log-out", async () => {
    const { client, page, states } = await lapsed(latchkey);
    page.disturb = async () => new Response("<h1>Who are you?</h1>", { status: 401 });
    assert.equal((await client.profile()).problem?.code, "no_answer");
    assert.equal((await client.logout()).problem?.code, "no_answer");
    page.disturb = (_, send) => send();
    assert.equal((await client.profile()).problem, undefined);
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("a network that is gone: the first question stays open", async () => {
    await begin(latchkey);
    const page = tab(latchkey);
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
