/**
 * A test-only entry for requests that are cut off: chaos.mjs, with two
 * additional paths.
 *
 *     GET  /__test/held      bytes of wasm memory, and unfinished requests
 *     POST /__test/freeze    `true`: from now on no pending request is woken,
 *                            as when the platform stops it
 *
 * The import order matters: the watcher comes before the artefact.
 */
import { memoryBytes } from "./watch-memory.mjs";
import Chaos from "./chaos.mjs";

const setTimer = globalThis.setTimeout;
let frozen = false;
let open = 0;

globalThis.setTimeout = (call, ms, ...rest) => {
  const isLost = frozen;
  return setTimer(() => (isLost || frozen ? undefined : call(...rest)), ms);
};

export default class CutOff extends Chaos {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__test/held") return Response.json({ bytes: memoryBytes(), open });
    if (pathname === "/__test/freeze") {
      frozen = await request.json();
      return Response.json(frozen);
    }
    if (pathname.startsWith("/__test/")) return super.fetch(request);
    open += 1;
    try {
      return await super.fetch(request);
    } finally {
      open -= 1;
    }
  }
}
