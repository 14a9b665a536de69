/**
 * The contestants, each built and in a workerd of its own, with the same
 * Miniflare settings, migrated and without limits in the way:
 *
 *     const one = await startContestant("latchkey");
 *     one.url                        // its own socket, past Miniflare's front door
 *     one.story.login(person)        // a request, see stories.mjs
 *     await one.fetch(path, init)    // through the front door: slow, for what is not timed
 *     await one.db()                 // its D1, from here
 *     await one.dispose();
 *
 * `entry` names another module (from the checkout) to stand in front of it, or
 * null for none; it finds the contestant as `import contestant from
 * "contestant"`, a class of workers-rs or an object with `fetch`. Build with
 * `buildContestants` first.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { MAIL_BY_BINDING } from "../../harness/mails.mjs";
import { ROOT } from "../../scripts/lib.mjs";
import { makeKeys } from "../../scripts/make-keys.mjs";
import { options as betterAuthOptions } from "../peers/better-auth/options.mjs";
import { BENCH, OUT } from "./build.mjs";
import { ORIGIN, STORIES } from "./stories.mjs";

const WRANGLER = unstable_readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
/** Limits that nobody reaches. */
const NO_LIMIT = { limit: 1_000_000_000, period: 60 };
/** D1 and KV in memory where the system has a place for that: each write waits for the disk otherwise. */
const STATE_ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const SECRET = "a secret of the benchmarks, 32 bytes at least";
const text = (value) => ({ type: "text", value });
const D1 = { DB: { type: "d1", id: "DB" } };

/** @param {{ title: string, cookieCache?: string, updateAgeSeconds?: number }} setting */
const betterAuth = ({ title, cookieCache = "on", updateAgeSeconds }) => ({
  title,
  story: STORIES.betterAuth,
  files: join(OUT, "better-auth"),
  // Node's API: Better Auth asks for it, and takes its scrypt from there.
  flags: [],
  env: {
    ...D1,
    BASE_URL: text(ORIGIN),
    SECRET: text(SECRET),
    COOKIE_CACHE: text(cookieCache),
    ...(updateAgeSeconds === undefined ? {} : { UPDATE_AGE_SECONDS: text(String(updateAgeSeconds)) }),
  },
  migrate: migrateBetterAuth,
});
const latchkey = ({ title, vars = {}, entry = "bench/support/in-memory.mjs" }) => ({
  title,
  story: STORIES.latchkey,
  files: join(ROOT, "build"),
  entry,
  env: latchkeyEnv(vars),
  migrate: migrateLatchkey,
});
const DISTANT_PEER = "bench/support/distant-peer.mjs";
const hono = (rest) => ({
  title: "Hono and jose",
  story: STORIES.hono,
  files: join(OUT, "hono"),
  env: { ...D1, BASE_URL: text(ORIGIN), SECRET: text(SECRET) },
  migrate: (db) => db.batch(statements(join(BENCH, "peers", "hono", "schema.sql")).map((sql) => db.prepare(sql))),
  ...rest,
});
const hello = (title, folder) => ({
  title,
  story: STORIES.hello,
  files: join(OUT, folder),
  env: {},
  migrate: () => {},
});

const CONTESTANTS = {
  latchkey: () => latchkey({ title: "Latchkey" }),
  "latchkey-console": () =>
    latchkey({ title: "Latchkey, its log line on the local console", entry: "bench/support/limited.mjs" }),
  "latchkey-strict": () => latchkey({ title: "Latchkey, strict", vars: { PROFILE_CONSISTENCY: "strict" } }),
  "latchkey-mail": () =>
    latchkey({ title: "Latchkey, mails on", vars: { ...MAIL_BY_BINDING, VERIFICATION: "optional" } }),
  "better-auth": () => betterAuth({ title: "Better Auth" }),
  "better-auth-uncached": () => betterAuth({ title: "Better Auth, no cookie cache", cookieCache: "off" }),
  // Renews at every read of the database instead of once a day: the same code, often enough to be measured.
  "better-auth-renewing": () => betterAuth({ title: "Better Auth, renewing", updateAgeSeconds: 0 }),
  "latchkey-distant": () => latchkey({ title: "Latchkey", entry: "bench/support/distant-latchkey.mjs" }),
  "better-auth-renewing-distant": () => ({
    ...betterAuth({ title: "Better Auth, renewing", updateAgeSeconds: 0 }),
    entry: DISTANT_PEER,
  }),
  hono: () => hono({}),
  "one-write": () => ({
    title: "one write to D1 and nothing else",
    story: STORIES.oneWrite,
    files: join(OUT, "one-write"),
    env: D1,
    migrate: (db) =>
      db.batch(statements(join(BENCH, "peers", "one-write", "schema.sql")).map((sql) => db.prepare(sql))),
  }),
  "hono-distant": () => hono({ entry: DISTANT_PEER }),
  // The build of another commit: bench:start has it beside today's.
  "latchkey-beside": () => ({
    ...latchkey({ title: "Latchkey, another build" }),
    files: resolve(process.env.LATCHKEY_BESIDE ?? ""),
  }),
  "hello-js": () => hello("hello in JavaScript", "hello-js"),
  "hello-rust": () => hello("hello in Rust", "hello-rust"),
};

export const CONTESTANT_NAMES = Object.keys(CONTESTANTS);

/** What is loaded: `[{path, contents}]`, the script first. */
export function filesOf(name) {
  return ["index.js", "index_bg.wasm"]
    .map((path) => ({ path, file: join(CONTESTANTS[name]().files, path) }))
    .filter(({ file }) => existsSync(file))
    .map(({ path, file }) => ({ path, contents: readFileSync(file) }));
}

