/** The client: every operation of the contract as a function, and what some of them do to the session. */
import { type Code, OPERATIONS, type Operations, type UserAuth } from "./contract.js";
import { LatchkeyError, type NoAnswer, type Problem, anotherUser, isRefusal, problemOf } from "./problem.js";
import { type Send, createRequests } from "./requests.js";
import { SIGNED_OUT, type SessionState, type SessionStore, UNKNOWN, createStore, signedIn } from "./session.js";
import { createTabs } from "./tabs.js";
import { createTurn } from "./turns.js";

/** Longer than the service takes for any request. */
const TIMEOUT_MS = 20_000;

type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>;
type Name = keyof Operations;
type Settings = { signal?: AbortSignal };
type Arguments<Input> =
  Record<never, never> extends Input ? [input?: Input, settings?: Settings] : [input: Input, settings?: Settings];

/** What an operation resolves to; it never rejects. */
export type Result<Data, C extends Code> =
  | { readonly data: Data; readonly problem?: undefined }
  | { readonly data?: undefined; readonly problem: Problem<C | NoAnswer> };

/** One operation: its fields, and parameters of path and query, are one object. */
export type Operation<N extends Name> = (
  ...args: Arguments<Operations[N]["input"]>
) => Promise<Result<Operations[N]["output"], Operations[N]["codes"]>>;

export type Client = { readonly [N in Name]: Operation<N> } & {
  /** Who is signed in, as a store. */
  readonly session: SessionStore;
  /**
   * `fetch` for your own endpoints that the access cookie opens: on a 401 it refreshes once, in one tab, and repeats.
   * If another user has signed in meanwhile, it does not repeat, and returns the first 401.
   * `input` is an address, and a body is one that can be sent twice: no stream.
   */
  readonly fetch: Fetch;
};

export interface Options {
  /** Where the service is, such as `https://auth.example.org`. By default the page's own host. */
  readonly url?: string;
  /** The user for whom a server has rendered the page, or null for nobody: the first state, so that nothing is asked. */
  readonly user?: UserAuth | null;
  /** By default the global `fetch`. */
  readonly fetch?: Fetch;
}

/** A client. A page needs one; on a server, make none that several visitors share. */
export function createClient({ url = "", user, fetch = globalThis.fetch.bind(globalThis) }: Options = {}): Client {
  const base = url.replace(/\/$/, "");
  const name = `latchkey ${base}`;

  /** Sends an operation: what its path does not take is the query of a GET or DELETE, and the body of others. */
  const sender =
    (operation: Name, input: object = {}, { signal }: Settings = {}): Send =>
    (timeoutMs = TIMEOUT_MS) => {
      const [method = "", route = ""] = OPERATIONS[operation].split(" ");
      const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
      let path = route.replace(/\{(\w+)\}/g, (_, key: string) => {
        const value = String(rest.get(key));
        rest.delete(key);
        return encodeURIComponent(value);
      });
      const init: RequestInit = {
        method,
        // The key set is for every origin, and so for none with cookies.
        credentials: route.startsWith("/api/") ? "include" : "omit",
        signal: signal ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) : AbortSignal.timeout(timeoutMs),
      };
      if (rest.size > 0 && /GET|DELETE/.test(method)) path += `?${new URLSearchParams(Object.fromEntries(rest))}`;
      else if (rest.size > 0) {
        init.body = JSON.stringify(Object.fromEntries(rest));
        init.headers = { "Content-Type": "application/json" };
      }
      return fetch(base + path, init);
    };

  const turn = createTurn(name);
  const store = createStore(user === undefined ? UNKNOWN : user ? signedIn(user) : SIGNED_OUT, async () => {
    const { problem } = await operate("profile");
    return problem?.retryAfter;
  });
  const tell = createTabs(name, store.establish);
  const { guarded, inTurn, refresh, sameUser } = createRequests({
    turn,
    sendRefresh: sender("refreshAccessToken"),
    isSignedIn: () => store.get().status === "signed_in",
    userId: store.userId,
    refused: () => {
      // Other tabs know it from the one that found out first. Without a channel each would ask, and tell in its turn.
      if (store.get().status === "signed_out") store.establish(SIGNED_OUT);
      else become(SIGNED_OUT);
    },
  });

  /** Establishes a state here and in the other tabs. In the tab's turn alone, so that all of them hear of it in order. */
  function become(state: SessionState): void {
    store.establish(state);
    tell(state);
  }

  /** Reads who is signed in, in the tab's turn. */
  async function look(): Promise<void> {
    const version = store.version();
    const read = async () => {
      const answer = await inTurn(sender("profile"));
      return answer.ok ? answer.json() : null;
    };
    const user: UserAuth | null = await read().catch(() => null);
    if (user) return become(signedIn(user));
    // A refresh has been refused: that says who is signed in.
    if (store.version() !== version) return;
    // Another user may be signed in now, so what was known no longer holds. The store asks until there is an answer.
    store.establish(UNKNOWN);
    tell(null);
  }

  /** What changes the session takes its turn, and this is what follows its success. */
  const effects: Partial<Record<Name, (data: never) => void | Promise<void>>> = {
    login: look,
    endSession: look,
    endSessions: look,
    confirmEmail: look,
    confirmLogin: look,
    recoveryReset: look,
    recoveryUndoEmail: look,
    recoveryDisownLogin: look,
    logout: () => become(SIGNED_OUT),
    updatePwd: () => become(SIGNED_OUT),
    updateProfile: (data: UserAuth) => become(signedIn(data)),
    refreshAccessToken: () => {},
  };

  async function operate(operation: Name, input?: object, settings?: Settings) {
    const send = sender(operation, input, settings);
    const effect = effects[operation];
    const version = store.version();
    const isSameUser = sameUser();
    const settle = async (answer: Response) => {
      const problem = answer.ok ? undefined : await problemOf(answer);
      // A log-out that finds no session is done.
      if (problem && !(operation === "logout" && isRefusal(problem))) return { problem };
      const data = answer.status === 200 || answer.status === 201 ? await answer.json() : undefined;
      await effect?.(data as never);
      if (operation === "profile") store.observe(signedIn(data), version);
      if (operation === "identity") store.observe(signedIn(data.user), version);
      return { data };
    };
    try {
      if (!effect) return await settle(await guarded(send));
      const inOwnWay = { logout: send, refreshAccessToken: refresh }[operation as string] ?? (() => inTurn(send));
      return await turn(async () =>
        isSameUser() || !/^update|^endSession/.test(operation) ? settle(await inOwnWay()) : { problem: anotherUser() },
      );
    } catch (cause) {
      return { problem: new LatchkeyError(undefined, {}, cause) };
    }
  }

  const operations = (Object.keys(OPERATIONS) as Name[]).map((operation) => [
    operation,
    (input?: object, settings?: Settings) => operate(operation, input, settings),
  ]);
  const { get, subscribe, load } = store;
  return {
    ...Object.fromEntries(operations),
    session: { get, subscribe, load },
    fetch: (input, init) => guarded(() => fetch(input, { credentials: "include", ...init })),
  };
}
