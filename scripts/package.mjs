/**
 * `npm run package`: `latchkey-<version>.tgz`, the npm package for people
 * without Rust. It has the built Worker, the migrations, the types and the
 * commands. Beside it `latchkey-client-<version>.tgz`, the package
 * `@latchkey/client` (`client.mjs`).
 *
 *     npm run package -- --to DIR
 *
 * Almost everything lies in it where it lies here, so that what is tested here
 * is what is shipped; `package/` has what differs. The same files give the same
 * bytes, whatever the folder and the day.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build, buildImportRules } from "./build.mjs";
import { buildClient, clientFiles } from "./client.mjs";
import { Failure, ROOT, main, messageOf } from "./lib.mjs";
import { setup } from "./setup.mjs";
import { tarball } from "./tar.mjs";

/** @typedef {{ path: string, bytes: Buffer }} File A file of the package, by its path in it. */

/** Files and folders that are the same here and there. */
const SHIPPED = [
  "LICENSE",
  "entry.d.ts",
  "entry.mjs",
  "latchkey.d.ts",
  "build/assets",
  "build/index.js",
  "build/index_bg.wasm",
  "build/import-rules.wasm",
  "migrations",
  "package",
  "scripts/arguments.mjs",
  "scripts/cli.mjs",
  "scripts/deploy.mjs",
  "scripts/init.mjs",
  "scripts/keys",
  "scripts/lib.mjs",
  "scripts/make-keys.mjs",
  "scripts/serve.mjs",
  "scripts/users",
];
/** What differs: the path there, by the path here. */
const REPLACED = {
  "package/README.md": "README.md",
  "package/place.mjs": "scripts/place.mjs",
  "package/wrangler.toml": "wrangler.toml",
};
const MANIFEST = "package/package.json";
const PROGRAM = "scripts/cli.mjs";

/** The files of the package of a checkout. @param {string} root @returns {File[]} */
export function packageFiles(root) {
  const isShipped = (/** @type {string} */ path) => path !== MANIFEST && !Object.hasOwn(REPLACED, path);
  const shipped = SHIPPED.flatMap((path) => below(root, path))
    .filter(isShipped)
    .map((path) => [path, path]);
  const files = [...shipped, ...Object.entries(REPLACED)].map(([from, path]) => ({
    path,
    bytes: readFileSync(join(root, from)),
  }));
  return [...files, { path: "package.json", bytes: Buffer.from(`${JSON.stringify(manifest(root), null, 2)}\n`) }].sort(
    (a, b) => (a.path < b.path ? -1 : 1),
  );
}

/** The bytes of the package. @param {File[]} files */
export function pack(files) {
  return tarball(
    files.map(({ path, bytes }) => ({ name: posix.join("package", path), bytes, isProgram: path === PROGRAM })),
  );
}

/**
 * `package.json` with what the checkout's own knows: the version, and the
 * wrangler that all of this was tried with. It is a peer, so that an app has one
 * wrangler, its own, and `npx wrangler` is the same program; npm installs it
 * where there is none.
 *
 * @param {string} root
 */
function manifest(root) {
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { name, ...rest } = JSON.parse(readFileSync(join(root, MANIFEST), "utf8"));
  return { name, version: own.version, ...rest, peerDependencies: { wrangler: `^${own.devDependencies.wrangler}` } };
}

/**
 * A file, or all files of a folder, in one order everywhere.
 *
 * @param {string} root
 * @param {string} path
 * @returns {string[]}
 */
function below(root, path) {
  if (!existsSync(join(root, path))) throw new Failure(`${path} is missing. Run: npm run build`);
  if (path.includes(".") || path === "LICENSE") return [path];
  return readdirSync(join(root, path), { withFileTypes: true })
    .flatMap((entry) => {
      const inner = posix.join(path, entry.name);
      return entry.isDirectory() ? below(root, inner) : [inner];
    })
    .sort();
}

await main(import.meta.url, async (args) => {
  const folder = parse(args);
  const env = await setup();
  await build(env);
  await buildImportRules(env);
  await buildClient(env);
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  mkdirSync(folder, { recursive: true });
  write(join(folder, `latchkey-${version}.tgz`), packageFiles(ROOT));
  write(join(folder, `latchkey-client-${version}.tgz`), clientFiles(ROOT));
});

/**
 * Writes a package, and prints its files with their sizes.
 *
 * @param {string} path
 * @param {File[]} files
 */
function write(path, files) {
  const packed = pack(files);
  writeFileSync(path, packed);
  const row = (/** @type {string} */ name, /** @type {number} */ bytes, /** @type {number} */ zipped) =>
    console.log(`${String(bytes).padStart(9)} ${String(zipped).padStart(9)}  ${name}`);
  console.log(`${"bytes".padStart(9)} ${"gzipped".padStart(9)}  file`);
  for (const { path, bytes } of files) row(path, bytes.length, gzipSync(bytes, { level: 9 }).length);
  const sum = files.reduce((total, { bytes }) => total + bytes.length, 0);
  row(`${files.length} files in ${path}`, sum, packed.length);
  console.log(`SHA-256 ${createHash("sha256").update(packed).digest("hex")}`);
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({ args, options: { to: { type: "string", default: ROOT } } }).values.to;
  } catch (error) {
    throw new Failure(`${messageOf(error).split(". ")[0]}.\nUsage: npm run package [-- --to DIR]`);
  }
}
