/**
 * Makes `build/assets/`, the static files that the service has beside its API:
 * the OpenAPI document and a page that shows it, and the page that links in
 * mails lead to.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./lib.mjs";

const ASSETS = join(ROOT, "build", "assets");
const DOCUMENT = join(ROOT, "docs", "openapi.json");
const VIEWER = join(ROOT, "node_modules", "swagger-ui-dist");
/** Of the viewer: what the page loads, and what its licence wants to go along. */
const OF_THE_VIEWER = ["swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "NOTICE"];
/** What the page of links in mails loads. */
const LINK_PAGE = ["page.css", "page.mjs", "words.mjs"].map((name) => `link/${name}`);
const SOURCES = [
  ...["_headers", "docs.html", "docs/page.mjs", "link.html", ...LINK_PAGE].map((name) => join(ROOT, "assets", name)),
  ...OF_THE_VIEWER.map((name) => join(VIEWER, name)),
  DOCUMENT,
];

/** Makes the files anew, unless they are newer than all that they are made of. */
export function makeAssets() {
  const made = statSync(join(ASSETS, "openapi.json"), { throwIfNoEntry: false });
  if (made && SOURCES.every((path) => statSync(path).mtimeMs <= made.mtimeMs)) return;
  rmSync(ASSETS, { recursive: true, force: true });
  mkdirSync(ASSETS, { recursive: true });
  cpSync(join(ROOT, "assets"), ASSETS, { recursive: true });
  for (const name of OF_THE_VIEWER) {
    if (existsSync(join(VIEWER, name))) cpSync(join(VIEWER, name), join(ASSETS, "docs", name));
  }
  // The last one: its time is that of all.
  writeFileSync(join(ASSETS, "openapi.json"), JSON.stringify(JSON.parse(readFileSync(DOCUMENT, "utf8"))));
}
