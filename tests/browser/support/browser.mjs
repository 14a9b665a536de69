/** Debian's Chromium, driven by playwright-core. */
import { chromium } from "playwright-core";
import { program } from "../../support/programs.mjs";

/** Nothing leaves the machine. */
export const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/snap/bin/chromium"];

/** The path of the browser; where there is none, the test fails and names the Debian package. */
export function chromiumPath() {
  return program("Chromium", "chromium", CANDIDATES, ["--version"]);
}

/** Starts a browser. */
export function startBrowser() {
  return chromium.launch({ executablePath: chromiumPath(), headless: true, chromiumSandbox: false, args: FLAGS });
}
