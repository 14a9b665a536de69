/**
 * `npm run wrangler -- <command>`: the pinned wrangler, on a Node that it
 * accepts, with the tools that a build needs. For deploys and secrets:
 *
 *     npm run wrangler -- deploy
 */
import { exitCode, main } from "./lib.mjs";
import { WRANGLER } from "./place.mjs";
import { setup } from "./setup.mjs";

export { WRANGLER };

await main(import.meta.url, async (args) => {
  const env = await setup();
  return exitCode("node", ["--no-warnings", WRANGLER, ...args], { env, stdin: "inherit" });
});
