/**
 * The release artefact and the bare hash side by side in one isolate, for the
 * benchmark alone: `POST /__bench/hash` computes one hash and nothing else,
 * every other request is the service's. Limiters count in memory, and there is no console.
 */
import "./support/log-sink.mjs";
import App from "../build/index.js";
import { hash, initSync } from "../target/bench/hash_worker.js";
import wasm from "../target/bench/hash_worker_bg.wasm";
import { withLimitersInMemory } from "./support/memory-limiters.mjs";

initSync({ module: wasm });

const SALT = new TextEncoder().encode("a salt, 16 bytes");

export default class Bench extends App {
  constructor(ctx, env) {
    super(ctx, withLimitersInMemory(env));
  }

  async fetch(request) {
    if (new URL(request.url).pathname !== "/__bench/hash") return super.fetch(request);
    const { password, memoryKib, iterations } = await request.json();
    const byte = hash(password, SALT, memoryKib, iterations);
    return new Response(null, { status: byte === undefined ? 500 : 204 });
  }
}
