/** The session for Vue. */
import { type ShallowRef, onScopeDispose, shallowRef } from "vue";
import type { Client } from "./client.js";
import type { SessionState } from "./session.js";

/** The state of the session, as a ref, until the component is unmounted. On a server, where none is, the state now. */
export function useSession({ session }: Pick<Client, "session">): Readonly<ShallowRef<SessionState>> {
  const state = shallowRef(session.get());
  if (typeof document !== "undefined") onScopeDispose(session.subscribe((next) => (state.value = next)));
  return state;
}
