/** examples/react-router, built by @cloudflare/vite-plugin. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { holdsForFramework } from "./contract.mjs";
import { built } from "./prepared.mjs";

holdsForFramework("React Router", () => join(built("react-router"), "build", "server", "wrangler.json"), {
  router: {
    address: (path) => (path === "/" ? "/_.data" : `${path}.data`),
    isSentToLogin({ status, text }) {
      // 202 is its way to send a redirect to a script.
      assert.deepEqual([status, text.includes('"/login?next=%2Fnotes"')], [202, true], text);
    },
  },
});
