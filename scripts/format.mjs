/**
 * `npm run format`: formats everything, as `npm run lint` wants it: the Rust of
 * the service and of the crates in bench/, then the scripts.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, main, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

const MANIFEST = "Cargo.toml";

/** The manifests of all workspaces. */
export function manifests() {
  const crates = readdirSync(join(ROOT, "bench")).map((name) => join("bench", name, MANIFEST));
  return [MANIFEST, ...crates.filter((path) => existsSync(join(ROOT, path)))];
}

await main(import.meta.url, async () => {
  const env = await setup({ wasm: false });
  for (const manifest of manifests()) await run("cargo", ["fmt", "--all", "--manifest-path", manifest], { env });
  await run("biome", ["format", "--write"], { env });
});
