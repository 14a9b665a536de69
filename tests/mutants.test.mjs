/**
 * The hand-made mutants (tests/mutants/mutants.mjs) match the sources: the text
 * that an edit replaces occurs once, and the tests that must fail exist.
 * `npm run test:mutants` shows that they do fail.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { MUTANTS } from "./mutants/mutants.mjs";
import { SUITES } from "./mutants/run-sql.mjs";

const read = (path) => readFileSync(join(ROOT, path), "utf8");
/** The paths of the crate's modules, such as `store::tests::rotations`. */
const MODULES = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".rs"))
  .map((path) => path.replace(/(\/mod)?\.rs$/, "").replaceAll("/", "::"));

function assertNative(filter) {
  const module = filter.replace(/::$/, "");
  assert.ok(
    MODULES.some((path) => path.includes(module)),
    `no module of src/ is ${filter}`,
  );
}

describe("a hand-made mutant", () => {
  for (const { name, edits, native, node } of MUTANTS) {
    test(`matches the sources: ${name}`, () => {
      for (const [file, find, replace] of edits) {
        const times = existsSync(join(ROOT, file)) ? read(file).split(find).length - 1 : 0;
        assert.equal(times, 1, `${file} has this ${times} times: ${find}`);
        assert.notEqual(find, replace);
      }
      assert.equal([native, node].filter(Boolean).length, 1);
      if (native) assertNative(native);
      if (node) assert.ok(read(node[0]).includes(node[1]), `${node[0]} has no test "${node[1]}"`);
    });
  }

  test("has a name of its own", () => {
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });
});

test("the tests that the mutants of the SQL run against exist", () => SUITES.forEach(assertNative));
