/** Tabs of one browser, with the page tests/browser/pages/app.mjs. */
import { PASSWORD } from "../../support/people.mjs";

/**
 * @import { BrowserContext, Page } from "playwright-core"
 * @import { Site } from "./site.mjs"
 */

/**
 * Opens tabs of one browser, which know who is signed in.
 *
 * @param {BrowserContext} context
 * @param {Site} site
 * @param {number} count
 * @returns {Promise<Page[]>}
 */
export async function openTabs(context, site, count) {
  const tabs = [];
  for (let i = 0; i < count; i += 1) {
    const tab = await context.newPage();
    await tab.goto(site.url);
    await tab.waitForFunction(() => latchkey.session.get().status !== "unknown");
    tabs.push(tab);
  }
  return tabs;
}

/**
 * Registers a user and signs in, in this tab.
 *
 * @param {Page} tab
 * @param {string} email
 */
export async function signUpIn(tab, email) {
  await tab.evaluate(([email, password]) => latchkey.register({ email, password }), [email, PASSWORD]);
  await signIn(tab, email);
}

/**
 * Signs in, in this tab.
 *
 * @param {Page} tab
 * @param {string} email
 */
export async function signIn(tab, email) {
  const { problem } = await tab.evaluate(
    ([email, password]) => latchkey.login({ username: email, password }),
    [email, PASSWORD],
  );
  if (problem) throw new Error(`No login: ${problem.code}`);
}

/** Far more than a tab takes to show what another one did, on a machine that does much else. */
const SHOWS_WITHIN_MS = 10_000;

/**
 * Waits until a tab shows this user.
 *
 * @param {Page} tab
 * @param {string} email
 */
export async function untilSignedIn(tab, email, timeout = SHOWS_WITHIN_MS) {
  await tab.waitForFunction((email) => latchkey.session.get().user?.email === email, email, { timeout });
}

/**
 * Waits until a tab shows that nobody is signed in.
 *
 * @param {Page} tab
 */
export async function untilSignedOut(tab) {
  await tab.waitForFunction(() => latchkey.session.get().status === "signed_out", null, { timeout: SHOWS_WITHIN_MS });
}
