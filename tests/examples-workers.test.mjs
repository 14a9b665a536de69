/**
 * examples/worker and examples/hono as a user has them: in a folder of their
 * own, with the packed package, run by their own suites.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { pack, packageFiles } from "../scripts/package.mjs";
import { installed, ownSuite } from "./support/examples.mjs";

const folder = mkdtempSync(join(tmpdir(), "latchkey-packed-"));
before(() => {
  const tarball = join(folder, "latchkey.tgz");
  writeFileSync(tarball, pack(packageFiles(ROOT)));
  execFileSync("tar", ["-xzf", tarball, "-C", folder]);
});
after(() => rmSync(folder, { recursive: true }));

for (const example of ["worker", "hono"]) {
  test(`the suite of examples/${example} passes with the packed package`, async (t) => {
    const { code, out } = await ownSuite(installed(t, example, join(folder, "package")));
    assert.equal(code, 0, out);
    const [, passed] = /^# pass (\d+)/m.exec(out) ?? [];
    assert.ok(Number(passed) > 4, out);
  });
}
