/**
 * A fixture for the tests of apps that use Latchkey: starts the app and
 * Latchkey together in the real runtime, on one machine, in about a second.
 *
 *     import { startLatchkey } from "latchkey/test";
 *
 *     const latchkey = await startLatchkey({ app: "wrangler.toml" });
 *     const ada = await latchkey.signIn({ role: "editor" });
 *     const page = await latchkey.fetch("/", { headers: { Cookie: ada.cookie } });
 *     await latchkey.dispose();
 *
 * It works under `node --test`, Vitest and any other runner on Node, and needs
 * wrangler, which the app has anyway. test.d.ts documents every member.
 */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @import { Fault, Control, Counters } from "./test/faults.mjs"
 * @import { LogLine, Options, RateLimit, SignedIn, SignInOptions, Where } from "./test.d.ts"
 *
 * @typedef {import("wrangler").TestHarness} Harness
 *
 * @typedef {ReturnType<Harness["getWorker"]>} Worker
 */

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** The second point of presence. */
const ELSEWHERE = "elsewhere";
/** What wrangler.toml of the package has, but for the limits; a test compares them. */
export const CONFIG = {
  compatibility_date: "2026-11-01",
  compatibility_flags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
  limiters: { LOGIN_LIMITER: "1001", REGISTER_LIMITER: "1002", NETWORK_LIMITER: "1004", SESSION_LIMITER: "1003" },
  vars: { ISSUER: "http://localhost:8787", AUDIENCE: "latchkey" },
};
/** A limit that no test reaches by accident. */
const NO_LIMIT = { limit: 1_000_000, period: 60 };
/** The paths that a route of Latchkey covers where it shares the app's host. */
const PATHS = ["/api/account/*", "/api/recovery/*", "/.well-known/jwks.json", "/health", "/ready"];
/** See test/worker.mjs. */
const UNDISTURBED = { "X-Latchkey-Test-Undisturbed": "1" };
const SETTLE_TIMEOUT_MS = 10_000;
const LOG_TIMEOUT_MS = 5_000;
const POLL_MS = 5;
/** wrangler asks Cloudflare for example data about the caller unless told not to. */
const OFFLINE = { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" };

/**
 * @param {Options} options
 * @returns {Promise<Latchkey>}
 */
export async function startLatchkey({
  app = null,
  root = process.cwd(),
  name = "latchkey",
  settings = {},
  limits = {},
  elsewhere = false,
} = {}) {
  for (const [variable, value] of Object.entries(OFFLINE)) process.env[variable] ??= value;
  const { JWT_KEYS = makeKeys(), ...vars } = { ...CONFIG.vars, ...settings };
  const texts = { ...vars, JWT_KEYS };
  const workers = { here: name, ...(elsewhere && { elsewhere: `${name}-${ELSEWHERE}` }) };
  const apps = (Array.isArray(app) ? app : app === null ? [] : [app]).map((one) =>
    typeof one === "string" || one instanceof URL ? { configPath: one } : one,
  );
  const harness = createTestHarness({
    root,
    workers: [
      ...apps,
      ...Object.values(workers).map((worker) => ({
        config: configuration(worker, texts, limits, apps.length > 0 && worker === name),
      })),
    ],
  });
  try {
    const { url } = await harness.listen();
    await harness.getWorker(name).applyD1Migrations("DB");
    return new Latchkey(harness, { url, workers, issuer: String(texts.ISSUER) });
  } catch (error) {
    await harness.close();
    throw error;
  }
}

/** What {@link startLatchkey} returns; test.d.ts documents it. */
class Latchkey {
  #harness;
  #workers;
  /** @type {{ offsetMs: number }} */
  #clock = { offsetMs: 0 };
  /** @type {Record<string, Fault[]>} */
  #faults = { here: [], elsewhere: [] };

  /**
   * @param {Harness} harness
   * @param {{ url: URL, workers: { here: string, elsewhere?: string }, issuer: string }} start
   */
  constructor(harness, { url, workers, issuer }) {
    this.#harness = harness;
    this.#workers = workers;
    this.url = url;
    this.issuer = issuer;
    this.auth = this.#pointOfPresence("here");
    this.elsewhere = this.#pointOfPresence("elsewhere");
    this.clock = {
      now: () => new Date(Date.now() + this.#clock.offsetMs),
      advance: (/** @type {number} */ seconds) => this.#moveClock(this.#clock.offsetMs + seconds * 1_000),
      set: (/** @type {Date | string | number} */ time) => this.#moveClock(new Date(time).getTime() - Date.now()),
      reset: () => this.#moveClock(0),
    };
    this.faults = {
      d1Down: (/** @type {Where} */ where) => this.#break({ on: "d1", how: "fail" }, where),
      kvDown: (/** @type {Where} */ where) => this.#break({ on: "kv", how: "fail" }, where),
      limiterClosed: (/** @type {Where} */ where) => this.#break({ on: "limiter", how: "refuse" }, where),
      kvStale: (/** @type {number} */ seconds, /** @type {Where} */ where) =>
        this.#control({ kvStaleMs: seconds * 1_000 }, where),
      clear: async () => {
        this.#faults = { here: [], elsewhere: [] };
        await this.#control({ faults: [], kvStaleMs: 0 });
      },
    };
  }

  /** The app's Worker is the first one: it gets what no route of Latchkey takes. */
  fetch = (/** @type {string | URL} */ path, /** @type {RequestInit} */ init = {}) =>
    send(this.#harness, new URL(path, this.url), init);

  /** @param {SignInOptions} options */
  async signIn({
    email = `${randomBytes(9).toString("hex")}@example.com`,
    password = "correct horse battery staple",
    name = null,
    role,
    superuser,
    userAgent,
    at = "here",
  } = {}) {
    const ask = async (/** @type {string} */ path, /** @type {object} */ body, /** @type {number[]} */ ...statuses) => {
      const headers = {
        "Content-Type": "application/json",
        ...UNDISTURBED,
        ...(userAgent && { "User-Agent": userAgent }),
      };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const response = await send(this.#worker(at), new URL(path, this.issuer), init);
      if (!statuses.includes(response.status)) throw new Error(`${path}: ${await response.text()}`);
      return response;
    };
    await (await ask("/api/account/register", { email, password, name }, 201, 409)).text();
    if (role !== undefined) {
      await this.sql("INSERT OR IGNORE INTO roles (slug, name, created_at) VALUES (?1, ?1, unixepoch())", role);
      await this.sql("UPDATE users SET role_slug = ?1 WHERE email = lower(?2)", role, email);
    }
    if (superuser !== undefined) {
      await this.sql("UPDATE users SET is_superuser = ?1 WHERE email = lower(?2)", superuser ? 1 : 0, email);
    }
    const login = await ask("/api/account/login", { username: email, password }, 204);
    const cookie = cookieHeader(login);
    /** @type {(ending: string) => string} */
    const token = (ending) => new RegExp(`${ending}=([^;]+)`).exec(cookie)?.[1] ?? "";
    const accessToken = token("access_token");
    const { sub, sid } = JSON.parse(Buffer.from(accessToken.split(".")[1], "base64url").toString());
    // From the database, so that no isolate remembers a profile yet.
    const [user] = await this.sql(
      "SELECT id, name, email, is_active, is_superuser, role_slug FROM users WHERE id = ?1",
      sub,
    );
    return {
      cookie,
      user: /** @type {SignedIn["user"]} */ ({
        id: user.id,
        name: user.name,
        email: user.email,
        isActive: user.is_active === 1,
        isSuperuser: user.is_superuser === 1,
        roleSlug: user.role_slug,
      }),
      session: { id: sid },
      email,
      password,
      accessToken,
      refreshToken: token("refresh_token"),
    };
  }

  /** @type {<T = Record<string, unknown>>(query: string, ...values: unknown[]) => Promise<T[]>} */
  async sql(query, ...values) {
    const { DB } = /** @type {{ DB: D1Database }} */ (await this.#worker("here").getEnv());
    const { results } = await DB.prepare(query)
      .bind(...values)
      .all();
    return /** @type {any[]} */ (results);
  }

  get logs() {
    return this.#harness.getLogs().map(parsed);
  }

  clearLogs() {
    this.#harness.clearLogs();
  }

  /** @param {string | ((line: LogLine) => boolean)} wanted */
  async logged(wanted, { timeoutMs = LOG_TIMEOUT_MS } = {}) {
    const isWanted =
      typeof wanted === "string" ? (/** @type {LogLine} */ line) => line.entry?.event === wanted : wanted;
    const end = Date.now() + timeoutMs;
    for (;;) {
      const line = this.logs.find(isWanted);
      if (line) return /** @type {Required<LogLine>} */ (line);
      if (Date.now() > end) throw new Error(`No such log line within ${timeoutMs} ms: ${wanted}`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }

  async settled() {
    const end = Date.now() + SETTLE_TIMEOUT_MS;
    for (const at of this.#places()) {
      while ((await this.#counters(at)).pending > 0) {
        if (Date.now() > end) throw new Error("Background work does not end.");
        await new Promise((done) => setTimeout(done, POLL_MS));
      }
    }
  }

  async reset() {
    await this.faults.clear();
    await this.clock.reset();
    this.clearLogs();
  }

  async dispose() {
    await this.#harness.close();
  }

  [Symbol.asyncDispose]() {
    return this.dispose();
  }

  /** @param {"here" | "elsewhere"} at */
  #pointOfPresence(at) {
    return {
      fetch: (/** @type {string | URL} */ path, /** @type {RequestInit} */ init = {}) =>
        send(this.#worker(at), new URL(path, this.issuer), init),
      counters: () => this.#counters(at),
      resetCounters: () => this.#control({ resetCounters: true }, at),
    };
  }

  /**
   * @param {"here" | "elsewhere"} at
   * @returns {Worker}
   */
  #worker(at) {
    const worker = this.#workers[at];
    if (!worker) throw new Error("Start with `elsewhere: true` for a second point of presence.");
    return this.#harness.getWorker(worker);
  }

  /** @returns {("here" | "elsewhere")[]} */
  #places(/** @type {Where} */ where = "everywhere") {
    if (where !== "everywhere") return [where];
    return this.#workers.elsewhere ? ["here", "elsewhere"] : ["here"];
  }

  /**
   * @param {Partial<Control> & { resetCounters?: boolean }} settings
   * @param {Where} [where]
   */
  async #control(settings, where) {
    for (const at of this.#places(where)) {
      const body = JSON.stringify(settings);
      const response = await this.#worker(at).fetch(new URL("/__test/control", this.issuer), { method: "POST", body });
      await response.text();
    }
  }

  /** @param {"here" | "elsewhere"} at */
  async #counters(at) {
    const response = await this.#worker(at).fetch(new URL("/__test/counters", this.issuer));
    return /** @type {Promise<Counters>} */ (response.json());
  }

  /**
   * @param {Fault} fault
   * @param {Where} [where]
   */
  async #break(fault, where) {
    for (const at of this.#places(where)) {
      this.#faults[at].push(fault);
      await this.#control({ faults: this.#faults[at] }, at);
    }
  }

  /** @param {number} offsetMs */
  async #moveClock(offsetMs) {
    this.#clock.offsetMs = offsetMs;
    await this.#control({ clockOffsetMs: offsetMs });
  }
}

/**
 * A request whose redirects are not followed.
 *
 * @param {Pick<Harness, "fetch">} target
 * @param {URL} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
function send(target, url, init) {
  // Types of undici, which Node has too; the lib's own differ in streams.
  const all = /** @type {any} */ ({ redirect: "manual", ...init });
  return /** @type {Promise<any>} */ (target.fetch(url, all));
}

/**
 * What a browser sends after these answers, in their order: a cookie header.
 *
 * @param {...(string | { headers: { getSetCookie(): string[] } })} sources Headers that were sent before, and answers.
 */
export function cookieHeader(...sources) {
  /** @type {Map<string, string>} */
  const jar = new Map();
  for (const source of sources) {
    const lines = typeof source === "string" ? source.split("; ") : source.headers.getSetCookie();
    for (const line of lines) {
      const [pair, ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      if (at === -1) continue;
      if (attributes.includes("Max-Age=0")) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

/** A set of one signing key, as `JWT_KEYS` has it. */
export function makeKeys() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x, d } = privateKey.export({ format: "jwk" });
  // RFC 7638: the required public members, in lexicographic order.
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
  return JSON.stringify({ keys: [{ kty, crv, x, d, kid, alg: "EdDSA", use: "sig" }] });
}

/**
 * Latchkey as wrangler configures it, with the test's entry in front.
 *
 * @param {string} name
 * @param {Record<string, string | number | boolean | null>} texts
 * @param {Record<string, RateLimit>} limits
 * @param {boolean} isRouted
 */
function configuration(name, texts, limits, isRouted) {
  return {
    name,
    main: join(HERE, "test", "worker.mjs"),
    compatibility_date: CONFIG.compatibility_date,
    compatibility_flags: CONFIG.compatibility_flags,
    ...(isRouted && { routes: PATHS.map((path) => `*${path}`) }),
    vars: Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== null)),
    d1_databases: [
      {
        binding: "DB",
        database_name: "latchkey",
        database_id: "latchkey-test",
        migrations_dir: join(HERE, "..", "migrations"),
      },
    ],
    kv_namespaces: [{ binding: "KV", id: "latchkey-test" }],
    send_email: [{ name: "EMAIL" }],
    ratelimits: Object.entries(CONFIG.limiters).map(([limiter, id]) => ({
      name: limiter,
      namespace_id: id,
      simple: limits[limiter] ?? NO_LIMIT,
    })),
  };
}

/**
 * @param {{ timestamp: number, level: string, message: string }} line
 * @returns {LogLine}
 */
function parsed(line) {
  if (!line.message.startsWith("{")) return line;
  try {
    return { ...line, entry: JSON.parse(line.message) };
  } catch {
    return line;
  }
}
