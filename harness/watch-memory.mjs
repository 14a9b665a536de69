/**
 * Keeps a reference to the artefact's wasm instance, to measure its memory.
 * Must be imported before the artefact, which is unchanged.
 */
const Instance = WebAssembly.Instance;
/** @type {WebAssembly.Instance[]} */
const instances = [];

/**
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Imports} imports
 */
function Watched(module, imports) {
  const instance = new Instance(module, imports);
  instances.push(instance);
  return instance;
}

WebAssembly.Instance = /** @type {any} */ (Watched);
WebAssembly.Instance.prototype = Instance.prototype;

/** Bytes of linear memory, of all instances so far; it never shrinks. */
export function memoryBytes() {
  const memories = instances.map(({ exports }) => /** @type {WebAssembly.Memory} */ (exports.memory));
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
