/**
 * The packaged Worker with bindings that can be disturbed and a clock that can
 * be moved. `startLatchkey` runs it in the place of entry.mjs; it is never
 * deployed.
 *
 * A request that the fixture makes for itself, such as the log-in of a user,
 * carries {@link UNDISTURBED} and meets no fault and no limit. The fixture steers each
 * isolate with `POST /__test/control` and reads `GET /__test/counters`.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import App, * as entry from "../../entry.mjs";
import { counters, enter, installClock, steer, unlimited, wrapContext, wrapEnv } from "./faults.mjs";

const UNDISTURBED = "X-Latchkey-Test-Undisturbed";

installClock();

export default class TestWorker extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__test/control") return Response.json(steer(await request.json()));
    if (pathname === "/__test/counters") return Response.json(counters);
    if (request.headers.has(UNDISTURBED)) return new App(this.ctx, unlimited(this.env)).fetch(request);
    return call(App, this, "fetch", [request]);
  }

  scheduled(event) {
    return call(App, this, "scheduled", [event]);
  }
}

/** Each class that other Workers call, with the methods that it has of its own. */
function disturbed(Entrypoint) {
  class Disturbed extends WorkerEntrypoint {}
  for (const name of Object.getOwnPropertyNames(Entrypoint.prototype)) {
    if (name === "constructor") continue;
    Disturbed.prototype[name] = function (...args) {
      return call(Entrypoint, this, name, args);
    };
  }
  return Disturbed;
}

export const Auth = disturbed(entry.Auth);
export const Sessions = disturbed(entry.Sessions);

/** Calls a method of the real class, whose bindings and context are ours. */
async function call(Class, { ctx, env }, method, args) {
  counters.requests += 1;
  const work = { backgroundStarted: false, answered: false };
  const worker = new Class(ctx, wrapEnv(env, work));
  worker.ctx = wrapContext(ctx, work);
  try {
    return await enter(ctx, work, () => worker[method](...args));
  } finally {
    work.answered = true;
  }
}
