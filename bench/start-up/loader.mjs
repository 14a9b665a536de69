/**
 * Starts a contestant in an isolate that has never been, and answers with its
 * first answer: `GET /<contestant>/<number>?path=/health`. Each number is a
 * new isolate.
 */
import contestants from "contestants";

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, name, number] = pathname.split("/");
    const worker = env.LOADER.get(`${name}/${number}`, () => codeOf(contestants[name], number));
    return worker.getEntrypoint().fetch(new Request(`http://localhost:8787${searchParams.get("path")}`, { headers: { "user-agent": "bench" } }));
  },
};

function codeOf({ files, flags, compatibilityDate, env }, number) {
  const modules = { "entry.js": { js: ENTRY } };
  for (const [path, contents] of Object.entries(files)) {
    modules[path] = path.endsWith(".wasm") ? { wasm: unlike(contents, number) } : { js: new TextDecoder().decode(contents) };
  }
  return { compatibilityDate, compatibilityFlags: flags, mainModule: "entry.js", modules, env };
}

/**
 * A loader cannot hand on real bindings. Latchkey's first answer uses none, but
 * looks whether they are there, by the class's name. The peers do not look;
 * Better Auth makes do with memory, and leaves out the look at its tables that
 * it takes, with D1, before its first answer.
 */
const ENTRY = `
  import Contestant from "./index.js";
  class D1Database {}
  class KvNamespace { get() {} put() {} list() {} delete() {} }
  const bound = (env) => ({ ...env, DB: new D1Database(), KV: new KvNamespace() });
  const started = () => class extends Contestant { constructor(ctx, env) { super(ctx, bound(env)); } };
  export default typeof Contestant === "function" ? started() : Contestant;
`;

/**
 * The module with a custom section of its own at the end: V8 would otherwise
 * take the compiled code of the last isolate, which is still alive.
 */
function unlike(wasm, number) {
  const name = new TextEncoder().encode(`n${number}`.padEnd(16, "."));
  const section = new Uint8Array([0, name.length + 1, name.length, ...name]);
  const made = new Uint8Array(wasm.byteLength + section.length);
  made.set(new Uint8Array(wasm));
  made.set(section, wasm.byteLength);
  return made.buffer;
}
