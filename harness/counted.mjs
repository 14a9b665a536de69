/** Reads the counters of a Worker wrapped by counting.mjs, from the client's side. */

/**
 * @import { Reachable } from "./client.mjs"
 * @import { Counts } from "./counting.mjs"
 * @import { Statement } from "../package/test/faults.mjs"
 */

const COUNTERS = "/__bench/counters";
const BATCHES = "/__bench/batches";
const SETTLE_TIMEOUT_MS = 10_000;
const POLL_MS = 2;

/**
 * What `act` cost, background work included, and what was sent to D1:
 * `{answer, counts, sent, ms}`. `contestant` has `fetch(path, init)`.
 *
 * @template T
 * @param {Reachable} contestant
 * @param {() => Promise<T> | T} act
 * @returns {Promise<{ answer: T, ms: number, counts: Counts, sent: Statement[][] }>}
 */
export async function counted(contestant, act) {
  await settled(contestant);
  await (await contestant.fetch(COUNTERS, { method: "POST" })).text();
  const start = performance.now();
  const answer = await act();
  const ms = performance.now() - start;
  return { answer, ms, ...(await settled(contestant)) };
}

/**
 * Runs batches of `[sql, ...values]` in the Worker, one after the other; answers how many ms all of them took.
 *
 * @param {Reachable} contestant
 * @param {Statement[][]} all
 */
export async function batches(contestant, all) {
  const body = JSON.stringify(all);
  const start = performance.now();
  const answer = await contestant.fetch(BATCHES, { method: "POST", body });
  if (!answer.ok) throw new Error(await answer.text());
  return performance.now() - start;
}

/**
 * `{counts, sent}` once no background work is going on.
 *
 * @param {Reachable} contestant
 * @returns {Promise<{ counts: Counts, sent: Statement[][] }>}
 */
async function settled(contestant) {
  const end = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const answer = await contestant.fetch(COUNTERS);
    /** @type {{ pending: number, counts: Counts, sent: Statement[][] }} */
    const { pending, ...counted } = await answer.json();
    if (pending === 0) return counted;
    if (Date.now() > end) throw new Error("Background work does not end.");
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
