/** Modules that exist only where a Worker runs, as far as the harness uses them. */

declare module "cloudflare:workers" {
  export class WorkerEntrypoint {
    constructor(ctx: unknown, env: unknown);
    env: Record<string, import("./faults.mjs").Binding>;
    ctx: import("./faults.mjs").Context;
  }
}
