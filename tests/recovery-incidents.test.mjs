/**
 * The incidents of 2026 that links in mails walk into, tried on the built
 * Worker. docs/security.md names them; those that need no real runtime alone
 * are in src/server/tests/recovery.rs as well.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { NEW_PASSWORD, assertRefused } from "./support/holders.mjs";
import {
  CHANGE_EMAIL,
  CONFIRM_EMAIL,
  DISOWN_LOGIN,
  FORGOT,
  RESEND,
  RESET,
  UNDO_EMAIL,
  VERIFY_EMAIL,
} from "./support/links.mjs";
import { ISSUER, startMailing } from "./support/mailing.mjs";
import { LOGIN, PASSWORD, PROFILE, REFRESH, REGISTER, newEmail } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const PARALLEL = 20;
const WEEK_MS = 7 * 86_400_000;
/** Where the token of each purpose belongs. */
const USES = {
  "reset-password": RESET,
  "verify-email": VERIFY_EMAIL,
  "confirm-email": CONFIRM_EMAIL,
  "undo-email": UNDO_EMAIL,
  "disown-login": DISOWN_LOGIN,
};
/** The ways back that a person without a session has. */
const ACCOUNTS_TAKEN_BACK = ["reset-password", "undo-email", "disown-login"];

let mailing;
before(async () => (mailing = await startMailing({ VERIFICATION: "optional" }, { pops: 2 })));
afterEach(async () => {
  await mailing.latchkey.control({ reset: true });
  await mailing.latchkey.sql("DELETE FROM mail_counts");
});
after(() => mailing.dispose());

const use = (purpose, token, from = mailing.visitor()) =>
  from.post(USES[purpose], { json: purpose === "reset-password" ? { token, newPassword: NEW_PASSWORD } : { token } });

/** Somebody who has been mailed a link for a purpose: `{id, email, client, token}`. */
async function mailed(purpose) {
  const person = await mailing.person();
  const { email, client } = person;
  const tokens = {
    "reset-password": () => mailing.forgotten(email),
    "verify-email": () => mailing.tokenTo(email, "verify-email"),
    "confirm-email": () => mailing.movingTo(client, `new.${email}`),
    "undo-email": async () => (await mailing.moved(person)) && mailing.tokenTo(email, "undo-email"),
    "disown-login": async () =>
      (await mailing.loggedIn(email, { userAgent: "curl/8.0" })) && mailing.tokenTo(email, "disown-login"),
  };
  return { ...person, token: await tokens[purpose]() };
}

const rowOf = async (id) => (await mailing.latchkey.sql("SELECT * FROM users WHERE id = ?1", id))[0];

describe("incident 1: a link for one purpose is none for another", () => {
  for (const purpose of Object.keys(USES)) {
    test(purpose, async () => {
      const { id, token } = await mailed(purpose);
      const before = await rowOf(id);
      for (const other of Object.keys(USES).filter((one) => one !== purpose))
        assertProblem(await use(other, token), "invalid_link", { message: other });
      assert.deepEqual(await rowOf(id), before);
      assert.equal((await use(purpose, token)).status, 204);
    });
  }
});

describe("incident 2: a link is for an account as it was", () => {
  test("a new address is not confirmed after the password has changed, or the address", async () => {
    const { id, email, token } = await mailed("confirm-email");
    assert.equal((await use("reset-password", await mailing.forgotten(email))).status, 204);
    assertProblem(await use("confirm-email", token), "invalid_link");
    const other = await mailed("reset-password");
    await mailing.latchkey.sql("UPDATE users SET email = ?2 WHERE id = ?1", other.id, `hand.${other.email}`);
    assertProblem(await use("reset-password", other.token), "invalid_link");
    assert.equal((await rowOf(id)).email, email);
  });

  test("no old link touches who registers the address after it has rested", async () => {
    const { email, token } = await mailed("undo-email");
    assertProblem(await mailing.post(REGISTER, { email, password: PASSWORD }), "email_taken");
    await mailing.latchkey.control({ clockOffsetMs: WEEK_MS + 2_000 });
    const heir = await mailing.person(email);
    const before = await rowOf(heir.id);
    assertProblem(await use("undo-email", token), "invalid_link");
    assert.deepEqual(await rowOf(heir.id), before);
    assert.equal((await heir.client.get(PROFILE)).status, 200);
  });
});

test("incident 3: no header of a request, and not its host, takes part in a link", async () => {
  const { email } = await mailing.person();
  const evil = "evil.example";
  const headers = {
    "Content-Type": "application/json",
    "X-Forwarded-Host": evil,
    "X-Forwarded-Proto": "http",
    "X-Original-Host": evil,
    "X-Original-URL": `https://${evil}/`,
    Forwarded: `host=${evil};proto=http`,
    Referer: `https://${evil}/`,
  };
  const body = JSON.stringify({ email });
  const answer = await mailing.latchkey.fetch(`https://${evil}${FORGOT}`, { method: "POST", headers, body });
  await answer.text();
  assert.equal(answer.status, 202);
  await mailing.latchkey.settled();
  const mail = mailing.provider.mailsTo(email).at(-1);
  assert.ok(mail.link.startsWith(`${ISSUER}/link#reset-password=`), mail.link);
  assert.ok(!`${mail.text}${mail.html}`.includes(evil));
});

