/**
 * `npm run deploy` and `latchkey deploy`: migrations and the Worker in the order
 * that leaves no request without its tables.
 *
 *     npm run deploy -- --dry-run
 *
 * A database that is there gets its migrations first: they only add, so the old
 * Worker goes on. One that is not there yet is made by the deployment, and is
 * then migrated.
 *
 * Arguments reach `wrangler deploy`; `--env` and `--config` also its other
 * commands. `--keys FILE` is a key set that is put in place with the Worker,
 * which a first deployment needs: without its secret it would be refused.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { option, value, without } from "./arguments.mjs";
import { Failure, main } from "./lib.mjs";
import { fileStore } from "./keys/key-store.mjs";
import { CONFIG, PROJECT, TYPED_WRANGLER, WRANGLER, typed } from "./place.mjs";

/**
 * @typedef {{ code: number, out: string }} Ran
 *
 * @typedef {object} World What a deployment needs of the world; tests replace it.
 * @property {(args: string[], options?: { isQuiet?: boolean }) => Promise<Ran>} wrangler
 * @property {(path: string, env: string | undefined) => Promise<{ issuer: string, database?: { database_id?: string, database_name?: string } }>} read
 * @property {(line: string) => void} print
 */

/** @type {World} */
const THIS_WORLD = { wrangler, read, print: (line) => console.log(line) };
const SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Answers with the exit code of the step that failed, or 0.
 *
 * @param {string[]} args
 * @param {Partial<World>} [replaced]
 * @returns {Promise<number>}
 */
export async function deploy(args, replaced = {}) {
  const world = { ...THIS_WORLD, ...replaced };
  const others = without(args, "--keys");
  if (args.includes("--dry-run")) return (await world.wrangler(["deploy", ...others])).code;
  if (option(args, "--keys").length === 0) return migrateAndDeploy(args, world);
  const keys = keySet(value(args, "--keys") ?? "");
  return withSecrets({ JWT_KEYS: keys }, (path) => migrateAndDeploy([...others, "--secrets-file", path], world));
}

/**
 * Calls `use` with the path of a file of secrets that is gone afterwards, after
 * an interruption too.
 *
 * @param {Record<string, string>} secrets
 * @param {(path: string) => Promise<number>} use
 */
async function withSecrets(secrets, use) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-secrets-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const stop = (/** @type {NodeJS.Signals} */ _, /** @type {number} */ number) => {
    remove();
    process.exit(128 + number);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const path = join(folder, "secrets.json");
    writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 });
    return await use(path);
  } finally {
    remove();
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

/**
 * The text of a key set, as one line.
 *
 * @param {string} path
 */
function keySet(path) {
  const set = fileStore(path).read();
  if (!set) throw new Failure(`${path} has no keys. Make the first one: ${typed("keys")} add --file ${path}`);
  return JSON.stringify(set);
}

/**
 * @param {string[]} args
 * @param {World} world
 */
async function migrateAndDeploy(args, world) {
  const chosen = [...option(args, "--config", "-c"), ...option(args, "--env", "-e")];
  const { issuer, database } = await world.read(value(args, "--config", "-c") ?? CONFIG, value(args, "--env", "-e"));
  if (!URL.canParse(issuer) || LOCAL.includes(new URL(issuer).hostname)) {
    throw new Failure("ISSUER in wrangler.toml is this machine. Set it to the address where Latchkey will be reached.");
  }
  if (!database) throw new Failure("wrangler.toml has no D1 database with the binding DB.");

  const migrate = ["d1", "migrations", "apply", "DB", "--remote", ...chosen];
  const isThere = await exists(database, chosen, world);
  if (!isThere)
    world.print("latchkey: The database is not there yet. The deployment makes it; then come the migrations.");
  const steps = isThere ? [migrate, ["deploy", ...args]] : [["deploy", ...args], migrate];
  for (const step of steps) {
    const { code } = await world.wrangler(step);
    if (code !== 0) {
      world.print(`latchkey: "${TYPED_WRANGLER} ${step.join(" ")}" failed; nothing after it was done.`);
      return code;
    }
  }
  return 0;
}

/**
 * Whether Cloudflare has the database of the configuration.
 *
 * @param {{ database_id?: string, database_name?: string }} wanted
 * @param {string[]} chosen
 * @param {World} world
 */
async function exists({ database_id, database_name }, chosen, { wrangler }) {
  const { out } = await wrangler(["d1", "list", "--json", ...chosen], { isQuiet: true });
  /** @type {{ uuid: string, name: string }[]} */
  let found;
  try {
    found = JSON.parse(out);
  } catch {
    throw new Failure(`Cloudflare did not list the databases. Log in: ${TYPED_WRANGLER} login`);
  }
  return found.some(({ uuid, name }) => (database_id ? uuid === database_id : name === database_name));
}

/**
 * @param {string} path
 * @param {string | undefined} env
 */
async function read(path, env) {
  const { unstable_readConfig } = await import("wrangler");
  const { vars, d1_databases } = unstable_readConfig({ config: path, env }, { hideWarnings: true });
  /** @type {{ binding: string, database_id?: string, database_name?: string }[]} */
  const databases = d1_databases ?? [];
  return { issuer: String(vars?.ISSUER), database: databases.find(({ binding }) => binding === "DB") };
}

/**
 * @param {string[]} args
 * @param {{ isQuiet?: boolean }} [options]
 * @returns {Promise<Ran>}
 */
function wrangler(args, { isQuiet = false } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["--no-warnings", WRANGLER, ...args], {
      cwd: PROJECT,
      stdio: ["inherit", isQuiet ? "pipe" : "inherit", "inherit"],
    });
    let out = "";
    child.stdout?.on("data", (part) => (out += part));
    const stop = () => child.kill();
    process.once("exit", stop);
    child.on("error", fail).on("close", (code) => {
      process.off("exit", stop);
      done({ code: code ?? 1, out });
    });
  });
}

await main(import.meta.url, async (args) => {
  const { setup } = await import("./setup.mjs");
  Object.assign(process.env, await setup());
  return deploy(args);
});
