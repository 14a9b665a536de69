/**
 * Mutants of SQL that no test can kill, each with the reason: `[the mutant's
 * name, what it changes, why that is not observable]`. The runner fails when
 * one of them is killed or does not exist.
 */
const PAUSE_IS_OVER =
  "An account that was last tried a pause ago adds a moment that has passed; who is refused is blocked until a later one.";

const COUNTS_FOR_NOTHING =
  "A counter that counts for nothing is written as it is: that costs a row, which no value shows.";
const KEY_OF_THE_HOUR =
  "The attempt is the new user's id, which no other row has. The key only finds the row: tests/queries.test.mjs sees the scan.";
const ONE_ROW_LATER =
  "Each step then looks at the last row of the one before it once more, and at its own last row in the next step; the last step comes to the table's end either way.";
const OF_NOBODY_ELSE =
  "Inside EXISTS, no other condition names this row: they name the user by the parameter, and any row would do.";
const SEEN_BY_NOW = "A repetition finds the device seen, so the login is no news, and nothing is counted.";

const TRIED_IN_ONE_BROWSER =
  "A try is a random id, which only requests of its browser have. The key only finds them: tests/queries.test.mjs sees the scan.";

export const EQUIVALENT = [
  ["sweep attempts", "account, client) > (  =>  >=", ONE_ROW_LATER],
  ["sweep audit_log", "user_id, id) > (  =>  >=", ONE_ROW_LATER],
  ["sweep login_requests", "browser, digest) > (  =>  >=", ONE_ROW_LATER],
  ["sweep mail_counts", "kind, counted) > (  =>  >=", ONE_ROW_LATER],
  ["sweep one_time_tokens", "purpose, ordinal) > (  =>  >=", ONE_ROW_LATER],
  ["sweep outbox", "WHERE (id) > (  =>  >=", ONE_ROW_LATER],
  ["sweep resting_addresses", "email, user_id) > (  =>  >=", ONE_ROW_LATER],
  ["sweep seen_logins", "user_id, device) > (  =>  >=", ONE_ROW_LATER],
  ["sweep sessions", "user_id, id) > (  =>  >=", ONE_ROW_LATER],
  ["count login notice", "u.id = ?2  =>  TRUE", OF_NOBODY_ELSE],
  ["count login notice", "mails ->> ?10 IS NULL  =>  TRUE", SEEN_BY_NOW],
  ["forgive others", "counted > 0  =>  TRUE", COUNTS_FOR_NOTHING],
  ["forgive others", "= ?8 AND counted > 0  =>  >=", COUNTS_FOR_NOTHING],
  ["judge change", "max(updated_at) > ?1 - ?12  =>  TRUE", PAUSE_IS_OVER],
  ["judge change", "max(updated_at) > ?1  =>  >=", PAUSE_IS_OVER],
  ["judge log in", "max(updated_at) > ?1 - ?12  =>  TRUE", PAUSE_IS_OVER],
  ["judge log in", "max(updated_at) > ?1  =>  >=", PAUSE_IS_OVER],
  ["judge login try", "tried.browser = ?7  =>  TRUE", TRIED_IN_ONE_BROWSER],
  ["queue already registered", "account = 'registrations'  =>  TRUE", KEY_OF_THE_HOUR],
  ["queue already registered", "client = ?9  =>  TRUE", KEY_OF_THE_HOUR],
  ["read registered", "account = 'registrations'  =>  TRUE", KEY_OF_THE_HOUR],
  ["read registered", "client = ?9  =>  TRUE", KEY_OF_THE_HOUR],
  ["register", "account = 'registrations'  =>  TRUE", KEY_OF_THE_HOUR],
  ["register", "client = ?9  =>  TRUE", KEY_OF_THE_HOUR],
];
