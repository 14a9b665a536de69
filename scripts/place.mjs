/**
 * Where the commands work and how a person types them: here in a checkout. The
 * package has a file of its own in this place, `package/place.mjs`, which says
 * the same about the folder of an app.
 */
import { join } from "node:path";
import { ROOT } from "./lib.mjs";

/** The folder with `wrangler.toml`, `.dev.vars` and `.wrangler/`. */
export const PROJECT = ROOT;
export const CONFIG = join(PROJECT, "wrangler.toml");
/** wrangler's program; run it with `node`, its own wrapper adds a process. */
export const WRANGLER = join(ROOT, "node_modules", "wrangler", "wrangler-dist", "cli.js");

/** What starts wrangler, as a person types it. */
export const TYPED_WRANGLER = "npm run wrangler --";

/** What serves on this machine, as a person types it. */
export const TYPED_SERVER = "npm start";

/**
 * How a person types one of the commands.
 *
 * @param {string} command
 */
export function typed(command) {
  return `npm run ${command} --`;
}
