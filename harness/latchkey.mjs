/**
 * Runs the built Worker, unchanged, in real workerd with embedded D1 and KV,
 * for tests.
 *
 *     const latchkey = await startLatchkey();
 *     const response = await latchkey.fetch("/api/account/profile");
 *     await latchkey.dispose();
 *
 * Bindings, vars and the compatibility date are those of `wrangler.toml`. With
 * `entry: CHAOS` the test-only module of that name wraps the Worker, and
 * `control`, `counters` and `settled` work.
 */
import { readFileSync, readdirSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { shown, shownRaw } from "./observe.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @import { Unstable_Config as Config } from "wrangler"
 * @import { Control, Counters, Statement } from "../package/test/faults.mjs"
 * @import { SigningKey } from "./tokens.mjs"
 *
 * @typedef {Record<string, string | number | boolean | null>} Texts Vars and secrets; a null removes one.
 *
 * @typedef {{ limit: number, period: number }} RateLimit
 *
 * @typedef {object} Options
 * @property {Texts} [vars]
 * @property {Texts} [secrets]
 * @property {Record<string, RateLimit>} [limits]
 * @property {string | null} [entry]
 * @property {number} [pops]
 * @property {string} [persist]
 * @property {boolean} [migrations]
 * @property {boolean} [assets]
 * @property {boolean} [direct]
 * @property {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => void} [outbound]
 *
 * @typedef {{ timestamp: number, level: string, message: string }} LogLine
 *
 * @typedef {Record<string, any>} Row A row of the database, by column.
 *
 * @typedef {object} RawAnswer
 * @property {[method: string, path: string]} request What was asked.
 * @property {number} status
 * @property {[name: string, value: string][]} headers
 * @property {Buffer} body
 */

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Counts, delays, faults and a clock that tests set. */
export const CHAOS = "harness/chaos.mjs";
/** The chaos entry for requests that are cut off. */
export const CUT_OFF = "harness/cut-off.mjs";
/** Limits that no test reaches by accident. */
const NO_LIMIT = { limit: 1_000_000, period: 60 };
const SETTLE_TIMEOUT_MS = 10_000;

/**
 * Starts Latchkey. All options may be left out:
 *
 * - `vars`, `secrets`: added to those of `wrangler.toml` and a fresh
 *   `JWT_KEYS`; a null takes one away
 * - `limits`: `{LOGIN_LIMITER: {limit: 10, period: 60}}`; not limited else.
 *   Miniflare counts by whole minutes: it starts with enough of one left
 * - `entry`: a module in front of the Worker, such as {@link CHAOS}
 * - `pops`: points of presence, with isolates of their own, one D1 and one KV
 * - `persist`: a folder for the state, to start again on it
 * - `migrations: false`: a database without tables
 * - `assets: true`: with the static files in front, as deployed
 * - `direct: true`: `directUrl` is a socket of the Worker's own, past
 *   Miniflare's front door: who closes it, leaves the Worker
 * - `outbound`: `(request, response)` of `node:http`, which answers what the
 *   Worker asks the rest of the world; without it, nothing out there answers
 *
 * @param {Options} options
 */
export async function startLatchkey({
  vars = {},
  secrets = {},
  limits = {},
  entry = null,
  pops = 1,
  persist,
  migrations = true,
  assets = false,
  direct = false,
  outbound = nobodyThere,
} = {}) {
  const config = unstable_readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
  const texts = { ...config.vars, JWT_KEYS: makeKeys(), ...vars, ...secrets };
  /** @type {LogLine[]} */
  const logs = [];
  const worker = {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    manifest: manifest(entry ?? "entry.mjs"),
    env: bindings(config, texts, limits),
    ...(assets && {
      assets: {
        directory: join(ROOT, "build", "assets"),
        hasUserWorker: true,
        runWorkerFirst: config.assets?.run_worker_first,
      },
    }),
  };
  const mf = new Miniflare({
    cf: false,
    enableDevRegistry: false,
    // Its API has the mails of the binding (harness/mails.mjs).
    unsafeLocalExplorer: texts.MAIL === "binding",
    telemetry: { enabled: false },
    resourcePersistencePath: persist,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: (/** @type {LogLine} */ line) => logs.push(line),
    workers: Array.from({ length: pops }, (_, pop) => ({
      config: { ...worker, name: popName(pop) },
      dev: {
        outboundService: { type: "node-handler", handler: outbound },
        ...(direct && { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }),
      },
    })),
  });
  try {
    const latchkey = new Latchkey(mf, { url: await mf.ready, texts, logs, pops, entry, assets });
    if (direct) latchkey.directUrl = await mf.unsafeGetDirectURL(popName(0));
    if (migrations) await migrate(await latchkey.db());
    if (Object.keys(limits).length > 0) await untilMostOfAMinuteIsLeft();
    return latchkey;
  } catch (error) {
    await mf.dispose();
    throw error;
  }
}

/** Longer than a test of limits takes. */
const ENOUGH_OF_A_MINUTE_MS = 25_000;

async function untilMostOfAMinuteIsLeft() {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < ENOUGH_OF_A_MINUTE_MS) await new Promise((done) => setTimeout(done, left));
}

