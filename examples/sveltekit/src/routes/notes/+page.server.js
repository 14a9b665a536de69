import { bindings, readCaller } from "@latchkey/client/sveltekit";

/** The hook lets nobody but a signed-in user come here. */
export async function load({ cookies, platform }) {
  // What is passed on to another service has the new tokens, as with `fetch` of the event.
  const cookie = cookies.getAll().map(({ name, value }) => `${name}=${value}`);
  const { user } = await readCaller(bindings(platform.env), cookie.join("; "));
  return { email: user.email };
}

export const actions = {
  /** What changes something has asked the database: the hook does so for every method but `GET`. */
  default: ({ locals }) => ({ savedBy: locals.caller.user.id }),
};
