/**
 * A link on another site, in Chromium: the refresh cookie does not come along
 * (`SameSite=Strict`), and the visitor is shown the page all the same.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { startLatchkey } from "../../package/test.mjs";
import { prepared } from "../frameworks/prepared.mjs";
import { startBrowser } from "./support/browser.mjs";

const EXPIRED_SECONDS = 601;
const PASSWORD = "correct horse battery staple";

let latchkey;
let browser;
/** A page of another site with a link to the app. */
let elsewhere;
before(async () => {
  latchkey = await startLatchkey({ app: join(prepared("hono"), "wrangler.toml") });
  browser = await startBrowser();
  const link = `<!doctype html><a href="${new URL("/notes", latchkey.url)}">Your notes</a>`;
  const site = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(link));
  await once(site.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (site.address());
  // Two names of this machine are two sites.
  const host = latchkey.url.hostname === "localhost" ? "127.0.0.1" : "localhost";
  elsewhere = { url: `http://${host}:${port}`, stop: () => site.close() };
});
afterEach(() => latchkey.reset());
after(async () => {
  elsewhere.stop();
  await browser.close();
  await latchkey.dispose();
});

/** A browser in which a user has logged in, longer ago than an access token lives. */
async function visitor() {
  const { email } = await latchkey.signIn({ password: PASSWORD });
  const context = await browser.newContext();
  const page = await context.newPage();
  const documents = [];
  page.on("response", (response) => {
    if (response.request().resourceType() === "document") documents.push(response.status());
  });
  await page.goto(latchkey.url.href);
  const status = await page.evaluate(
    async (body) => {
      const headers = { "Content-Type": "application/json" };
      return (await fetch("/api/account/login", { method: "POST", headers, body })).status;
    },
    JSON.stringify({ username: email, password: PASSWORD }),
  );
  assert.equal(status, 204);
  await latchkey.clock.advance(EXPIRED_SECONDS);
  await context.clearCookies({ name: "access_token" });
  await page.goto(elsewhere.url);
  documents.length = 0;
  return { page, context, email, documents };
}

test("a link on another site leads to the page: its script has refreshed", async () => {
  const { page, context, email, documents } = await visitor();
  await page.click("a");
  await page.getByText(`Notes of ${email}`).waitFor();
  assert.deepEqual(documents, [401, 200]);
  assert.equal(new URL(page.url()).pathname, "/notes");
  await context.close();
});

test("a link on another site leads to the login when the session has ended", async () => {
  const { page, context } = await visitor();
  await latchkey.sql("UPDATE sessions SET ended_at = unixepoch(), end_reason = 'logout' WHERE ended_at IS NULL");
  await page.click("a");
  await page.waitForURL("**/login?next=%2Fnotes");
  await context.close();
});

test("an outage on the way is not a log-out: the page says so, and the next visit works", async () => {
  const { page, context, email } = await visitor();
  await latchkey.faults.d1Down();
  await page.click("a");
  await page.getByText("Try again in a moment").waitFor();
  await latchkey.faults.clear();
  await page.reload();
  await page.getByText(`Notes of ${email}`).waitFor();
  await context.close();
});
