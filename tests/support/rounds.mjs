/** Rounds of refreshes that race for one token, over both points of presence. */
import assert from "node:assert/strict";
import { REFRESH_COOKIE, claims, cookieOf } from "./holders.mjs";
import { REFRESH } from "./people.mjs";

/**
 * @import { Client } from "../../harness/client.mjs"
 * @import { Statement } from "../../package/test/faults.mjs"
 * @import { Latchkey, Row } from "../../harness/latchkey.mjs"
 */

/** D1's delays with which races are run: plain local D1 hides them. */
export const DELAYS_MS = [0, 5, 50];
export const PARALLEL = 20;

/**
 * Presents the client's refresh token `PARALLEL` times at once. Answers with
 * the different successors that were handed out and how many calls were
 * refused, and with what the session's row says.
 *
 * @param {Latchkey} latchkey
 * @param {Client} client
 */
async function refreshRound(latchkey, client) {
  const tokens = Array.from({ length: PARALLEL }, (_, i) => client.copy({ pop: i % 2 }));
  const answers = await Promise.all(tokens.map((token) => token.post(REFRESH)));
  const successors = new Map();
  answers.forEach((answer, i) => {
    if (answer.status === 204) successors.set(cookieOf(tokens[i], REFRESH_COOKIE).value, tokens[i]);
  });
  /** @type {Statement[]} */
  const statements = [["SELECT * FROM sessions WHERE id = ?1", claims(client, REFRESH_COOKIE).sid]];
  const [[row]] = await latchkey.store({ statements });
  return {
    successors: [...successors.values()],
    refused: answers.filter((answer) => answer.status !== 204).length,
    row,
  };
}

/**
 * The rule: everybody is answered, with one and the same successor; that is
 * the current token of a live session, and the presented one its predecessor.
 *
 * @param {{ successors: Client[], refused: number, row: Row }} outcome
 * @param {Client} client
 */
function assertConverged({ successors, refused, row }, client) {
  assert.deepEqual({ refused, successors: successors.length }, { refused: 0, successors: 1 });
  const { current_jti, previous_jti, ended_at } = row;
  assert.deepEqual(
    { current_jti, previous_jti, ended_at },
    {
      current_jti: claims(successors[0], REFRESH_COOKIE).jti,
      previous_jti: claims(client, REFRESH_COOKIE).jti,
      ended_at: null,
    },
  );
}

/**
 * `rounds` in a row, each with the successor of the one before.
 *
 * @param {Latchkey} latchkey
 * @param {Client} client
 * @param {number} rounds
 */
export async function refreshRounds(latchkey, client, rounds) {
  for (let round = 0; round < rounds; round += 1) {
    const outcome = await refreshRound(latchkey, client);
    assertConverged(outcome, client);
    client = outcome.successors[0];
  }
  return client;
}
