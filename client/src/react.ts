/** The session for React. */
import { useSyncExternalStore } from "react";
import type { Client } from "./client.js";
import type { SessionState } from "./session.js";

/** The state of the session; the component renders again when it changes. */
export function useSession({ session }: Pick<Client, "session">): SessionState {
  return useSyncExternalStore(session.subscribe, session.get, session.get);
}
