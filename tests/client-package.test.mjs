/**
 * The npm package `@latchkey/client`: the same bytes from any folder, nothing
 * missing and nothing superfluous, and imports that an app can resolve.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { test } from "node:test";
import { clientFiles } from "../scripts/client.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { pack } from "../scripts/package.mjs";

const FILES = clientFiles(ROOT);
const PATHS = new Set(FILES.map(({ path }) => path));
const MANIFEST = JSON.parse(String(FILES.find(({ path }) => path === "package.json")?.bytes));
const IMPORTED = /(?:\bfrom|\bimport|\bimport\()\s*"([^"\s]+)"/g;

/** Without the path within it. */
const packageOf = (name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/");

/** What a relative import leads to: declarations name the code that theirs stand beside. */
function inner(path, name) {
  const target = posix.normalize(posix.join(dirname(path), name));
  return path.endsWith(".d.ts") ? target.replace(/\.(m?)js$/, ".d.$1ts") : target;
}

function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-client-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("the same bytes, whatever the folder", (t) => {
  const elsewhere = join(scratch(t), "deeper");
  mkdirSync(elsewhere);
  for (const path of ["client", "LICENSE", "package.json"]) {
    cpSync(join(ROOT, path), join(elsewhere, path), { recursive: true });
  }
  assert.ok(pack(FILES).equals(pack(clientFiles(elsewhere))));
});

test("has every module that it imports and every file that its manifest names, and depends on nothing", () => {
  for (const { path, bytes } of FILES.filter(({ path }) => /\.(?:m?js|d\.ts)$/.test(path))) {
    const code = bytes.toString().replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    for (const [, name] of code.matchAll(IMPORTED)) {
      const isThere = name.startsWith(".")
        ? PATHS.has(inner(path, name))
        : Object.hasOwn(MANIFEST.peerDependencies, packageOf(name)) || /^(?:node|cloudflare):/.test(name);
      assert.ok(isThere, `${path} imports ${name}`);
    }
  }
  assert.equal(MANIFEST.dependencies, undefined);
  for (const name of Object.keys(MANIFEST.peerDependencies)) assert.ok(MANIFEST.peerDependenciesMeta[name].optional);
  for (const target of Object.values(MANIFEST.exports)) {
    for (const path of typeof target === "string" ? [target] : Object.values(target)) {
      assert.ok(PATHS.has(posix.normalize(path)), path);
    }
  }
});

test("the main entry imports neither React nor Vue", () => {
  const main = FILES.filter(({ path }) => /^dist\/(?!react|vue).*\.js$/.test(path));
  assert.ok(main.length > 5);
  for (const { path, bytes } of main) assert.doesNotMatch(String(bytes), /from "(?:react|vue)"/, path);
});

test("has no source, no test and no path of this machine in it", () => {
  for (const { path, bytes } of FILES) {
    assert.doesNotMatch(path, /^src\/|\.test\.|tsconfig/);
    assert.ok(!bytes.includes(ROOT), path);
  }
});

test("an app without React and Vue installs and imports it", (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, "client.tgz"), pack(FILES));
  const place = join(folder, "node_modules", "@latchkey");
  mkdirSync(place, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, "client.tgz")], { cwd: place });
  symlinkSync("package", join(place, "client"));
  const code = 'import { createClient } from "@latchkey/client"; console.log(createClient().session.get().status);';
  writeFileSync(join(folder, "app.mjs"), code);
  assert.equal(execFileSync(process.execPath, ["app.mjs"], { cwd: folder, encoding: "utf8" }), "unknown\n");
});
