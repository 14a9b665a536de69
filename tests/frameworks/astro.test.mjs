/** examples/astro, built by @astrojs/cloudflare. */
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("Astro", () => join(built("astro"), "dist", "server", "wrangler.json"));
