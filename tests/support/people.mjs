/**
 * People who register and log in, each under an address of their own, so that
 * no test depends on another.
 */
import assert from "node:assert/strict";
import { Client } from "../../harness/client.mjs";

/**
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 *
 * @typedef {{ email?: string, password?: string, name?: string | null }} NewPerson
 *
 * @typedef {{ id: string, email: string, password: string, user: any }} Person
 */

export const PASSWORD = "correct horse battery staple";
export const REGISTER = "/api/account/register";
export const LOGIN = "/api/account/login";
export const REFRESH = "/api/account/refresh";
export const LOGOUT = "/api/account/logout";
export const PASSWORD_PATH = "/api/account/password";
export const PROFILE = "/api/account/profile";

let people = 0;

/** An address that nobody has yet. */
export function newEmail() {
  people += 1;
  return `person${people}@example.com`;
}

/**
 * Registers somebody: `{id, email, password, user}`.
 *
 * @param {Latchkey} latchkey
 * @param {NewPerson} person
 * @returns {Promise<Person>}
 */
export async function register(latchkey, { email = newEmail(), password = PASSWORD, ...rest } = {}) {
  const answer = await new Client(latchkey).post(REGISTER, { json: { email, password, ...rest } });
  assert.equal(answer.status, 201, answer.text);
  return { id: answer.json.id, email, password, user: answer.json };
}

/**
 * Logs a person in, on a device of its own unless told: the client with the cookies.
 *
 * @param {Latchkey} latchkey
 * @param {{ email: string, password: string }} person
 * @param {Client} client
 */
export async function logIn(latchkey, { email, password }, client = new Client(latchkey)) {
  const answer = await client.post(LOGIN, { form: { username: email, password } });
  assert.equal(answer.status, 204, answer.text);
  return client;
}

/**
 * Registers somebody and logs in: `{id, email, password, user, client}`.
 *
 * @param {Latchkey} latchkey
 * @param {NewPerson} [options]
 * @returns {Promise<Person & { client: Client }>}
 */
export async function signUp(latchkey, options) {
  const person = await register(latchkey, options);
  return { ...person, client: await logIn(latchkey, person) };
}

/**
 * The value of a client's cookie by its bare name, whatever its prefix.
 *
 * @param {Client} client
 * @param {string} bareName
 */
export function tokenOf(client, bareName) {
  const cookie = [...client.cookies.values()].find(({ name }) => name.endsWith(bareName));
  assert.ok(cookie, `no ${bareName} in the jar`);
  return cookie.value;
}

/**
 * The rows of a person's sessions, oldest first.
 *
 * @param {Latchkey} latchkey
 * @param {{ id: string }} person
 */
export function sessionsOf(latchkey, { id }) {
  // Those of one second lie in no order of their own: the log has it.
  return latchkey.sql(
    `SELECT * FROM sessions
      WHERE user_id = ?1
      ORDER BY (SELECT min(log.id) FROM audit_log AS log WHERE log.user_id = ?1 AND log.session_id = sessions.id)`,
    id,
  );
}

/**
 * All that people and sessions consist of, to be compared before and after.
 *
 * @param {Latchkey} latchkey
 */
export async function snapshot(latchkey) {
  return {
    users: await latchkey.sql("SELECT * FROM users ORDER BY id"),
    sessions: await latchkey.sql("SELECT * FROM sessions ORDER BY id"),
  };
}
