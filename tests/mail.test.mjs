/**
 * How mails leave the built Worker, in each of the three ways, up to what
 * arrives: the binding as wrangler plays it, an HTTP provider, and a sender of
 * the operator's own, which checks signatures with the code of docs/mail.md.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  MAIL_BY_BINDING,
  MAIL_BY_PROVIDER,
  MAIL_BY_WEBHOOK,
  MISBEHAVIOUR,
  MailProvider,
  captured,
  isSigned,
} from "../harness/mails.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { newEmail, register } from "./support/people.mjs";

const FORGOT = "/api/recovery/forgot";
const FROM = '"Acme, Inc." <no-reply@example.org>';
/** Longer than the pause before the second try of a mail, and shorter than the life of its link. */
const LATER_MS = 5 * 60_000;
const EVERY_MINUTE = "* * * * *";

const provider = new MailProvider();
let latchkey;
let clients = 0;

/** Starts with these vars, and takes everything down afterwards. */
function serve(vars) {
  before(async () => {
    latchkey = await startLatchkey({ entry: CHAOS, vars, outbound: provider.answer });
  });
  after(() => latchkey.dispose());
  beforeEach(async () => {
    await latchkey.control({ reset: true });
    await latchkey.sql("DELETE FROM outbox");
    latchkey.logs.length = 0;
    provider.clear();
  });
}

/** Asks for a mail, each time from another client, and waits until the Worker has tried to send it. */
async function ask(email, headers) {
  clients += 1;
  const from = { "CF-Connecting-IP": `192.0.2.${clients}`, ...headers };
  const answer = await new Client(latchkey).post(FORGOT, { json: { email }, headers: from });
  assert.equal(answer.status, 202, answer.text);
  await latchkey.settled();
}

/** Somebody who has asked for a mail. */
async function asked(headers) {
  const person = await register(latchkey);
  await ask(person.email, headers);
  return person;
}

/** The scheduled run that tries again what has not been sent. */
async function tryAgain() {
  await latchkey.control({ clockOffsetMs: LATER_MS });
  await latchkey.scheduled({ cron: EVERY_MINUTE });
}

const waiting = async () => (await latchkey.sql("SELECT count(*) AS n FROM outbox WHERE given_up_at IS NULL"))[0].n;

function assertIsTheMail(mail, email) {
  assert.equal(mail.to, email);
  assert.equal(mail.from, FROM);
  assert.equal(mail.subject, "Reset your Acme password");
  assert.ok(mail.token.length >= 43, mail.link);
  assert.ok(mail.link.startsWith("http://localhost:8787/"), mail.link);
  assert.ok(mail.html.includes(`href="${mail.link}"`), mail.html);
  assert.deepEqual(mail.headers, { "Auto-Submitted": "auto-generated" });
}

/** No address, no token and no text of a mail is in a log. */
function assertLogsAreSilent(...secrets) {
  const logs = latchkey.logs.map(({ message }) => message).join("\n");
  for (const secret of secrets) assert.ok(!logs.includes(secret), `${secret}\n${logs}`);
}

describe("MAIL=binding", () => {
  serve({ ...MAIL_BY_BINDING, MAIL_REPLY_TO: "help@example.org" });

  test("hands the whole mail to the platform", async () => {
    const { email } = await asked();
    const [mail, ...more] = await captured(latchkey, email);
    assertIsTheMail(mail, email);
    assert.equal(mail.replyTo, "help@example.org");
    assert.equal(more.length, 0);
    assert.equal(await waiting(), 0);
    assertLogsAreSilent(email, mail.token, "Someone asked");
  });

  test("writes in the language that the browser prefers", async () => {
    const { email } = await asked({ "Accept-Language": "de-AT,de;q=0.9,en;q=0.8" });
    const [mail] = await captured(latchkey, email);
    assert.equal(mail.subject, "Ihr Passwort bei Acme zurücksetzen");
    assert.match(mail.html, /<html lang="de">/);
  });

  test("sends nothing to an address without an account", async () => {
    const email = newEmail();
    await ask(email);
    assert.deepEqual(await captured(latchkey, email), []);
    assert.equal(await waiting(), 0);
  });
});

