/**
 * What happens to the wasm between wasm-bindgen and the release: what nothing
 * can reach goes, the rest is optimised, and put in an order that compresses.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { Failure, output, run } from "./lib.mjs";
import { namesOf } from "./wasm.mjs";

const OPTIMISER = [
  // V8 compiles a whole function when it is first called, and takes longer per byte for larger
  // ones, so the functions of this crate that have one caller are not merged into it.
  "--no-inline=*latchkey*",
  "-O3",
  // Instances of a generic function, and functions of a module, lie side by side: gzip finds what
  // is repeated within 32 kB.
  "--reorder-functions-by-name",
];
/** What wasm-bindgen's glue may use, and the module itself does not say. */
const FEATURES = ["--enable-exception-handling"];

/**
 * Optimises a module in its place.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} wasm
 * @param {{ names?: boolean }} options `names` keeps those of functions: a tenth of what a cold isolate would load.
 */
export async function optimise(env, wasm, { names = false } = {}) {
  const graph = `${wasm}.exports.json`;
  writeFileSync(graph, JSON.stringify(exportsOf(readFileSync(wasm))));
  // It prints a line for each export that it removed.
  const removed = output("wasm-metadce", [wasm, "--graph-file", graph, ...FEATURES, "-g", "-o", wasm], { env });
  rmSync(graph);
  if (removed === null) throw new Failure("wasm-metadce failed.");
  await run("wasm-opt", [wasm, ...OPTIMISER, ...FEATURES, names ? "-g" : "--strip-debug", "-o", wasm], { env });
}

/**
 * The exports of a module, for wasm-metadce: it removes those that are no root, and what they alone call.
 *
 * wasm-bindgen exports the methods of every class of every crate: `worker` has streams, and options of containers. Rust
 * hands an instance to JavaScript through the import `__wbg_<class>_new`. Without that import there is no instance, and
 * nothing that could call a method.
 *
 * @param {Buffer} wasm
 */
function exportsOf(wasm) {
  const { imports, exports: names } = namesOf(wasm);
  const methods = names
    .flatMap((name) => /^__wbg_(\w+)_free$/.exec(name)?.[1] ?? [])
    .filter((unused) => !imports.includes(`__wbg_${unused}_new`))
    .map((unused) => new RegExp(`^(__wbg_(get_|set_)?)?${unused}_`));
  return names.map((name) => ({
    name,
    export: name,
    ...(methods.some((method) => method.test(name)) ? {} : { root: true }),
  }));
}
