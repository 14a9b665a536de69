/**
 * People who lost their way, in the real runtime: a forgotten password, an
 * address that is proven or changed, and logins from elsewhere, each as a story
 * whose links are read in the mails. Expiry and retries are the native tests'
 * (src/server/tests/recovery.rs), who attacks this recovery-incidents.test.mjs's.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { MAIL_BY_BINDING, captured } from "../harness/mails.mjs";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { NEW_PASSWORD, assertRefused } from "./support/holders.mjs";
import {
  CHANGE_EMAIL,
  DISOWN_LOGIN,
  EVERY_MINUTE,
  FORGOT,
  RESEND,
  RESET,
  UNDO_EMAIL,
  VERIFY_EMAIL,
} from "./support/links.mjs";
import { ISSUER, startMailing } from "./support/mailing.mjs";
import { LOGIN, PASSWORD, PASSWORD_PATH, REFRESH, REGISTER, newEmail, signUp } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

let mailing;
function serve(vars) {
  before(async () => (mailing = await startMailing(vars)));
  afterEach(async () => {
    await mailing.latchkey.control({ reset: true });
    mailing.provider.misbehave = null;
  });
  after(() => mailing.dispose());
}

/** An answer without what differs between any two. */
function bare({ status, text, headers }) {
  const kept = [...headers].filter(([name]) => !["x-request-id", "date"].includes(name));
  return { status, text, headers: kept };
}

describe("a forgotten password", () => {
  serve({});

  test("is replaced with the link, and every session ends", async () => {
    const { id, email, client } = await mailing.person();
    assert.equal((await mailing.logIn(email, "a wrong one")).status, 401);
    const answer = await mailing.reset(await mailing.forgotten(email), NEW_PASSWORD);
    assert.equal(answer.status, 204, answer.text);
    for (const { attributes } of answer.setCookies.values()) assert.equal(attributes["Max-Age"], "0");
    assertRefused(await client.post(REFRESH));
    assertProblem(await mailing.logIn(email, PASSWORD), "invalid_credentials", { error: "invalid_grant" });
    assert.equal((await mailing.logIn(email, NEW_PASSWORD)).status, 204);
    await mailing.latchkey.settled();
    const told = mailing.provider.mailsTo(email).map(({ subject }) => subject);
    assert.equal(told.length, 2);
    assert.match(told[1], /password/);
    const events = await mailing.events(id);
    for (const event of ["mail_queued reset_password", "password_reset", "mail_queued password_changed"])
      assert.ok(events.includes(event), events.join());
    assert.equal(await mailing.value("SELECT count(*) FROM outbox"), 0);
  });

  test("is not replaced by one that breaks a rule, and the link goes on working", async () => {
    const { email } = await mailing.person();
    const token = await mailing.forgotten(email);
    assertProblem(await mailing.reset(token, "short"), "validation_failed", {
      errors: [["newPassword", "too_short"]],
    });
    assertProblem(await mailing.reset(token, email), "validation_failed", { errors: [["newPassword", "guessable"]] });
    assert.equal((await mailing.reset(token, NEW_PASSWORD)).status, 204);
  });

  test("an address that nobody has gets the same bytes and headers after the same work", async () => {
    const { email } = await mailing.person();
    const visitor = mailing.visitor();
    const seen = [];
    for (const address of [email, newEmail()]) {
      await mailing.latchkey.control({ resetCounters: true, dropWaitUntil: true });
      const answer = await visitor.post(FORGOT, { json: { email: address } });
      const { d1, d1Statements, limiter, kvGet, waitUntil, calls } = await mailing.latchkey.counters();
      assert.equal(d1, 1);
      // The mail is all that is left for later, and nobody who waits for the answer notices.
      seen.push({ answer: bare(answer), d1, d1Statements, limiter, kvGet, calls });
      assert.equal(waitUntil, address === email ? 1 : 0);
    }
    assert.deepEqual(seen[0], seen[1]);
    assert.equal(seen[0].answer.status, 202);
    assert.equal(seen[0].answer.text, "");
  });

  test("the mail leaves after the answer", async () => {
    const { email } = await mailing.person();
    let release = () => {};
    const held = new Promise((done) => (release = () => done(undefined)));
    mailing.provider.misbehave = async (response, accept) => {
      await held;
      accept();
      response.writeHead(200).end("{}");
    };
    assert.equal((await mailing.post(FORGOT, { email })).status, 202);
    assert.deepEqual(mailing.provider.mailsTo(email), []);
    release();
    await mailing.latchkey.settled();
    assert.equal(mailing.provider.mailsTo(email).length, 1);
  });

  test("a mail that was cut off leaves with the next run of the schedule, once", async () => {
    const { email } = await mailing.person();
    await mailing.latchkey.control({ dropWaitUntil: true });
    assert.equal((await mailing.post(FORGOT, { email })).status, 202);
    await mailing.latchkey.control({ dropWaitUntil: false });
    await mailing.latchkey.scheduled({ cron: EVERY_MINUTE });
    assert.deepEqual(mailing.provider.mailsTo(email), [], "The request may still be at it.");
    await mailing.latchkey.control({ clockOffsetMs: 61_000 });
    await mailing.latchkey.scheduled({ cron: EVERY_MINUTE });
    await mailing.latchkey.scheduled({ cron: EVERY_MINUTE });
    assert.equal(mailing.provider.mailsTo(email).length, 1);
    const token = await mailing.tokenTo(email, "reset-password");
    assert.equal((await mailing.reset(token, NEW_PASSWORD)).status, 204);
  });
});

