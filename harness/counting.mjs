/**
 * A test-only layer between a Worker and its bindings that adds up what each
 * request cost, by the bindings' own figures: D1's `meta.rows_read` and
 * `meta.rows_written`, operations on KV, calls of rate limiters. Runs inside
 * the Worker's isolate; it knows nothing of who is measured.
 *
 *     export default counting(App);
 *
 * `App` is a class (a `WorkerEntrypoint`) or a plain `{ fetch, scheduled }`.
 * Background work is part of what a request costs. `counted` in counted.mjs
 * reads the counters, through paths that the Worker never sees:
 *
 *     POST /__bench/counters    sets them to 0
 *     GET  /__bench/counters    what was counted, what was sent to D1, and how much work is pending
 *     POST /__bench/batches     runs batches of `[sql, ...values]` one after the other, uncounted
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { intercept } from "../package/test/faults.mjs";

/**
 * @import { D1Database, D1PreparedStatement, D1Result, KVNamespace } from "@cloudflare/workers-types/experimental"
 * @import { Binding, Context, Statement } from "../package/test/faults.mjs"
 *
 * @typedef {ReturnType<typeof newCounters>} Counts
 *
 * @typedef {Record<string, Binding>} Env
 *
 * @typedef {{ fetch: Function, scheduled: Function }} Handlers
 *
 * @typedef {(new (ctx: Context, env: Env) => Handlers & { ctx?: Context }) | Handlers} Worker A class, or a plain object.
 *
 * @typedef {{ prepared: D1PreparedStatement, sent: Statement }} Sent
 */

const COUNTERS = "/__bench/counters";
const BATCHES = "/__bench/batches";
/** What is kept of what was sent. */
const MAX_SENT = 100;

const newCounters = () => ({
  /** Waits for the database; a batch is one. */
  roundTrips: 0,
  statements: 0,
  rowsRead: 0,
  rowsWritten: 0,
  /** Time waited for the database, to the millisecond: the mean of many is what counts. */
  d1Ms: 0,
  kvReads: 0,
  kvWrites: 0,
  kvDeletes: 0,
  kvLists: 0,
  limiter: 0,
});

let counters = newCounters();
/**
 * Each round trip's statements, as `[sql, ...values]`.
 *
 * @type {Statement[][]}
 */
let sent = [];
/** Background work that is still going on, which a reset cannot undo. */
let pending = 0;

/** @param {Worker} App */
export function counting(App) {
  return class Counting extends WorkerEntrypoint {
    /** @param {Request} request */
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === BATCHES) return runBatches(this.env.DB, /** @type {Statement[][]} */ (await request.json()));
      if (pathname !== COUNTERS) return app(App, this).fetch(request);
      if (request.method === "POST") [counters, sent] = [newCounters(), []];
      return Response.json({ counts: counters, sent, pending });
    }

    /** @param {unknown} event */
    scheduled(event) {
      return app(App, this).scheduled(event);
    }
  };
}

/**
 * The real Worker, with the benchmark's bindings and context.
 *
 * @param {Worker} App
 * @param {{ env: Env, ctx: Context }} entry
 */
function app(App, { env, ctx }) {
  const [bindings, context] = [countedEnv(env), countedContext(ctx)];
  if (typeof App !== "function") {
    return {
      fetch: (/** @type {Request} */ request) => App.fetch(request, bindings, context),
      scheduled: (/** @type {unknown} */ event) => App.scheduled(event, bindings, context),
    };
  }
  const instance = new App(ctx, bindings);
  instance.ctx = context;
  return instance;
}

/**
 * @param {Context} ctx
 * @returns {Context}
 */
function countedContext(ctx) {
  return {
    passThroughOnException: () => ctx.passThroughOnException(),
    waitUntil(promise) {
      pending += 1;
      const done = () => (pending -= 1);
      ctx.waitUntil(promise.then(done, done));
    },
  };
}

