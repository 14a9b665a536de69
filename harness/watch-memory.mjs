/**
 * Keeps hold of the wasm instance that the artefact makes, to see its memory.
 * To be imported before the artefact, which stays as it is.
 */
const Instance = WebAssembly.Instance;
const instances = [];

// biome-ignore lint/complexity/useArrowFunction: it is called with `new`.
WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  instances.push(instance);
  return instance;
};
WebAssembly.Instance.prototype = Instance.prototype;

/** Bytes of linear memory, of all instances so far; it never shrinks. */
export function memoryBytes() {
  return instances.reduce((sum, { exports }) => sum + exports.memory.buffer.byteLength, 0);
}
