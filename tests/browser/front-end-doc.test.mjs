/**
 * The lines for a front end without the client in docs/front-end.md, verbatim,
 * in Chromium against the built Worker.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { LOGIN, PASSWORD, REGISTER, newEmail } from "../support/people.mjs";
import { startSite } from "./support/site.mjs";

const DOCUMENT = readFileSync(new URL("../../docs/front-end.md", import.meta.url), "utf8");
const [, CODE] = /```js\n(let refreshing[\s\S]+?)```/.exec(DOCUMENT) ?? [];
const TABS = 3;

let browser;
let site;
before(async () => {
  browser = await startBrowser();
  site = await startSite(`${CODE.replace("export ", "")}; globalThis.account = account;`);
});
after(async () => {
  await browser?.close();
  await site?.close();
});

test("each tab refreshes once, and all of them get the same tokens: one rotation", async () => {
  const context = await browser.newContext();
  const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));
  for (const tab of tabs) await tab.goto(site.url);
  const email = newEmail();
  for (const [path, body] of [
    [REGISTER, { email, password: PASSWORD }],
    [LOGIN, { username: email, password: PASSWORD }],
  ]) {
    const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    assert.ok(await tabs[0].evaluate(([path, init]) => fetch(path, init).then(({ ok }) => ok), [path, json]));
  }

  await site.expire(context);
  // All tabs have their 401 before the first of them is answered anew.
  site.disturb = (asked) => (asked === "POST refresh" ? { delayMs: 300 } : {});
  const statuses = await Promise.all(
    tabs.map((tab) =>
      tab.evaluate(() =>
        Promise.all(["profile", "sessions"].map((path) => account(path).then(({ status }) => status))),
      ),
    ),
  );
  assert.deepEqual(
    statuses.flat(),
    Array.from({ length: 2 * TABS }, () => 200),
  );
  assert.ok(site.refreshes <= TABS);
  assert.equal(await site.rotations(), 1);
});
