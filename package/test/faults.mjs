/**
 * Faults of the platform, as wrappers around its bindings, and a
 * clock that tests set. Runs inside the Worker's isolate, below a test-only
 * entry; the artefact stays as it is.
 *
 * A fault:
 *
 *     {on: "d1", how: "fail-after", sql: "UPDATE sessions", nth: 1, times: 1}
 *
 * - `on`: "d1" (any call) or "d1.batch", "d1.first", "d1.run", "d1.all",
 *   "d1.raw"; "kv.get", "kv.put", "kv.delete"; "limiter"
 * - `how`: "fail" (before anything happens), "fail-after" (it happens, the
 *   answer is lost), "hang" (nothing happens for `hangMs`, then it fails),
 *   "refuse" (a limiter that lets nothing pass), "garble" (D1 does it, and
 *   returns rows that are none)
 * - `sql`, `key`: regular expressions that the statement or the key matches
 * - `nth`: the first matching call that is hit (1 by default); `times`: how
 *   many in a row (all by default)
 * - `message`: the error's text
 */

/**
 * @import { D1Database, D1PreparedStatement, KVNamespace } from "@cloudflare/workers-types/experimental"
 *
 * @typedef {[sql: string, ...values: unknown[]]} Statement
 *
 * @typedef {{ find: string, replace: string }} Rewrite
 *
 * @typedef {object} Fault
 * @property {string} on
 * @property {string} how
 * @property {string} [sql]
 * @property {string} [key]
 * @property {number} [nth]
 * @property {number} [times]
 * @property {string} [message]
 * @property {number} [hangMs]
 * @property {number} [seen] Matching calls so far.
 *
 * @typedef {object} Control
 * @property {Record<string, string | null>} texts
 * @property {number | null} nowMs
 * @property {number} clockOffsetMs
 * @property {number} d1DelayBeforeMs
 * @property {number} d1DelayMs
 * @property {number} kvStaleMs
 * @property {boolean} dropWaitUntil
 * @property {Rewrite[]} rewrites
 * @property {{ sql: string, check: string, values: number[], rewrites: Rewrite[] } | null} readThenWrite
 * @property {Fault[]} faults
 *
 * @typedef {object} Counters
 * @property {number} requests
 * @property {number} d1
 * @property {number} d1Statements
 * @property {number} kvGet
 * @property {number} kvPut
 * @property {number} kvDelete
 * @property {number} limiter
 * @property {number} waitUntil
 * @property {number} pending
 * @property {string[]} calls
 *
 * @typedef {object} Work The state of one request.
 * @property {boolean} backgroundStarted
 * @property {boolean} answered
 * @property {boolean} [entering]
 * @property {Promise<unknown>[]} [handed]
 *
 * @typedef {object} Context
 * @property {() => void} passThroughOnException
 * @property {(promise: Promise<unknown>) => void} waitUntil
 *
 * @typedef {{ prepared: D1PreparedStatement, sql: string, values: unknown[] }} Sent
 *
 * @typedef {any} Binding Of `env`, identified by the name of its constructor.
 */

/**
 * No disturbance.
 *
 * @returns {Control}
 */
export const newControl = () => ({
  /** Vars and secrets in place of those of `env`; a null takes one away. */
  texts: {},
  /** A clock that is stopped at this time, in milliseconds; null: the real one. */
  nowMs: null,
  /** Added to the clock. */
  clockOffsetMs: 0,
  /** Waited before and after each D1 call. */
  d1DelayBeforeMs: 0,
  d1DelayMs: 0,
  /** KV reads here, misses too, are repeated for this long, as in a distant point of presence. */
  kvStaleMs: 0,
  /** Drops everything after `waitUntil` or the answer. */
  dropWaitUntil: false,
  /** SQL changed on its way, for broken variants: `{find: "regular expression", replace: "…"}`. */
  rewrites: [],
  /** A call made racy, see {@link racy}; null: none. */
  readThenWrite: null,
  faults: [],
});

/**
 * `pending`: background work that is still going on, which a reset cannot undo.
 *
 * @param {number} [pending]
 * @returns {Counters}
 */
