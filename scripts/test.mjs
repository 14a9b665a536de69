/**
 * All tests: the native ones, then the release build, then those against the
 * built Worker in real workerd.
 *
 *     npm test -- --only native            cargo test
 *     npm test -- --only node [FILE ...]   the built Worker; all files or these
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { Failure, ROOT, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const { only, files } = parse(args);
  const env = await setup({ wasm: only !== "native" });

  let failed = false;
  if (only !== "node") {
    say("Running the native tests ...");
    const locked = process.env.CI ? ["--locked"] : [];
    failed = (await exitCode("cargo", ["test", ...locked], { env })) !== 0;
  }
  if (only !== "native") {
    await build(env);
    say("Running the tests against the built Worker ...");
    // One file at a time: on few cores, parallel workerd processes disturb
    // each other's timing.
    const options = ["--test", "--test-concurrency=1", "--test-timeout=300000"];
    failed = (await exitCode("node", [...options, ...files], { env })) !== 0 || failed;
  }
  return failed ? 1 : 0;
});

function parse(args) {
  const [flag, only, ...files] = args;
  if (flag === undefined) return { only: null, files: testFiles() };
  if (flag !== "--only" || !["native", "node"].includes(only) || (only === "native" && files.length > 0)) {
    throw new Failure("Usage: npm test [-- --only native | --only node [FILE ...]]");
  }
  return { only, files: files.length > 0 ? files : testFiles() };
}

function testFiles() {
  return readdirSync(join(ROOT, "tests"))
    .filter((name) => name.endsWith(".test.mjs"))
    .sort()
    .map((name) => join("tests", name));
}
