/**
 * `npm run export -- FILE`: writes all users as JSON Lines, which `npm run
 * import` reads; docs/migrating.md says how. Sets up what is missing and lets
 * `users/export.mjs` do it.
 */
import { join } from "node:path";
import { ROOT, exitCode, main } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const env = await setup({ rust: false });
  return exitCode("node", ["--no-warnings", join(ROOT, "scripts", "users", "export.mjs"), ...args], {
    env,
    cwd: process.cwd(),
    stdin: "inherit",
  });
});
