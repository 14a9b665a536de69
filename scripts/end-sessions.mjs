/**
 * `npm run end-sessions -- --remote`: ends every session of every user, in the
 * deployed database or with `--local` in the one of `npm start`. For the time
 * after a restore; docs/operations.md says why. Sets up what is missing and
 * lets `users/end-sessions.mjs` do it.
 */
import { join } from "node:path";
import { ROOT, exitCode, main } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const env = await setup({ rust: false });
  return exitCode("node", ["--no-warnings", join(ROOT, "scripts", "users", "end-sessions.mjs"), ...args], {
    env,
    cwd: process.cwd(),
    stdin: "inherit",
  });
});