test("incident 4: no order of the steps replaces a password without the mail", async () => {
  const { id, email } = await mailing.person();
  await mailing.latchkey.settled();
  await mailing.latchkey.control({ dropWaitUntil: true });
  const user = Buffer.from(id.replaceAll("-", ""), "hex");
  /** What a thief of the database could make tokens of. */
  const guesses = async () => {
    const rows = [
      ...(await mailing.latchkey.sql("SELECT digest AS text FROM one_time_tokens WHERE user_id = ?1", id)),
      ...(await mailing.latchkey.sql("SELECT nonce AS text FROM outbox WHERE user_id = ?1", id)),
    ];
    const secrets = rows.map(({ text }) => Buffer.from(text, "base64url"));
    return [...secrets, Buffer.alloc(32)].map((secret) => Buffer.concat([user, secret]).toString("base64url"));
  };
  const steps = {
    forget: async () => assert.equal((await mailing.post(FORGOT, { email })).status, 202),
    resend: async () => assert.equal((await mailing.post(RESEND, { email })).status, 202),
    guess: async () => {
      for (const token of await guesses())
        for (const purpose of Object.keys(USES)) assertProblem(await use(purpose, token), "invalid_link");
    },
  };
  const orders = Object.keys(steps).flatMap((first) =>
    Object.keys(steps).map((second) => [first, second, "guess"].filter((one, i, all) => all[i - 1] !== one)),
  );
  for (const order of orders) {
    await mailing.latchkey.sql("DELETE FROM mail_counts");
    for (const step of order) await steps[step]();
  }
  assert.equal((await mailing.logIn(email, PASSWORD)).status, 204);
});

describe(`incident 5: ${PARALLEL} parallel uses of one link have one effect`, () => {
  for (const purpose of Object.keys(USES)) {
    test(purpose, async () => {
      const { id, email, token } = await mailed(purpose);
      await mailing.latchkey.settled();
      const eventsBefore = (await mailing.events(id)).length;
      const mailsBefore = mailing.provider.accepted.size;
      await mailing.latchkey.control({ d1DelayMs: 20 });
      const passwords = Array.from({ length: PARALLEL }, (_, i) => `${NEW_PASSWORD} ${i}`);
      const answers = await Promise.all(
        passwords.map((newPassword, i) => {
          const json = purpose === "reset-password" ? { token, newPassword } : { token };
          return mailing.visitor({ pop: i % 2 }).post(USES[purpose], { json });
        }),
      );
      await mailing.latchkey.control({ d1DelayMs: 0 });
      const winners = answers.flatMap(({ status }, i) => (status === 204 ? [i] : []));
      assert.equal(winners.length, 1, answers.map(({ status }) => status).join());
      for (const [i, answer] of answers.entries()) if (i !== winners[0]) assertProblem(answer, "invalid_link");
      await mailing.latchkey.settled();
      const done = (await mailing.events(id)).slice(eventsBefore);
      const changes = done.filter((event) => !event.startsWith("session_ended"));
      assert.equal(new Set(changes).size, changes.length, changes.join());
      assert.equal(mailing.provider.accepted.size - mailsBefore, purpose === "verify-email" ? 0 : 1);
      if (purpose !== "reset-password") return;
      assert.equal((await mailing.logIn(email, passwords[winners[0]])).status, 204);
      assert.equal((await mailing.logIn(email, passwords[(winners[0] + 1) % PARALLEL])).status, 401);
    });
  }
});

test("incident 6: a reset drops the password and the session of who registered the address before its owner", async () => {
  const { email, client: thief } = await mailing.person();
  const theirs = await mailing.tokenTo(email, "verify-email");
  assert.equal((await use("reset-password", await mailing.forgotten(email))).status, 204);
  assertRefused(await thief.post(REFRESH));
  assert.equal((await mailing.logIn(email, PASSWORD)).status, 401);
  assertProblem(await use("verify-email", theirs), "invalid_link");
  assert.equal((await mailing.logIn(email, NEW_PASSWORD)).status, 204);
});

describe("incident 7: what takes an account back ends its sessions in the same transaction", () => {
  for (const purpose of ACCOUNTS_TAKEN_BACK) {
    test(`${purpose}, though nothing happens after the answer and KV is stale`, async () => {
      const { id, client, token } = await mailed(purpose);
      await client.get(PROFILE);
      await mailing.latchkey.settled();
      await mailing.latchkey.control({ dropWaitUntil: true, kvStaleMs: 600_000 });
      assert.equal((await use(purpose, token)).status, 204);
      const live = "SELECT count(*) FROM sessions WHERE user_id = ?1 AND ended_at IS NULL";
      assert.equal(await mailing.value(live, id), 0);
      assertRefused(await client.get("/api/account/sessions"));
      assertRefused(await client.post(REFRESH));
    });
  }
});

