/**
 * Sets up and builds like `npm test`, then runs one benchmark on the Node that
 * wrangler needs:
 *
 *     node bench/run.mjs growth [ARGUMENT ...]
 *
 * runs `bench/growth.mjs`. The benchmarks' own packages, which the service
 * does not need, are installed into `bench/node_modules`.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../scripts/build.mjs";
import { Failure, ROOT, exitCode, main, run, say } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";

const BENCH = join(ROOT, "bench");

await main(import.meta.url, async ([name, ...args]) => {
  const script = join(BENCH, `${name}.mjs`);
  if (!/^[a-z-]+$/.test(name ?? "") || !existsSync(script)) throw new Failure("Usage: node bench/run.mjs NAME, as in bench/NAME.mjs");
  const env = await setup();
  await packages(env);
  await build(env);
  return exitCode("node", ["--disable-warning=ExperimentalWarning", script, ...args], { env });
});

/** `npm ci` in bench/, when its lock file has changed since the last one. */
async function packages(env) {
  const stamp = join(BENCH, "node_modules", ".latchkey-stamp");
  const wanted = createHash("sha256").update(readFileSync(join(BENCH, "package-lock.json"))).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("Installing the benchmarks' npm packages ...");
  await run("npm", ["ci", "--ignore-scripts", "--loglevel=error"], { env, cwd: BENCH });
  writeFileSync(stamp, wanted);
}
