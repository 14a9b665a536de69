/** Modules that exist only where a Worker runs, as far as the harness uses them. */

declare module "cloudflare:workers" {
  export class WorkerEntrypoint {
    constructor(ctx: unknown, env: unknown);
    env: Record<string, import("../package/test/faults.mjs").Binding>;
    ctx: import("../package/test/faults.mjs").Context;
  }
}
