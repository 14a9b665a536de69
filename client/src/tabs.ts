/**
 * What one tab tells the others: a `BroadcastChannel`, and where a browser has
 * none, the event `storage`. A user is in the memory of tabs alone, so without a
 * channel the others are told to look for themselves.
 */
import type { SessionState } from "./session.js";
import { remember } from "./turns.js";

/** Tells the other tabs; `null`: the state is to be read from the service. */
export type Tell = (state: SessionState | null) => void;

/** Begins to listen, and returns what tells the others. Outside a browser there are none. */
export function createTabs(name: string, heard: Tell): Tell {
  if (typeof document === "undefined") return () => {};
  try {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => heard(data);
    return (state) => channel.postMessage(state);
  } catch {
    // There is none, or the browser keeps the page from storing anything.
  }
  const key = `${name} said`;
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key === key) heard(null);
  });
  return () => void remember(key, crypto.randomUUID());
}
