/**
 * docs/performance.md says what the benchmarks found: every table and plot in
 * it is made from a result in bench/results, and its commands exist.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { plotSvg } from "../harness/plot.mjs";
import { block } from "../harness/report.mjs";
import { ROOT } from "../scripts/lib.mjs";

const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const DOCUMENT = read("docs", "performance.md");
const RESULTS = readdirSync(join(ROOT, "bench", "results")).map((file) => file.replace(/\.json$/, ""));

describe("docs/performance.md", () => {
  for (const name of RESULTS) {
    const result = JSON.parse(read("bench", "results", `${name}.json`));

    test(`has the tables of bench:${name} as they were found`, () => {
      assert.ok(
        DOCUMENT.includes(block(name, result)),
        `npm run bench:${name} writes them; they are not changed by hand`,
      );
    });

    test(`has the plots of bench:${name} as they were found`, () => {
      for (const plot of result.plots) {
        const svg = read("docs", "plots", `${name}-${plot.file}.svg`);
        assert.equal(svg, plotSvg(plot));
        assert.doesNotMatch(svg, /<script|\son\w+=|href=/);
      }
    });
  }

  test("has no block without a result", () => {
    const blocks = [...DOCUMENT.matchAll(/<!-- bench:([a-z-]+) -->/g)].map(([, name]) => name);
    assert.deepEqual(blocks.sort(), RESULTS.sort());
  });

  test("shows no plot that nobody has made, and none is left over", () => {
    const shown = [...DOCUMENT.matchAll(/\(plots\/([^)]+)\)/g)].map(([, file]) => file);
    assert.deepEqual(shown.sort(), readdirSync(join(ROOT, "docs", "plots")).sort());
  });

  test("names commands that exist", () => {
    const { scripts } = JSON.parse(read("package.json"));
    for (const [, command] of DOCUMENT.matchAll(/npm run (bench:[a-z-]+)/g)) assert.ok(scripts[command], command);
  });
});
