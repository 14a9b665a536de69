/**
 * A request of each route that would have its full effect, made of the
 * inventory's facts and of what an operation must be told.
 */
import { NEW_PASSWORD } from "./holders.mjs";
import { PASSWORD, newEmail } from "./people.mjs";

/** An id of the right form that nobody's session has. */
const NO_SESSION = "AAAAAAAAAAAAAAAAAAAAAA";

/** The token of a link, of the right form, that nobody was mailed. */
const NO_LINK = Buffer.concat([Buffer.from("01a1fda6fdb0754cb953c80afa8dce5a", "hex"), Buffer.alloc(32)]).toString(
  "base64url",
);

/** What an operation must be told, by name: `{query, json, form}`. */
const TOLD = {
  AccountRegister: () => ({ json: { email: newEmail(), password: PASSWORD } }),
  AccountLogin: ({ email, password }) => ({ form: { username: email, password } }),
  AccountUpdatePwd: ({ password }) => ({ json: { currentPassword: password, newPassword: NEW_PASSWORD } }),
  AccountUpdateProfile: () => ({ json: { name: "Ada" } }),
  AccountEndSessions: () => ({ query: "?scope=all" }),
  AccountVerifyEmail: () => ({ json: { token: NO_LINK } }),
  AccountResendVerification: ({ email }) => ({ json: { email } }),
  AccountChangeEmail: ({ password }) => ({ json: { email: newEmail(), currentPassword: password } }),
  AccountConfirmEmail: () => ({ json: { token: NO_LINK } }),
  AccountRequestLogin: ({ email }) => ({ json: { email } }),
  AccountConfirmLogin: () => ({ json: { token: NO_LINK }, headers: { Cookie: `login_request=${"A".repeat(43)}` } }),
  RecoveryForgot: ({ email }) => ({ json: { email } }),
  RecoveryReset: () => ({ json: { token: NO_LINK, newPassword: NEW_PASSWORD } }),
  RecoveryUndoEmail: () => ({ json: { token: NO_LINK } }),
  RecoveryDisownLogin: () => ({ json: { token: NO_LINK } }),
};

/**
 * `[path, init]` for `Client.fetch`: of this person, and of the session `id`
 * where the path names one.
 *
 * @param {any} route
 * @param {{ id?: string, email?: string, password?: string }} [person]
 * @returns {[path: string, init: { method: string, [name: string]: unknown }]}
 */
export function wholeRequest({ operation, method, path, body }, { id = NO_SESSION, ...person } = {}) {
  const { query = "", ...content } = TOLD[operation]?.({ email: newEmail(), password: PASSWORD, ...person }) ?? {};
  if (body !== null && Object.keys(content).length === 0) throw new Error(`What is ${operation} told?`);
  return [path.replace("{id}", id) + query, { method, ...content }];
}
