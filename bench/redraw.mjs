/**
 * Makes the tables and plots of bench/RESULTS.md again from the results
 * that stand in bench/results, without measuring anything: for a change of how
 * they look.
 *
 *     node bench/redraw.mjs
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, main } from "../scripts/lib.mjs";
import { publish } from "../harness/report.mjs";

const RESULTS = join(ROOT, "bench", "results");

await main(import.meta.url, () => {
  for (const file of readdirSync(RESULTS))
    publish(file.replace(/\.json$/, ""), JSON.parse(readFileSync(join(RESULTS, file), "utf8")));
});
