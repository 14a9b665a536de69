/**
 * Latchkey's D1 from a script: the local one that `npm start` serves, or the
 * deployed one. Both are the same binding, so bound values and batches work
 * alike.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Failure, messageOf } from "../lib.mjs";
import { CONFIG, PROJECT, TYPED_WRANGLER } from "../place.mjs";
import { patiently } from "./faults.mjs";
import { remoteTarget } from "./target.mjs";

/**
 * @import { D1Database } from "@cloudflare/workers-types/experimental"
 * @import { Unstable_Config as Config } from "wrangler"
 * @import { Target } from "./target.mjs"
 */

const BINDING = "DB";
/** Where `wrangler dev` keeps its state, and the folder in it that is meant by `persist`. */
const LOCAL_STATE = join(PROJECT, ".wrangler", "state");
const STATE_VERSION = "v3";

/**
 * `{db, defaultRole, close}`. `persistTo`: as with `npm start`; `remote`: the
 * deployed database, in the account `account`; `found({account, database})` is
 * called before it is opened.
 *
 * @param {{ persistTo?: string, remote?: boolean, account?: string, found?: (target: Target) => void }} options
 */
export async function openDatabase({ persistTo = LOCAL_STATE, remote = false, account, found = () => {} } = {}) {
  // wrangler would wait for it for ever.
  const kind = statSync(persistTo, { throwIfNoEntry: false });
  if (!remote && kind && !kind.isDirectory()) throw new Failure("--persist-to has to be a folder.");
  // It takes a second to load: not for a mistyped argument.
  const { getPlatformProxy, unstable_readConfig } = await import("wrangler");
  const config = unstable_readConfig({ config: CONFIG }, { hideWarnings: true });
  const databases = /** @type {Config["d1_databases"] | undefined} */ (config.d1_databases);
  const entry = databases?.find(({ binding }) => binding === BINDING);
  if (!entry) throw new Failure(`wrangler.toml has no D1 database with the binding ${BINDING}.`);
  const target = remote ? await remoteTarget({ asked: account, config, database: entry }) : null;
  if (target) found(target);
  const folder = mkdtempSync(join(tmpdir(), "latchkey-users-"));
  try {
    const configPath = join(folder, "wrangler.json");
    writeFileSync(configPath, JSON.stringify(databaseAlone(config, entry, target)));
    const { env, dispose } = await getPlatformProxy({
      configPath,
      envFiles: [],
      persist: { path: join(resolve(persistTo), STATE_VERSION) },
      remoteBindings: remote,
    });
    const close = async () => {
      await dispose();
      rmSync(folder, { recursive: true, force: true });
    };
    return {
      db: /** @type {D1Database} */ (env[BINDING]),
      defaultRole: String(config.vars?.DEFAULT_ROLE || "application-access"),
      close,
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The slugs of all roles; fails when the database has no tables.
 *
 * @param {D1Database} db
 * @param {{ remote?: boolean }} where
 */
export async function rolesIn(db, { remote = false } = {}) {
  try {
    const { results } = await patiently(() => db.prepare("SELECT slug FROM roles").all());
    return new Set(results.map(({ slug }) => String(slug)));
  } catch (error) {
    if (!/no such table/.test(messageOf(error))) throw error;
    const where = remote ? "--remote" : "--local (and --persist-to DIR as here)";
    throw new Failure(`The database has no tables yet. Run: ${TYPED_WRANGLER} d1 migrations apply DB ${where}`);
  }
}

/**
 * wrangler's configuration of nothing but the database: no build, no secrets, no other binding.
 *
 * @param {Config} config
 * @param {Config["d1_databases"][number]} entry
 * @param {Target | null} target
 */
function databaseAlone({ name, account_id, compatibility_date }, entry, target) {
  if (!target) return { name, compatibility_date, d1_databases: [entry] };
  const deployed = { ...entry, database_id: target.database.uuid, remote: true };
  return { name, account_id: target.account.id ?? account_id, compatibility_date, d1_databases: [deployed] };
}
