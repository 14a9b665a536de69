/** Those who hold tokens: what the tokens say, copies of one of them, and how they are refused. */
import { Client } from "../../harness/client.mjs";
import { assertProblem } from "./problems.mjs";
import { decode } from "../../harness/tokens.mjs";

/** @import { Answered } from "./problems.mjs" */

/** The cookies' names on http://localhost. */
export const ACCESS_COOKIE = "access_token";
export const REFRESH_COOKIE = "refresh_token";

export const NEW_PASSWORD = "incorrect donkey capacitor clip";

/**
 * The client's cookie of this name.
 *
 * @param {Client} client
 * @param {string} name
 */
export function cookieOf(client, name) {
  const cookie = client.cookies.get(name);
  if (!cookie) throw new Error(`The jar has no ${name}.`);
  return cookie;
}

/**
 * What the client's token in this cookie says.
 *
 * @param {Client} client
 * @param {string} name
 */
export function claims(client, name = ACCESS_COOKIE) {
  return decode(cookieOf(client, name).value).claims;
}

/**
 * A client with only this cookie of another's.
 *
 * @param {string} name
 * @param {Client} client
 * @param {object} options
 */
export function only(name, client, options = client.options) {
  const other = new Client(client.latchkey, options);
  other.cookies.set(name, cookieOf(client, name));
  return other;
}

/**
 * The token is refused; on the routes of an OAuth client with the `error` that it looks for.
 *
 * @param {Answered} answer
 * @param {string} code
 */
export function assertRefused(answer, code = "invalid_token") {
  assertProblem(answer, code, answer.json?.error ? { error: "invalid_grant" } : {});
}
