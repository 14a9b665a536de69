/**
 * The session of the client for browsers, against the built Worker: what ends it,
 * two accounts in turn, and the store that shows it. Several tabs are in
 * tests/browser/.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { createClient } from "../client/dist/index.js";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { begin, lapsed, leaveTabs, signedIn, tab } from "./support/client-tab.mjs";
import { LOGOUT, PASSWORD, REFRESH, logIn, newEmail } from "./support/people.mjs";

const REFRESHED = "POST refresh";
const count = (sent, request) => sent.filter((one) => one === request).length;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
afterEach(leaveTabs);

describe("a log-out", () => {
  test("is what ends the session, and a 401 of it is done", async () => {
    const { client, sent, states } = await signedIn(latchkey);
    assert.deepEqual(await client.logout(), { data: undefined });
    assert.deepEqual(await client.logout(), { data: undefined });
    assert.deepEqual(sent, ["POST logout", "POST logout"]);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("that fails leaves the session", async () => {
    const { client, states } = await signedIn(latchkey);
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no" }] });
    assert.equal((await client.logout()).problem?.code, "unavailable");
    assert.deepEqual(states, ["unknown", "signed_in"]);
  });

  test("on another device shows after one refused refresh", async () => {
    const { client, sent, jar, states } = await lapsed(latchkey);
    const copy = jar.copy();
    assert.equal((await copy.post(REFRESH)).status, 204);
    assert.equal((await copy.post(LOGOUT)).status, 204);
    assert.equal((await client.profile()).problem?.code, "not_authenticated");
    assert.equal(count(sent, REFRESHED), 1);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("somebody who never was signed in costs one question and one refused refresh", async () => {
    await begin(latchkey);
    const { client, states } = tab(latchkey);
    assert.equal((await client.session.load()).status, "signed_out");
    assert.deepEqual(states, ["unknown", "signed_out"]);
  });

  test("a new password ends every session, this one too", async () => {
    const { client, states } = await signedIn(latchkey);
    const { problem } = await client.updatePwd({
      currentPassword: PASSWORD,
      newPassword: "a new horse battery staple",
    });
    assert.equal(problem, undefined);
    assert.deepEqual(states, ["unknown", "signed_in", "signed_out"]);
  });

  test("so does ending all sessions, and ending the others does not", async () => {
    const person = await signedIn(latchkey);
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
    const { client, email } = await signedIn(latchkey);
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
    const { client, page } = await signedIn(latchkey);
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
    const { client, page } = await signedIn(latchkey);
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
    const { client } = await signedIn(latchkey);
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
