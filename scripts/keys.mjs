/**
 * `npm run keys -- list|add|promote|retire`: the signing keys, stage by stage;
 * docs/deploying.md says how. Sets up what is missing and lets `keys/keys.mjs`
 * do it.
 */
import { join } from "node:path";
import { ROOT, exitCode, main } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const env = await setup({ rust: false });
  return exitCode("node", ["--no-warnings", join(ROOT, "scripts", "cli.mjs"), "keys", ...args], {
    env,
    cwd: process.cwd(),
    stdin: "inherit",
  });
});
