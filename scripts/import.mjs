/**
 * `npm run import -- FILE`: reads users of another system, or of an export of
 * ours, into the database; docs/migrating.md says how. Sets up what is missing
 * and lets `users/import.mjs` do it. The rules of the service are compiled at first.
 */
import { join } from "node:path";
import { areImportRulesFresh, buildImportRules } from "./build.mjs";
import { ROOT, exitCode, main } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const env = await setup({ rust: !areImportRulesFresh(), wasm: false });
  await buildImportRules(env);
  return exitCode("node", ["--no-warnings", join(ROOT, "scripts", "users", "import.mjs"), ...args], {
    env,
    cwd: process.cwd(),
    stdin: "inherit",
  });
});
