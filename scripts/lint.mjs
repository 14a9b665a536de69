/**
 * The checks that need no running Worker: formatting, clippy for this machine
 * and for the Worker's target, and the syntax of every script. All of them
 * run, so that one look shows everything.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, WASM_TARGET, exitCode, main, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async () => {
  const env = await setup({ wasm: false });
  env.WASM_BINDGEN_USE_JS_SYS = "1";
  const locked = process.env.CI ? ["--locked"] : [];
  const checks = [
    ["cargo", "fmt", "--check"],
    ["cargo", "clippy", ...locked, "--all-targets", "--", "-D", "warnings"],
    ["cargo", "clippy", ...locked, "--lib", "--target", WASM_TARGET, "--", "-D", "warnings"],
    ...modules().map((path) => ["node", "--check", path]),
  ];
  let failed = 0;
  for (const [command, ...args] of checks) {
    if (command === "cargo") say(`${[command, ...args].join(" ")} ...`);
    if ((await exitCode(command, args, { env })) !== 0) failed += 1;
  }
  say(failed === 0 ? "No complaints." : `${failed} of ${checks.length} checks failed.`);
  return failed === 0 ? 0 : 1;
});

/** All JavaScript modules of the project; the packages in bench/ are not. */
function modules() {
  return ["scripts", "harness", "tests", "bench"].flatMap((folder) => {
    let names = [];
    try {
      names = readdirSync(join(ROOT, folder), { recursive: true });
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    return names
      .filter((name) => name.endsWith(".mjs") && !name.startsWith("node_modules"))
      .map((name) => join(folder, name));
  });
}
