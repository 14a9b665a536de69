/**
 * Sets up and builds like `npm test`, builds what the service is compared
 * with, then runs one benchmark on the Node that wrangler needs:
 *
 *     node bench/run.mjs growth [ARGUMENT ...]
 *
 * runs `bench/growth.mjs`, which finds its tools in the environment.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "../scripts/build.mjs";
import { Failure, exitCode, main } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { BENCH, buildContestants } from "./support/build.mjs";

/** These measure the service alone. */
const ALONE = ["growth", "limits"];

await main(import.meta.url, async ([name, ...args]) => {
  const script = join(BENCH, `${name}.mjs`);
  if (!/^[a-z-]+$/.test(name ?? "") || !existsSync(script))
    throw new Failure("Usage: node bench/run.mjs NAME, as in bench/NAME.mjs");
  const env = await setup();
  await build(env);
  if (!ALONE.includes(name)) await buildContestants(env);
  return exitCode("node", ["--disable-warning=ExperimentalWarning", script, ...args], { env });
});