export class Latchkey {
  /**
   * Miniflare's front door.
   *
   * @type {URL}
   */
  url;
  /**
   * The Worker's own socket, with `direct: true`.
   *
   * @type {URL | undefined}
   */
  directUrl;
  #mf;
  #pops;
  #entry;
  #hasAssets;
  #keys;

  /**
   * @param {Miniflare} mf
   * @param {{ url: URL, texts: Texts, logs: LogLine[], pops: number, entry: string | null, assets: boolean }} start
   */
  constructor(mf, { url, texts, logs, pops, entry, assets }) {
    this.#mf = mf;
    this.url = url;
    this.#pops = pops;
    this.#entry = entry;
    this.#hasAssets = assets;
    /** What the Worker printed: `{timestamp, level, message}`. */
    this.logs = logs;
    /** The base of relative paths: the service's own address. */
    this.origin = new URL(String(texts.ISSUER ?? "http://localhost:8787")).origin;
    this.#keys = String(texts.JWT_KEYS);
  }

  /**
   * The private JWK Set, for forging tokens.
   *
   * @returns {{ keys: SigningKey[] }}
   */
  get keys() {
    return JSON.parse(this.#keys);
  }

  /**
   * Sends a request. A path is taken from `origin`; a whole URL is what the
   * Worker sees, `https://auth.example.com/…` too. `pop` chooses the point of
   * presence. Redirects are not followed. Read the body, always.
   *
   * @param {string | URL} path
   * @param {RequestInit & { pop?: number }} init
   */
  async fetch(path, { pop = 0, headers, ...init } = {}) {
    const all = new Headers(headers);
    for (const [name, value] of this.#way(pop)) all.set(name, value);
    /** @type {any} */
    const request = { redirect: "manual", ...init, headers: all };
    const target = new URL(path, this.origin);
    return shown(init.method ?? "GET", target, await this.#mf.dispatchFetch(target, request));
  }

  /**
   * Sends what `fetch` refuses to: repeated header lines, any method, a body
   * as chunks (no Content-Length). Answers `{request, status, headers, body}`, the
   * headers as `[name, value]` pairs in their order, the body as a Buffer.
   *
   * @param {string} path
   * @param {{ pop?: number, method?: string, headers?: string[][], body?: string | Buffer | (string | Buffer)[] | null }} request
   * @returns {Promise<RawAnswer>}
   */
  raw(path, { pop = 0, method = "GET", headers = [], body = null } = {}) {
    const target = new URL(path, this.origin);
    const lines = [
      ["Host", target.host],
      ["MF-Original-URL", target.href],
      ...this.#way(pop),
      ["MF-Disable-Pretty-Error", "true"],
      ...headers,
    ];
    const chunks = Array.isArray(body) ? body : null;
    const whole = Array.isArray(body) ? null : body;
    if (chunks) lines.push(["Transfer-Encoding", "chunked"]);
    else if (whole !== null) lines.push(["Content-Length", String(Buffer.byteLength(whole))]);
    return new Promise((done, fail) => {
      const request = httpRequest(new URL(target.pathname + target.search, this.url), {
        method,
        headers: lines.flat(),
        agent: false,
      });
      request.on("error", fail).on("response", async (response) => {
        const parts = [];
        try {
          for await (const part of response) parts.push(part);
        } catch (error) {
          fail(error);
        }
        const raw = response.rawHeaders;
        /** @type {[string, string][]} */
        const pairs = Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i], raw[2 * i + 1]]);
        const status = /** @type {number} */ (response.statusCode);
        const answer = { status, headers: pairs, body: Buffer.concat(parts) };
        try {
          shownRaw(method, target, answer);
          done({ request: [method, path], ...answer });
        } catch (error) {
          fail(error);
        }
      });
      for (const chunk of chunks ?? []) request.write(chunk);
      request.end(whole ?? undefined);
    });
  }

