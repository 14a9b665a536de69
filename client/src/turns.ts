/**
 * One at a time among all tabs of an origin: Web Locks, and where a browser
 * has none, a lease in `localStorage`. A tab that holds its turn for too long
 * is passed by: the service gives parallel refreshes the same pair of tokens,
 * so what two tabs do at once is wasteful and not wrong.
 */

/** Longer than a refresh that is repeated, shorter than a person waits for a page. */
const WAIT_MS = 10_000;
/** What is left of the lease of a tab that was closed in its turn. */
const LEASE_MS = 10_000;
/** In this time a tab sees what another has written. */
const SETTLE_MS = 30;

/** Runs a task when it is its turn, and says whether it may have waited for another. The turn ends with the task. */
export type Turn = <T>(task: (hasWaited: boolean) => Promise<T>) => Promise<T>;

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Turns under one name, for all tabs of the origin. */
export function createTurn(name: string): Turn {
  const locks = globalThis.navigator?.locks;
  if (!locks) return createLease(name);
  return async (task) => {
    let hasBegun = false;
    const begin = (hasWaited: boolean) => {
      hasBegun = true;
      return task(hasWaited);
    };
    try {
      const atOnce = await locks.request(
        name,
        { ifAvailable: true },
        async (lock) => lock && { result: await begin(false) },
      );
      if (atOnce) return atOnce.result;
      return await locks.request(name, { signal: AbortSignal.timeout(WAIT_MS) }, () => begin(true));
    } catch (error) {
      if (hasBegun) throw error;
      return task(true);
    }
  };
}

function createLease(name: string): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(async () => {
      const release = await lease(name);
      return task(true).finally(release);
    });
    last = turn.catch(() => {});
    return turn;
  };
}

/** Waits for the lease, and returns what gives it back. Where a page may not store anything, it alone takes turns. */
async function lease(name: string): Promise<() => void> {
  const storage = localStorageOrNone();
  if (!storage) return () => {};
  const me = crypto.randomUUID();
  const isMine = () => storage.getItem(name)?.startsWith(me);
  const end = Date.now() + WAIT_MS;
  do {
    const [, until] = (storage.getItem(name) ?? "").split(" ");
    const isFree = !(Number(until) > Date.now());
    if (isFree && !remember(name, `${me} ${Date.now() + LEASE_MS}`)) return () => {};
    await sleep(SETTLE_MS * (1 + Math.random()));
  } while (!isMine() && Date.now() < end);
  return () => {
    if (isMine()) storage.removeItem(name);
  };
}

/** Reading the property throws where a browser keeps a page from storing anything. */
function localStorageOrNone(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/** Stores, unless the browser refuses: writing throws where the page's share is full. Returns whether it has. */
export function remember(key: string, value: string): boolean {
  try {
    localStorageOrNone()?.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
