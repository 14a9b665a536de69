/**
 * Requests of the client that wait for a turn or for a refresh, against the built Worker: never as another user, and
 * never behind a request without an end.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRequests } from "../client/dist/requests.js";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { lapsed, leaveTabs, signedIn } from "./support/client-tab.mjs";
import { PASSWORD, newEmail } from "./support/people.mjs";

const REFRESHED = "POST refresh";
const count = (sent, request) => sent.filter((one) => one === request).length;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
afterEach(leaveTabs);

/** Registers another user, whose `login` a tab may begin. */
async function another({ client }) {
  const username = newEmail();
  await client.register({ email: username, password: PASSWORD });
  return { username, password: PASSWORD };
}

describe("a request of one user that waits while another signs in", () => {
  test("is not repeated as the other", async () => {
    const person = await lapsed(latchkey);
    const { client, page } = person;
    const other = await another(person);
    let orders = 0;
    page.disturb = async (path, send) => {
      if (path !== "/api/orders") return send();
      orders += 1;
      return new Response(null, { status: page.jar.cookies.has("access_token") ? 201 : 401 });
    };
    const login = client.login(other);
    const order = client.fetch("/api/orders", { method: "POST", body: "an order" });
    assert.equal((await login).problem, undefined);
    assert.equal((await order).status, 401);
    assert.equal(orders, 1);
    assert.equal(client.session.get().user?.email, other.username);
  });

  test("changes nothing of the other", async () => {
    const person = await signedIn(latchkey);
    const { client } = person;
    const login = client.login(await another(person));
    const update = client.updateProfile({ name: "The first" });
    assert.equal((await login).problem, undefined);
    const { problem } = await update;
    assert.deepEqual([problem?.code, problem?.status], ["not_authenticated", 401]);
    assert.equal((await client.profile()).data?.name, null);
  });

  test("does not keep those of the other waiting", async () => {
    const person = await lapsed(latchkey);
    const { client, page } = person;
    page.disturb = async (path, send) =>
      path === "/api/orders"
        ? new Response(null, { status: page.jar.cookies.has("access_token") ? 200 : 401 })
        : send();
    const login = client.login(await another(person));
    const order = client.fetch("/api/orders");
    assert.equal((await login).problem, undefined);
    assert.equal((await client.fetch("/api/orders")).status, 200);
    assert.equal((await order).status, 401);
  });
});

describe("a request that has a turn and gets no answer", () => {
  test("gives it up to those that wait, and to later ones", { timeout: 30_000 }, async () => {
    const { client, page, sent } = await lapsed(latchkey);
    let events = 0;
    page.disturb = async (path, send) => {
      if (path !== "/api/events") return send();
      events += 1;
      return events === 1 ? new Response(null, { status: 401 }) : new Promise(() => {});
    };
    void client.fetch("/api/events");
    assert.equal((await client.profile()).problem, undefined);
    assert.equal((await client.updateProfile({ name: "Ada" })).data?.name, "Ada");
    assert.equal(count(sent, REFRESHED), 1);
  });

  test("is repeated once more when it is refused late", { timeout: 30_000 }, async () => {
    const { client, page, sent } = await lapsed(latchkey);
    let asked = 0;
    page.disturb = async (path, send) => {
      if (path !== "/api/orders") return send();
      asked += 1;
      if (asked === 2) await sleep(3_000);
      return new Response(null, { status: asked <= 2 ? 401 : 200 });
    };
    assert.equal((await client.fetch("/api/orders")).status, 200);
    assert.deepEqual([asked, count(sent, REFRESHED)], [3, 1]);
  });
});

test("a slow service that asks for pauses gets no refresh after the grace", async (t) => {
  t.after(() => mock.timers.reset());
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const sentAt = [];
  const { refresh } = createRequests({
    turn: (task) => task(false),
    async sendRefresh() {
      sentAt.push(Date.now());
      await new Promise((done) => setTimeout(done, 1_900));
      return Response.json({ code: "unavailable" }, { status: 503, headers: { "Retry-After": "2" } });
    },
    isSignedIn: () => true,
    userId: () => undefined,
    refused: () => assert.fail("it is not refused"),
  });
  const answer = refresh();
  for (let tick = 0; tick < 200; tick += 1) {
    mock.timers.tick(100);
    await new Promise((done) => setImmediate(done));
  }
  assert.equal((await answer).status, 503);
  assert.deepEqual(sentAt, [0, 3_900, 7_800]);
});
