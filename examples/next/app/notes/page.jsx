import { caller } from "../../lib/caller.js";

/** The middleware lets nobody but a signed-in user come here. A page that is moved out of its reach must not rely on it. */
export default async function Notes() {
  const { user } = await caller();
  return <h1>{user ? `Notes of ${user.email}` : "Log in"}</h1>;
}
