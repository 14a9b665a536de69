/**
 * The checks that need no running Worker: formatting, clippy for this machine
 * and for the Worker's target, and the lints and types of the scripts. All of
 * them run, so that one look shows everything.
 */
import { manifests } from "./format.mjs";
import { WASM_TARGET, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** The projects of TypeScript; the client first, because tests import what it is compiled to. */
const PROJECTS = [
  "client",
  "tsconfig.json",
  "tests",
  "tests/browser",
  "tests/support/types",
  "tests/support/client-types",
  "bench",
];

await main(import.meta.url, async () => {
  const env = await setup({ wasm: false });
  env.WASM_BINDGEN_USE_JS_SYS = "1";
  // The linter asks nobody: neither for a newer version nor to be counted.
  env.REDOCLY_SUPPRESS_UPDATE_NOTICE = "true";
  env.REDOCLY_TELEMETRY = "off";
  const locked = process.env.CI ? ["--locked"] : [];
  const checks = [
    ...manifests().map((manifest) => ["cargo", "fmt", "--all", "--check", "--manifest-path", manifest]),
    ["cargo", "clippy", ...locked, "--workspace", "--all-targets", "--", "-D", "warnings"],
    ["cargo", "clippy", ...locked, "--lib", "--target", WASM_TARGET, "--", "-D", "warnings"],
    ["cargo", "clippy", ...locked, "-p", "import-rules", "--target", WASM_TARGET, "--", "-D", "warnings"],
    ["biome", "check", "--error-on-warnings"],
    ["redocly", "lint", "docs/openapi.json"],
    ...PROJECTS.map((project) => ["tsc", "--project", project]),
  ];
  let failed = 0;
  for (const [command, ...args] of checks) {
    say(`${[command, ...args].join(" ")} ...`);
    if ((await exitCode(command, args, { env })) !== 0) failed += 1;
  }
  say(failed === 0 ? "No complaints." : `${failed} of ${checks.length} checks failed.`);
  return failed === 0 ? 0 : 1;
});
