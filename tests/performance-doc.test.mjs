/**
 * bench/RESULTS.md has what the benchmarks found: every table and plot in it
 * is made from a result in bench/results. The commands that it and
 * docs/performance.md name exist, and the figures of the latter are among
 * those found.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { plotSvg } from "../harness/plot.mjs";
import { block } from "../harness/report.mjs";
import { ROOT } from "../scripts/lib.mjs";

const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const DOCUMENT = read("bench", "RESULTS.md");
const PROSE = read("docs", "performance.md");
const RESULTS = readdirSync(join(ROOT, "bench", "results")).map((file) => file.replace(/\.json$/, ""));

describe("bench/RESULTS.md", () => {
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
        const svg = read("bench", "plots", `${name}-${plot.file}.svg`);
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
    assert.deepEqual(shown.sort(), readdirSync(join(ROOT, "bench", "plots")).sort());
  });

  test("names commands that exist", () => {
    const { scripts } = JSON.parse(read("package.json"));
    for (const text of [DOCUMENT, PROSE])
      for (const [, command] of text.matchAll(/npm run (bench:[a-z-]+)/g)) assert.ok(scripts[command], command);
  });
});

describe("docs/performance.md", () => {
  /** `| what | found | … | \`npm run bench:name\` |`, of a command that keeps its results. */
  const lines = PROSE.split("\n").filter((line) => line.startsWith("| "));
  const rows = lines.flatMap((line) => {
    const cells = line.split(" | ");
    const [, name] = /`npm run bench:([a-z-]+)`/.exec(cells.at(-1) ?? "") ?? [];
    return RESULTS.includes(name) ? [{ name, figures: cells[1].split("; ") }] : [];
  });

  test("has figures", () => assert.ok(rows.length >= 8));

  for (const { name, figures } of rows) {
    test(`${figures.join("; ")} is what bench:${name} found`, () => {
      const found = block(name, JSON.parse(read("bench", "results", `${name}.json`)));
      for (const figure of figures) assert.ok(found.includes(figure), figure);
    });
  }
});
