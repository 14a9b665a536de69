/** The scenes of the endpoints of mails and their links, for `ROUTES` of `scene.mjs`. */
import {
  CHANGE_EMAIL,
  CONFIRM_EMAIL,
  CONFIRM_LOGIN,
  DISOWN_LOGIN,
  FORGOT,
  REQUEST_LOGIN,
  RESEND,
  RESET,
  UNDO_EMAIL,
  VERIFY_EMAIL,
  plantedLogin,
  plantedToken,
} from "./links.mjs";
import { NEW_PASSWORD } from "./holders.mjs";
import { PASSWORD } from "./people.mjs";

/**
 * @import { Statement } from "../../package/test/faults.mjs"
 * @import { Route, Scene } from "./scene.mjs"
 */

/** The links that a person of the scene has been mailed. */
const PURPOSES = ["reset-password", "verify-email", "confirm-email", "undo-email", "disown-login"];

/**
 * A link for each purpose: `{tokens, browser, statements}`, the tokens by purpose. A link that logs
 * in works with the cookie `browser`.
 *
 * @param {{ user: { id: string, email: string }, sessionId: string, nowMs: number }} person
 * @returns {{ tokens: Record<string, string>, browser: string, statements: Statement[] }}
 */
export function plantedLinks({ user, sessionId, nowMs }) {
  const links = PURPOSES.map((purpose) => {
    const before = purpose === "undo-email" ? { ...user, email: "former@example.com" } : user;
    const newEmail = purpose === "confirm-email" ? "new@example.com" : undefined;
    return { purpose, ...plantedToken({ user: before, purpose, newEmail, sessionId, nowMs }) };
  });
  const login = plantedLogin({ user, nowMs });
  return {
    tokens: {
      ...Object.fromEntries(links.map(({ purpose, token }) => [purpose, token])),
      "login-link": login.token,
    },
    browser: login.cookie,
    statements: [...links, login].map(({ statement }) => statement),
  };
}

/**
 * A use of the link for a purpose.
 *
 * @param {string} path
 * @param {string} purpose
 * @param {object} [more]
 */
const use =
  (path, purpose, more = {}) =>
  (/** @type {Scene} */ { nobody, tokens }) =>
    nobody.post(path, { json: { token: tokens[purpose], ...more } });

const EVERY_SESSION = ["other: end_reason ended_at trace", "own: end_reason ended_at trace"];

/** @type {Route[]} */
export const MAIL_ROUTES = [
  {
    name: `POST ${RESEND}`,
    send: ({ nobody, user }) => nobody.post(RESEND, { json: { email: user.email } }),
    success: 202,
    d1: 1,
    limiter: 1,
    effect: ["link verify-email: replaced", "mail: verify_email"],
    again: 202,
  },
  {
    name: `POST ${VERIFY_EMAIL}`,
    send: use(VERIFY_EMAIL, "verify-email"),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["link verify-email: gone", "user: email_verified_at trace updated_at"],
    again: "invalid_link",
  },
  {
    name: `POST ${CHANGE_EMAIL}`,
    send: ({ own }) => own.post(CHANGE_EMAIL, { json: { email: "another@example.com", currentPassword: PASSWORD } }),
    success: 202,
    d1: 2,
    limiter: 1,
    effect: ["link confirm-email: replaced", "mail: confirm_email"],
    again: 202,
  },
  {
    name: `POST ${CONFIRM_EMAIL}`,
    send: use(CONFIRM_EMAIL, "confirm-email"),
    success: 204,
    d1: 1,
    limiter: 1,
    // The session that asked goes on, and so does the link that takes an earlier change back.
    effect: [
      "link confirm-email: gone",
      "link reset-password: gone",
      "link undo-email 2: new",
      "link verify-email: gone",
      "mail: email_changed",
      "other: end_reason ended_at trace",
      "user: email email_verified_at trace updated_at",
    ],
    again: "invalid_link",
  },
  {
    name: `POST ${REQUEST_LOGIN}`,
    send: ({ nobody, user }) => nobody.copy().post(REQUEST_LOGIN, { json: { email: user.email } }),
    success: 202,
    d1: 1,
    limiter: 1,
    effect: ["link login-link of another browser: new", "mail: login_link"],
    again: 202,
  },
  {
    name: `POST ${CONFIRM_LOGIN}`,
    send: ({ nobody, tokens, browser }) =>
      nobody.copy().post(CONFIRM_LOGIN, { json: { token: tokens["login-link"] }, headers: { Cookie: browser } }),
    success: 204,
    d1: 2,
    limiter: 1,
    // The first proof of the address: what was set before it ends.
    effect: [
      "link confirm-email: gone",
      "link login-link: gone",
      "link reset-password: gone",
      "link undo-email: gone",
      "link verify-email: gone",
      "mail: password_removed",
      "new session",
      ...EVERY_SESSION,
      "user: email_verified_at password_hash password_version trace updated_at",
    ],
    again: "invalid_link",
  },
  {
    name: `POST ${FORGOT}`,
    send: ({ nobody, user }) => nobody.post(FORGOT, { json: { email: user.email } }),
    success: 202,
    d1: 1,
    limiter: 1,
    effect: ["link reset-password: replaced", "mail: reset_password"],
    again: 202,
  },
  {
    name: `POST ${RESET}`,
    send: use(RESET, "reset-password", { newPassword: NEW_PASSWORD }),
    success: 204,
    d1: 2,
    limiter: 1,
    effect: [
      "link confirm-email: gone",
      "link reset-password: gone",
      "link undo-email: gone",
      "link verify-email: gone",
      "mail: password_changed",
      ...EVERY_SESSION,
      "user: email_verified_at password_hash password_version trace updated_at",
    ],
    again: "invalid_link",
  },
  {
    name: `POST ${UNDO_EMAIL}`,
    send: use(UNDO_EMAIL, "undo-email"),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: [
      "link confirm-email: gone",
      "link disown-login: gone",
      "link reset-password: replaced",
      "link undo-email: gone",
      "link verify-email: gone",
      "mail: reset_password",
      ...EVERY_SESSION,
      "user: email email_verified_at password_hash password_version trace updated_at",
    ],
    again: "invalid_link",
  },
  {
    name: `POST ${DISOWN_LOGIN}`,
    send: use(DISOWN_LOGIN, "disown-login"),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: [
      "link confirm-email: gone",
      "link disown-login: gone",
      "link reset-password: replaced",
      "link verify-email: gone",
      "mail: reset_password",
      ...EVERY_SESSION,
      "user: email_verified_at password_hash password_version trace updated_at",
    ],
    again: "invalid_link",
  },
];
