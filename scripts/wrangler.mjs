/**
 * `npm run wrangler -- <command>`: the pinned wrangler, on a Node that it
 * accepts, with the tools that a build needs. For deploys and secrets:
 *
 *     npm run wrangler -- deploy
 */
import { join } from "node:path";
import { ROOT, exitCode, main } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** wrangler's program; run it with `node`, its own wrapper adds a process. */
export const WRANGLER = join(ROOT, "node_modules", "wrangler", "wrangler-dist", "cli.js");

await main(import.meta.url, async (args) => {
  const env = await setup();
  return exitCode("node", ["--no-warnings", WRANGLER, ...args], { env, stdin: "inherit" });
});
