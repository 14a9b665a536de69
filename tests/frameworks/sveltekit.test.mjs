/** examples/sveltekit, built by adapter-cloudflare. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("SvelteKit", () => join(built("sveltekit"), "wrangler.toml"), {
  router: {
    address: (path) => `${path === "/" ? "" : path}/__data.json`,
    isSentToLogin({ status, text }) {
      assert.deepEqual([status, JSON.parse(text)], [200, { type: "redirect", location: "/login?next=%2Fnotes" }]);
    },
  },
});
