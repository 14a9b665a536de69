/** Examples as a user has them: in a folder of their own, with the packed package. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ROOT } from "../../scripts/lib.mjs";

const CLIENT = "@latchkey/client";

/**
 * Copies an example, and installs what its package.json names: Latchkey from `latchkey` (a folder),
 * its client and the rest from the checkout. Removed after the test.
 */
export function installed(t, example, latchkey) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  copySources(join(ROOT, "examples", example), folder);
  mkdirSync(join(folder, "node_modules"));
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (name === "latchkey") cpSync(latchkey, join(folder, "node_modules", name), { recursive: true });
    else if (name === CLIENT) copySources(join(ROOT, "client"), join(folder, "node_modules", name));
    else symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  return folder;
}

/** Copies a folder without what is installed in it. */
export function copySources(from, to) {
  cpSync(from, to, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
}

/** Runs the example's own suite: `{code, out}`. */
export async function ownSuite(folder) {
  // The runner tells its children that they are part of it; this one is not.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--test", "--test-reporter=tap", "test.mjs"], { cwd: folder, env });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
  const [code] = await once(child, "close");
  return { code, out };
}