  /** The real database, undisturbed. */
  db() {
    return this.#mf.getD1Database("DB", popName(0));
  }

  /** The real KV namespace, undisturbed. */
  kv() {
    return this.#mf.getKVNamespace("KV", popName(0));
  }

  /**
   * The rows of one statement.
   *
   * @param {string} query
   * @param {unknown[]} params
   * @returns {Promise<Row[]>}
   */
  async sql(query, ...params) {
    const db = await this.db();
    return (
      await db
        .prepare(query)
        .bind(...params)
        .all()
    ).results;
  }

  /**
   * D1 and KV from inside the Worker's process, undisturbed: several times
   * faster than `sql`. Answers the rows of each of `statements`.
   *
   * @param {{ statements?: Statement[], kv?: Record<string, string>, emptyKv?: boolean }} work
   * @returns {Promise<Row[][]>}
   */
  async store(work) {
    const response = await this.#side("store", 0, { method: "POST", body: JSON.stringify(work) });
    if (!response.ok) throw new Error(await response.text());
    return /** @type {Promise<Row[][]>} */ (response.json());
  }

  /**
   * Many requests to one point of presence at once, in one request: several times faster than `fetch`.
   *
   * @param {{ path: string, method?: string, headers?: Record<string, string>, body?: string }[]} requests
   * @param {{ pop?: number }} where
   * @returns {Promise<{ status: number, text: string }[]>}
   */
  async ask(requests, { pop = 0 } = {}) {
    const response = await this.#side("ask", pop, { method: "POST", body: JSON.stringify(requests) });
    if (!response.ok) throw new Error(await response.text());
    return /** @type {Promise<{ status: number, text: string }[]>} */ (response.json());
  }

  /**
   * Runs the scheduled handler.
   *
   * @param {{ scheduledTime?: Date, cron?: string }} options
   * @param {{ pop?: number }} where
   */
  async scheduled(options = {}, { pop = 0 } = {}) {
    const worker = await this.#mf.getWorker(popName(pop));
    return worker.scheduled(options);
  }

  /**
   * Disturbs one point of presence, or all; see package/test/faults.mjs.
   *
   * @param {Partial<Control> & { reset?: boolean, resetCounters?: boolean }} settings
   * @param {{ pop?: number }} where
   */
  async control(settings, { pop } = {}) {
    for (const one of this.#which(pop)) {
      const response = await this.#side("control", one, { method: "POST", body: JSON.stringify(settings) });
      await response.text();
    }
  }

  /**
   * What was counted since the last `resetCounters()`.
   *
   * @param {{ pop?: number }} where
   * @returns {Promise<Counters>}
   */
  async counters({ pop = 0 } = {}) {
    const response = await this.#side("counters", pop);
    return /** @type {Promise<Counters>} */ (response.json());
  }

