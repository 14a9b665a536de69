/**
 * A test-only entry in front of the unchanged release artefact: it counts and
 * disturbs what the Worker does with D1, KV, the rate limiters and
 * `waitUntil`, and sets its clock. It is never deployed.
 *
 * Each Worker ("point of presence") has an isolate, and so a state, of its
 * own. The harness steers it through two paths that the Worker never sees:
 *
 *     POST /__test/control    JSON, merged into `control` (see faults.mjs)
 *     GET  /__test/counters   what was counted since the last reset
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import App from "../../build/index.js";
import { control, counters, kvSeen, newControl, newCounters, now, wrapContext, wrapEnv } from "./faults.mjs";

const RealDate = Date;

/** `Date` by the test's clock: `new Date()` and `Date.now()`. */
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }

  static now() {
    return now();
  }
};

export default class Chaos extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__test/control") return steer(await request.json());
    if (pathname === "/__test/counters") return Response.json(counters);

    counters.requests += 1;
    const work = { backgroundStarted: false, answered: false };
    try {
      return await this.#app(work).fetch(request);
    } finally {
      work.answered = true;
    }
  }

  scheduled(event) {
    return this.#app({ backgroundStarted: false, answered: false }).scheduled(event);
  }

  /** The real Worker, whose bindings and context are ours. */
  #app(work) {
    const app = new App(this.ctx, wrapEnv(this.env, work));
    app.ctx = wrapContext(this.ctx, work);
    return app;
  }
}

/** `{reset: true}` forgets settings and counts first. */
function steer({ reset, resetCounters, ...settings }) {
  if (reset) {
    Object.assign(control, newControl());
    kvSeen.clear();
  }
  if (reset || resetCounters) Object.assign(counters, newCounters(counters.pending));
  Object.assign(control, settings);
  return Response.json(control);
}