describe("an address", () => {
  serve({ VERIFICATION: "optional" });

  test("is proven with the link of the registration, or a later one", async () => {
    const { id, email } = await mailing.person();
    const first = await mailing.tokenTo(email, "verify-email");
    const answers = [await mailing.post(RESEND, { email }), await mailing.post(RESEND, { email: newEmail() })];
    assert.deepEqual(bare(answers[0]), bare(answers[1]));
    const second = await mailing.tokenTo(email, "verify-email");
    assertProblem(await mailing.post(VERIFY_EMAIL, { token: first }), "invalid_link");
    assert.equal((await mailing.post(VERIFY_EMAIL, { token: second })).status, 204);
    assert.ok((await mailing.events(id)).includes("email_verified"));
    const before = mailing.provider.mailsTo(email).length;
    assert.deepEqual(bare(await mailing.post(RESEND, { email })), bare(answers[0]));
    await mailing.latchkey.settled();
    assert.equal(mailing.provider.mailsTo(email).length, before, "It is proven.");
  });

  test("is changed when the new one is proven, and the old one takes that back", async () => {
    const { id, email, client: victim } = await mailing.person();
    const thief = await mailing.loggedIn(email);
    const wrong = { email: `new.${email}`, currentPassword: "a wrong one" };
    assertProblem(await thief.post(CHANGE_EMAIL, { json: wrong }), "wrong_current_password");
    const away = await mailing.moved({ email, client: thief });
    assertRefused(await victim.post(REFRESH));
    assert.equal((await thief.post(REFRESH)).status, 204);
    assertProblem(await mailing.logIn(email, PASSWORD), "invalid_credentials", { error: "invalid_grant" });
    assertProblem(await mailing.post(REGISTER, { email, password: PASSWORD }), "email_taken");
    const undo = await mailing.tokenTo(email, "undo-email");
    assert.match(mailing.provider.mailsTo(email).at(-1).text, /^ *Device: Firefox on Linux$/m);

    assert.equal((await mailing.post(UNDO_EMAIL, { token: undo })).status, 204);
    assertRefused(await thief.post(REFRESH));
    assert.equal(await mailing.value("SELECT email FROM users WHERE id = ?1", id), email);
    for (const address of [email, away])
      assertProblem(await mailing.logIn(address, PASSWORD), "invalid_credentials", { error: "invalid_grant" });
    const reset = await mailing.tokenTo(email, "reset-password");
    assert.equal((await mailing.reset(reset, NEW_PASSWORD)).status, 204);
    assert.equal((await mailing.logIn(email, NEW_PASSWORD)).status, 204);
    const events = await mailing.events(id);
    for (const event of ["email_changed", "session_ended email_changed", "password_removed", "password_reset"])
      assert.ok(events.includes(event), events.join());
  });

  test("is taken back by its first owner, and by an owner who has moved", async () => {
    const owner = await mailing.person();
    await mailing.latchkey.sql("UPDATE users SET email_verified_at = 1 WHERE id = ?1", owner.id);
    const first = owner.email;
    const second = await mailing.moved(owner);
    const thief = await mailing.loggedIn(second);
    const third = await mailing.moved({ email: second, client: thief });
    const fourth = await mailing.moved({ email: third, client: thief });
    const undo = Object.fromEntries(
      await Promise.all([first, second, third].map(async (to) => [to, await mailing.tokenTo(to, "undo-email")])),
    );
    const address = () => mailing.value("SELECT email FROM users WHERE id = ?1", owner.id);
    // The thief goes back to a mailbox that is theirs.
    assert.equal((await mailing.post(UNDO_EMAIL, { token: undo[third] })).status, 204);
    assert.equal(await address(), third);
    assert.equal((await mailing.post(UNDO_EMAIL, { token: undo[second] })).status, 204);
    assert.equal(await address(), second);
    assertRefused(await thief.post(REFRESH));
    const reset = await mailing.tokenTo(second, "reset-password");
    assert.equal((await mailing.reset(reset, NEW_PASSWORD)).status, 204);
    assert.equal((await mailing.logIn(second, NEW_PASSWORD)).status, 204);
    assertProblem(await mailing.post(UNDO_EMAIL, { token: undo[third] }), "invalid_link");
    for (const email of [third, fourth]) await mailing.person(email);
    assertProblem(await mailing.post(REGISTER, { email: first, password: PASSWORD }), "email_taken");
  });

  test("may be left five times in a week, and the request says when it may be again", async () => {
    const { email, client } = await mailing.person();
    let present = email;
    for (let left = 0; left < 5; left += 1) present = await mailing.moved({ email: present, client });
    await mailing.latchkey.sql("DELETE FROM mail_counts");
    const ask = (to) => client.post(CHANGE_EMAIL, { json: { email: to, currentPassword: PASSWORD } });
    for (const to of [`new.${present}`, (await mailing.person()).email]) {
      const refused = await ask(to);
      assertProblem(refused, "too_many_requests");
      assert.ok(Number(refused.headers.get("Retry-After")) > 6 * 86_400);
    }
    // Whoever has the first mailbox takes the account back all the same.
    const undo = await mailing.tokenTo(email, "undo-email");
    assert.equal((await mailing.post(UNDO_EMAIL, { token: undo })).status, 204);
  });

  test("of somebody else is not taken over, and the answer does not tell", async () => {
    const [ada, eve] = [await mailing.person(), await mailing.person()];
    const ask = (email) => eve.client.post(CHANGE_EMAIL, { json: { email, currentPassword: PASSWORD } });
    const [taken, free] = [await ask(ada.email), await ask(`free.${eve.email}`)];
    assert.deepEqual(bare(taken), bare(free));
    assert.equal(taken.status, 202);
    await mailing.latchkey.settled();
    const told = mailing.provider.mailsTo(ada.email).at(-1);
    assert.equal(told?.token, undefined);
    assert.equal(await mailing.value("SELECT email FROM users WHERE id = ?1", eve.id), eve.email);
  });
});

