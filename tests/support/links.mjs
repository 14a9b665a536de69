/**
 * The links of mails: the token of the newest mail to somebody, and tokens that
 * are planted in the database where a test needs one without a mail.
 */
import { createHash } from "node:crypto";

/**
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 * @import { MailProvider } from "../../harness/mails.mjs"
 * @import { Statement } from "../../package/test/faults.mjs"
 */

export const FORGOT = "/api/recovery/forgot";
export const RESET = "/api/recovery/reset";
export const UNDO_EMAIL = "/api/recovery/undo-email";
export const DISOWN_LOGIN = "/api/recovery/disown-login";
export const VERIFY_EMAIL = "/api/account/verify-email";
export const RESEND = "/api/account/verify-email/resend";
export const CHANGE_EMAIL = "/api/account/email";
export const CONFIRM_EMAIL = "/api/account/email/confirm";
export const REQUEST_LOGIN = "/api/account/login/mail";
export const CONFIRM_LOGIN = "/api/account/login/confirm";

/** The cookie of a browser that has asked to log in by mail, on http://localhost. */
export const LOGIN_REQUEST_COOKIE = "login_request";

/** The schedule on which the outbox is worked off, as in `wrangler.toml`. */
export const EVERY_MINUTE = "* * * * *";

/**
 * The token of the newest link for a purpose that an address has been mailed,
 * once the background work is done. Start with `entry: CHAOS`.
 *
 * @param {Latchkey} latchkey
 * @param {MailProvider} provider
 * @param {{ to: string, purpose: string }} link
 */
export async function tokenOfMail(latchkey, provider, { to, purpose }) {
  await latchkey.settled();
  const mail = provider.mailsTo(to).findLast((one) => one.purpose === purpose);
  if (!mail?.token) throw new Error(`No mail to ${to} has a link for ${purpose}.`);
  return mail.token;
}

/**
 * A token that nobody was mailed, with the statement that makes it work for ten days.
 *
 * @param {{ user: { id: string, email: string }, purpose: string, newEmail?: string, sessionId?: string, nowMs: number }} link
 * @returns {{ token: string, statement: Statement }}
 */
export function plantedToken({ user, purpose, newEmail, sessionId, nowMs }) {
  const secret = createHash("sha256").update(`the secret of a test for ${purpose}`).digest();
  const token = Buffer.concat([Buffer.from(user.id.replaceAll("-", ""), "hex"), secret]).toString("base64url");
  const digest = createHash("sha256").update(`${purpose}\n`).update(secret).digest("base64url");
  const now = Math.floor(nowMs / 1_000);
  const columns =
    "user_id, purpose, ordinal, digest, email, new_email, password_version, session_id, issued_at, expires_at";
  const statement = /** @type {Statement} */ ([
    `INSERT INTO one_time_tokens (${columns})
     SELECT id, ?2, ?2 = 'undo-email', ?3, ?4, ?5, CASE WHEN ?2 NOT IN ('undo-email', 'disown-login') THEN password_version END, ?6, ?7, ?7 + 864000
       FROM users WHERE id = ?1`,
    user.id,
    purpose,
    digest,
    user.email,
    newEmail ?? null,
    sessionId ?? null,
    now,
  ]);
  return { token, statement };
}

/**
 * A request to log in by mail that nobody has made, with the statement that makes it work for ten
 * days in the browser with this cookie.
 *
 * @param {{ user: { id: string, email: string }, nowMs: number }} request
 * @returns {{ cookie: string, token: string, statement: Statement }}
 */
export function plantedLogin({ user, nowMs }) {
  const sha256 = (/** @type {(string | Buffer)[]} */ ...parts) =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256"));
  const browser = sha256(`the secret of the browser of ${user.id}`).digest();
  const secret = sha256(`the secret of the link of ${user.id}`).digest();
  const token = Buffer.concat([Buffer.from(user.id.replaceAll("-", ""), "hex"), secret]).toString("base64url");
  const statement = /** @type {Statement} */ ([
    `INSERT INTO login_requests (browser, user_id, digest, email, password_version, expires_at)
     SELECT ?2, id, ?3, email, password_version, ?4 + 864000 FROM users WHERE id = ?1`,
    user.id,
    sha256("login-request\n", browser).digest("base64url"),
    sha256("login-link\n", secret, browser).digest("base64url"),
    Math.floor(nowMs / 1_000),
  ]);
  return { cookie: `${LOGIN_REQUEST_COOKIE}=${browser.toString("base64url")}`, token, statement };
}
