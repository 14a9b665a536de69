/**
 * What the client asks of a page, for tests in node: a document that is visible or hidden, and storage that several
 * tabs of one origin share. Real tabs are in tests/browser/.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Which tab runs. */
const running = new AsyncLocalStorage();

/** Makes this process a page without `BroadcastChannel`. */
export function openOrigin() {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const items = new Map();
  const listeners = [];
  const storage = {
    getItem: (key) => items.get(key) ?? null,
    removeItem: (key) => items.delete(key),
    /** As a browser does: the event goes to the other tabs, later. */
    setItem(key, value) {
      items.set(key, value);
      const others = listeners.filter(({ tab }) => tab !== running.getStore());
      for (const { tab, listen } of others) running.run(tab, () => setTimeout(() => listen({ key })));
    },
  };
  Object.assign(globalThis, {
    document: page,
    localStorage: storage,
    BroadcastChannel: undefined,
    addEventListener: (type, listen) => type === "storage" && listeners.push({ tab: running.getStore(), listen }),
  });
  return {
    storage,
    /** Runs `act` in a tab of its own. */
    inTab: (act) => running.run({}, act),
    /** Hides the page, or brings it to the front. */
    show(visibilityState) {
      page.visibilityState = visibilityState;
      page.dispatchEvent(new Event("visibilitychange"));
    },
  };
}
