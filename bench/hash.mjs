/**
 * What a login costs beside the one password hash that it cannot do without:
 *
 *     npm run bench:hash
 *
 * Sets up and builds like `npm test`, builds the bare hash with the same
 * compiler and optimiser, and lets `rounds.mjs` measure both in one workerd.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../scripts/build.mjs";
import { Failure, ROOT, WASM_TARGET, exitCode, main, run, say } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";

export const HASH_WORKER = join(ROOT, "bench", "hash-worker");
/** The options of [package.metadata.wasm-pack] in Cargo.toml (there is nothing here to keep apart), and the features that worker-build turns on. */
const OPTIMISER = [
  "-O3",
  "--strip-debug",
  ...[
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
  ].map((feature) => `--enable-${feature}`),
];
/** Git ignores it, `cargo clean` removes it, and worker-build leaves it alone. */
const OUT = join(ROOT, "target", "bench");

await main(import.meta.url, async () => {
  const env = await setup();
  await build(env);
  requireSameVersions(["argon2", "blake2"]);
  await buildHashWorker(env);
  return exitCode("node", [join(ROOT, "bench", "rounds.mjs")], { env });
});

/** A comparison of two versions of the algorithm would say nothing about the service. */
function requireSameVersions(crates) {
  const [service, bench] = [ROOT, HASH_WORKER].map((folder) => readFileSync(join(folder, "Cargo.lock"), "utf8"));
  for (const crate of crates) {
    const line = new RegExp(`name = "${crate}"\\nversion = "(.*)"`);
    const [wanted, found] = [service, bench].map((lock) => line.exec(lock)?.[1]);
    if (wanted === found) continue;
    const fix = `cargo update --manifest-path bench/hash-worker/Cargo.toml -p ${crate} --precise ${wanted}`;
    throw new Failure(`The bare hash has ${crate} ${found}, the service ${wanted}. Run: ${fix}`);
  }
}

/** Into `target/bench/hash_worker.js` and `hash_worker_bg.wasm`. */
export async function buildHashWorker(env) {
  say("Building the bare hash ...");
  const target = join(OUT, "cargo");
  await run("cargo", ["build", "--release", "--target", WASM_TARGET, "--target-dir", target, "--locked"], {
    env,
    cwd: HASH_WORKER,
  });
  const wasm = join(target, WASM_TARGET, "release", "hash_worker.wasm");
  await run(env.WASM_BINDGEN_BIN, ["--target", "web", "--no-typescript", "--out-dir", OUT, wasm], { env });
  const made = join(OUT, "hash_worker_bg.wasm");
  await run(env.WASM_OPT_BIN, [...OPTIMISER, "-o", made, made], { env });
}
