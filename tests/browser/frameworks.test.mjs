/**
 * The lines for React and Vue that are shipped, and Svelte's stores, which take
 * the session as it is: in Chromium, against the built Worker.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { newEmail } from "../support/people.mjs";
import { bundle, startSite } from "./support/site.mjs";
import { openTabs, signUpIn } from "./support/tabs.mjs";

const ELEMENTS = ["react", "hydrated", "vue", "svelte"];

let browser;
let site;
before(async () => {
  browser = await startBrowser();
  site = await startSite(await bundle("frameworks.mjs"));
});
after(async () => {
  await browser?.close();
  await site?.close();
});

test("React, Vue and Svelte show the session, and stop when they are taken off the page", async () => {
  const context = await browser.newContext();
  const [tab, other] = await openTabs(context, site, 2);
  /** Waits until all elements show this. */
  const shows = (text) =>
    tab.waitForFunction(
      ([text, ids]) => ids.every((id) => document.getElementById(id)?.textContent === text),
      [text, ELEMENTS],
    );
  await shows("signed_out");
  const email = newEmail();
  await signUpIn(other, email);
  await shows(`signed_in ${email}`);
  assert.deepEqual(await tab.evaluate(() => complaints), []);

  await tab.evaluate(() => unmount());
  await other.evaluate(() => latchkey.logout());
  await tab.waitForFunction(() => latchkey.session.get().status === "signed_out");
  assert.equal(await tab.evaluate(() => document.getElementById("svelte")?.textContent), `signed_in ${email}`);
});
