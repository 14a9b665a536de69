/**
 * A test-only entry in front of the unchanged release artefact: it counts and
 * disturbs what the Worker does with D1, KV, the rate limiters and
 * `waitUntil`, and sets its clock. It is never deployed.
 *
 * Each Worker ("point of presence") has an isolate, and so a state, of its
 * own. The harness steers it through two paths that the Worker never sees:
 *
 *     POST /__test/control    JSON, merged into `control` (see package/test/faults.mjs)
 *     GET  /__test/counters   what was counted since the last reset
 *     POST /__test/store      D1 and KV, undisturbed and fast, see `store`
 *     POST /__test/ask        many requests at once: `[{path, ...init}]`, see `ask`
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import App from "../build/index.js";
import { counters, enter, installClock, kvSeen, steer, wrapContext, wrapEnv } from "../package/test/faults.mjs";

installClock();

export default class Chaos extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__test/control") return Response.json(steer(await request.json()));
    if (pathname === "/__test/counters") return Response.json(counters);
    if (pathname === "/__test/store") return store(this.env, await request.json());
    if (pathname === "/__test/ask") return ask(this, request.url, await request.json());

    counters.requests += 1;
    const work = { backgroundStarted: false, answered: false };
    try {
      return await enter(this.ctx, work, () => this.#app(work).fetch(request));
    } finally {
      work.answered = true;
    }
  }

  scheduled(event) {
    return this.#app({ backgroundStarted: false, answered: false }).scheduled(event);
  }

  /** The real Worker, with the test's bindings and context. */
  #app(work) {
    const app = new App(this.ctx, wrapEnv(this.env, work));
    app.ctx = wrapContext(this.ctx, work);
    return app;
  }
}

/**
 * `statements`: a batch of `[sql, ...values]`, whose rows are the answer;
 * `kv`: entries to write, text by key; `emptyKv`: removes all entries first.
 */
async function store({ DB, KV }, { statements = [], kv = {}, emptyKv = false }) {
  if (emptyKv) {
    const { keys } = await KV.list();
    await Promise.all(keys.map(({ name }) => KV.delete(name)));
    kvSeen.clear();
  }
  await Promise.all(Object.entries(kv).map(([key, text]) => KV.put(key, text)));
  if (statements.length === 0) return Response.json([]);
  const results = await DB.batch(statements.map(([sql, ...values]) => DB.prepare(sql).bind(...values)));
  return Response.json(results.map(({ results }) => results));
}

/** Sends requests to the Worker in parallel, and answers `{status, text}` of each in their order. */
async function ask(entry, base, requests) {
  const answers = requests.map(async ({ path, ...init }) => {
    const response = await entry.fetch(new Request(new URL(path, base), init));
    return { status: response.status, text: await response.text() };
  });
  return Response.json(await Promise.all(answers));
}