describe("VERIFICATION=required", () => {
  serve({ VERIFICATION: "required" });

  test("a registration does not tell whether the address is taken, and nobody logs in before the proof", async () => {
    const email = newEmail();
    const register = (password) => mailing.post(REGISTER, { email, password });
    const fresh = await register(PASSWORD);
    assert.equal(fresh.status, 202);
    assertProblem(await mailing.logIn(email, PASSWORD), "invalid_credentials", { error: "invalid_grant" });
    assertProblem(await mailing.logIn(email, "a wrong one"), "invalid_credentials", { error: "invalid_grant" });
    const taken = await register(NEW_PASSWORD);
    assert.deepEqual(bare(taken), bare(fresh));
    const token = await mailing.tokenTo(email, "verify-email");
    assert.deepEqual(
      mailing.provider.mailsTo(email).map(({ purpose }) => purpose),
      ["verify-email", "verify-email", undefined],
    );
    assert.equal((await mailing.post(VERIFY_EMAIL, { token })).status, 204);
    assert.equal((await mailing.logIn(email, PASSWORD)).status, 204);
    assertProblem(await mailing.logIn(email, NEW_PASSWORD), "invalid_credentials", { error: "invalid_grant" });
  });

  test("a client whose registrations cannot be mailed any more is told to wait, and registers nobody", async () => {
    const client = mailing.visitor();
    const taken = newEmail();
    const register = (email) => client.post(REGISTER, { json: { email, password: PASSWORD } });
    const answers = [await register(taken)];
    for (let more = 0; more < 9; more += 1) answers.push(await register(newEmail()));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    const free = newEmail();
    const refused = [await register(taken), await register(free)];
    for (const answer of refused) {
      assertProblem(answer, "too_many_requests");
      const seconds = Number(answer.headers.get("Retry-After"));
      assert.ok(seconds > 3_000 && seconds <= 3_600, `${seconds}`);
    }
    assert.equal(await mailing.value("SELECT count(*) FROM users WHERE email = ?1", free), 0);
    assert.equal((await mailing.post(REGISTER, { email: free, password: PASSWORD })).status, 202);
  });
});

