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
/** How long each of these answers is waited for, so that all of the repetitions are within the grace. */
const TRY_MS = 2_000;
/** A service that asks for a longer pause than this is not asked again in the same turn. */
const PATIENCE_SECONDS = 2;

/** What a turn has brought: the answer to the request that took it, or why there is no new access token. */
interface Recovery {
  readonly own?: Response;
  readonly refusal?: Response;
  /** There was no answer. */
  readonly failure?: unknown;
}

export interface Requests {
  /** Sends; when the access cookie has lapsed, refreshes and repeats. */
  readonly guarded: (send: Send) => Promise<Response>;
  /** The same for a caller that has its turn already. */
  readonly inTurn: (send: Send) => Promise<Response>;
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
  /** Called in the turn when a refresh is refused with a 401, before the requests that wait are answered. */
  readonly refused: () => void;
}

export function createRequests({ turn, sendRefresh, isSignedIn, refused }: Surroundings): Requests {
  /** How many refreshes this tab has made. */
  let refreshes = 0;
  let recovering: Promise<Recovery> | undefined;
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

  /** With `sendsFirst` it refreshes only if the request is refused once more: another tab may have refreshed meanwhile. */
  async function recover(send: Send, sendsFirst: boolean): Promise<Recovery> {
    if (sendsFirst) {
      const own = await send();
      if (!(await isLapsed(own))) return { own };
    }
    try {
      const answer = await refresh();
      return answer.ok ? {} : { refusal: answer };
    } catch (failure) {
      return { failure };
    }
  }

  async function guarded(send: Send): Promise<Response> {
    const known = refreshes;
    const answer = await send();
    if (!(await isLapsed(answer))) return answer;
    if (known !== refreshes) return send();
    const isFirst = !recovering;
    recovering ??= turn((hasWaited) => recover(send, hasWaited || isSignedIn())).finally(() => {
      recovering = undefined;
    });
    // When the first request is given up by its caller, another one takes its place.
    const recovery = await recovering.catch((error) => {
      if (isFirst) throw error;
    });
    if (!recovery) return guarded(send);
    const { own, refusal, failure } = recovery;
    if (failure) throw failure;
    if (refusal) return refusal.status === 401 ? answer : refusal.clone();
    return isFirst && own ? own : send();
  }

  async function inTurn(send: Send): Promise<Response> {
    const { own, refusal, failure } = await recover(send, true);
    if (failure) throw failure;
    return own ?? refusal ?? send();
  }

  return { guarded, inTurn, refresh };
}

/** Sends until there is an answer that says what has happened, a few times. */
async function persistently(send: Send): Promise<Response> {
  for (const pauseMs of PAUSES_MS) {
    const answer = await send(TRY_MS).catch(() => undefined);
    const seconds = (answer && retryAfterOf(answer)) ?? 0;
    if (answer && (answer.status < 500 || seconds > PATIENCE_SECONDS)) return answer;
    await sleep(Math.max(pauseMs, seconds * 1000));
  }
  return send();
}
