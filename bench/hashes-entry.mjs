/**
 * Every password hash that runs in a Worker, one a request: `POST /<name>`.
 * `POST /nothing` is the way there alone. Bundled by hashes.mjs.
 */
import { argon2id } from "@noble/hashes/argon2.js";
import { scrypt } from "@noble/hashes/scrypt.js";
import bcrypt from "bcryptjs";
import { argon2id as wasmFromBytes } from "hash-wasm";
import { promisify } from "node:util";
import { scrypt as nodeScrypt } from "node:crypto";
import { hash, initSync } from "../target/bench/hash_worker.js";
import wasm from "./hash_worker_bg.wasm";
import { ARGON2, BCRYPT_COST, PASSWORD, PBKDF2_ITERATIONS, SALT, SCRYPT } from "./support/hash-settings.mjs";
import { pbkdf2 } from "./support/pbkdf2.mjs";

initSync({ module: wasm });

const HASHES = {
  nothing: () => {},
  latchkey: () => hash(PASSWORD, SALT, ARGON2.memoryKib, ARGON2.iterations),
  "noble-argon2id": () => argon2id(PASSWORD, SALT, { m: ARGON2.memoryKib, t: ARGON2.iterations, p: 1, dkLen: 32 }),
  "hash-wasm": () =>
    wasmFromBytes({
      password: PASSWORD,
      salt: SALT,
      memorySize: ARGON2.memoryKib,
      iterations: ARGON2.iterations,
      parallelism: 1,
      hashLength: 32,
      outputType: "binary",
    }),
  "noble-scrypt": () => scrypt(PASSWORD, SALT, { ...SCRYPT, dkLen: 64 }),
  "node-scrypt": () =>
    promisify(nodeScrypt)(PASSWORD, SALT, 64, {
      N: SCRYPT.N,
      r: SCRYPT.r,
      p: SCRYPT.p,
      maxmem: 256 * SCRYPT.N * SCRYPT.r,
    }),
  bcryptjs: () => bcrypt.hashSync(PASSWORD, BCRYPT_COST),
  "pbkdf2-most": () => pbkdf2(PBKDF2_ITERATIONS.most),
  "pbkdf2-wanted": () => pbkdf2(PBKDF2_ITERATIONS.wanted),
};

export default {
  async fetch(request) {
    try {
      await HASHES[new URL(request.url).pathname.slice(1)]();
      return new Response(null, { status: 204 });
    } catch (error) {
      return new Response(`${error}`, { status: 501 });
    }
  },
};
