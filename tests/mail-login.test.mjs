/**
 * Logging in by mail, in the real runtime: a link or a code, in the browser that
 * asked for it alone, once. What ends a request, and repetitions, are the native
 * tests' (src/server/tests/recovery/mail_login.rs).
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { NEW_PASSWORD } from "./support/holders.mjs";
import { CONFIRM_LOGIN, REQUEST_LOGIN } from "./support/links.mjs";
import { startMailing } from "./support/mailing.mjs";
import { LOGOUT, PROFILE, REFRESH, newEmail } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const PARALLEL = 20;
/** As in src/store/login_requests.rs. */
const MAX_TRIES = 5;
const COOKIE = "__Host-login_request";

let mailing;
function serve(vars) {
  before(async () => (mailing = await startMailing(vars)));
  afterEach(() => mailing.latchkey.control({ reset: true }));
  after(() => mailing.dispose());
}

/** Somebody with a proven address: `{id, email, client}`. */
async function person() {
  const someone = await mailing.person();
  await mailing.latchkey.sql("UPDATE users SET email_verified_at = 1 WHERE id = ?1", someone.id);
  return someone;
}

/** A browser that has asked to log in as somebody. */
async function asking(email) {
  const browser = mailing.visitor();
  const answer = await browser.post(REQUEST_LOGIN, { json: { email } });
  assert.deepEqual([answer.status, answer.text], [202, ""]);
  return browser;
}

const present = (browser, token) => browser.post(CONFIRM_LOGIN, { json: { token } });

/** The code in the newest mail to somebody. */
async function codeTo(email) {
  await mailing.latchkey.settled();
  const mail = mailing.provider.mailsTo(email).findLast(({ subject }) => /code/.test(subject));
  return /** @type {string} */ (/^ *Code: (\d{6})$/m.exec(mail.text)?.[1]);
}

const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

