/** Types of `latchkey/test`: a fixture for the tests of apps that use Latchkey. */
import type { TestHarnessOptions } from "wrangler";

/** A Worker as wrangler's test harness takes it: `{ configPath, env?, vars?, secrets?, … }` or `{ config }`. */
export type App = TestHarnessOptions["workers"][number];

export interface RateLimit {
  limit: number;
  /** Seconds: 10 or 60. */
  period: number;
}

export interface Options {
  /**
   * The app: the path of its wrangler configuration, or a Worker as wrangler's test harness takes it; several in a
   * list. The first one answers what no route takes. Without an app Latchkey runs alone.
   */
  app?: string | URL | App | (string | URL | App)[] | null;
  /** Where relative paths begin. The working directory unless given. */
  root?: string;
  /** What the app's service binding calls Latchkey: "latchkey" unless given. */
  name?: string;
  /** Latchkey's vars and secrets (docs/settings.md), such as `{ UPSTREAMS: "orders" }`. `JWT_KEYS` is fresh unless given. */
  settings?: Record<string, string | number | boolean | null>;
  /** Rate limits by binding, such as `{ LOGIN_LIMITER: { limit: 10, period: 60 } }`. None is ever reached unless given. */
  limits?: Record<string, RateLimit>;
  /** A second point of presence: another isolate on the same database and KV namespace. */
  elsewhere?: boolean;
}

/** Which points of presence: both, unless given. */
export type Where = "here" | "elsewhere" | "everywhere" | undefined;

export interface SignInOptions {
  /** A new address unless given. An address that is registered signs in on one more device. */
  email?: string;
  password?: string;
  name?: string | null;
  /** The slug of a role, which is made if there is none. */
  role?: string;
  superuser?: boolean;
  userAgent?: string;
  /** The point of presence that logs the user in. */
  at?: "here" | "elsewhere";
}

export interface User {
  id: string;
  name: string | null;
  email: string;
  isActive: boolean;
  isSuperuser: boolean;
  roleSlug: string;
}

export interface SignedIn {
  /** The header `Cookie` of a browser that has logged in. */
  cookie: string;
  user: User;
  session: { id: string };
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
}

export interface LogLine {
  timestamp: number;
  level: string;
  message: string;
  /** The message as an object, where it is one: `entry.event`, `entry["user.id"]` and so on. */
  entry?: Record<string, unknown> & { event?: string };
}

/** What an isolate has done since it started, or since `resetCounters()`. */
export interface Counters {
  requests: number;
  /** Round trips to D1; a batch is one. */
  d1: number;
  d1Statements: number;
  kvGet: number;
  kvPut: number;
  kvDelete: number;
  limiter: number;
  waitUntil: number;
  pending: number;
  calls: string[];
}

export interface PointOfPresence {
  /** A request to Latchkey itself. A path is relative to `ISSUER`. Redirects are not followed. */
  fetch(path: string | URL, init?: RequestInit): Promise<Response>;
  counters(): Promise<Counters>;
  resetCounters(): Promise<void>;
}

export interface Latchkey extends AsyncDisposable {
  /** Where the app, and under `/api/account/` and `/api/recovery/` Latchkey, can be reached, for a browser or another program. */
  readonly url: URL;
  /** `iss` of every token. */
  readonly issuer: string;
  /** A request to the app, or to Latchkey where its paths are meant. Redirects are not followed. */
  fetch(path: string | URL, init?: RequestInit): Promise<Response>;
  /** Latchkey, as the app reaches it. */
  readonly auth: PointOfPresence;
  /** Latchkey in the second point of presence, with `elsewhere: true`. */
  readonly elsewhere: PointOfPresence;
  /** Registers a user, unless there is one, and logs in. Faults and rate limits do not matter to it, and it uses none up. */
  signIn(options?: SignInOptions): Promise<SignedIn>;
  /** Latchkey's clock. The app's own stays as it is, and so do the lifetimes of KV entries and the limiters' periods. */
  readonly clock: {
    now(): Date;
    advance(seconds: number): Promise<void>;
    set(time: Date | string | number): Promise<void>;
    reset(): Promise<void>;
  };
  readonly faults: {
    /** Every call of D1 fails. */
    d1Down(where?: Where): Promise<void>;
    /** Every call of KV fails. */
    kvDown(where?: Where): Promise<void>;
    /** KV repeats what it has answered here, misses included, for so many seconds; 0 ends that. */
    kvStale(seconds: number, where?: Where): Promise<void>;
    /** Every rate limiter refuses. */
    limiterClosed(where?: Where): Promise<void>;
    /** Ends all faults. */
    clear(): Promise<void>;
  };
  /** The rows of one statement in Latchkey's database, past every fault. */
  sql<T = Record<string, unknown>>(query: string, ...values: unknown[]): Promise<T[]>;
  /** What app and Latchkey have logged since the start, or since `clearLogs()`. */
  readonly logs: LogLine[];
  clearLogs(): void;
  /** Waits for a log line with this event, or that the function accepts: the first since `clearLogs()`. */
  logged(wanted: string | ((line: LogLine) => boolean), options?: { timeoutMs?: number }): Promise<Required<LogLine>>;
  /** Waits until Latchkey's background work is done, such as what a log-out writes to KV. */
  settled(): Promise<void>;
  /** No faults, the real time, no log lines. Users and sessions stay. */
  reset(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts the app and Latchkey together, migrations applied. */
export function startLatchkey(options?: Options): Promise<Latchkey>;

/** What a browser sends after these answers, in their order. A text is a `Cookie` header that it sent before. */
export function cookieHeader(...sources: (string | { headers: { getSetCookie(): string[] } })[]): string;

/** A set of one signing key, as `JWT_KEYS` has it. */
export function makeKeys(): string;
