/**
 * The release artefact, and `GET /__bench/memory` with the bytes of its wasm
 * memory. Imported late, so that the watcher is there before the artefact.
 */
import { memoryBytes } from "../../harness/watch-memory.mjs";

const { default: App } = await import("contestant");

export default class Watched extends App {
  async fetch(request) {
    if (new URL(request.url).pathname !== "/__bench/memory") return super.fetch(request);
    return Response.json({ bytes: memoryBytes() });
  }
}
