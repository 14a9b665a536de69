/** When the session store of the client asks the service: never in the background, and ever more rarely in vain. */
import assert from "node:assert/strict";
import { after, beforeEach, describe, mock, test } from "node:test";
import { createSSRApp, h } from "vue";
import { renderToString } from "vue/server-renderer";
import { UNKNOWN, createStore, signedIn } from "../client/dist/session.js";
import { useSession } from "../client/dist/vue.js";
import { openOrigin } from "./support/client-page.mjs";

const ADA = { id: "1", name: null, email: "ada@example.com", isActive: true, isSuperuser: false, roleSlug: "user" };

describe("a page", () => {
  let origin;
  after(() => mock.timers.reset());
  beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    origin = openOrigin();
  });

  /** A store whose service answers with a user, or not at all, and how often it was asked. */
  function asked(initial = UNKNOWN) {
    const scene = { count: 0, isDown: false, retryAfter: /** @type {number | undefined} */ (undefined) };
    const store = createStore(initial, async () => {
      scene.count += 1;
      if (!scene.isDown) store.observe(signedIn(ADA), store.version());
      return scene.isDown ? scene.retryAfter : undefined;
    });
    const leave = store.subscribe(() => {});
    return Object.assign(scene, { store, leave });
  }

  /** Lets `seconds` pass, and what they bring about. */
  async function pass(seconds) {
    for (let second = 0; second < seconds; second += 1) {
      mock.timers.tick(1_000);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
  }

  test("in the background does not ask until it comes to the front", async () => {
    origin.show("hidden");
    const scene = asked();
    await pass(60);
    assert.equal(scene.count, 0);
    origin.show("visible");
    await pass(1);
    assert.deepEqual([scene.count, scene.store.get().user], [1, ADA]);
  });

  test("in the background does not ask when another tab has changed something", async () => {
    const scene = asked(signedIn({ ...ADA, name: "Ada" }));
    origin.show("hidden");
    scene.store.establish(null);
    await pass(60);
    assert.equal(scene.count, 0);
    origin.show("visible");
    await pass(1);
    assert.deepEqual([scene.count, scene.store.get().user], [1, ADA]);
  });

  test("that goes to the background while the service is down stops asking", async () => {
    const scene = asked();
    scene.store.establish(UNKNOWN);
    scene.isDown = true;
    origin.show("hidden");
    const { count } = scene;
    await pass(600);
    assert.equal(scene.count, count);
  });

  test("asks ever more rarely while the service is down, and when the service says", async () => {
    const scene = asked();
    scene.isDown = true;
    scene.store.establish(UNKNOWN);
    const { count } = scene;
    await pass(5 + 10 + 20 + 40);
    assert.equal(scene.count - count, 4);
    scene.retryAfter = 1;
    await pass(80);
    scene.count = 0;
    await pass(10);
    assert.equal(scene.count, 10);
    scene.isDown = false;
    await pass(2);
    scene.count = 0;
    await pass(600);
    assert.equal(scene.count, 0);
  });

  test("that nobody looks at any more stops asking", async () => {
    const scene = asked();
    scene.isDown = true;
    scene.store.establish(UNKNOWN);
    scene.leave();
    const { count } = scene;
    await pass(600);
    assert.equal(scene.count, count);
  });

  test("shows another tab's change when the service is back", async () => {
    const scene = asked(signedIn({ ...ADA, name: "Ada" }));
    scene.isDown = true;
    scene.store.establish(null);
    await pass(1);
    scene.isDown = false;
    await pass(5);
    assert.deepEqual(scene.store.get().user, ADA);
  });
});

test("Vue on a server leaves no listener behind", async (t) => {
  const document = Reflect.get(globalThis, "document");
  t.after(() => Object.assign(globalThis, { document }));
  Reflect.deleteProperty(globalThis, "document");
  const { get, subscribe, load } = createStore(signedIn(ADA), async () => undefined);
  let listeners = 0;
  const session = {
    get,
    load,
    subscribe(listener) {
      listeners += 1;
      const leave = subscribe(listener);
      return () => {
        listeners -= 1;
        leave();
      };
    },
  };
  const app = createSSRApp({
    setup() {
      const state = useSession({ session });
      return () => h("p", state.value.user?.email);
    },
  });
  assert.equal(await renderToString(app), "<p>ada@example.com</p>");
  assert.equal(listeners, 0);
});
