/**
 * Every benchmark, one after the other, each bounded by itself:
 *
 *     npm run bench
 *
 * All of them run, whatever they find; it fails when one missed a limit.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, exitCode, main, say } from "../scripts/lib.mjs";

await main(import.meta.url, async () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const names = Object.keys(scripts).filter((name) => name.startsWith("bench:"));
  const failed = [];
  for (const name of names) {
    say(`npm run ${name} ...`);
    if ((await exitCode("npm", ["run", "--silent", name])) !== 0) failed.push(name);
  }
  say(failed.length === 0 ? "All limits are held." : `Not as it should be: ${failed.join(", ")}.`);
  return failed.length === 0 ? 0 : 1;
});
