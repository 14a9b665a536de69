/** Reads the counters of a Worker behind counting.mjs, from the client's side. */

const COUNTERS = "/__bench/counters";
const SETTLE_TIMEOUT_MS = 10_000;
const POLL_MS = 2;

/**
 * What `act` cost, background work included: `{answer, counts}`. `contestant`
 * has `fetch(path, init)`.
 */
export async function counted(contestant, act) {
  await settled(contestant);
  await (await contestant.fetch(COUNTERS, { method: "POST" })).text();
  const answer = await act();
  return { answer, counts: await settled(contestant) };
}

/** The counters once no background work is going on. */
async function settled(contestant) {
  const end = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const { pending, ...counts } = await (await contestant.fetch(COUNTERS)).json();
    if (pending === 0) return counts;
    if (Date.now() > end) throw new Error("Background work does not end.");
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