describe("MAIL=provider", () => {
  serve(MAIL_BY_PROVIDER);

  test("sends one request in Resend's form, under the mail's own id", async () => {
    const { email } = await asked();
    const [{ method, url, headers }, ...more] = provider.requests;
    assert.deepEqual([method, url, more.length], ["POST", "https://api.resend.com/emails", 0]);
    assert.equal(headers.authorization, "Bearer re_test_12345678");
    assert.match(String(headers["idempotency-key"]), /^[0-9a-f-]{36}$/);
    assert.equal(headers["content-type"], "application/json");
    const [mail] = provider.mailsTo(email);
    assertIsTheMail(mail, email);
    assertLogsAreSilent(email, mail.token, "re_test_12345678", "Someone asked");
  });

  for (const [what, misbehaviour] of Object.entries({
    "the answer is lost": MISBEHAVIOUR.loseAnswer,
    "no answer ever comes": MISBEHAVIOUR.neverAnswer,
    "it is answered 500": MISBEHAVIOUR.status(500),
    "it is answered 429": MISBEHAVIOUR.status(429),
    "the key is wrong (401)": MISBEHAVIOUR.status(401),
  })) {
    test(`when ${what}, tries again with the same bytes under the same id`, async () => {
      provider.misbehave = misbehaviour;
      const { email } = await asked();
      assert.equal(await waiting(), 1);
      provider.misbehave = null;
      await tryAgain();
      assert.equal(await waiting(), 0);
      const [first, second, ...more] = provider.requests;
      assert.equal(more.length, 0);
      assert.equal(second.body, first.body);
      assert.equal(second.headers["idempotency-key"], first.headers["idempotency-key"]);
      const [mail, ...others] = provider.mailsTo(email);
      assert.equal(others.length, 0);
      assertLogsAreSilent(email, mail.token, "re_test_12345678");
    });
  }

  for (const status of [400, 413, 422, 451]) {
    test(`does not try again what is refused with ${status}`, async () => {
      provider.misbehave = MISBEHAVIOUR.status(status);
      const { email } = await asked();
      await tryAgain();
      assert.equal(provider.requests.length, 1);
      assert.equal(await waiting(), 0);
      assertLogsAreSilent(email);
    });
  }

  test("follows no redirect, which would take the key and the mail elsewhere", async () => {
    provider.misbehave = MISBEHAVIOUR.status(307, { Location: "https://elsewhere.test/emails" });
    await asked();
    assert.equal(provider.requests.length, 1);
    assert.equal(await waiting(), 1);
  });
});

describe("MAIL=webhook", () => {
  serve(MAIL_BY_WEBHOOK);

  test("sends a webhook that the key set verifies, to the operator's sender", async () => {
    const { email } = await asked();
    const [request, ...more] = provider.requests;
    assert.equal(more.length, 0);
    assert.deepEqual([request.method, request.url], ["POST", "https://mailer.test/hook"]);
    const { json: keySet } = await new Client(latchkey).get("/.well-known/jwks.json");
    assert.ok(isSigned(request, keySet));
    const { type, data } = JSON.parse(request.body);
    assert.deepEqual([type, data.kind, data.language], ["mail", "reset_password", "en"]);
    assert.equal(data.id, request.headers["webhook-id"]);
    assertIsTheMail({ ...provider.mailsTo(email)[0], headers: data.headers }, email);
    assertLogsAreSilent(email, provider.mailsTo(email)[0].token);
  });

  test("is verified by the code of docs/mail.md, which refuses anything else", async () => {
    await asked();
    const [, code] = /```js\n([\s\S]+?)```/.exec(readFileSync(join(ROOT, "docs", "mail.md"), "utf8")) ?? [];
    const { isFromLatchkey } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    const { json } = await new Client(latchkey).get("/.well-known/jwks.json");
    const [{ headers, body }] = provider.requests;
    assert.ok(isFromLatchkey(headers, body, json.keys));
    const others = JSON.parse((await import("../scripts/make-keys.mjs")).makeKeys()).keys;
    const sentAt = Number(headers["webhook-timestamp"]);
    for (const [what, verdict] of Object.entries({
      "another body": isFromLatchkey(headers, body.replace("Acme", "Evil"), json.keys),
      "another id": isFromLatchkey({ ...headers, "webhook-id": "1" }, body, json.keys),
      "another time": isFromLatchkey({ ...headers, "webhook-timestamp": String(sentAt - 1) }, body, json.keys),
      "another key": isFromLatchkey(headers, body, others),
      "an old webhook": isFromLatchkey(headers, body, json.keys, sentAt + 301),
    })) {
      assert.equal(verdict, false, what);
    }
  });

  test("signs each try anew, under the same id", async () => {
    provider.misbehave = MISBEHAVIOUR.loseAnswer;
    const { email } = await asked();
    provider.misbehave = null;
    await tryAgain();
    const { json: keySet } = await new Client(latchkey).get("/.well-known/jwks.json");
    const [first, second, ...more] = provider.requests;
    assert.equal(more.length, 0);
    assert.ok(isSigned(first, keySet) && isSigned(second, keySet));
    assert.equal(second.headers["webhook-id"], first.headers["webhook-id"]);
    assert.notEqual(second.headers["webhook-timestamp"], first.headers["webhook-timestamp"]);
    assert.equal(provider.mailsTo(email).length, 1);
  });
});
