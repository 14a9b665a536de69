/** examples/sveltekit, built by adapter-cloudflare. */
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("SvelteKit", () => join(built("sveltekit"), "wrangler.toml"));
