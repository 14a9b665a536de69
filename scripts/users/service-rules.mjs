/**
 * The rules of the service itself, as `npm run build` compiles them from
 * `src/domain` by way of `import-rules/`: `build/import-rules.wasm` takes a
 * question as JSON and answers in JSON. Nothing of an address, a name or a hash
 * is judged in JavaScript.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Failure } from "../lib.mjs";

/**
 * @typedef {object} Exports See `import-rules/src/lib.rs`.
 * @property {WebAssembly.Memory} memory
 * @property {(bytes: number) => number} input
 * @property {() => number} judge
 * @property {() => number} output
 *
 * @typedef {object} Question What is missing is not judged.
 * @property {string} [id]
 * @property {string} [email]
 * @property {string} [name]
 * @property {string} [hash]
 *
 * @typedef {{ pepper: string | null, reason?: undefined } | { pepper?: undefined, reason: string }} HashVerdict
 *   The name of the pepper that it takes to verify the hash, or why the service cannot.
 *
 * @typedef {object} Answer What the service would store; null for what it would refuse.
 * @property {string | null} id
 * @property {string | null} email
 * @property {string | null} name
 * @property {HashVerdict | null} hash
 */

/** The module, wherever the scripts are. */
const PATH = fileURLToPath(new URL("../../build/import-rules.wasm", import.meta.url));

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @type {Exports | undefined} */
let loaded;

/** @returns {Exports} */
function load() {
  let bytes;
  try {
    bytes = readFileSync(PATH);
  } catch {
    throw new Failure("build/import-rules.wasm is missing, which has the rules for users. Run: npm run build");
  }
  return /** @type {any} */ (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports);
}

/**
 * What the service makes of a person.
 *
 * @param {Question} question
 * @returns {Answer}
 */
export function askService(question) {
  loaded ??= load();
  const { memory, input, judge, output } = loaded;
  const text = encoder.encode(JSON.stringify(question));
  // Each address first: asking for room may move the memory.
  const from = input(text.length);
  new Uint8Array(memory.buffer, from, text.length).set(text);
  const length = judge();
  const to = output();
  return JSON.parse(decoder.decode(new Uint8Array(memory.buffer, to, length)));
}
