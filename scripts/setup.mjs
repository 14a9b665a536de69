/**
 * Brings a machine that has Rust (rustup) and Node to the state in which
 * Latchkey builds, runs and is tested. Every other script starts here.
 *
 * Does only what is missing, so that a second run costs a moment. Needs no
 * rights outside the checkout, the user's cache folder and rustup's own.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeAssets } from "./assets.mjs";
import { cargoTools, nodeFolder } from "./tools.mjs";
import { Failure, ROOT, RUST_VERSION, WASM_TARGET, main, output, run, say, withPath } from "./lib.mjs";

/** Nothing here reports usage, asks for updates or reaches Cloudflare. */
const QUIET_WRANGLER = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  WRANGLER_WRITE_LOGS: "false",
  WRANGLER_REGISTRY_PATH: join(ROOT, ".wrangler", "registry"),
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
  MINIFLARE_TELEMETRY_DISABLED: "true",
};

const COMPILER_HINT =
  process.platform === "darwin" ? "xcode-select --install" : "on Debian and Ubuntu, apt-get install build-essential";

/**
 * Sets up, and answers with the environment for child processes: tools on the
 * PATH or named by variables. `wasm: false` leaves out what only the Worker's
 * build needs, `rust: false` everything but npm's packages and a Node for them.
 *
 * @param {{ wasm?: boolean, rust?: boolean }} options
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function setup({ wasm = true, rust: withRust = true } = {}) {
  /** @type {NodeJS.ProcessEnv} */
  let env = withPath(process.env, await nodeFolder());
  // Outside npm's own runner its variables are missing, and that is fine.
  await npmPackages(env);
  makeAssets();
  env = withPath(env, join(ROOT, "node_modules", ".bin"));
  if (!withRust) return { ...env, ...QUIET_WRANGLER };
  env = { ...(await rust(env)), ...QUIET_WRANGLER };
  if (!wasm) return env;

  const tools = await cargoTools(env);
  return {
    ...env,
    WORKER_BUILD: tools.workerBuild,
    // worker-build downloads each of these unless it is named.
    WASM_BINDGEN_BIN: tools.wasmBindgen,
    WASM_OPT_BIN: join(ROOT, "node_modules", "binaryen", "bin", "wasm-opt"),
    ESBUILD_BIN: join(ROOT, "node_modules", "esbuild", "bin", "esbuild"),
    // As worker-build sets it: one set of compiled crates for both.
    WASM_BINDGEN_USE_JS_SYS: "1",
  };
}

/**
 * `npm ci`, when the lock file has changed since the last one.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function npmPackages(env) {
  const stamp = join(ROOT, "node_modules", ".latchkey-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .update(`${process.platform}-${process.arch}`)
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("Installing npm packages ...");
  await run("npm", ["ci", "--ignore-scripts", "--loglevel=error"], { env });
  writeFileSync(stamp, wanted);
}

/**
 * The pinned toolchain with its components and the wasm target.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function rust(env) {
  env = findRustup(env);
  if (output("cc", ["--version"], { env }) === null) {
    throw new Failure(`A C compiler is missing; Rust links with it. Install one: ${COMPILER_HINT}.`);
  }
  const version = output("rustup", ["run", RUST_VERSION, "rustc", "--version"], { env });
  if (version === null && !env.RUSTUP_TOOLCHAIN) {
    say(`Installing Rust ${RUST_VERSION} ...`);
    try {
      const parts = ["--component", "rustfmt", "--component", "clippy", "--target", WASM_TARGET];
      await run(
        "rustup",
        ["toolchain", "install", RUST_VERSION, "--profile", "minimal", "--no-self-update", ...parts],
        { env },
      );
    } catch (error) {
      env = { ...env, RUSTUP_TOOLCHAIN: olderStable(env, error) };
    }
  }
  const installed = output("rustup", ["component", "list", "--installed"], { env }) ?? "";
  if (!installed.includes(`rust-std-${WASM_TARGET}`)) {
    say(`Adding the Rust target ${WASM_TARGET} ...`);
    await run("rustup", ["target", "add", WASM_TARGET], { env });
  }
  for (const component of ["rustfmt", "clippy"]) {
    if (installed.includes(`${component}-`)) continue;
    say(`Adding the Rust component ${component} ...`);
    await run("rustup", ["component", "add", component], { env });
  }
  return env;
}

/**
 * rustup on the PATH, or where its installer puts it.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function findRustup(env) {
  if (output("rustup", ["--version"], { env }) !== null) return env;
  const bin = join(env.CARGO_HOME || join(homedir(), ".cargo"), "bin");
  if (existsSync(join(bin, "rustup"))) return withPath(env, bin);
  throw new Failure("Rust is missing. Install rustup from https://rustup.rs, open a new terminal and try again.");
}

/**
 * A machine that cannot download may do with the `stable` that it has.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {unknown} error
 */
function olderStable(env, error) {
  const stable = output("rustup", ["run", "stable", "rustc", "--version"], { env });
  const minor = Number(/^rustc 1\.(\d+)\./.exec(stable ?? "")?.[1]);
  if (!(minor >= Number(RUST_VERSION.split(".")[1]))) throw error;
  say(`Rust ${RUST_VERSION} could not be installed; using the "stable" of this machine (${stable?.trim()}).`);
  return "stable";
}

await main(import.meta.url, async () => {
  await setup();
  say("Everything is set up.");
});
