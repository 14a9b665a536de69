/** examples/react-router, built by @cloudflare/vite-plugin. */
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("React Router", () => join(built("react-router"), "build", "server", "wrangler.json"));
