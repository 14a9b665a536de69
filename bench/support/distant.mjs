/**
 * Puts D1's primary as far away as it is for most of the world: each call
 * waits before it is made. Embedded D1 is next door, and would make two trips
 * look as good as one.
 */

/** There and back, to a primary on the other side of a continent. */
export const DISTANCE_MS = 50;

let isAway = false;

/** Once an isolate: what a prepared statement and a batch do is in their prototypes. */
export function keepAway({ DB }) {
  if (isAway) return;
  isAway = true;
  const statement = Object.getPrototypeOf(DB.prepare("SELECT 1"));
  for (const [prototype, methods] of [
    [statement, ["first", "run", "all", "raw"]],
    [Object.getPrototypeOf(DB), ["batch"]],
  ]) {
    for (const method of methods) {
      const real = prototype[method];
      prototype[method] = async function distant(...args) {
        await new Promise((done) => setTimeout(done, DISTANCE_MS));
        return real.apply(this, args);
      };
    }
  }
}
