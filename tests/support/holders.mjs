/** Holders of tokens: the claims of the tokens, copies of one of them, and how they are refused. */
import { Client } from "../../harness/client.mjs";
import { assertProblem } from "./problems.mjs";
import { decode } from "../../harness/tokens.mjs";

/** The cookies' names on http://localhost. */
export const ACCESS_COOKIE = "access_token";
export const REFRESH_COOKIE = "refresh_token";

export const NEW_PASSWORD = "incorrect donkey capacitor clip";

/** The claims of the client's token in this cookie. */
export function claims(client, name = ACCESS_COOKIE) {
  return decode(client.cookies.get(name).value).claims;
}

/** A client with only this cookie of another's. */
export function only(name, client, options = client.options) {
  const other = new Client(client.latchkey, options);
  other.cookies.set(name, client.cookies.get(name));
  return other;
}

/** The token is refused; on the routes of an OAuth client with the `error` that it looks for. */
export function assertRefused(answer, code = "invalid_token") {
  assertProblem(answer, code, answer.json?.error ? { error: "invalid_grant" } : {});
}
