/**
 * Makes what the benchmarks run beside the service: installs the peers'
 * packages (`npm ci` in bench/, when its lock file has changed), bundles each
 * peer as wrangler would, and compiles the Rust floor like the service.
 *
 * Everything made lands in `target/bench/`, which git ignores. The service's
 * own artefact is the business of scripts/build.mjs.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, ROOT, WASM_TARGET, run, say } from "../../scripts/lib.mjs";
import { optimise } from "../../scripts/optimise.mjs";

export const BENCH = join(ROOT, "bench");
export const OUT = join(ROOT, "target", "bench");
const HELLO_RUST = join(BENCH, "hello-rust");
/** The peers in JavaScript; `bench/peers/<name>/index.mjs` is where each starts. */
const BUNDLED = ["better-auth", "hono", "one-write", "hello-js"];
/** As wrangler bundles, which does not minify unless it is told to. */
const BUNDLER = [
  "--bundle",
  "--format=esm",
  "--target=es2024",
  "--conditions=workerd,worker,browser",
  "--external:node:*",
  "--external:cloudflare:*",
  "--log-level=warning",
];

/** With `env` from `setup()`. */
export async function buildContestants(env) {
  await installPeers(env);
  requireSameWorker();
  for (const name of BUNDLED) {
    const entry = join(BENCH, "peers", name, "index.mjs");
    await run(process.execPath, [env.ESBUILD_BIN, entry, ...BUNDLER, `--outfile=${join(OUT, name, "index.js")}`], {
      env,
    });
  }
  await buildHelloRust(env);
}

async function installPeers(env) {
  const stamp = join(BENCH, "node_modules", ".latchkey-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(BENCH, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("Installing the peers' packages ...");
  await run("npm", ["ci", "--ignore-scripts", "--loglevel=error"], { env, cwd: BENCH });
  writeFileSync(stamp, wanted);
}

/** Another version of workers-rs would be another floor. */
function requireSameWorker() {
  for (const crate of ["worker", "wasm-bindgen"]) {
    const [service, floor] = [ROOT, HELLO_RUST].map(
      (folder) =>
        new RegExp(`name = "${crate}"\\nversion = "(.*)"`).exec(readFileSync(join(folder, "Cargo.lock"), "utf8"))?.[1],
    );
    if (service === floor) continue;
    throw new Failure(
      `bench/hello-rust has ${crate} ${floor}, the service ${service}. Change bench/hello-rust/Cargo.toml.`,
    );
  }
}

/** cargo first: worker-build, which optimises each time, runs only when the wasm is another one. */
async function buildHelloRust(env) {
  say("Building the floor in Rust ...");
  const target = join(OUT, "cargo");
  await run("cargo", ["build", "--lib", "--release", "--target", WASM_TARGET, "--target-dir", target, "--locked"], {
    env,
    cwd: HELLO_RUST,
  });
  const stamp = join(OUT, "hello-rust", ".latchkey-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(target, WASM_TARGET, "release", "hello_rust.wasm")))
    .update(readFileSync(join(HELLO_RUST, "Cargo.toml")))
    .update(readFileSync(join(ROOT, "scripts", "optimise.mjs")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  await run(env.WORKER_BUILD, ["--release", "--out-dir", join("..", "..", "target", "bench", "hello-rust")], {
    env: { ...env, CARGO_TARGET_DIR: target },
    cwd: HELLO_RUST,
  });
  await optimise(env, join(OUT, "hello-rust", "index_bg.wasm"));
  writeFileSync(stamp, wanted);
}
