/**
 * More than a thousand expiries of the access token, in two and in five tabs of
 * Chromium: nobody is signed out, and each costs one rotation in D1, however
 * long the answer to the refresh takes, and when it is lost after the Worker has
 * committed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { newEmail } from "../support/people.mjs";
import { bundle, startSite } from "./support/site.mjs";
import { openTabs, signUpIn } from "./support/tabs.mjs";

const EXPIRIES = 170;
const SPREAD = 17;

/**
 * What becomes of the answer to the nth refresh that the Worker is asked for.
 *
 * @type {Record<string, (nth: number) => import("./support/site.mjs").Disturbance>}
 */
const ANSWERS = {
  "an answer after 5 ms": () => ({ delayMs: 5 }),
  "an answer after 200 ms": () => ({ delayMs: 200 }),
  "a first answer that is lost": (nth) => ({ isLost: nth % 2 === 1 }),
};

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

describe("a lapsed access cookie", { concurrency: 3 }, () => {
  for (const [name, disturbed] of Object.entries(ANSWERS)) {
    for (const count of [2, 5]) {
      test(`${name}, in ${count} tabs, ${EXPIRIES} times`, async (t) => {
        const site = await startSite(await bundle("app.mjs"));
        t.after(() => site.close());
        const context = await browser.newContext();
        const tabs = await openTabs(context, site, count);
        const email = newEmail();
        await signUpIn(tabs[0], email);
        for (const tab of tabs) await tab.waitForFunction(() => latchkey.session.get().status === "signed_in");

        let refreshes = 0;
        site.isLossy = disturbed(1).isLost ?? false;
        site.disturb = (asked) => {
          if (asked !== "POST refresh") return {};
          refreshes += 1;
          return disturbed(refreshes);
        };
        for (let expiry = 1; expiry <= EXPIRIES; expiry += 1) {
          await site.expire(context);
          // At once, or one after the other: a tab may ask before, while and after another one refreshes.
          const stepMs = (expiry % SPREAD) * (1 + (disturbed(2).delayMs ?? 0) / 20);
          const [first, ...others] = tabs;
          const asked = [
            first.evaluate(() => ask(0, "sessions")),
            ...others.map((tab, i) => tab.evaluate((afterMs) => ask(afterMs), (i + 1) * stepMs)),
          ];
          assert.deepEqual((await Promise.all(asked)).flat(), [], `expiry ${expiry}`);
        }
        assert.equal(await site.rotations(), EXPIRIES);
        assert.equal(refreshes, site.isLossy ? 2 * EXPIRIES : EXPIRIES);
        for (const tab of tabs) {
          assert.equal((await tab.evaluate(() => states)).filter((state) => state === "signed_out").length, 1);
          assert.equal(await tab.evaluate(() => states.at(-1)), `signed_in ${email}`);
        }
      });
    }
  }
});