/**
 * The Worker's part of Miniflare's options: for who starts several in one workerd.
 *
 * @param {string} name
 * @param {{ entry?: string | null, as?: string }} options
 */
export async function workerOf(name, { entry = null, as = name } = {}) {
  const { flags = WRANGLER.compatibility_flags, env } = CONTESTANTS[name]();
  const config = {
    name: as,
    compatibilityDate: WRANGLER.compatibility_date,
    compatibilityFlags: flags,
    env,
    manifest: await manifest(name, entry),
  };
  return { config, dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] } };
}

/** Miniflare's options that are not a Worker's, the same for all. */
export const INSTANCE = {
  cf: false,
  enableDevRegistry: false,
  telemetry: { enabled: false },
  log: new Log(LogLevel.NONE),
  // Of those that have a console: nobody reads it.
  handleStructuredLogs: () => {},
};

/**
 * Starts one: `{name, title, story, url, pid, fetch(), db(), dispose()}`. `pid` is its
 * workerd's, null where there is no /proc. `instance` adds to Miniflare's own
 * options; `worker` replaces what `workerOf` would say.
 */
export async function startContestant(
  name,
  { entry = CONTESTANTS[name]().entry ?? null, instance = {}, worker = null } = {},
) {
  const before = new Set(workerdChildren());
  const state = mkdtempSync(join(STATE_ROOT, "latchkey-bench-"));
  const workers = [worker ?? (await workerOf(name, { entry }))];
  const mf = new Miniflare({ ...INSTANCE, resourcePersistencePath: state, ...instance, workers });
  const dispose = async () => {
    await mf.dispose();
    rmSync(state, { recursive: true, force: true });
  };
  const { title, story, env, migrate } = CONTESTANTS[name]();
  try {
    await mf.ready;
    const db = env.DB ? () => mf.getD1Database("DB", name) : undefined;
    if (db) await migrate(await db());
    const [pid = null] = workerdChildren().filter((child) => !before.has(child));
    const { origin: url } = await mf.unsafeGetDirectURL(name);
    const fetch = (path, init) => mf.dispatchFetch(new URL(path, ORIGIN).href, { redirect: "manual", ...init });
    return { name, title, story, pid, db, url, fetch, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function manifest(name, entry) {
  const modules = {};
  for (const { path, contents } of filesOf(name)) {
    const wasm = path.endsWith(".wasm");
    modules[`contestant/${path}`] = {
      type: wasm ? "wasm" : "esm",
      contents: wasm ? contents : contents.toString("utf8"),
    };
  }
  if (entry === null) return { mainModule: "contestant/index.js", modules };
  modules["entry.js"] = { type: "esm", contents: await inFront(join(ROOT, entry)) };
  return { mainModule: "entry.js", modules };
}

async function inFront(file) {
  const contestant = {
    name: "contestant",
    setup: ({ onResolve }) => {
      onResolve({ filter: /^contestant$/ }, () => ({ path: "./contestant/index.js", external: true }));
      // start-up.mjs has several of them.
      onResolve({ filter: /^contestants$/ }, () => ({ path: "./contestants.js", external: true }));
    },
  };
  const made = await bundle({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    external: ["cloudflare:*", "node:*"],
    plugins: [contestant],
  });
  return made.outputFiles[0].text;
}

function latchkeyEnv(vars) {
  const env = {};
  for (const { binding } of WRANGLER.d1_databases) env[binding] = { type: "d1", id: binding };
  for (const { binding } of WRANGLER.kv_namespaces) env[binding] = { type: "kv", id: binding };
  for (const { name, namespace_id } of WRANGLER.ratelimits)
    env[name] = { type: "rate-limit", namespace: namespace_id, simple: NO_LIMIT };
  for (const { name } of WRANGLER.send_email) env[name] = { type: "send-email" };
  const texts = { ...WRANGLER.vars, JWT_KEYS: makeKeys(), ISSUER: ORIGIN, ...vars };
  for (const [name, value] of Object.entries(texts)) env[name] = text(String(value));
  return env;
}

async function migrateLatchkey(db) {
  const folder = join(ROOT, "migrations");
  for (const file of readdirSync(folder).sort()) {
    await db.batch(statements(join(folder, file)).map((sql) => db.prepare(sql)));
  }
}

/** With its own migrations, from the installed version. */
async function migrateBetterAuth(db) {
  const { resolve } = createRequire(join(BENCH, "package.json"));
  const { getMigrations } = await import(pathToFileURL(resolve("better-auth/db/migration")).href);
  const { compileMigrations } = await getMigrations(
    betterAuthOptions({ database: facade(db), baseURL: ORIGIN, secret: SECRET, cookieCache: true }),
  );
  await db.batch(unstable_splitSqlQuery(await compileMigrations()).map((sql) => db.prepare(sql)));
}

/** Better Auth knows a D1 database by its methods' names, which Miniflare's proxy does not show. */
function facade(db) {
  return { prepare: (sql) => db.prepare(sql), batch: (all) => db.batch(all), exec: (sql) => db.exec(sql) };
}

function statements(file) {
  return unstable_splitSqlQuery(readFileSync(file, "utf8"));
}

/** The workerd processes that this one has started, by /proc. */
function workerdChildren() {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && isWorkerdChild(pid))
    .map(Number);
}

function isWorkerdChild(pid) {
  try {
    const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return name === "workerd" && Number(rest.split(" ")[1]) === process.pid;
  } catch {
    return false; // ended meanwhile
  }
}
