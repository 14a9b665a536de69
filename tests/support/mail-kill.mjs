/**
 * Resets and changes of passwords under a provider that accepts mails and does
 * not say so, a database that rolls back, and workerd killed at random moments;
 * then the schedule works off what is left.
 *
 * What was committed is known from a table of the test's own, which a trigger
 * fills in the transaction that queues a mail.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../harness/client.mjs";
import { CHAOS, startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MISBEHAVIOUR, MailProvider } from "../../harness/mails.mjs";
import { untilKilled } from "./kill.mjs";
import { EVERY_MINUTE, FORGOT, RESET } from "./links.mjs";
import { LOGIN, PASSWORD, PASSWORD_PATH, newEmail, register } from "./people.mjs";

/**
 * @import { Answer } from "../../harness/client.mjs"
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 * @import { Misbehaviour } from "../../harness/mails.mjs"
 *
 * @typedef {object} Owner
 * @property {string} id
 * @property {string} email
 * @property {string[]} passwords Those that it may have.
 * @property {number} changed How many new passwords were acknowledged.
 * @property {Set<string>} used Tokens that have been tried.
 */

const PEOPLE = 8;
/** The last statement of each batch that queues a mail, so that it fails: the batch is rolled back. */
const ROLLED_BACK = { find: "FROM outbox WHERE id = \\?10", replace: "$& AND abs(-9223372036854775807 - 1) > 0" };
/** How far the clock goes on between two runs: all of them end before a link does. */
const PAUSE_MS = 3 * 60_000;
const MOST_RUNS = 40;
/** @type {Misbehaviour} */
const accepts = (response, accept) => {
  accept();
  response.writeHead(200).end("{}");
};
const WAYS = [accepts, MISBEHAVIOUR.loseAnswer, MISBEHAVIOUR.neverAnswer, MISBEHAVIOUR.status(500)];

/**
 * Goes on until `wanted` resets and changes were tried. Answers `{tried,
 * acknowledged, rolledBack, mails, tries, kills}`.
 *
 * @param {number} wanted
 */
