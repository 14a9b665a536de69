/**
 * The client in browsers that lack something or refuse it, and in tabs that nobody sees: how often it asks. Its
 * requests go to the built Worker.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../client/dist/index.js";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { openOrigin } from "./support/client-page.mjs";
import { begin, leaveTabs, tab } from "./support/client-tab.mjs";
import { LOGOUT, signUp } from "./support/people.mjs";

let latchkey;
let origin;
before(async () => {
  latchkey = await startLatchkey({ entry: CHAOS });
  origin = openOrigin();
});
after(() => latchkey.dispose());
afterEach(leaveTabs);

/** Waits for a state of this tab. */
const until = (client, status) =>
  /** @type {Promise<void>} */ (
    new Promise((done) => client.session.subscribe((state) => state.status === status && done()))
  );

describe("a browser without BroadcastChannel", () => {
  test("tabs whose session has ended stop asking each other", async () => {
    await begin(latchkey);
    const person = await signUp(latchkey);
    const tabs = [1, 2].map(() => origin.inTab(() => tab(latchkey, person.client)));
    await Promise.all(tabs.map(({ client }) => until(client, "signed_in")));
    assert.equal((await person.client.copy().post(LOGOUT)).status, 204);
    person.client.cookies.clear();
    for (const { sent } of tabs) sent.length = 0;
    await tabs[0]?.client.profile();
    await Promise.all(tabs.map(({ client }) => until(client, "signed_out")));
    await sleep(2_000);
    const requests = tabs.flatMap(({ sent }) => sent);
    // Each asks at first, and once more when the other one tells it; a question is up to three requests.
    assert.ok(requests.length <= 15, `${requests.length} requests`);
  });

  test("a channel that the browser refuses is none", (t) => {
    t.after(() => Object.assign(globalThis, { BroadcastChannel: undefined }));
    Object.assign(globalThis, {
      BroadcastChannel: class {
        constructor() {
          throw new DOMException("The operation is insecure.", "SecurityError");
        }
      },
    });
    assert.equal(createClient().session.get().status, "unknown");
  });

  test("a login succeeds where the page's storage is full", async (t) => {
    const { setItem } = origin.storage;
    t.after(() => Object.assign(origin.storage, { setItem }));
    origin.storage.setItem = () => {
      throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    };
    await begin(latchkey);
    const { email, password } = await signUp(latchkey);
    const { client } = tab(latchkey);
    assert.deepEqual(await client.login({ username: email, password }), { data: undefined });
    assert.equal(client.session.get().user?.email, email);
  });
});

test("a login whose user cannot be read at once shows them as soon as the service answers", async () => {
  await begin(latchkey);
  const { email, password } = await signUp(latchkey);
  const page = tab(latchkey);
  await until(page.client, "signed_out");
  let isDown = true;
  page.disturb = async (path, send) => {
    if (!isDown || path.endsWith("/login")) return send();
    isDown = false;
    throw new TypeError("Failed to fetch");
  };
  const shown = until(page.client, "signed_in");
  assert.equal((await page.client.login({ username: email, password })).problem, undefined);
  assert.equal(page.client.session.get().status, "unknown");
  await shown;
  assert.equal(page.client.session.get().user?.email, email);
});
