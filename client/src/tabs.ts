/**
 * What one tab tells the others: a `BroadcastChannel`, and where a browser has
 * none, the event `storage`. A user is in the memory of tabs alone, so without a
 * channel the others are told to look for themselves.
 */
import type { SessionState } from "./session.js";
import { localStorageOrNone } from "./turns.js";

/** Tells the other tabs; `null`: the state is to be read from the service. */
export type Tell = (state: SessionState | null) => void;

/** Begins to listen, and returns what tells the others. Outside a browser there are none. */
export function createTabs(name: string, heard: Tell): Tell {
  if (typeof document === "undefined") return () => {};
  if (typeof BroadcastChannel !== "undefined") {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => heard(data);
    return (state) => channel.postMessage(state);
  }
  const key = `${name} said`;
  addEventListener("storage", (event) => {
    if (event.key === key) heard(null);
  });
  return () => localStorageOrNone()?.setItem(key, crypto.randomUUID());
}
