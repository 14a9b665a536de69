/**
 * Tabs that sleep, in Chromium against the built Worker: hidden, frozen, and
 * stopped, as a browser does with a tab in the background and a laptop with all
 * of them. Every state that the session takes is recorded: there is no flash of
 * "signed out".
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { startDevTools } from "./support/devtools.mjs";
import { PASSWORD, newEmail } from "../support/people.mjs";
import { bundle, startSite } from "./support/site.mjs";

const EXPIRIES = 10;
/** The states of a tab that opens before anybody signs in. */
const FIRST = ["unknown", "signed_out"];

let site;
let browser;
before(async () => (site = await startSite(await bundle("app.mjs"))));
after(() => site.close());
beforeEach(async () => (browser = await startDevTools()));
afterEach(async () => {
  site.disturb = () => ({});
  await browser.close();
});

const statesOf = (tab) => tab.evaluate(() => states);
const isSignedOut = () => latchkey.session.get().status === "signed_out";

/** Two tabs of a user who is signed in; the first one is in front. */
async function signedIn() {
  const tabs = [await browser.open(site.url), await browser.open(site.url)];
  for (const tab of tabs) {
    await tab.show();
    await tab.until(isSignedOut);
  }
  const email = newEmail();
  await tabs[0].show();
  await tabs[0].evaluate((fields) => latchkey.register(fields), { email, password: PASSWORD });
  await tabs[0].evaluate((fields) => latchkey.login(fields), { username: email, password: PASSWORD });
  for (const tab of tabs) await tab.until((email) => latchkey.session.get().user?.email === email, email);
  return { tabs, email, cookies: browser.cookiesOf(tabs[0], site.url) };
}

test("a tab wakes with its user, after another tab has replaced the tokens many times", async () => {
  const { tabs, email, cookies } = await signedIn();
  await tabs[1].sleep();
  for (let i = 0; i < EXPIRIES; i += 1) {
    await site.expire(cookies);
    assert.deepEqual(await tabs[0].evaluate(() => ask()), []);
  }
  await site.expire(cookies);
  const before = await site.rotations();
  await tabs[1].wake();
  assert.deepEqual((await Promise.all(tabs.map((tab) => tab.evaluate(() => ask())))).flat(), []);
  assert.equal(await site.rotations(), before + 1);
  assert.deepEqual(await statesOf(tabs[1]), [...FIRST, `signed_in ${email}`]);
});

test("a laptop wakes: requests that were on their way, no network at first, and one refresh", async () => {
  const { tabs, email, cookies } = await signedIn();
  await site.expire(cookies);
  site.disturb = () => ({ isLost: true });
  const lost = tabs.map((tab) => tab.evaluate(() => ask()));
  const [front, back] = tabs;
  await back.sleep();
  site.disturb = () => ({});
  await site.expire(cookies);
  const setOffline = (offline) =>
    Promise.all(
      tabs.map(async (tab) => {
        await tab.send("Network.enable");
        const free = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
        await tab.send("Network.emulateNetworkConditions", { offline, ...free });
      }),
    );
  await setOffline(true);
  await back.wake();
  assert.deepEqual([...new Set((await Promise.all(lost)).flat())], ["no_answer"]);
  const asked = await Promise.all(tabs.map((tab) => tab.evaluate(() => ask())));
  assert.deepEqual([...new Set(asked.flat())], ["no_answer"]);
  await setOffline(false);
  const before = await site.rotations();
  assert.deepEqual((await Promise.all(tabs.map((tab) => tab.evaluate(() => ask())))).flat(), []);
  assert.equal(await site.rotations(), before + 1);
  for (const tab of [front, back]) assert.deepEqual(await statesOf(tab), [...FIRST, `signed_in ${email}`]);
});

test("a tab wakes signed out after a log-out in another one", async () => {
  const { tabs, email } = await signedIn();
  await tabs[1].sleep();
  await tabs[0].evaluate(() => latchkey.logout());
  await tabs[1].wake();
  await tabs[1].until(isSignedOut);
  assert.deepEqual(await statesOf(tabs[1]), [...FIRST, `signed_in ${email}`, "signed_out"]);
});

test("a tab that falls asleep in its turn does not hold up others for long, and costs no second rotation", async () => {
  const { tabs, email, cookies } = await signedIn();
  await site.expire(cookies);
  site.disturb = (asked) => (asked === "POST refresh" ? { delayMs: 500 } : {});
  const [refreshes, rotations] = [site.refreshes, await site.rotations()];
  const asleep = tabs[1].evaluate(() => ask());
  while (site.refreshes === refreshes) await new Promise((done) => setTimeout(done, 5));
  await tabs[1].sleep();
  assert.deepEqual(await tabs[0].evaluate(() => ask()), []);
  await tabs[1].wake();
  assert.deepEqual(await asleep, []);
  assert.equal(await site.rotations(), rotations + 1);
  for (const tab of tabs) assert.equal((await statesOf(tab)).at(-1), `signed_in ${email}`);
});

test("a tab that comes to the front after a while asks once", async () => {
  const { tabs } = await signedIn();
  const profiles = () => site.asked.filter((asked) => asked === "GET profile").length;
  const before = profiles();
  await tabs[1].evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 61_000;
  });
  for (const tab of [tabs[1], tabs[0], tabs[1], tabs[0], tabs[1]]) await tab.show();
  await tabs[1].evaluate(() => latchkey.session.load());
  assert.ok([before + 1, before + 2].includes(profiles()), `${profiles() - before} questions`);
});
