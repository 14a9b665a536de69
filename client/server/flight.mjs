/** One call for all who want the same at the same time. */

/**
 * How long one waits for the call of another. In a Worker that call never ends
 * when the client of its request leaves; then the next one makes its own.
 */
const PATIENCE_MS = 2_000;

/**
 * In the order of their starts.
 *
 * @type {Map<string, { promise: Promise<any>, startedAt: number }>}
 */
const flights = new Map();

/**
 * The result of `call`, or of the call that is under way for this key. An error is for all of them.
 *
 * @template T
 * @param {string} key
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
export async function joined(key, call) {
  forgetLost();
  const flight = flights.get(key);
  if (flight) {
    const result = await within(flight.promise, PATIENCE_MS);
    return result ? result.value : joined(key, call);
  }
  const own = { promise: call(), startedAt: Date.now() };
  flights.set(key, own);
  try {
    return await own.promise;
  } finally {
    if (flights.get(key) === own) flights.delete(key);
  }
}

/** Those that may never end: nothing of a request goes on when it has been cancelled. */
function forgetLost() {
  const newest = Date.now() - PATIENCE_MS;
  for (const [key, { startedAt }] of flights) {
    if (startedAt > newest) return;
    flights.delete(key);
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} milliseconds
 * @returns {Promise<{ value: T } | null>}
 */
async function within(promise, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    return await Promise.race([
      promise.then((value) => ({ value })),
      new Promise((done) => (timer = setTimeout(done, milliseconds, null))),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
