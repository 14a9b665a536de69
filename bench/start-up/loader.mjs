/**
 * Starts a contestant in an isolate that has never been, and answers with its
 * first answer: `GET /<contestant>/<number>?path=/health`. Each number is a
 * new isolate. With `&asked=no` it is only loaded, and the answer is made up.
 */
import contestants from "contestants";
import { NUMBER_AT, numberBytes } from "./number-section.mjs";

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, name, number] = pathname.split("/");
    const asked = searchParams.get("asked") !== "no";
    const worker = env.LOADER.get(`${name}/${number}`, () => codeOf(contestants[name], number, asked));
    return worker
      .getEntrypoint()
      .fetch(new Request(`http://localhost:8787${searchParams.get("path")}`, { headers: { "user-agent": "bench" } }));
  },
};

function codeOf({ files, flags, compatibilityDate, env }, number, asked) {
  const modules = { "entry.js": { js: asked ? ENTRY : LOADED } };
  for (const [path, contents] of Object.entries(files)) {
    modules[path] = path.endsWith(".wasm")
      ? { wasm: numbered(contents, number) }
      : { js: new TextDecoder().decode(contents) };
  }
  return { compatibilityDate, compatibilityFlags: flags, mainModule: "entry.js", modules, env };
}

/**
 * A loader cannot hand on real bindings. Latchkey's first answer uses none, but
 * looks whether they are there, by the class's name. The peers do not look;
 * Better Auth makes do with memory, and leaves out the look at its tables that
 * it takes, with D1, before its first answer. Log lines go nowhere, see
 * ../support/log-sink.mjs.
 */
const ENTRY = `
  import Contestant from "./index.js";
  for (const method of ["log", "error"]) console[method] = () => {};
  class D1Database {}
  class KvNamespace { get() {} put() {} list() {} delete() {} }
  const bound = (env) => ({ ...env, DB: new D1Database(), KV: new KvNamespace() });
  const started = () => class extends Contestant { constructor(ctx, env) { super(ctx, bound(env)); } };
  export default typeof Contestant === "function" ? started() : Contestant;
`;

/** What a size costs: the Worker is loaded and instantiated, and the answer comes from somewhere else. */
const LOADED = `
  import Contestant from "./index.js";
  export default class extends Contestant { fetch() { return Response.json({ status: "ok" }); } };
`;

/** The module with another number in its first section, see number-section.mjs. The loader takes a copy. */
function numbered(wasm, number) {
  new Uint8Array(wasm).set(numberBytes(number), NUMBER_AT);
  return wasm;
}