export const newCounters = (pending = 0) => ({
  requests: 0,
  /** Round trips; a batch is one. */
  d1: 0,
  d1Statements: 0,
  kvGet: 0,
  kvPut: 0,
  kvDelete: 0,
  limiter: 0,
  waitUntil: 0,
  pending,
  /** The calls in order, such as "d1.batch: UPDATE … ; SELECT …" or "kv.get: user:…". */
  calls: [],
});

export const control = newControl();
export const counters = newCounters();

const MAX_CALLS = 10_000;
const HANG_MS = 60_000;
/** @type {Record<string, string>} */
const MESSAGES = {
  d1: "D1_ERROR: Network connection lost.",
  kv: "KV request failed: 500 Internal Server Error",
  limiter: "Rate limiter is not available.",
};

const RealDate = Date;
const realNow = Date.now;
/** @type {Promise<never>} */
const NEVER = new Promise(() => {});

export function now() {
  return (control.nowMs ?? realNow()) + control.clockOffsetMs;
}

/** From now on `new Date()` and `Date.now()` follow the clock of `control`. */
export function installClock() {
  globalThis.Date = /** @type {DateConstructor} */ (
    /** @type {unknown} */ (
      // biome-ignore lint/suspicious/noShadowRestrictedNames: it replaces the real one, name included.
      class Date extends RealDate {
        /** @param {any[]} args */
        constructor(...args) {
          super(.../** @type {[number]} */ (args.length === 0 ? [now()] : args));
        }

        static now() {
          return now();
        }
      }
    )
  );
}

/**
 * Merges settings into `control` and returns them all. `reset` forgets settings and counts first.
 *
 * @param {Partial<Control> & { reset?: boolean, resetCounters?: boolean }} settings
 */
export function steer({ reset, resetCounters, ...settings }) {
  if (reset) {
    Object.assign(control, newControl());
    kvSeen.clear();
  }
  if (reset || resetCounters) Object.assign(counters, newCounters(counters.pending));
  Object.assign(control, settings);
  return control;
}

/**
 * The bindings, wrapped; `work` is the state of one request.
 *
 * @template {object} E
 * @param {E} env
 * @param {Work} work
 */
export function wrapEnv(env, work) {
  const wrapped = new Map();
  return new Proxy(env, {
    get(target, name) {
      if (Object.hasOwn(control.texts, name)) return control.texts[String(name)] ?? undefined;
      if (!wrapped.has(name)) wrapped.set(name, wrapBinding(Reflect.get(target, name), work));
      return wrapped.get(name);
    },
  });
}

/**
 * The bindings, whose limiters let everything pass and count nothing.
 *
 * @template {object} E
 * @param {E} env
 */
export function unlimited(env) {
  return new Proxy(env, {
    get(target, name) {
      const binding = Reflect.get(target, name);
      if (binding?.constructor?.name !== "Ratelimit") return binding;
      return intercept(binding, { limit: async () => ({ success: true }) });
    },
  });
}

/**
 * The execution context; a plain object is enough for the Worker.
 *
 * @param {Context} ctx
 * @param {Work} work
 * @returns {Context}
 */
export function wrapContext(ctx, work) {
  return {
    passThroughOnException: () => ctx.passThroughOnException(),
    waitUntil(promise) {
      if (work.entering) work.handed?.push(promise);
      else runInBackground(ctx, promise, work);
    },
  };
}

/**
 * Calls the Worker. The last promise that it hands to `waitUntil` before it
 * returns its own is that of the answer: no work in the background, but the
 * wish to be finished when the client has left.
 *
 * @template T
 * @param {Context} ctx
 * @param {Work} work
 * @param {() => T} call
 */
export function enter(ctx, work, call) {
  work.entering = true;
  work.handed = [];
  const answer = call();
  work.entering = false;
  const own = work.handed.pop();
  if (own) ctx.waitUntil(own);
  for (const promise of work.handed) runInBackground(ctx, promise, work);
  return answer;
}

/**
 * @param {Context} ctx
 * @param {Promise<unknown>} promise
 * @param {Work} work
 */
function runInBackground(ctx, promise, work) {
  counters.waitUntil += 1;
  work.backgroundStarted = true;
  if (control.dropWaitUntil) return;
  counters.pending += 1;
  const done = () => (counters.pending -= 1);
  ctx.waitUntil(promise.then(done, done));
}

