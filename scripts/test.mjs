/**
 * All tests: the native ones, then the release build, then those against the
 * built Worker in real workerd.
 *
 *     npm test -- --only native            cargo test
 *     npm test -- --only node [FILE ...]   the built Worker; all files or these
 *     npm run test:frameworks [-- FILE ...] the examples with frameworks, in tests/frameworks
 *     npm run test:browser                 those in Chromium, in tests/browser
 *     npm run test:soak                    the long ones, in tests/soak
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, buildImportRules } from "./build.mjs";
import { buildClient } from "./client.mjs";
import { Failure, ROOT, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** Holds every answer to docs/openapi.json. */
const WATCH = join("tests", "support", "watch-contract.mjs");
/** Says what docs/openapi.json promises and no test has seen. */
const UNSEEN = join("tests", "contract", "unseen.mjs");
/** What of docs/openapi.json the tests of this run have seen: a file of each test file. */
const SEEN = join(ROOT, "build", "seen");
/**
 * How long one test may take. Frameworks are installed and built in it.
 *
 * @type {Record<string, number>}
 */
const TIMEOUTS_MS = { native: 0, node: 300_000, frameworks: 600_000, browser: 1_800_000, soak: 1_800_000 };

await main(import.meta.url, async (args) => {
  const { only, files, isWhole } = parse(args);
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
    await buildClient(env);
    say("Running the tests against the built Worker ...");
    // One file at a time: on few cores, parallel workerd processes disturb
    // each other's timing.
    const timeout = TIMEOUTS_MS[only ?? "node"];
    const options = [
      // Floods and other servers are no place for it.
      ...(only !== null && only !== "node" ? [] : [`--import=${new URL(`../${WATCH}`, import.meta.url)}`]),
      "--test",
      "--test-concurrency=1",
      `--test-timeout=${timeout}`,
      "--disable-warning=ExperimentalWarning",
    ];
    rmSync(SEEN, { recursive: true, force: true });
    mkdirSync(SEEN, { recursive: true });
    env.LATCHKEY_SEEN = SEEN;
    failed = (await exitCode("node", [...options, ...files], { env })) !== 0 || failed;
    if (isWhole) failed = (await exitCode("node", [UNSEEN, SEEN], { env })) !== 0 || failed;
  }
  return failed ? 1 : 0;
});

/** @param {string[]} args */
function parse(args) {
  const [flag, only, ...files] = args;
  if (flag === undefined) return { only: null, files: testFiles("tests"), isWhole: true };
  if (flag !== "--only" || !Object.hasOwn(TIMEOUTS_MS, only) || (only === "native" && files.length > 0)) {
    throw new Failure("Usage: npm test [-- --only native | --only node|frameworks|browser|soak [FILE ...]]");
  }
  const folder = only === "node" ? "tests" : join("tests", only);
  const isAll = files.length === 0;
  const takesAll = isAll && only !== "native";
  return { only, files: takesAll ? testFiles(folder) : files, isWhole: isAll && only === "node" };
}

/** @param {string} folder */
function testFiles(folder) {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".test.mjs"))
    .sort()
    .map((name) => join(folder, name));
}
