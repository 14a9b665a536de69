/** examples/hono: wrangler bundles it. */
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { prepared } from "./prepared.mjs";

holdsForFramework("Hono", () => join(prepared("hono"), "wrangler.toml"), { loaders: 1 });
