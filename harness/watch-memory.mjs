/**
 * Keeps hold of the wasm instance that the artefact makes, to see its memory.
 * To be imported before the artefact, which stays as it is.
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