describe("incident 10: mails are counted in the transaction that queues them", () => {
  test(`${PARALLEL} parallel requests for one address are three mails, and the same answer`, async () => {
    const { email } = await mailing.person();
    await mailing.latchkey.settled();
    await mailing.latchkey.sql("DELETE FROM mail_counts");
    const before = mailing.provider.mailsTo(email).length;
    await mailing.latchkey.control({ d1DelayMs: 20 });
    const spellings = [email, email.toUpperCase(), ` ${email} `];
    const answers = await Promise.all(
      Array.from({ length: PARALLEL }, (_, i) => mailing.post(FORGOT, { email: spellings[i % 3] })),
    );
    await mailing.latchkey.settled();
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal(mailing.provider.mailsTo(email).length - before, 3);
  });

  test("of one client's parallel requests ten pass, whoever has the addresses", async () => {
    const people = await Promise.all(Array.from({ length: PARALLEL / 2 }, () => mailing.person()));
    const addresses = people.flatMap(({ email }) => [email, newEmail()]);
    await mailing.latchkey.control({ d1DelayMs: 20 });
    const client = mailing.visitor();
    const answers = await Promise.all(addresses.map((email) => client.post(FORGOT, { json: { email } })));
    const refused = answers.filter(({ status }) => status !== 202);
    assert.equal(refused.length, PARALLEL - 10);
    for (const answer of refused) assertProblem(answer, "too_many_requests");
  });
});

test("incident 13: an address is judged after it is normalised", async () => {
  const { email, client } = await mailing.person();
  await mailing.latchkey.settled();
  const before = mailing.provider.mailsTo(email).length;
  assert.equal((await mailing.post(FORGOT, { email: `\u200b${email.toUpperCase()} ` })).status, 202);
  await mailing.latchkey.settled();
  assert.equal(mailing.provider.mailsTo(email).length, before + 1);
  // Letters that other systems fold to ASCII ones.
  for (const like of [email.replace("e", "\u0435"), "\u212aim@example.com", email.replace("p", "\uff50")]) {
    assertProblem(await mailing.post(FORGOT, { email: like }), "validation_failed", {
      errors: [["email", "invalid_email"]],
    });
    const json = { email: like, currentPassword: PASSWORD };
    assertProblem(await client.post(CHANGE_EMAIL, { json }), "validation_failed");
  }
});

describe("incident 15: a link belongs to its account", () => {
  test("another account's session does not take part in it", async () => {
    const { id, email, token } = await mailed("confirm-email");
    const eve = await mailing.person();
    const before = await rowOf(eve.id);
    assert.equal((await use("confirm-email", token, eve.client)).status, 204);
    assert.equal((await rowOf(id)).email, `new.${email}`);
    assert.deepEqual(await rowOf(eve.id), before);
    assert.equal((await eve.client.post(REFRESH)).status, 204);
  });

  test("deleting the account ends its sessions, links and mails in one transaction", async () => {
    const { id, email, client, token } = await mailed("undo-email");
    await mailing.latchkey.control({ dropWaitUntil: true });
    assert.equal((await mailing.post(FORGOT, { email: `new.${email}` })).status, 202);
    await mailing.latchkey.sql("DELETE FROM users WHERE id = ?1", id);
    for (const table of ["sessions", "one_time_tokens", "outbox", "resting_addresses", "seen_logins"])
      assert.equal(await mailing.value(`SELECT count(*) FROM ${table} WHERE user_id = ?1`, id), 0, table);
    assertRefused(await client.post(REFRESH));
    assertProblem(await use("undo-email", token), "invalid_link");
  });
});

describe("incident 17: nothing that a scanner opens uses a link up", () => {
  for (const purpose of Object.keys(USES)) {
    test(purpose, async () => {
      const { email, token } = await mailed(purpose);
      const scanner = mailing.visitor();
      const links = mailing.provider.mailsTo(email).flatMap(({ link }) => (link ? [new URL(link)] : []));
      const opened = [
        ...links.map(({ pathname }) => pathname),
        `/link?${purpose}=${token}`,
        `${USES[purpose]}?token=${token}`,
        `${USES[purpose]}/${token}`,
      ];
      for (const path of opened) {
        for (const method of ["GET", "HEAD", "OPTIONS"]) {
          const answer = await mailing.latchkey.fetch(path, { method });
          await answer.text();
          assert.ok(answer.status < 500, `${method} ${path}: ${answer.status}`);
        }
      }
      // A body without the token, as a form that was sent empty, and a token that is not in the body.
      assertProblem(await scanner.post(`${USES[purpose]}?token=${token}`, { json: {} }), "validation_failed");
      assert.equal((await use(purpose, token)).status, 204);
      assert.equal((await scanner.post(LOGIN, { json: { username: email, password: token } })).status, 401);
    });
  }
});
