/**
 * All tests: the native ones, then the release build, then those against the
 * built Worker in real workerd.
 *
 *     npm test -- --only native            cargo test
 *     npm test -- --only node [FILE ...]   the built Worker; all files or these
 *     npm run test:soak                    the long ones, in tests/soak
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build, buildImportRules } from "./build.mjs";
import { Failure, ROOT, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const { only, files } = parse(args);
  const env = await setup({ wasm: only !== "native" });

  let failed = false;
  if (only === null || only === "native") {
    say("Running the native tests ...");
    const locked = process.env.CI ? ["--locked"] : [];
    failed = (await exitCode("cargo", ["test", "--workspace", ...locked], { env })) !== 0;
  }
  if (only !== "native") {
    await build(env);
    await buildImportRules(env);
    say("Running the tests against the built Worker ...");
    // One file at a time: on few cores, parallel workerd processes disturb
    // each other's timing.
    const timeout = only === "soak" ? 1_800_000 : 300_000;
    const options = [
      "--test",
      "--test-concurrency=1",
      `--test-timeout=${timeout}`,
      "--disable-warning=ExperimentalWarning",
    ];
    failed = (await exitCode("node", [...options, ...files], { env })) !== 0 || failed;
  }
  return failed ? 1 : 0;
});

/** @param {string[]} args */
function parse(args) {
  const [flag, only, ...files] = args;
  if (flag === undefined) return { only: null, files: testFiles("tests") };
  if (flag !== "--only" || !["native", "node", "soak"].includes(only) || (only === "native" && files.length > 0)) {
    throw new Failure("Usage: npm test [-- --only native | --only node [FILE ...] | --only soak [FILE ...]]");
  }
  const folder = only === "soak" ? join("tests", "soak") : "tests";
  return { only, files: files.length > 0 ? files : testFiles(folder) };
}

/** @param {string} folder */
function testFiles(folder) {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".test.mjs"))
    .sort()
    .map((name) => join(folder, name));
}
