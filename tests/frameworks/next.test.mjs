/** examples/next, built by @opennextjs/cloudflare. */
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("Next.js", () => join(built("next"), "wrangler.toml"));
