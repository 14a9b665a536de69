/** Examples with what they depend on, built. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib.mjs";
import { execFileSync } from "node:child_process";
import { copySources } from "../support/examples.mjs";

/** Nothing here reports usage or waits for an answer. */
const QUIET = {
  CI: "true",
  ASTRO_TELEMETRY_DISABLED: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
};

/**
 * The folder of an example: its packages as its lock file has them, and the client of this checkout.
 *
 * @param {string} example
 */
export function prepared(example) {
  const folder = join(ROOT, "examples", example);
  const modules = join(folder, "node_modules");
  const lock = join(folder, "package-lock.json");
  const stamp = join(modules, ".latchkey-stamp");
  if (existsSync(lock)) {
    const wanted = createHash("sha256").update(readFileSync(lock)).digest("hex");
    if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
      run(folder, "npm", ["ci", "--ignore-scripts", "--loglevel=error"]);
      writeFileSync(stamp, wanted);
    }
  }
  const client = join(modules, "@latchkey", "client");
  rmSync(client, { recursive: true, force: true });
  copySources(join(ROOT, "client"), client);
  return folder;
}

/**
 * The folder of an example after `npm run build`.
 *
 * @param {string} example
 */
export function built(example) {
  const folder = prepared(example);
  run(folder, "npm", ["run", "build"]);
  return folder;
}

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 */
function run(cwd, command, args) {
  // The runner tells its children that they are part of it; a build is not.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    execFileSync(command, args, {
      cwd,
      env: { ...env, ...QUIET },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    const { stdout = "", stderr = "" } = /** @type {any} */ (error);
    throw new Error(`${command} ${args.join(" ")} failed in ${cwd}:\n${stdout}${stderr}`);
  }
}