/** @param {Env} env */
function countedEnv(env) {
  const wrapped = new Map();
  return new Proxy(env, {
    get(target, name) {
      if (!wrapped.has(name)) wrapped.set(name, countedBinding(Reflect.get(target, name)));
      return wrapped.get(name);
    },
  });
}

/**
 * @param {Binding} binding
 * @returns {Binding}
 */
function countedBinding(binding) {
  switch (binding?.constructor?.name) {
    case "D1Database":
      return countedDatabase(binding);
    case "KvNamespace":
      return countedKv(binding);
    case "Ratelimit":
      return intercept(binding, { limit: before(() => (counters.limiter += 1), binding, "limit") });
    default:
      return binding;
  }
}

/**
 * @param {D1Database} db
 * @returns {D1Database}
 */
function countedDatabase(db) {
  /**
   * What `batch` must receive and what is recorded, for the Worker's statement.
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
    /** @type {Sent} */
    const one = { prepared, sent: [sql, ...values] };
    const all = async (/** @type {"all" | "run"} */ method) =>
      (await trip([one], async () => [await prepared[method]()]))[0];
    const wrapped = intercept(prepared, {
      bind: (...bound) => statement(prepared.bind(...bound), sql, bound),
      run: () => all("run"),
      all: () => all("all"),
      // `first` has no meta data, so it is built from `all`, as in D1 itself.
      first: async (column) => {
        const row = (await all("all")).results[0] ?? null;
        return row === null || column === undefined ? row : row[column];
      },
      raw: uncounted("raw"),
    });
    real.set(wrapped, one);
    return wrapped;
  };
  return intercept(db, {
    prepare: (sql) => statement(db.prepare(sql), sql),
    batch: (wrapped) => {
      const statements = wrapped.map((/** @type {object} */ one) => /** @type {Sent} */ (real.get(one)));
      return trip(statements, () => db.batch(statements.map((/** @type {Sent} */ { prepared }) => prepared)));
    },
    exec: uncounted("exec"),
    withSession: (...bookmark) => countedDatabase(/** @type {any} */ (db.withSession(...bookmark))),
  });
}

/**
 * @template {D1Result} T
 * @param {Sent[]} statements
 * @param {() => Promise<T[]>} send
 */
async function trip(statements, send) {
  if (sent.length < MAX_SENT) sent.push(statements.map((one) => one.sent));
  counters.roundTrips += 1;
  counters.statements += statements.length;
  const start = Date.now();
  const results = await send();
  counters.d1Ms += Date.now() - start;
  for (const { meta } of results) {
    counters.rowsRead += meta.rows_read;
    counters.rowsWritten += meta.rows_written;
  }
  return results;
}

/**
 * @param {D1Database} db
 * @param {Statement[][]} batches
 */
async function runBatches(db, batches) {
  for (const batch of batches) await db.batch(batch.map(([sql, ...values]) => db.prepare(sql).bind(...values)));
  return new Response(null, { status: 204 });
}

/**
 * A call that does not report its rows must not appear free.
 *
 * @param {string} method
 */
function uncounted(method) {
  return () => {
    throw new Error(`D1's ${method}() has no meta data: it cannot be counted.`);
  };
}

/** @param {KVNamespace} kv */
function countedKv(kv) {
  /** @param {"kvWrites" | "kvDeletes" | "kvLists"} name */
  const count = (name) => () => (counters[name] += 1);
  // Several keys in one read are billed one by one.
  /** @param {string | string[]} key */
  const reads = (key) => (counters.kvReads += Array.isArray(key) ? key.length : 1);
  return intercept(kv, {
    get: before(reads, kv, "get"),
    getWithMetadata: before(reads, kv, "getWithMetadata"),
    put: before(count("kvWrites"), kv, "put"),
    delete: before(count("kvDeletes"), kv, "delete"),
    list: before(count("kvLists"), kv, "list"),
  });
}

/**
 * @param {(...args: any[]) => unknown} count
 * @param {Binding} target
 * @param {string} method
 * @returns {(...args: any[]) => any}
 */
function before(count, target, method) {
  return (...args) => {
    count(...args);
    return target[method](...args);
  };
}
