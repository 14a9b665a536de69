/**
 * The session as a store: what a page knows about who is signed in. It follows
 * what this tab does and what other tabs say, and is never changed by an answer
 * that is older than either.
 */
import type { UserAuth } from "./contract.js";

/**
 * - `unknown`: nobody has asked yet, or the service has not answered. Show neither a login nor a user.
 * - `signed_in`: `user` is the one that the service has last returned.
 * - `signed_out`: the service has refused to refresh, or a log-out has succeeded. Show the login.
 */
export type SessionState =
  | { readonly status: "unknown"; readonly user: null }
  | { readonly status: "signed_in"; readonly user: UserAuth }
  | { readonly status: "signed_out"; readonly user: null };

/** A store with Svelte's contract; React's `useSyncExternalStore` takes both functions as they are. */
export interface SessionStore {
  /** The state now. The same object until something changes. */
  readonly get: () => SessionState;
  /**
   * Calls `listener` with the state, now and after each change, until the returned function is called. The first
   * subscription in a browser asks the service who is signed in, as soon as the tab is visible.
   */
  readonly subscribe: (listener: (state: SessionState) => void) => () => void;
  /** Asks the service, and returns the state after it. Without an answer the state stays as it is. */
  readonly load: () => Promise<SessionState>;
}

export const UNKNOWN: SessionState = { status: "unknown", user: null };
export const SIGNED_OUT: SessionState = { status: "signed_out", user: null };
export const signedIn = (user: UserAuth): SessionState => ({ status: "signed_in", user });

/** A state that is shown again at a return to the page is at least this old before the service is asked anew. */
const FRESH_MS = 60_000;
/** How long after a question without an answer the next one comes, unless the service says so; doubles each time. */
const AGAIN_SECONDS = 5;
const MAX_AGAIN_SECONDS = 300;

export interface Store extends SessionStore {
  /** The user's id; undefined for nobody, and while another tab's change has not been read. */
  readonly userId: () => string | undefined;
  /** Counts what this tab or another has established. An answer counts while this is what it was at the request. */
  readonly version: () => number;
  /**
   * What has been established: in this tab's turn, or by another tab. After `null` (something has changed) and after
   * `UNKNOWN` the service is asked until it answers.
   */
  readonly establish: (state: SessionState | null) => void;
  /** What an answer says, to a request that was sent at `version`. */
  readonly observe: (state: SessionState, version: number) => void;
}

/**
 * @param ask Reads the user and calls `observe`; resolves to the seconds after which to ask again, if any.
 */
export function createStore(initial: SessionState, ask: () => Promise<number | undefined>): Store {
  const listeners = new Set<(state: SessionState) => void>();
  let state = initial;
  let version = 0;
  let askedAt = initial === UNKNOWN ? 0 : Date.now();
  let asking: Promise<SessionState> | undefined;
  let isWatching = false;
  /** Another tab has changed something, and nothing has been read since. */
  let isOutdated = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const get = () => state;

  function set(next: SessionState): void {
    if (JSON.stringify(next) === JSON.stringify(state)) return;
    state = next;
    for (const listener of [...listeners]) tell(listener);
  }

  /** What a listener throws is an error of the page, and concerns neither the others nor who changed the state. */
  function tell(listener: (state: SessionState) => void): void {
    try {
      listener(state);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  function load(): Promise<SessionState> {
    askedAt = Date.now();
    clearTimeout(timer);
    timer = undefined;
    asking ??= question();
    return asking;
  }

  function question(): Promise<SessionState> {
    const own = ask().then((seconds) => {
      if (asking === own) asking = undefined;
      if (isOpen()) again(seconds);
      else failures = 0;
      return state;
    });
    return own;
  }

  /** Whether the service is to be asked until it answers. */
  function isOpen(): boolean {
    return isOutdated || (state.status === "unknown" && listeners.size > 0);
  }

  function again(wish?: number): void {
    if (timer !== undefined) return;
    const seconds = wish ?? Math.min(AGAIN_SECONDS * 2 ** failures++, MAX_AGAIN_SECONDS);
    timer = setTimeout(() => {
      timer = undefined;
      if (isOpen()) loadInFront();
    }, seconds * 1000);
  }

  /** Asks; a tab in the background does so when it comes to the front. */
  function loadInFront(): void {
    watch();
    if (typeof document === "undefined" || document.visibilityState !== "hidden") void load();
  }

  /**
   * A tab that comes to the front asks, and only then: a hundred tabs in the background do not, whatever wakes them.
   * A page that was frozen, or kept for the button "back", has not heard what other tabs have said meanwhile.
   */
  function wake(event: Event): void {
    if (event.type === "resume" || (event as PageTransitionEvent).persisted) askedAt = 0;
    const isOld = Date.now() - askedAt > FRESH_MS && listeners.size > 0;
    if (isOld || isOpen()) loadInFront();
  }

  function watch(): void {
    if (isWatching || typeof document === "undefined") return;
    isWatching = true;
    for (const event of ["visibilitychange", "resume"]) document.addEventListener(event, wake);
    for (const event of ["pageshow", "online"]) addEventListener(event, wake);
  }

  function subscribe(listener: (state: SessionState) => void): () => void {
    // Each subscription is one of its own, even of a listener that is there already.
    const own = (state: SessionState) => listener(state);
    listeners.add(own);
    own(state);
    if (typeof document !== "undefined") {
      watch();
      if (state.status === "unknown" && timer === undefined) loadInFront();
    }
    return () => void listeners.delete(own);
  }

  return {
    get,
    subscribe,
    load,
    userId: () => (isOutdated ? undefined : state.user?.id),
    version: () => version,
    establish(next) {
      version += 1;
      isOutdated = !next;
      // An answer to what has been asked before is too old.
      if (!next || next === UNKNOWN) asking = undefined;
      if (next) set(next);
      else loadInFront();
      if (next === UNKNOWN && isOpen()) again();
    },
    observe(next, at) {
      if (at !== version) return;
      isOutdated = false;
      set(next);
    },
  };
}