describe("with a link", () => {
  serve({ MAIL_LOGIN: "link" });

  test("a person logs in without a password, once, in the browser that asked", async () => {
    const { id, email } = await person();
    const browser = await asking(email);
    const token = await mailing.tokenTo(email, "login-link");
    const thief = await asking(newEmail());
    for (const other of [mailing.visitor(), thief]) assertProblem(await present(other, token), "invalid_link");
    const answer = await present(browser, token);
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.setCookies.get(COOKIE)?.attributes["Max-Age"], "0");
    assert.equal((await browser.get(PROFILE)).json.email, email);
    assert.equal((await browser.post(REFRESH)).status, 204);
    assertProblem(await present(browser, token), "invalid_link");
    assert.ok((await mailing.events(id)).includes("mail_queued login_link"));
    assert.equal((await browser.post(LOGOUT)).status, 204);
  });

  test("the browser's cookie is for this host, its scripts cannot read it, and other sites do not send it", async () => {
    const browser = mailing.visitor();
    const answer = await browser.post(REQUEST_LOGIN, { json: { email: newEmail() } });
    const { value, attributes } = /** @type {any} */ (answer.setCookies.get(COOKIE));
    assert.match(value, /^[\w-]{43}$/);
    const { Expires, ...others } = attributes;
    assert.deepEqual(others, { Path: "/", Secure: true, HttpOnly: true, SameSite: "Strict", "Max-Age": "600" });
    assert.ok(Math.abs(Date.parse(Expires) - Date.now() - 600_000) < 10_000);
  });

  test("an address that nobody has gets the same bytes and headers after the same work", async () => {
    const { email } = await person();
    const visitor = mailing.visitor();
    const seen = [];
    for (const address of [email, newEmail()]) {
      await mailing.latchkey.control({ resetCounters: true, dropWaitUntil: true });
      const answer = await visitor.post(REQUEST_LOGIN, { json: { email: address } });
      const { d1, d1Statements, limiter, kvGet, calls } = await mailing.latchkey.counters();
      assert.equal(d1, 1);
      const headers = [...answer.headers].filter(([name]) => !["x-request-id", "date", "set-cookie"].includes(name));
      const cookie = /** @type {any} */ (answer.setCookies.get(COOKIE));
      const { Expires, ...attributes } = cookie.attributes;
      const { status, text } = answer;
      seen.push({ status, text, headers, attributes, d1, d1Statements, limiter, kvGet, calls });
    }
    assert.deepEqual(seen[0], seen[1]);
  });

  test("a person who has asked is not logged in to a stranger's account by the stranger's link", async () => {
    const [victim, stranger] = [await person(), await person()];
    await asking(stranger.email);
    const browser = await asking(victim.email);
    assertProblem(await present(browser, await mailing.tokenTo(stranger.email, "login-link")), "invalid_link");
  });

  test("what is presented costs the same, whether or not anyone has the address", async () => {
    const { email } = await person();
    const seen = [];
    for (const address of [email, newEmail()]) {
      const browser = await asking(address);
      await mailing.latchkey.settled();
      await mailing.latchkey.control({ resetCounters: true });
      const { status, text } = await present(browser, "123456");
      await mailing.latchkey.settled();
      const { d1, d1Statements, limiter, kvGet, waitUntil, calls } = await mailing.latchkey.counters();
      assert.equal(JSON.parse(text).code, "invalid_link");
      // Each visitor has an address of their own, by which the limiter counts.
      const named = calls.map((call) => call.replace(/^(limiter: \w+):.*/, "$1"));
      seen.push({ status, d1, d1Statements, limiter, kvGet, waitUntil, calls: named });
    }
    assert.deepEqual(seen[0], seen[1]);
  });

  test(`${PARALLEL} parallel uses of one link have one effect`, async () => {
    const { id, email } = await person();
    const browser = await asking(email);
    const token = await mailing.tokenTo(email, "login-link");
    const cookie = { Cookie: browser.cookieHeader };
    // Each from an address of its own: the limiter would keep the others out.
    const answers = await Promise.all(
      Array.from({ length: PARALLEL }, () =>
        mailing.visitor().post(CONFIRM_LOGIN, { json: { token }, headers: cookie }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [204, ...new Array(PARALLEL - 1).fill(410)]);
    // The session of the password's login, and one more.
    assert.equal(await mailing.value("SELECT count(*) FROM sessions WHERE user_id = ?1 AND ended_at IS NULL", id), 2);
  });

  test("the first proof of an address ends what was set before it", async () => {
    const { email, client } = await mailing.person();
    const browser = await asking(email);
    assert.equal((await present(browser, await mailing.tokenTo(email, "login-link"))).status, 204);
    assertProblem(await client.post(REFRESH), "invalid_token", { error: "invalid_grant" });
    assertProblem(await mailing.logIn(email, "correct horse battery staple"), "invalid_credentials", {
      error: "invalid_grant",
    });
    assert.equal((await mailing.reset(await mailing.forgotten(email), NEW_PASSWORD)).status, 204);
    assert.equal((await mailing.logIn(email, NEW_PASSWORD)).status, 204);
  });
});

describe("with a code", () => {
  serve({ MAIL_LOGIN: "code" });

  test("a person logs in with the six digits of the mail, which has no link", async () => {
    const { email } = await person();
    const browser = await asking(email);
    const code = await codeTo(email);
    assert.equal(mailing.provider.mailsTo(email).at(-1).link, undefined);
    assertProblem(await present(mailing.visitor(), code), "invalid_link");
    assert.equal((await present(browser, code)).status, 204);
    assert.equal((await browser.get(PROFILE)).json.email, email);
  });

  test(`of ${PARALLEL} parallel guesses ${MAX_TRIES} are judged, and the right one is then too late`, async () => {
    const { id, email } = await person();
    const browser = await asking(email);
    const code = await codeTo(email);
    const headers = { Cookie: browser.cookieHeader };
    const guess = () => mailing.visitor().post(CONFIRM_LOGIN, { json: { token: wrong(code) }, headers });
    const answers = await Promise.all(Array.from({ length: PARALLEL }, guess));
    for (const answer of answers) assertProblem(answer, "invalid_link");
    assert.equal(await mailing.value("SELECT tries FROM login_requests WHERE user_id = ?1", id), MAX_TRIES);
    assertProblem(await present(browser, code), "invalid_link");
    await mailing.latchkey.settled();
    const failed = "SELECT sum(count) FROM audit_log WHERE user_id = ?1 AND event = 'login_failed'";
    assert.ok((await mailing.value(failed, id)) >= 1);
    // Another request has tries of its own.
    const again = await asking(email);
    assert.equal((await present(again, await codeTo(email))).status, 204);
  });
});

describe("where it is off", () => {
  serve({ MAIL_LOGIN: "off" });

  test("both routes say so, and nothing is mailed", async () => {
    const { email } = await person();
    const browser = mailing.visitor();
    assertProblem(await browser.post(REQUEST_LOGIN, { json: { email } }), "mail_off");
    assertProblem(await present(browser, "123456"), "mail_off");
    await mailing.latchkey.settled();
    assert.deepEqual(mailing.provider.mailsTo(email), []);
  });
});
