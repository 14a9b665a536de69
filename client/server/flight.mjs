/** One call for all who want the same at the same time. */

/**
 * How long one waits for the call of another. In a Worker that call never ends
 * when the client of its request leaves; then each goes on by itself.
 */
const PATIENCE_MS = 2_000;

/** @type {Map<string, Promise<any>>} */
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
  const flight = flights.get(key);
  if (flight) {
    const result = await within(flight, PATIENCE_MS);
    return result ? result.value : call();
  }
  const own = call();
  flights.set(key, own);
  try {
    return await own;
  } finally {
    if (flights.get(key) === own) flights.delete(key);
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