/**
 * @param {Binding} binding
 * @param {Work} work
 * @returns {Binding}
 */
function wrapBinding(binding, work) {
  switch (binding?.constructor?.name) {
    case "D1Database":
      return wrapDatabase(binding, work);
    case "KvNamespace":
      return wrapKv(binding, work);
    case "Ratelimit":
      return intercept(binding, {
        limit: (options) => {
          counters.limiter += 1;
          return call("limiter", options?.key ?? "", work, () => binding.limit(options));
        },
      });
    default:
      return binding;
  }
}

/**
 * workers-rs looks at the constructor's name, so the target stays the real thing.
 *
 * @template {object} T
 * @param {T} target
 * @param {{ [name: string]: (...args: any[]) => any }} methods
 * @returns {T}
 */
export function intercept(target, methods) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[String(name)];
      const value = Reflect.get(target, name);
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

/**
 * @param {D1Database} db
 * @param {Work} work
 * @returns {D1Database}
 */
function wrapDatabase(db, work) {
  /**
   * The statement that `batch` must receive, for the Worker's own.
   *
   * @type {WeakMap<object, Sent>}
   */
  const real = new WeakMap();

  /**
   * @param {D1PreparedStatement} prepared
   * @param {string} sql
   * @param {unknown[]} values
   * @returns {D1PreparedStatement}
   */
  const statement = (prepared, sql, values = []) => {
    const execute =
      (/** @type {"first" | "all" | "raw"} */ method) =>
      (/** @type {any[]} */ ...args) =>
        d1(method, [sql], work, () => /** @type {any} */ (prepared)[method](...args));
    const wrapped = intercept(prepared, {
      bind: (...args) => statement(prepared.bind(...args), sql, args),
      first: execute("first"),
      run: () => d1("run", [sql], work, async () => (await racy(db, [{ prepared, sql, values }]))[0].run()),
      all: execute("all"),
      raw: execute("raw"),
    });
    real.set(wrapped, { prepared, sql, values });
    return wrapped;
  };

  return intercept(db, {
    prepare: (sql) => {
      const text = rewrite(sql, control.rewrites);
      return statement(db.prepare(text), text);
    },
    batch: (wrapped) => {
      /** @type {Sent[]} */
      const statements = wrapped.map((/** @type {object} */ one) => real.get(one));
      return d1(
        "batch",
        statements.map(({ sql }) => sql),
        work,
        async () => db.batch(await racy(db, statements)),
      );
    },
    exec: (sql) => d1("exec", [sql], work, () => db.exec(sql)),
    withSession: () => {
      throw new Error("The Worker must not use replicas: withSession is not wrapped.");
    },
  });
}

/**
 * @param {string} sql
 * @param {Rewrite[]} rewrites
 */
function rewrite(sql, rewrites) {
  return rewrites.reduce((text, { find, replace }) => text.replace(new RegExp(find, "g"), replace), sql);
}

/**
 * The classic mistake, for the call whose first statement matches `sql`: the
 * condition (`check`, with the first statement's values number `values`) is
 * read first, and what it allows is then written without it (`rewrites`).
 *
 * @param {D1Database} db
 * @param {Sent[]} statements
 */
async function racy(db, statements) {
  const variant = control.readThenWrite;
  if (variant && new RegExp(variant.sql).test(statements[0].sql)) {
    const values = variant.values.map((number) => statements[0].values[number - 1]);
    const allowed = await db
      .prepare(variant.check)
      .bind(...values)
      .first();
    await sleep(control.d1DelayMs);
    if (allowed) {
      return statements.map(({ sql, values }) => db.prepare(rewrite(sql, variant.rewrites)).bind(...values));
    }
  }
  return statements.map(({ prepared }) => prepared);
}

/**
 * @template T
 * @param {string} method
 * @param {string[]} texts
 * @param {Work} work
 * @param {() => Promise<T>} action
 */
async function d1(method, texts, work, action) {
  counters.d1 += 1;
  counters.d1Statements += texts.length;
  const sql = texts.map((text) => text.replace(/\s+/g, " ").trim()).join("; ");
  await sleep(control.d1DelayBeforeMs);
  const result = await call(`d1.${method}`, sql, work, action);
  await sleep(control.d1DelayMs);
  return result;
}

