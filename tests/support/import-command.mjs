/**
 * `npm run import` and `npm run export` as programs, and the folders of
 * databases that they work on.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { ROOT } from "../../scripts/lib.mjs";
import { openDatabase } from "../../scripts/users/database.mjs";
import { WRANGLER } from "../../scripts/wrangler.mjs";
import { scratch } from "./imports.mjs";
import { QUIET } from "./quiet.mjs";

/** @import { TestContext } from "node:test" */

/**
 * Runs a program: `{code, signal, out}`, with both outputs in `out`; `onOutput` sees it grow.
 *
 * @param {string[]} args
 * @param {(out: string, child: import("node:child_process").ChildProcess) => void} [onOutput]
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number | null, signal: string | null, out: string }>}
 */
export function run(args, onOutput = () => {}, env = {}) {
  return new Promise((done, fail) => {
    // A process group of its own, as a terminal makes one.
    const child = spawn("node", ["--no-warnings", ...args], {
      cwd: ROOT,
      env: { ...process.env, ...QUIET, ...env },
      detached: true,
    });
    let out = "";
    const take = (part) => {
      out += part;
      onOutput(out, child);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", fail).on("close", (code, signal) => done({ code, signal, out }));
  });
}

/**
 * @param {string} name
 * @param {string[]} args
 * @param {(out: string, child: import("node:child_process").ChildProcess) => void} [onOutput]
 * @param {NodeJS.ProcessEnv} [env]
 */
export const command = (name, args, onOutput, env) =>
  run([join(ROOT, "scripts", "users", `${name}.mjs`), ...args], onOutput, env);

const migrated = mkdtempSync(join(tmpdir(), "latchkey-migrated-"));
before(async () => {
  const { code, out } = await run([WRANGLER, "d1", "migrations", "apply", "DB", "--local", "--persist-to", migrated]);
  assert.equal(code, 0, out);
});
after(() => rmSync(migrated, { recursive: true, force: true }));

/**
 * A folder as `npm start -- --persist-to` leaves it at first: an empty database with its tables.
 *
 * @param {TestContext} t
 */
export function database(t) {
  const folder = scratch(t);
  cpSync(migrated, folder, { recursive: true });
  return folder;
}

/** @param {string} persistTo */
export async function rows(persistTo) {
  const { db, close } = await openDatabase({ persistTo });
  try {
    return (await db.prepare("SELECT * FROM users ORDER BY id").all()).results;
  } finally {
    await close();
  }
}
