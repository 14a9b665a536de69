/**
 * What tabs of one browser know of each other, in Chromium against the built
 * Worker: a login, a log-out, a new password, another account, a network that is
 * gone, and browsers that lack Web Locks or BroadcastChannel.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { PASSWORD, newEmail } from "../support/people.mjs";
import { bundle, startSite } from "./support/site.mjs";
import { openTabs, signIn, signUpIn, untilSignedIn, untilSignedOut } from "./support/tabs.mjs";

const TABS = 3;
const EXPIRIES = 10;
/** The states of a tab that opens before anybody signs in. */
const FIRST = ["unknown", "signed_out"];

let browser;
let site;
let context;
before(async () => {
  browser = await startBrowser();
  site = await startSite(await bundle("app.mjs"));
});
after(async () => {
  await browser?.close();
  await site?.close();
});
beforeEach(async () => (context = await browser.newContext()));
afterEach(async () => {
  site.disturb = () => ({});
  await context.close();
});

const statesOf = (tab) => tab.evaluate(() => states);

/** Tabs of a user who is signed in. */
async function signedIn(count = TABS) {
  const tabs = await openTabs(context, site, count);
  const email = newEmail();
  await signUpIn(tabs[0], email);
  for (const tab of tabs) await untilSignedIn(tab, email);
  return { tabs, email };
}

describe("all tabs", () => {
  test("show a login and a log-out", async (t) => {
    const { tabs, email } = await signedIn();
    await tabs[1].evaluate(() => latchkey.logout());
    await Promise.all(tabs.map(untilSignedOut));
    for (const tab of tabs) assert.deepEqual(await statesOf(tab), [...FIRST, `signed_in ${email}`, "signed_out"]);
    const [first, own, third] = await Promise.all(tabs.map((tab) => tab.evaluate(() => times.at(-1) ?? 0)));
    t.diagnostic(`The other tabs showed the log-out ${Math.max(first, third) - own} ms after the tab that made it.`);
  });

  test("show the user of a second login, whichever tab made it", async () => {
    const { tabs, email } = await signedIn();
    const other = newEmail();
    await tabs[1].evaluate(([email, password]) => latchkey.register({ email, password }), [other, PASSWORD]);
    await signIn(tabs[1], other);
    for (const tab of tabs) await untilSignedIn(tab, other);
    await signIn(tabs[2], email);
    for (const tab of tabs) await untilSignedIn(tab, email);
    for (const tab of tabs) {
      const all = [...FIRST, `signed_in ${email}`, `signed_in ${other}`, `signed_in ${email}`];
      assert.deepEqual(await statesOf(tab), all);
    }
  });

  test("show a new name, and the end of all sessions by a new password", async () => {
    const { tabs } = await signedIn();
    await tabs[0].evaluate(() => latchkey.updateProfile({ name: "Ada" }));
    for (const tab of tabs) await tab.waitForFunction(() => latchkey.session.get().user?.name === "Ada");
    const newPassword = "a new horse battery staple";
    const { problem } = await tabs[2].evaluate((change) => latchkey.updatePwd(change), {
      currentPassword: PASSWORD,
      newPassword,
    });
    assert.equal(problem, undefined);
    await Promise.all(tabs.map(untilSignedOut));
  });

  test("show a session that was ended on another device after one refused refresh", async () => {
    const { tabs } = await signedIn();
    await site.latchkey.sql(
      "UPDATE sessions SET ended_at = unixepoch(), end_reason = 'revoked' WHERE ended_at IS NULL",
    );
    const before = site.refreshes;
    await site.expire(context);
    const asked = await Promise.all(tabs.map((tab) => tab.evaluate(() => ask())));
    assert.deepEqual([...new Set(asked.flat())], ["not_authenticated"]);
    await Promise.all(tabs.map(untilSignedOut));
    // The first refusal deletes the cookies; a tab that waited for its turn finds none, and asks once more at most.
    assert.ok(site.refreshes - before <= TABS, `${site.refreshes - before} refreshes`);
  });

  test("change whatever a listener throws, which is an error of its page", async () => {
    const { tabs } = await signedIn(1);
    const thrown = tabs[0].waitForEvent("pageerror");
    const { problem } = await tabs[0].evaluate(() => {
      latchkey.session.subscribe(({ status }) => {
        if (status === "signed_out") throw new Error("A mistake of the page");
      });
      latchkey.session.subscribe(({ status }) => states.push(`then ${status}`));
      return latchkey.logout();
    });
    assert.equal(problem, undefined);
    assert.equal((await thrown).message, "A mistake of the page");
    assert.equal((await statesOf(tabs[0])).at(-1), "then signed_out");
  });

  test("that open while nobody answers know nothing, and learn it later", async () => {
    const { tabs, email } = await signedIn(1);
    site.disturb = () => ({ isLost: true });
    const late = await context.newPage();
    await late.goto(site.url);
    await late.waitForFunction(() => states.length > 0);
    assert.deepEqual(await statesOf(late), ["unknown"]);
    site.disturb = () => ({});
    await untilSignedIn(late, email, 10_000);
    assert.deepEqual(await statesOf(late), ["unknown", `signed_in ${email}`]);
    assert.equal((await statesOf(tabs[0])).at(-1), `signed_in ${email}`);
  });
});

describe("without what newer browsers have", () => {
  for (const missing of ["Web Locks", "BroadcastChannel", "both"]) {
    test(`${missing}: no log-out by itself, one rotation an expiry, and a log-out shows`, async () => {
      await context.addInitScript((missing) => {
        if (missing !== "BroadcastChannel") Reflect.deleteProperty(Object.getPrototypeOf(navigator), "locks");
        if (missing !== "Web Locks") Reflect.deleteProperty(globalThis, "BroadcastChannel");
      }, missing);
      const { tabs, email } = await signedIn();
      const lacks = await tabs[0].evaluate(() => [!navigator.locks, typeof BroadcastChannel === "undefined"]);
      assert.deepEqual(lacks, [missing !== "BroadcastChannel", missing !== "Web Locks"]);
      const before = await site.rotations();
      for (let expiry = 1; expiry <= EXPIRIES; expiry += 1) {
        await site.expire(context);
        const asked = await Promise.all(tabs.map((tab, i) => tab.evaluate((ms) => ask(ms, "sessions"), i * expiry)));
        assert.deepEqual(asked.flat(), []);
        assert.equal(await site.rotations(), before + expiry);
      }
      const other = newEmail();
      await signUpIn(tabs[1], other);
      for (const tab of tabs) await untilSignedIn(tab, other);
      await tabs[2].evaluate(() => latchkey.logout());
      await Promise.all(tabs.map(untilSignedOut));
      for (const tab of tabs) {
        const all = [...FIRST, `signed_in ${email}`, `signed_in ${other}`, "signed_out"];
        assert.deepEqual(await statesOf(tab), all);
      }
    });
  }
});
