/**
 * Builds what is released: the Worker, `build/index.js` and `build/index_bg.wasm`,
 * the rules of an import, `build/import-rules.wasm`, and the client for browsers,
 * `client/dist`.
 *
 * cargo decides whether anything changed. If the wasm that it made is the one
 * of the last build, the steps after it (bindings, optimiser, bundler) are
 * skipped, which is most of the time of an unchanged build.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildClient } from "./client.mjs";
import { Failure, ROOT, WASM_TARGET, main, output, run, say } from "./lib.mjs";
import { optimise } from "./optimise.mjs";
import { setup } from "./setup.mjs";

const ARTEFACT = ["build/index.js", "build/index_bg.wasm"].map((path) => join(ROOT, path));
/**
 * `RUN_TO_COMPLETION` hands each answer's promise to `waitUntil`. A request
 * whose client has left is then finished: stopped in the middle, its memory
 * would be lost to the isolate for good, because nobody tells Rust to drop it.
 */
export const WORKER_BUILD_SETTINGS = { RUN_TO_COMPLETION: "1" };
const IMPORT_RULES = join(ROOT, "build", "import-rules.wasm");
const IMPORT_RULES_SOURCES = ["import-rules", join("src", "domain"), "Cargo.toml", "Cargo.lock"];
const STAMP = join(ROOT, "build", ".latchkey-stamp");

/** @param {NodeJS.ProcessEnv} env */
export async function build(env) {
  const { WORKER_BUILD = "", WASM_BINDGEN_BIN = "" } = env;
  say("Building the Worker ...");
  const locked = process.env.CI ? ["--locked"] : [];
  await run("cargo", ["build", "--lib", "--release", "--target", WASM_TARGET, ...locked], { env });

  const wanted = fingerprint([
    compiledWasm(env, "latchkey"),
    join(ROOT, "Cargo.toml"),
    join(ROOT, "scripts", "build.mjs"),
    join(ROOT, "scripts", "optimise.mjs"),
    join(ROOT, "scripts", "wasm.mjs"),
    WORKER_BUILD,
    WASM_BINDGEN_BIN,
    join(ROOT, "package-lock.json"),
  ]);
  if (readStamp() === `${wanted} ${fingerprint(ARTEFACT)}`) {
    say("build/ is up to date.");
    return;
  }
  rmSync(STAMP, { force: true });
  await run(WORKER_BUILD, ["--release"], { env: { ...env, ...WORKER_BUILD_SETTINGS } });
  await optimise(env, ARTEFACT[1]);
  writeFileSync(STAMP, `${wanted} ${fingerprint(ARTEFACT)}`);

  const wasm = readFileSync(ARTEFACT[1]);
  say(
    `Built build/index_bg.wasm: ${kilobytes(wasm.length)}, ${kilobytes(gzipSync(wasm, { level: 9 }).length)} gzipped.`,
  );
}

/**
 * Builds the rules of an import, unless they are newer than all that they are made of.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export async function buildImportRules(env) {
  if (areImportRulesFresh()) return;
  say("Building the rules for imports ...");
  const locked = process.env.CI ? ["--locked"] : [];
  await run("cargo", ["build", "-p", "import-rules", "--release", "--target", WASM_TARGET, ...locked], { env });
  mkdirSync(dirname(IMPORT_RULES), { recursive: true });
  const wasm = compiledWasm(env, "import-rules");
  await run("wasm-opt", ["-Oz", "--strip-debug", "--strip-producers", wasm, "-o", IMPORT_RULES], { env });
  say(`Built build/import-rules.wasm: ${kilobytes(statSync(IMPORT_RULES).size)}.`);
}

/** Whether the rules are there and up to date. Where the sources are not, they are what was shipped. */
export function areImportRulesFresh() {
  const built = statSync(IMPORT_RULES, { throwIfNoEntry: false });
  if (!built) return false;
  return IMPORT_RULES_SOURCES.every((path) => changedAt(join(ROOT, path)) <= built.mtimeMs);
}

/**
 * When a file, or a file in a folder, last changed; 0 when it is not there.
 *
 * @param {string} path
 */
function changedAt(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  const files = readdirSync(path, { recursive: true, encoding: "utf8" });
  return Math.max(...files.map((file) => statSync(join(path, file)).mtimeMs));
}

/**
 * Where cargo put a package's wasm, whatever target folder the machine prefers.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} crate
 */
function compiledWasm(env, crate) {
  const metadata = JSON.parse(output("cargo", ["metadata", "--no-deps", "--format-version", "1"], { env }) ?? "{}");
  if (!metadata.target_directory) throw new Failure("cargo does not say where it builds.");
  return join(metadata.target_directory, WASM_TARGET, "release", `${crate.replaceAll("-", "_")}.wasm`);
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}

/**
 * A hash of the files' contents; a missing file counts as different.
 *
 * @param {string[]} paths
 */
function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(existsSync(path) ? readFileSync(path) : `missing ${path}`);
  return hash.digest("hex");
}

function readStamp() {
  return existsSync(STAMP) ? readFileSync(STAMP, "utf8") : null;
}

await main(import.meta.url, async () => {
  const env = await setup();
  try {
    await build(env);
    // wrangler builds when a source changes, and needs the Worker alone.
    if (process.env.LATCHKEY_SERVING) return;
    await buildImportRules(env);
    await buildClient(env);
  } catch (error) {
    // Under `npm start` wrangler would hold all requests until the next build.
    const serving = process.env.LATCHKEY_SERVING && ARTEFACT.every((path) => existsSync(path));
    if (!(error instanceof Failure) || !serving) throw error;
    say(`${error.message} The last good build goes on serving.`);
  }
});
