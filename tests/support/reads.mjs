/**
 * Wraps the Worker and counts how often it reads from a body: `/__test/reads`
 * returns the number since its last call.
 */
import App from "../../build/index.js";

let reads = 0;
for (const [reader, methods] of [
  [ReadableStreamDefaultReader, ["read"]],
  [ReadableStreamBYOBReader, ["read", "readAtLeast"]],
]) {
  for (const method of methods) {
    const original = reader.prototype[method];
    reader.prototype[method] = function (...args) {
      reads += 1;
      return original.apply(this, args);
    };
  }
}

export default class extends App {
  fetch(request) {
    if (new URL(request.url).pathname !== "/__test/reads") return super.fetch(request);
    const counted = reads;
    reads = 0;
    return new Response(String(counted));
  }
}