describe("whoever's account is touched hears of it", () => {
  serve({});

  test("a login from a device not seen before is told once, and can be disowned", async () => {
    const { email, client } = await mailing.person();
    const thief = await mailing.loggedIn(email, { userAgent: "curl/8.0" });
    await mailing.loggedIn(email, { userAgent: "curl/8.1" });
    await mailing.loggedIn(email);
    const token = await mailing.tokenTo(email, "disown-login");
    assert.equal(mailing.provider.mailsTo(email).length, 1);
    assert.match(mailing.provider.mailsTo(email)[0].text, /curl/);
    assert.equal((await mailing.post(DISOWN_LOGIN, { token })).status, 204);
    for (const one of [thief, client]) assertRefused(await one.post(REFRESH));
    assertProblem(await mailing.logIn(email, PASSWORD), "invalid_credentials", { error: "invalid_grant" });
    const reset = await mailing.tokenTo(email, "reset-password");
    assert.equal((await mailing.reset(reset, NEW_PASSWORD)).status, 204);
    assert.equal((await mailing.logIn(email, NEW_PASSWORD)).status, 204);
  });

  test("a changed password is told, with a way to ask for another one", async () => {
    const { email, client } = await mailing.person();
    const json = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    assert.equal((await client.patch(PASSWORD_PATH, { json })).status, 204);
    await mailing.latchkey.settled();
    const [mail] = mailing.provider.mailsTo(email);
    assert.equal(mail.link, `${ISSUER}/link#forgot`);
    assert.match(mail.text, /^ *Device: Firefox on Linux$/m);
  });
});

test("with Cloudflare's binding a reset is the same story", async () => {
  const latchkey = await startLatchkey({ entry: CHAOS, vars: MAIL_BY_BINDING });
  try {
    const { email, client } = await signUp(latchkey);
    const nobody = new Client(latchkey);
    assert.equal((await nobody.post(FORGOT, { json: { email } })).status, 202);
    await latchkey.settled();
    const [{ token, link }] = await captured(latchkey, email);
    assert.equal(link, `http://localhost:8787/link#reset-password=${token}`);
    assert.equal((await nobody.post(RESET, { json: { token, newPassword: NEW_PASSWORD } })).status, 204);
    assertRefused(await client.post(REFRESH));
    assert.equal((await nobody.post(LOGIN, { json: { username: email, password: NEW_PASSWORD } })).status, 204);
    await latchkey.settled();
    assert.equal((await captured(latchkey, email)).length, 2);
    assert.deepEqual(await latchkey.sql("SELECT id FROM outbox"), []);
  } finally {
    await latchkey.dispose();
  }
});
