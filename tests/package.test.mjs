/**
 * The npm package: the same bytes from two folders, nothing missing in it and
 * nothing superfluous, settings that are the repository's own, and types that an
 * app compiles against.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { describe, test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { ROOT } from "../scripts/lib.mjs";
import { pack, packageFiles } from "../scripts/package.mjs";

const FILES = packageFiles(ROOT);
const PATHS = new Set(FILES.map(({ path }) => path));
/** What a module of the package imports. */
const IMPORTED = /(?:\bfrom|\bimport|\bimport\()\s*"([^"\s]+)"/g;

function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a package is made of, in another folder, made on another day. */
function elsewhere(folder, name, seconds) {
  const root = join(folder, name);
  mkdirSync(root, { recursive: true });
  for (const path of ["build", "migrations", "package", "scripts"]) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  for (const path of ["LICENSE", "entry.mjs", "entry.d.ts", "latchkey.d.ts", "package.json"]) {
    cpSync(join(ROOT, path), join(root, path));
    utimesSync(join(root, path), seconds, seconds);
  }
  return root;
}

describe("the package", () => {
  test("has the same bytes, whatever the folder and the day", (t) => {
    const folder = scratch(t);
    const [one, two] = [elsewhere(folder, "one", 1_000_000_000), elsewhere(folder, "two/deeper", 1_700_000_000)];
    const packed = [ROOT, one, two].map((root) => pack(packageFiles(root)));
    assert.ok(packed[0].equals(packed[1]) && packed[1].equals(packed[2]));
  });

  test("is a tar that other programs read", (t) => {
    const folder = scratch(t);
    writeFileSync(join(folder, "latchkey.tgz"), pack(FILES));
    execFileSync("tar", ["-xzf", "latchkey.tgz"], { cwd: folder });
    for (const { path, bytes } of FILES) {
      assert.ok(readFileSync(join(folder, "package", path)).equals(bytes), path);
    }
    const listed = execFileSync("tar", ["-tzf", "latchkey.tgz"], { cwd: folder, encoding: "utf8" });
    assert.deepEqual(listed.trim().split("\n").sort(), [...PATHS].map((path) => posix.join("package", path)).sort());
  });

  test("has every module that it imports, and needs nothing but Node, wrangler and the platform", () => {
    let imports = 0;
    for (const { path, bytes } of FILES.filter(({ path }) => path.endsWith(".mjs") || path === "build/index.js")) {
      const code = bytes.toString().replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
      for (const [, name] of code.matchAll(IMPORTED)) {
        imports += 1;
        // What only a checkout does: it sets itself up first.
        if (path === "scripts/deploy.mjs" && name === "./setup.mjs") continue;
        const isThere = name.startsWith(".")
          ? PATHS.has(posix.normalize(posix.join(dirname(path), name)))
          : /^(?:node:|cloudflare:)|^wrangler$/.test(name);
        assert.ok(isThere, `${path} imports ${name}`);
      }
    }
    assert.ok(imports > 50, `${imports} imports`);
  });

  test("has a manifest whose every path is in it, and one peer", () => {
    const manifest = JSON.parse(String(FILES.find(({ path }) => path === "package.json")?.bytes));
    const own = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    assert.equal(manifest.version, own.version);
    assert.deepEqual(manifest.peerDependencies, { wrangler: `^${own.devDependencies.wrangler}` });
    assert.equal(manifest.dependencies, undefined);
    const deployment = JSON.parse(readFileSync(join(ROOT, "deploy", "package.json"), "utf8"));
    assert.deepEqual(deployment.dependencies, {
      latchkey: `file:latchkey-${own.version}.tgz`,
      ...manifest.peerDependencies,
    });
    const named = [manifest.types, ...Object.values(manifest.bin)];
    for (const target of Object.values(manifest.exports)) {
      named.push(...(typeof target === "string" ? [target] : Object.values(target)));
    }
    for (const path of named) assert.ok(PATHS.has(posix.normalize(path)), path);
  });

  test("has no key, no local state and no test in it", () => {
    for (const { path, bytes } of FILES) {
      assert.doesNotMatch(path, /\.dev\.vars|\.wrangler|^tests\/|\.test\./);
      assert.ok(!bytes.includes('"d":"') && !bytes.includes(ROOT), path);
    }
  });
});

test("the example wrangler.toml is the repository's own, but for the paths and the build", () => {
  const read = (path) => {
    const {
      main,
      build: _,
      configPath,
      userConfigPath,
      topLevelName,
      d1_databases,
      assets: { directory, ...assets } = {},
      ...config
    } = unstable_readConfig({ config: join(ROOT, path) }, { hideWarnings: true });
    assert.ok(main && configPath && userConfigPath && topLevelName);
    assert.ok(directory?.endsWith("build/assets"));
    return { ...config, assets, d1_databases: d1_databases.map(({ migrations_dir: _, ...database }) => database) };
  };
  const [example, own] = [read("package/wrangler.toml"), read("wrangler.toml")];
  assert.deepEqual(example, own);
  const text = readFileSync(join(ROOT, "package", "wrangler.toml"), "utf8");
  assert.equal(readFileSync(join(ROOT, "deploy", "wrangler.toml"), "utf8"), text, "deploy/ has the same");
  assert.match(text, /^main = "node_modules\/latchkey\/entry\.mjs"$/m);
  assert.match(text, /^migrations_dir = "node_modules\/latchkey\/migrations"$/m);
});

test("an app compiles against the types, and its mistakes do not", () => {
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  const { status, stdout } = spawnSync(tsc, ["--project", join(ROOT, "tests", "support", "types")], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
});
