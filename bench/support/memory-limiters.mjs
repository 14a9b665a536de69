/**
 * Rate limiters that count in memory, as the platform's do. Miniflare's are a
 * Worker of their own that writes each count to disk: one call takes longer
 * than the rest of a refresh, and the contestants that have no limiter would
 * be compared with that.
 */

/** Nobody is refused: what is measured is the work. */
const LIMIT = 1_000_000_000;
const PERIOD_MS = 60_000;

/** workers-rs goes by the name of the class. */
class Ratelimit {
  #counts = new Map();
  #window = 0;

  async limit({ key }) {
    const window = Math.floor(Date.now() / PERIOD_MS);
    if (window !== this.#window) this.#counts.clear();
    this.#window = window;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return { success: count <= LIMIT };
  }
}

const LIMITERS = {
  LOGIN_LIMITER: new Ratelimit(),
  REGISTER_LIMITER: new Ratelimit(),
  NETWORK_LIMITER: new Ratelimit(),
  SESSION_LIMITER: new Ratelimit(),
};

/** The bindings of Latchkey, with these in the place of Miniflare's. */
export function withLimitersInMemory(env) {
  return { ...env, ...LIMITERS };
}
