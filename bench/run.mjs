/**
 * Sets up like `npm test`, builds the service and what it is compared with,
 * then runs benchmarks, each in a process of its own with the tools' Node:
 *
 *     npm run bench                  all of them, one after the other
 *     node bench/run.mjs peers cpu   these
 *
 * Ends with 1 when any of them missed a limit.
 */
import { join } from "node:path";
import { build } from "../scripts/build.mjs";
import { Failure, ROOT, exitCode, main, say } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { buildContestants } from "./support/build.mjs";

const BENCHMARKS = ["peers", "cpu", "start-up"];

await main(import.meta.url, async (args) => {
  const names = args.filter((arg) => !arg.startsWith("-"));
  const options = args.filter((arg) => arg.startsWith("-"));
  const unknown = names.find((name) => !BENCHMARKS.includes(name));
  if (unknown) throw new Failure(`There is no benchmark "${unknown}". There are: ${BENCHMARKS.join(", ")}.`);

  const env = await setup();
  await build(env);
  await buildContestants(env);
  const failed = [];
  for (const name of names.length > 0 ? names : BENCHMARKS) {
    say(`Benchmark ${name} ...`);
    if ((await exitCode("node", [join(ROOT, "bench", `${name}.mjs`), ...options], { env })) !== 0) failed.push(name);
  }
  if (failed.length > 0) say(`Limits were missed: ${failed.join(", ")}.`);
  return failed.length === 0 ? 0 : 1;
});
