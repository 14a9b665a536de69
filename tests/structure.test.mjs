/**
 * Which folder of scripts may use which, as ARCHITECTURE.md has it: what tests
 * and benchmarks share is in harness/, and neither uses the other.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";

/**
 * Each folder, with those that it may use beside itself.
 *
 * @type {Record<string, string[]>}
 */
const FOLDERS = {
  package: [],
  scripts: ["package"],
  harness: ["package", "scripts"],
  tests: ["package", "harness", "scripts"],
  bench: ["harness", "scripts"],
};

/** `import … from "./x.mjs"`, `import("./x.mjs")`, `new URL("./x.mjs", import.meta.url)`. */
const RELATIVE = /(?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*"(\.{1,2}\/[^"]+)"/g;
/** A module by its path in the project, such as the entry of a Worker. */
const NAMED = /"((?:package|scripts|harness|tests|bench)\/[^"\s]+\.mjs)"/g;

/** The modules that a file uses, by their paths in the project. */
function usedBy(file) {
  const source = readFileSync(join(ROOT, file), "utf8");
  const relative = [...source.matchAll(RELATIVE)].map(([, path]) => normalize(join(dirname(file), path)));
  return [...relative, ...[...source.matchAll(NAMED)].map(([, path]) => path)];
}

function modulesIn(folder) {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".mjs") && !name.includes("node_modules"))
    .map((name) => join(folder, name));
}

describe("the folders of scripts", () => {
  for (const [folder, allowed] of Object.entries(FOLDERS)) {
    test(`${folder}/ uses ${["itself", ...allowed.map((name) => `${name}/`)].join(", ")} alone`, () => {
      const modules = modulesIn(folder);
      assert.ok(modules.length > 0, `no modules in ${folder}/`);
      const forbidden = Object.keys(FOLDERS).filter((name) => name !== folder && !allowed.includes(name));
      const found = modules.flatMap((file) =>
        usedBy(file)
          .filter((path) => forbidden.some((name) => path.startsWith(`${name}/`)))
          .map((path) => `${file} uses ${path}`),
      );
      assert.deepEqual(found, []);
    });
  }
});
