/**
 * A test-only entry for floods. It also answers `GET /__test/memory` with the
 * bytes of wasm memory, and its limiters answer from memory, like the
 * platform's: Miniflare's are a separate Worker on the same thread, and a
 * request to it takes as long as two to the service.
 *
 * The import order matters: the watcher comes before the artefact.
 */
import { memoryBytes } from "../../harness/watch-memory.mjs";
import App from "../../build/index.js";

/** workers-rs goes by the name of the class. */
class Ratelimit {
  async limit() {
    return { success: true };
  }
}

export default class Watched extends App {
  constructor(ctx, env) {
    super(
      ctx,
      Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, name.endsWith("_LIMITER") ? new Ratelimit() : value]),
      ),
    );
  }

  async fetch(request) {
    if (new URL(request.url).pathname !== "/__test/memory") return super.fetch(request);
    return Response.json({ bytes: memoryBytes() });
  }
}
