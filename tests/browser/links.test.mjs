/**
 * The links in mails, in Chromium: programs that open each of them and run the
 * page's scripts change nothing, and whoever presses the button gets in.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../../harness/mails.mjs";
import { startBrowser } from "./support/browser.mjs";

const PEOPLE = 100;
const PASSWORD = "correct horse battery staple";
const NEW_PASSWORD = "another horse every year";

const provider = new MailProvider();
let latchkey;
let browser;
before(async () => {
  const vars = { ...MAIL_BY_PROVIDER, VERIFICATION: "required" };
  latchkey = await startLatchkey({ assets: true, vars, outbound: provider.answer });
  browser = await startBrowser();
});
after(async () => {
  await browser.close();
  await latchkey.dispose();
});

/** Sends JSON from a client of its own. */
async function post(path, body, client) {
  const headers = { "Content-Type": "application/json", "CF-Connecting-IP": client };
  return (await latchkey.fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).status;
}

/** The link to this service, wherever it listens. */
function local(link) {
  const { pathname, hash } = new URL(link);
  return new URL(`${pathname}${hash}`, latchkey.url).href;
}

/** The newest link for a purpose. */
function linkTo(email, purpose) {
  const mail = provider.mailsTo(email).findLast((one) => one.purpose === purpose);
  assert.ok(mail?.link && mail.token, `${email}: ${purpose}`);
  return { href: local(mail.link), token: mail.token };
}

/** Someone who has registered and, after the proof of the address, forgotten the password. */
async function newcomer(number) {
  const email = `person-${number}@example.com`;
  const client = `203.0.113.${number}`;
  assert.equal(await post("/api/account/register", { email, password: PASSWORD }, client), 202);
  return { email, client };
}

/** Opens a page, and runs its scripts to the end. */
async function open(page, href) {
  await page.goto("about:blank");
  await page.goto(href);
  await page.waitForLoadState("networkidle");
}

/** What a scanner does with a link: it asks for it in every way, and presses nothing. */
async function scan(page, href) {
  for (const method of ["HEAD", "GET"])
    assert.equal((await latchkey.fetch(new URL(href).pathname, { method })).status, 200);
  await open(page, href);
}

/** What a person does: enters what is asked for, and presses the button. */
async function use(page, href, value) {
  await open(page, href);
  if (value) await page.locator("#field").fill(value);
  await page.locator("#button").click();
  await page.locator("#outcome:not(:empty)").waitFor();
  return page.locator("#outcome").textContent();
}

test("scanners open every link, and all people succeed", async () => {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const requests = [];
  page.on("request", (request) => requests.push(request));
  const tokens = [];
  for (let number = 1; number <= PEOPLE; number += 1) {
    const { email, client } = await newcomer(number);
    const verify = await eventually(() => linkTo(email, "verify-email"));
    await scan(page, verify.href);
    assert.match(await use(page, verify.href, null), /^Your address is confirmed/);
    assert.equal(await post("/api/recovery/forgot", { email }, client), 202);
    const reset = await eventually(() => linkTo(email, "reset-password"));
    await scan(page, reset.href);
    assert.match(await use(page, reset.href, NEW_PASSWORD), /^Your password has been changed/);
    assert.equal(await post("/api/account/login", { username: email, password: NEW_PASSWORD }, client), 204);
    tokens.push(verify.token, reset.token);
  }
  // One request that changes something for each press of a button, and no address but the page's own.
  assert.equal(requests.filter((request) => request.method() === "POST").length, 2 * PEOPLE);
  for (const request of requests) {
    const { origin, pathname, search } = new URL(request.url());
    if (request.url() === "about:blank" || request.url().startsWith("data:")) continue;
    assert.equal(origin, latchkey.url.origin);
    const seen = `${pathname}${search} ${request.headers().referer ?? ""}`;
    assert.ok(!tokens.some((token) => seen.includes(token)), seen);
  }
  const logs = latchkey.logs.map(({ message }) => message).join("\n");
  assert.ok(!tokens.some((token) => logs.includes(token)));
  await context.close();
});

test("the token leaves the address bar, and a used link says so, in the reader's language", async () => {
  const { email } = await newcomer(PEOPLE + 1);
  const link = await eventually(() => linkTo(email, "verify-email"));
  const context = await browser.newContext({ locale: "de-DE" });
  const page = await context.newPage();
  assert.match(await use(page, link.href, null), /^Ihre Adresse ist bestätigt/);
  assert.equal(new URL(page.url()).hash, "");
  assert.match(await use(page, link.href, null), /^Der Link gilt hier nicht/);
  assert.equal(await page.locator("#form").isVisible(), false);
  await context.close();
});

test("a link that logs in does so in the browser that asked, and in no other", async () => {
  const { email } = await newcomer(PEOPLE + 3);
  const own = await browser.newContext({ locale: "en-GB" });
  const page = await own.newPage();
  await open(page, new URL("/link", latchkey.url).href);
  const status = await page.evaluate(async (body) => {
    const headers = { "Content-Type": "application/json" };
    return (await fetch("/api/account/login/mail", { method: "POST", headers, body })).status;
  }, JSON.stringify({ email }));
  assert.equal(status, 202);
  const link = await eventually(() => linkTo(email, "login-link"));
  await scan(page, link.href);
  const other = await browser.newContext({ locale: "en-GB" });
  assert.match(await use(await other.newPage(), link.href, null), /belongs to another browser/);
  assert.equal(await use(page, link.href, null), "You are logged in.");
  const profile = await page.evaluate(async () => (await fetch("/api/account/profile")).status);
  assert.equal(profile, 200);
  assert.equal(await page.evaluate(() => document.cookie), "");
  await other.close();
  await own.close();
});

test("a password that breaks a rule can be corrected, and the link goes on working", async () => {
  const { email, client } = await newcomer(PEOPLE + 2);
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const verify = await eventually(() => linkTo(email, "verify-email"));
  await use(page, verify.href, null);
  assert.equal(await post("/api/recovery/forgot", { email }, client), 202);
  const reset = await eventually(() => linkTo(email, "reset-password"));
  assert.match(await use(page, reset.href, "short"), /^This is not accepted: is too short/);
  await page.locator("#field").fill(NEW_PASSWORD);
  await page.locator("#button").click();
  await page.getByText("Your password has been changed").waitFor();
  await context.close();
});

test("without a token the page asks for the mail, and without scripts it says what it needs", async () => {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  for (const fragment of ["", "#", "#token", "#__proto__=x", "#unknown=x"]) {
    await open(page, new URL(`/link${fragment}`, latchkey.url).href);
    assert.equal(await page.locator("#outcome").textContent(), "Open the link in the mail once more.", fragment);
  }
  await context.close();
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const bare = await plain.newPage();
  await bare.goto(new URL("/link", latchkey.url).href);
  const said = bare.locator("noscript p");
  assert.ok(await said.isVisible());
  assert.match((await said.textContent()) ?? "", /^This page needs JavaScript/);
  await plain.close();
});

/** The result of `act` as soon as it has one: a mail leaves after the answer. */
async function eventually(act) {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      return act();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  return act();
}