  async resetCounters() {
    await this.control({ resetCounters: true });
  }

  /** Waits until all background work (`waitUntil`) is done. */
  async settled() {
    const end = Date.now() + SETTLE_TIMEOUT_MS;
    for (const pop of this.#which()) {
      while ((await this.counters({ pop })).pending > 0) {
        if (Date.now() > end) throw new Error("Background work does not end.");
        await new Promise((done) => setTimeout(done, 2));
      }
    }
  }

  async dispose() {
    await this.#mf.dispose();
  }

  /**
   * What leads Miniflare's front door to a point of presence. Without it the static files come first.
   *
   * @param {number} pop
   * @returns {[name: string, value: string][]}
   */
  #way(pop) {
    return this.#hasAssets ? [] : [["MF-Route-Override", popName(pop)]];
  }

  /** @param {number} [pop] */
  #which(pop) {
    return pop === undefined ? Array.from({ length: this.#pops }, (_, i) => i) : [pop];
  }

  /**
   * @param {string} name
   * @param {number} pop
   * @param {RequestInit} [init]
   */
  #side(name, pop, init) {
    if (this.#entry !== CHAOS && this.#entry !== CUT_OFF) throw new Error("Start with `entry: CHAOS` for this.");
    return this.fetch(`/__test/${name}`, { pop, ...init });
  }
}

/**
 * No test asks the real world by accident.
 *
 * @param {import("node:http").IncomingMessage} request
 */
function nobodyThere(request) {
  request.socket.destroy();
}

/** @param {number} pop */
function popName(pop) {
  return pop === 0 ? "latchkey" : `latchkey-${pop}`;
}

/**
 * The modules of a Worker that starts at `entry`, under their own paths.
 *
 * @param {string} entry
 */
function manifest(entry) {
  /** @type {Record<string, { type: "esm", contents: string } | { type: "wasm", contents: Buffer }>} */
  const modules = {};
  /** @param {string} path */
  const add = (path) => {
    if (modules[path] || path.startsWith("cloudflare:")) return;
    if (path.endsWith(".wasm")) {
      modules[path] = { type: "wasm", contents: readFileSync(join(ROOT, path)) };
      return;
    }
    const contents = readFileSync(join(ROOT, path), "utf8");
    modules[path] = { type: "esm", contents };
    for (const [, found] of contents.matchAll(/\b(?:from|import)\s*"(\.{1,2}\/[^"]+)"/g)) {
      add(posix.normalize(posix.join(dirname(path), found)));
    }
  };
  add(entry);
  return { mainModule: entry, modules };
}

/**
 * @param {Config} config
 * @param {Texts} texts
 * @param {Record<string, RateLimit>} limits
 */
function bindings(config, texts, limits) {
  /** @type {Record<string, object>} */
  const env = {};
  for (const { binding } of config.d1_databases) env[binding] = { type: "d1", id: binding };
  for (const { binding } of config.kv_namespaces) env[binding] = { type: "kv", id: binding };
  for (const { name, namespace_id } of config.ratelimits) {
    env[name] = { type: "rate-limit", namespace: namespace_id, simple: limits[name] ?? NO_LIMIT };
  }
  for (const { name } of config.send_email) env[name] = { type: "send-email" };
  for (const [name, value] of Object.entries(texts)) {
    if (value !== null) env[name] = { type: "text", value: String(value) };
  }
  return env;
}

/**
 * Applies the real migrations, as wrangler does, each in one transaction.
 *
 * @param {D1Database} db
 */
async function migrate(db) {
  await db.prepare("CREATE TABLE IF NOT EXISTS d1_migrations (name TEXT PRIMARY KEY)").run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map((row) => row.name));
  const folder = join(ROOT, "migrations");
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()) {
    if (applied.has(name)) continue;
    const statements = unstable_splitSqlQuery(readFileSync(join(folder, name), "utf8"));
    await db.batch([
      ...statements.map((sql) => db.prepare(sql)),
      db.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name),
    ]);
  }
}