export async function mailKillLoop(wanted) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-mail-kill-"));
  const provider = new MailProvider();
  const counts = { tried: 0, acknowledged: 0, rolledBack: 0, mails: 0, tries: 0, kills: 0 };
  let secrets = {};
  const start = async () => {
    const options = { entry: CHAOS, persist: folder, vars: MAIL_BY_PROVIDER, secrets, outbound: provider.answer };
    const latchkey = await startLatchkey(options);
    secrets = { JWT_KEYS: JSON.stringify(latchkey.keys) };
    return latchkey;
  };
  try {
    /** @type {Owner[]} */
    let owners = [];
    while (counts.tried < wanted) {
      const latchkey = await start();
      try {
        if (owners.length === 0) owners = await begin(latchkey);
        await latchkey.sql("DELETE FROM mail_counts");
        await latchkey.sql("DELETE FROM attempts");
        provider.misbehave = null;
        await rollBack(latchkey, owners, counts);
        provider.misbehave = (response, accept) => WAYS[Math.floor(Math.random() * WAYS.length)](response, accept);
        await untilKilled((isGone) =>
          Promise.all(owners.map((owner) => goOn({ latchkey, provider, owner, counts, isGone }))),
        );
        counts.kills += 1;
      } finally {
        await latchkey.dispose();
      }
    }
    const latchkey = await start();
    try {
      await workOff(latchkey, provider);
      await assertDelivered(latchkey, provider, owners);
    } finally {
      await latchkey.dispose();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  counts.mails = provider.accepted.size;
  counts.tries = provider.requests.length;
  return counts;
}

/**
 * The people, and the table of what was committed.
 *
 * @param {Latchkey} latchkey
 */
async function begin(latchkey) {
  await latchkey.sql("CREATE TABLE committed (id TEXT PRIMARY KEY, user_id TEXT, kind TEXT, email TEXT)");
  await latchkey.sql(
    `CREATE TRIGGER committed_mail AFTER INSERT ON outbox
     BEGIN INSERT INTO committed VALUES (NEW.id, NEW.user_id, NEW.kind, NEW.email); END`,
  );
  const people = await Promise.all(
    Array.from({ length: PEOPLE }, () => register(latchkey, { email: newEmail(), password: PASSWORD })),
  );
  return people.map(({ id, email }) => ({ id, email, passwords: [PASSWORD], changed: 0, used: new Set() }));
}

/**
 * Requests whose transaction fails at its end: a 503, and no mail.
 *
 * @param {Latchkey} latchkey
 * @param {Owner[]} owners
 * @param {{ rolledBack: number }} counts
 */
async function rollBack(latchkey, owners, counts) {
  const queued = async () => (await latchkey.sql("SELECT count(*) AS mails FROM committed"))[0].mails;
  const before = await queued();
  await latchkey.control({ rewrites: [ROLLED_BACK] });
  for (const { email } of owners.slice(0, 2)) {
    const answer = await new Client(latchkey).post(FORGOT, { json: { email } });
    assert.equal(answer.status, 503, answer.text);
    counts.rolledBack += 1;
  }
  await latchkey.control({ rewrites: [] });
  await latchkey.settled();
  assert.equal(await queued(), before);
}

/**
 * One person who forgets, resets and changes the password until workerd is gone.
 *
 * @param {{ latchkey: Latchkey, provider: MailProvider, owner: Owner, counts: { tried: number, acknowledged: number }, isGone: () => boolean }} work
 */
async function goOn({ latchkey, provider, owner, counts, isGone }) {
  const client = new Client(latchkey);
  while (!isGone()) {
    const newPassword = `a new password, number ${counts.tried} of ${owner.email.length}`;
    const mail = provider.mailsTo(owner.email).findLast(({ token }) => token?.length === 64);
    try {
      if (!mail?.token || owner.used.has(mail.token)) {
        await client.post(FORGOT, { json: { email: owner.email } });
        await change(owner, counts, newPassword, async () => changePassword(client, owner, newPassword));
      } else {
        const { token } = mail;
        owner.used.add(token);
        await change(owner, counts, newPassword, () => client.post(RESET, { json: { token, newPassword } }));
      }
      if (counts.tried % PEOPLE === 0) await latchkey.sql("DELETE FROM mail_counts");
    } catch (error) {
      if (!isGone()) throw error;
    }
  }
}

/**
 * @param {Owner} owner
 * @param {{ tried: number, acknowledged: number }} counts
 * @param {string} newPassword
 * @param {() => Promise<Answer | undefined>} act
 */
async function change(owner, counts, newPassword, act) {
  counts.tried += 1;
  owner.passwords.push(newPassword);
  const answer = await act();
  if (answer?.status !== 204) return;
  owner.passwords = [newPassword];
  owner.changed += 1;
  counts.acknowledged += 1;
}

/**
 * Logs in with the password that it is, and changes it.
 *
 * @param {Client} client
 * @param {Owner} owner
 * @param {string} newPassword
 */
async function changePassword(client, { email, passwords }, newPassword) {
  for (const password of passwords.slice(0, -1).reverse()) {
    const login = await client.post(LOGIN, { json: { username: email, password } });
    if (login.status === 204) return client.patch(PASSWORD_PATH, { json: { currentPassword: password, newPassword } });
  }
}

/**
 * Runs the schedule until the outbox is empty: at first with a provider that goes on losing answers.
 *
 * @param {Latchkey} latchkey
 * @param {MailProvider} provider
 */
async function workOff(latchkey, provider) {
  for (let run = 1; run <= MOST_RUNS; run += 1) {
    provider.misbehave = run === 1 ? MISBEHAVIOUR.loseAnswer : null;
    await latchkey.control({ clockOffsetMs: run * PAUSE_MS });
    await latchkey.scheduled({ cron: EVERY_MINUTE });
    if ((await latchkey.sql("SELECT id FROM outbox")).length === 0) return;
  }
  throw new Error("The outbox does not become empty.");
}

/**
 * Exactly the committed mails have been accepted, each under its own id, and each try had the same bytes.
 *
 * @param {Latchkey} latchkey
 * @param {MailProvider} provider
 * @param {Owner[]} owners
 */
async function assertDelivered(latchkey, provider, owners) {
  const committed = await latchkey.sql("SELECT id, user_id, kind, email FROM committed ORDER BY id");
  assert.deepEqual(
    [...provider.accepted].map(([id, { to }]) => `${id} ${to}`).sort(),
    committed.map(({ id, email }) => `${id} ${email}`),
  );
  const bodies = new Map();
  for (const { headers, body } of provider.requests) {
    const id = headers["idempotency-key"];
    assert.equal(bodies.get(id) ?? body, body, `Two mails under ${id}.`);
    bodies.set(id, body);
  }
  for (const { id, email, changed } of owners) {
    const told = committed.filter(({ user_id, kind }) => user_id === id && kind === "password_changed");
    assert.ok(told.length >= changed, `${email} was told ${told.length} times of ${changed} changes`);
    const events =
      "SELECT count(*) AS made FROM audit_log WHERE user_id = ?1 AND event IN ('password_changed', 'password_reset')";
    const [{ made }] = await latchkey.sql(events, id);
    assert.equal(told.length, made, "A mail for each change that was committed, and for no other.");
  }
}
