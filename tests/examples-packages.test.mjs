/** What the package.json of each example names can be installed from this checkout. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";

const read = (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const { version } = read("package.json");
const manifests = globSync("examples/*/package.json", { cwd: ROOT });

test("there are examples with packages", () => assert.ok(manifests.length > 6));

for (const path of manifests) {
  test(path, () => {
    const { dependencies, devDependencies } = read(path);
    const { latchkey, "@latchkey/client": client } = { ...dependencies, ...devDependencies };
    // In no registry: `npm run package` makes it.
    if (latchkey) assert.equal(latchkey, `file:../../latchkey-${version}.tgz`);
    if (!client) return;
    assert.equal(client, "file:../../client");
    // A link to it would look for jose and the frameworks beside the client, where they are not.
    const npmrc = join(ROOT, dirname(path), ".npmrc");
    assert.match(existsSync(npmrc) ? readFileSync(npmrc, "utf8") : "", /^install-links = true$/m);
  });
}
