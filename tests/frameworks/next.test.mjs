/** examples/next, built by @opennextjs/cloudflare. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("Next.js", () => join(built("next"), "wrangler.toml"), {
  router: {
    address: (path) => `${path}?_rsc`,
    headers: { RSC: "1" },
    isSentToLogin({ status, headers }) {
      // The router loads the page anew where the answer is not its own, and that request is redirected.
      assert.deepEqual([status, headers.get("Content-Type")], [401, "application/json"]);
    },
  },
});
