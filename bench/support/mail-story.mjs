/** What mails cost, and the endpoints that need them: chapters of the work that is counted. */
import { captured } from "../../harness/mails.mjs";
import { newPerson } from "./stories.mjs";

const ACCOUNT = "/api/account";
const RECOVERY = "/api/recovery";
const NEW_PASSWORD = "a new horse every year";

/**
 * Plays each endpoint of mails and links once, as a user comes to them. The mails are read where they were caught.
 *
 * @param {{ fetch: (path: string, init?: any) => Promise<any>, story: any, db?: any }} contestant Started with mails on.
 * @param {object} tools
 * @param {(name: string, visitor: object, request: object) => Promise<unknown>} tools.count
 * @param {(request: object, visitor: object) => Promise<unknown>} tools.send The same, uncounted.
 * @param {(method: string, path: string, fields: object | undefined, status: number) => object} tools.json
 */
export async function mailStory(contestant, { count, send, json }) {
  const { story } = contestant;
  const person = newPerson();
  const own = {};
  const post = (path, fields, status) => json("POST", path, fields, status);
  const moved = `moved.${person.email}`;
  /** A request with the token of the newest link for a purpose. */
  const use = async (path, to, purpose, more = {}) => {
    const mails = await captured(contestant, to);
    const mail = mails.findLast((one) => one.purpose === purpose);
    if (!mail) throw new Error(`No mail to ${to} has a link for ${purpose}.`);
    return post(path, { token: mail.token, ...more }, 204);
  };
  const other = (request) => ({ ...request, headers: { ...request.headers, "user-agent": "curl/8.0" } });

  await count("ready, mails on", {}, { method: "GET", path: "/ready", headers: {}, body: null, status: 200 });
  await count("registration that mails a link", {}, story.register(person));
  await count("address verified", {}, await use(`${ACCOUNT}/verify-email`, person.email, "verify-email"));
  await count("login, mails on", own, story.login(person));
  await count("login from a new device, mails on", {}, other(story.login(person)));
  const change = { email: moved, currentPassword: person.password };
  await count("change of the address", own, post(`${ACCOUNT}/email`, change, 202));
  await count("new address confirmed", {}, await use(`${ACCOUNT}/email/confirm`, moved, "confirm-email"));
  await count("change of the address undone", {}, await use(`${RECOVERY}/undo-email`, person.email, "undo-email"));
  await send(await use(`${RECOVERY}/reset`, person.email, "reset-password", { newPassword: person.password }), {});
  await send(story.login(person), {});
  await send(other(story.login(person)), {});
  await count("login disowned", {}, await use(`${RECOVERY}/disown-login`, person.email, "disown-login"));
  await (await contestant.db()).exec("DELETE FROM mail_counts");
  await count("forgot", {}, post(`${RECOVERY}/forgot`, { email: person.email }, 202));
  await count("forgot, unknown address", {}, post(`${RECOVERY}/forgot`, { email: newPerson().email }, 202));
  const reset = await use(`${RECOVERY}/reset`, person.email, "reset-password", { newPassword: NEW_PASSWORD });
  await count("reset", {}, reset);
  await count("reset, a link that does not work", {}, { ...reset, status: 410 });
  const browser = {};
  await count("login by mail asked for", browser, post(`${ACCOUNT}/login/mail`, { email: person.email }, 202));
  await count("login by mail, a wrong code", browser, post(`${ACCOUNT}/login/confirm`, { token: "000000" }, 410));
  const login = await use(`${ACCOUNT}/login/confirm`, person.email, "login-link");
  await count("login by mail", browser, login);
  await count("login by mail, a link that does not work", {}, { ...login, status: 410 });
  await count("verification again", {}, post(`${ACCOUNT}/verify-email/resend`, { email: person.email }, 202));
}
