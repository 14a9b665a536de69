/**
 * Where the commands work and how a person types them: in the folder of an app
 * that depends on the package. `scripts/place.mjs` of a checkout is replaced by
 * this file in the package.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder with `wrangler.toml`, `.dev.vars` and `.wrangler/`. */
export const PROJECT = process.cwd();
const CONFIGS = ["wrangler.toml", "wrangler.jsonc", "wrangler.json"].map((name) => join(PROJECT, name));
export const CONFIG = CONFIGS.find((path) => existsSync(path)) ?? CONFIGS[0];
/** wrangler's program; run it with `node`, its own wrapper adds a process. */
export const WRANGLER = join(
  dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "wrangler-dist",
  "cli.js",
);

/** What starts wrangler, as a person types it. */
export const TYPED_WRANGLER = "npx wrangler";

/** What serves on this machine, as a person types it. */
export const TYPED_SERVER = "npx latchkey dev";

/**
 * How a person types one of the commands.
 *
 * @param {string} command
 */
export function typed(command) {
  return `npx latchkey ${command}`;
}