/**
 * What this point of presence has read, hits and misses: `{at, value}`.
 *
 * @type {Map<string, { at: number, value: unknown }>}
 */
export const kvSeen = new Map();

/**
 * @param {KVNamespace} kv
 * @param {Work} work
 * @returns {KVNamespace}
 */
function wrapKv(kv, work) {
  const write =
    (/** @type {"put" | "delete"} */ method, /** @type {"kvPut" | "kvDelete"} */ counter) =>
    (/** @type {string} */ key, /** @type {any[]} */ ...rest) => {
      counters[counter] += 1;
      if (control.dropWaitUntil && work.backgroundStarted) return NEVER;
      return call(`kv.${method}`, key, work, async () => {
        const result = await /** @type {any} */ (kv)[method](key, ...rest);
        // Where a write was made, it is seen at once.
        for (const seen of kvSeen.keys()) if (seen.startsWith(`${key}\n`)) kvSeen.delete(seen);
        return result;
      });
    };
  const read =
    (/** @type {"get" | "getWithMetadata"} */ method) =>
    (/** @type {string} */ key, /** @type {any[]} */ ...rest) => {
      counters.kvGet += 1;
      return call(`kv.get`, key, work, async () => {
        const name = `${key}\n${method}${JSON.stringify(rest)}`;
        const seen = kvSeen.get(name);
        const age = seen ? now() - seen.at : Number.POSITIVE_INFINITY;
        if (seen && age >= 0 && age < control.kvStaleMs) return seen.value;
        const value = await /** @type {any} */ (kv)[method](key, ...rest);
        if (!(value instanceof ReadableStream)) kvSeen.set(name, { at: now(), value });
        return value;
      });
    };
  return intercept(kv, {
    get: read("get"),
    getWithMetadata: read("getWithMetadata"),
    put: write("put", "kvPut"),
    delete: write("delete", "kvDelete"),
  });
}

/**
 * Records a call, and applies `control.faults` to it.
 *
 * @template T
 * @param {string} name
 * @param {string} detail
 * @param {Work} work
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
async function call(name, detail, work, action) {
  if (counters.calls.length < MAX_CALLS) counters.calls.push(`${name}: ${detail}`);
  // A lost background task: the platform has stopped it.
  if (control.dropWaitUntil && work.answered) return NEVER;

  const fault = control.faults.find((fault) => hits(fault, name, detail));
  if (!fault) return action();
  if (fault.how === "garble") return garbled(await action());
  if (fault.how === "refuse") return /** @type {any} */ ({ success: false });
  const message = fault.message ?? MESSAGES[name.split(".")[0]];
  // D1 puts the text without its prefix into the cause.
  const error = new Error(message, { cause: new Error(message.replace("D1_ERROR: ", "")) });
  if (fault.how === "fail-after") await action();
  else if (fault.how === "hang") await sleep(fault.hangMs ?? HANG_MS);
  else if (fault.how !== "fail") throw new Error(`Unknown fault: ${fault.how}`);
  throw error;
}

/**
 * What D1 returned, with a row that is no object in each result.
 *
 * @template T
 * @param {T} returned
 * @returns {T}
 */
function garbled(returned) {
  const one = (/** @type {any} */ result) => ({ ...result, results: [0] });
  return /** @type {any} */ (Array.isArray(returned) ? returned.map(one) : one(returned));
}

/**
 * Counts the matching calls on the fault itself.
 *
 * @param {Fault} fault
 * @param {string} name
 * @param {string} detail
 */
function hits(fault, name, detail) {
  if (fault.on !== name && fault.on !== name.split(".")[0]) return false;
  const pattern = fault.sql ?? fault.key;
  if (pattern && !new RegExp(pattern).test(detail)) return false;
  fault.seen = (fault.seen ?? 0) + 1;
  const first = fault.nth ?? 1;
  return fault.seen >= first && fault.seen < first + (fault.times ?? Number.POSITIVE_INFINITY);
}

/** @param {number} ms */
function sleep(ms) {
  return ms > 0 ? new Promise((done) => setTimeout(done, ms)) : undefined;
}
