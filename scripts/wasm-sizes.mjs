/**
 * What the wasm consists of: bytes of code by module of the crate and by
 * dependency, largest first, and by endpoint.
 *
 *     npm run wasm:sizes
 *
 * It builds the artefact once more, in `target/wasm-sizes`, with names that say
 * for which types a generic function was compiled, and does not strip them.
 * What was compiled for one endpoint alone counts as that endpoint's. Any other
 * function counts for the crate that it is written in, not for its callers; one
 * that implements a trait, or drops a value, for the type that it does so for,
 * unless that is the standard library's. (The optimiser goes by names, so that a
 * function more or less stays apart than in the artefact itself.)
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { WORKER_BUILD_SETTINGS } from "./build.mjs";
import { Failure, ROOT, main, run } from "./lib.mjs";
import { optimise } from "./optimise.mjs";
import { setup } from "./setup.mjs";
import { partsOf } from "./wasm.mjs";

/**
 * @import { Part } from "./wasm.mjs"
 *
 * @typedef {{ of: string, functions: number, bytes: number }} Row
 */

const FOLDER = join("target", "wasm-sizes");
const BUILD = join(FOLDER, "build");
const CRATE = "latchkey";
/** Where a path names nothing of interest: what is made for another type is that type's. */
const STANDARD = ["alloc", "core", "std"];
const API = join(ROOT, "src", "api");
const AREAS = readdirSync(API).filter((area) => statSync(join(API, area)).isDirectory());
const ENDPOINTS = new Set(
  AREAS.flatMap((area) => readdirSync(join(API, area)).map((file) => `${area}/${file.replace(/\.rs$/, "")}`)).filter(
    (path) => !path.endsWith("/mod"),
  ),
);

await main(import.meta.url, async () => {
  const env = await setup();
  await run(env.WORKER_BUILD ?? "", ["--release", "--out-dir", BUILD], {
    env: {
      ...env,
      ...WORKER_BUILD_SETTINGS,
      // Other flags are another build of everything, which must not take the place of the usual one.
      CARGO_TARGET_DIR: join(ROOT, FOLDER),
      RUSTFLAGS: `${env.RUSTFLAGS ?? ""} -C symbol-mangling-version=v0`.trim(),
    },
  });
  const artefact = join(ROOT, BUILD, "index_bg.wasm");
  await optimise(env, artefact, { names: true });
  const wasm = readFileSync(artefact);
  const { functions, data, rest, names } = partsOf(wasm);
  if (functions.every(({ name }) => name === "")) throw new Failure("The wasm has no names.");

  const total = wasm.length - names;
  print("module", sums(functions, moduleOf), total, [
    { of: "(data)", functions: 0, bytes: data },
    { of: "(imports, types, tables, exports)", functions: 0, bytes: rest },
  ]);
  print("endpoint", sums(functions, endpointOf), total);
});

/**
 * Where a function belongs: `latchkey::web`, an area of `latchkey::api`, or a crate.
 *
 * @param {string} name
 */
export function moduleOf(name) {
  const [crate = "(others)", layer, area = ""] = pathOf(name);
  if (crate !== CRATE) return crate;
  return [crate, layer, ...(layer === "api" && AREAS.includes(area) ? [area] : [])].join("::");
}

/**
 * The endpoint, by its file in `src/api/`, that a function was compiled for; or null.
 *
 * @param {string} name
 */
export function endpointOf(name) {
  const path = pathOf(name);
  return isEndpoints(path) ? `src/${path.slice(1, 4).join("/")}.rs` : null;
}

/** @param {string[]} path */
function isEndpoints([crate, layer, area, file]) {
  return crate === CRATE && layer === "api" && ENDPOINTS.has(`${area}/${file}`);
}

/**
 * The path that a function's name says it belongs to, by segments: that of an endpoint, otherwise the first that is not
 * the standard library's.
 *
 * @param {string} name
 */
function pathOf(name) {
  const plain = name.replaceAll(/\[[0-9a-f]+\]/g, "");
  const paths = [...plain.matchAll(/(?<![\w:])[a-z_]\w*(?:::\w+)+/g)].map(([path]) => path.split("::"));
  return paths.find(isEndpoints) ?? paths.find(([crate]) => !STANDARD.includes(crate)) ?? paths[0] ?? [];
}

/**
 * @param {Part[]} parts
 * @param {(name: string) => string | null} group
 * @returns {Row[]}
 */
function sums(parts, group) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  for (const { name, bytes } of parts) {
    const of = group(name);
    if (of === null) continue;
    const row = rows.get(of) ?? { of, functions: 0, bytes: 0 };
    rows.set(of, { of, functions: row.functions + 1, bytes: row.bytes + bytes });
  }
  return [...rows.values()];
}

/**
 * @param {string} title
 * @param {Row[]} rows
 * @param {number} total
 * @param {Row[]} others
 */
function print(title, rows, total, others = []) {
  const all = [...rows, ...others].sort((one, other) => other.bytes - one.bytes);
  const sum = { of: "together", functions: 0, bytes: 0 };
  for (const { functions, bytes } of all) {
    sum.functions += functions;
    sum.bytes += bytes;
  }
  const cells = [...all, sum].map(({ of, functions, bytes }) => [
    of,
    functions === 0 ? "" : `${functions}`,
    bytes.toLocaleString("en"),
    `${((100 * bytes) / total).toFixed(1)} %`,
  ]);
  const head = [title, "functions", "bytes", "share"];
  const widths = head.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i].length)));
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`\n${[head, ...cells].map(line).join("\n")}`);
}
