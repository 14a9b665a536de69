/**
 * Fails if docs/openapi.json promises an answer that no test of a whole run has
 * seen, and says which. The argument is the folder in which each test file left
 * what it saw (tests/support/watch-contract.mjs).
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main, say } from "../../scripts/lib.mjs";
import { PROMISED } from "../support/contract.mjs";

await main(import.meta.url, ([folder]) => {
  const seen = new Set(readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8"))));
  const unseen = PROMISED.filter((one) => !seen.has(one));
  say(`The tests have seen ${PROMISED.length - unseen.length} of the ${PROMISED.length} answers of docs/openapi.json.`);
  for (const one of unseen) say(`No test has seen ${one}.`);
  return unseen.length === 0 ? 0 : 1;
});
