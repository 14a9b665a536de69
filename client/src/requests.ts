/**
 * Requests that refresh on the way. On a 401 that a refresh may help, one tab
 * refreshes once, for all requests of all tabs that wait, and they are repeated.
 *
 * Nothing but a 401 of the refresh itself means that the user is signed out.
 */
import { isLapsed, isRefusal, problemOf, retryAfterOf } from "./problem.js";
import { type Turn, sleep } from "./turns.js";

/** Sends one request; each call sends it again. Gives up after `timeoutMs`. */
export type Send = (timeoutMs?: number) => Promise<Response>;

/**
 * Pauses before a refresh is repeated whose answer was lost, or that has failed: it may have taken effect. Repeated
 * within the grace (10 s) it returns the same tokens; after the grace the session would end.
 */
const PAUSES_MS = [200, 800, 2_000];
/** How long each of these answers is waited for. */
const TRY_MS = 2_000;
/** No repetition is sent later than this after the first refresh. */
const LAST_MS = 9_500;
/** How long the request that has taken a turn keeps it, when it gets no answer. An app may hold one open for ever. */
const HOLD_MS = 2_000;
/** A service that asks for a longer pause than this is not asked again in the same turn. */
const PATIENCE_SECONDS = 2;

/** What a turn has brought: why there is no new access token, if there is none. */
interface Recovery {
  readonly refusal?: Response;
  /** There was no answer. */
  readonly failure?: unknown;
}

export interface Requests {
  /** Sends; when the access cookie has lapsed, refreshes and repeats. */
  readonly guarded: (send: Send) => Promise<Response>;
  /** The same for a caller that has its turn already. */
  readonly inTurn: (send: Send) => Promise<Response>;
  /** Returns what says later whether the user is still the one of now, where one is known. */
  readonly sameUser: () => () => boolean;
  /** Refreshes, for a caller that has its turn, and returns the service's answer. */
  readonly refresh: () => Promise<Response>;
}

export interface Surroundings {
  /** Turns among all tabs. */
  readonly turn: Turn;
  /** Sends one refresh. */
  readonly sendRefresh: Send;
  /** Whether a user is signed in, as far as this tab knows: then a refresh of another tab is likely to help. */
  readonly isSignedIn: () => boolean;
  /** The user's id, as far as this tab knows. A request of one user is never repeated as another. */
  readonly userId: () => string | undefined;
  /** Called in the turn when a refresh is refused with a 401, before the requests that wait are answered. */
  readonly refused: () => void;
}

export function createRequests({ turn, sendRefresh, isSignedIn, userId, refused }: Surroundings): Requests {
  /** How many refreshes this tab has made. */
  let refreshes = 0;
  let recovering: Promise<Recovery | undefined> | undefined;
  let pausedUntil = 0;
  let pausedBy: Response | undefined;

  async function refresh(): Promise<Response> {
    if (pausedBy && Date.now() < pausedUntil) return pausedBy.clone();
    const answer = await persistently(sendRefresh);
    if (answer.ok) refreshes += 1;
    else if (isRefusal(await problemOf(answer.clone()))) refused();
    else {
      pausedUntil = Date.now() + (retryAfterOf(answer) ?? 0) * 1000;
      pausedBy = answer.clone();
    }
    return answer;
  }

  async function recover(): Promise<Recovery> {
    try {
      const answer = await refresh();
      return answer.ok ? {} : { refusal: answer };
    } catch (failure) {
      return { failure };
    }
  }

  async function guarded(send: Send): Promise<Response> {
    const known = refreshes;
    const isSameUser = sameUser();
    const answer = await send();
    if (!(await isLapsed(answer))) return answer;
    const repeat = () => (isSameUser() ? send() : answer);
    if (known !== refreshes) return repeat();
    const isFirst = !recovering;
    let own: Promise<Response> | undefined;
    recovering ??= turn(async (hasWaited) => {
      // Another tab may have refreshed meanwhile, so it refreshes only if the request is refused once more.
      if (hasWaited || isSignedIn()) {
        if (!isSameUser()) return undefined;
        own = send();
        const early = await Promise.race([own, sleep(HOLD_MS)]);
        if (early && !(await isLapsed(early))) return {};
      }
      return recover();
    }).finally(() => {
      recovering = undefined;
    });
    // When the first request is given up, by its caller or because the user is another, one that waits takes its place.
    const recovery = await recovering.catch((error) => {
      if (isFirst) throw error;
    });
    const repeated = await own;
    if (repeated && !(await isLapsed(repeated))) return repeated;
    if (!recovery) return isSameUser() ? guarded(send) : answer;
    const { refusal, failure } = recovery;
    if (failure) throw failure;
    if (refusal) return refusal.status === 401 ? answer : refusal.clone();
    return repeat();
  }

  async function inTurn(send: Send): Promise<Response> {
    const answer = await send();
    if (!(await isLapsed(answer))) return answer;
    const { refusal, failure } = await recover();
    if (failure) throw failure;
    return refusal ?? send();
  }

  function sameUser(): () => boolean {
    const user = userId();
    return () => user === undefined || user === userId();
  }

  return { guarded, inTurn, refresh, sameUser };
}

/** Sends until there is an answer that says what has happened, a few times, and all of them within the grace. */
async function persistently(send: Send): Promise<Response> {
  const end = Date.now() + LAST_MS;
  for (const shortestMs of PAUSES_MS) {
    let failure: unknown;
    const answer = await send(TRY_MS).catch((cause) => {
      failure = cause;
    });
    const seconds = (answer && retryAfterOf(answer)) ?? 0;
    if (answer && (answer.status < 500 || seconds > PATIENCE_SECONDS)) return answer;
    const pauseMs = Math.max(shortestMs, seconds * 1000);
    if (Date.now() + pauseMs > end) {
      if (answer) return answer;
      throw failure;
    }
    await sleep(pauseMs);
  }
  return send();
}
