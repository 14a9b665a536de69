/** The hook lets nobody but a signed-in user come here. */
export function load({ locals }) {
  return { email: locals.caller.user.email };
}

export const actions = {
  /** What changes something has asked the database: the hook does so for every method but `GET`. */
  default: ({ locals }) => ({ savedBy: locals.caller.user.id }),
};
