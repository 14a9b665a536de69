/**
 * Loaded before each test file (`--import`): every answer that comes through the
 * harness is held to docs/openapi.json. What was seen goes to a file of the
 * folder that `LATCHKEY_SEEN` names, if it does.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { observe } from "../../harness/observe.mjs";
import { assertDocumented } from "./contract.mjs";

/** Answered by the harness, by the platform or from a file, not by the Worker. */
const OF_OTHERS = /^\/(__test\/|__bench\/|cdn-cgi\/|docs$|docs\/|link$|link\/|openapi\.json$)/;
const folder = process.env.LATCHKEY_SEEN;
const seen = new Set();

observe((answer) => {
  if (OF_OTHERS.test(answer.url.pathname)) return;
  const which = assertDocumented(answer);
  if (which !== null) seen.add(which);
});

if (folder) {
  process.on("exit", () => {
    if (seen.size > 0) writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify([...seen]));
  });
}
