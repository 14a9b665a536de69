/**
 * The npm package `@latchkey/client`: compiled into `client/dist`, and packed
 * beside the main package by `npm run package`.
 */
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, posix } from "node:path";
import { Failure, ROOT, main, run, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** @typedef {{ path: string, bytes: Buffer }} File A file of the package, by its path in it. */

const FOLDER = "client";
const COMPILED = "client/dist";

/**
 * Compiles `client/src`.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export async function buildClient(env) {
  say("Building the client ...");
  rmSync(join(ROOT, COMPILED), { recursive: true, force: true });
  await run("tsc", ["--project", FOLDER], { env });
}

/**
 * The files of the package of a checkout: what its manifest lists, and what npm adds.
 *
 * @param {string} root
 * @returns {File[]}
 */
export function clientFiles(root) {
  if (!existsSync(join(root, COMPILED))) throw new Failure(`${COMPILED} is missing. Run: npm run build`);
  const read = (/** @type {string} */ path) => readFileSync(join(root, path));
  const own = JSON.parse(String(read("package.json")));
  const manifest = { ...JSON.parse(String(read(posix.join(FOLDER, "package.json")))), version: own.version };
  const listed = manifest.files.flatMap((/** @type {string} */ folder) => below(join(root, FOLDER), folder));
  const files = ["README.md", ...listed].map((path) => ({ path, bytes: read(posix.join(FOLDER, path)) }));
  return [
    ...files,
    { path: "LICENSE", bytes: read("LICENSE") },
    { path: "package.json", bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) },
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * All files of a folder, in one order everywhere.
 *
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function below(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(folder, entry.parentPath.slice(join(root, folder).length), entry.name))
    .sort();
}

await main(import.meta.url, async () => buildClient(await setup({ rust: false })));
