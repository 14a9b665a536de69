/**
 * Every statement that the Worker sends finds its rows by a key. The statements
 * are those that a whole story has sent, not copies.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MISBEHAVIOUR, MailProvider } from "../harness/mails.mjs";
import {
  CHANGE_EMAIL,
  CONFIRM_EMAIL,
  CONFIRM_LOGIN,
  DISOWN_LOGIN,
  EVERY_MINUTE,
  FORGOT,
  REQUEST_LOGIN,
  RESEND,
  RESET,
  UNDO_EMAIL,
  VERIFY_EMAIL,
  tokenOfMail,
} from "./support/links.mjs";
import { missingFrom } from "./support/routes.mjs";

const ACCOUNT = "/api/account";
const EMAIL = "ada@example.org";
const PASSWORD = "correct horse battery";
const SECOND_PASSWORD = "battery staple horse";
const THIRD_PASSWORD = "staple horse correct";
/**
 * What reads a table from end to end, by name. The outbox is as long as what has not left yet and
 * what was given up within a week; `sweeps` has a row for each table that is swept. The plan of
 * `register` has the search for rows that referred to the new user before it existed, which SQLite
 * leaves out unless a batch has made such rows.
 */
const SCANS = {
  "claim mails": ["outbox"],
  "count outbox": ["outbox"],
  "list migrations": ["schema_migrations"],
  "read positions": ["sweeps"],
  register: ["login_requests", "outbox", "resting_addresses"],
};
const provider = new MailProvider();
let latchkey;
let statements;
/** What the story consists of: `[method, path]`. */
const requests = [];

before(async () => {
  const vars = { ...MAIL_BY_PROVIDER, VERIFICATION: "optional" };
  const secrets = { TRUSTED_FRONT_END_KEY: "k".repeat(32) };
  latchkey = await startLatchkey({ entry: CHAOS, vars, secrets, outbound: provider.answer });
  const recorded = {
    fetch: (path, init) => {
      requests.push([init.method, path]);
      return latchkey.fetch(path, init);
    },
  };
  const [client, other] = [new Client(recorded), new Client(recorded)];
  const done = async (answer, status) => assert.equal((await answer).status, status);
  await done(client.post(`${ACCOUNT}/register`, { json: { email: EMAIL, password: PASSWORD } }), 201);
  await done(client.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: PASSWORD } }), 204);
  await done(client.get(`${ACCOUNT}/profile`), 200);
  await done(client.get(`${ACCOUNT}/identity?maxStaleSeconds=0`), 200);
  await done(client.get(`${ACCOUNT}/verify`), 204);
  await done(client.patch(`${ACCOUNT}/profile`, { json: { name: "Ada" } }), 200);
  await done(other.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: PASSWORD } }), 204);
  const { json: sessions } = await client.get(`${ACCOUNT}/sessions`);
  await done(client.delete(`${ACCOUNT}/sessions/${sessions.find(({ current }) => !current).id}`), 204);
  await done(client.get(`${ACCOUNT}/activity`), 200);
  await done(client.copy().post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: "a wrong horse" } }), 401);
  await done(client.post(`${ACCOUNT}/refresh`), 204);
  await done(client.delete(`${ACCOUNT}/sessions?scope=others`), 204);
  await done(client.copy().post(`${ACCOUNT}/logout`), 204);
  await done(client.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: PASSWORD } }), 204);
  await done(
    client.patch(`${ACCOUNT}/password`, { json: { currentPassword: PASSWORD, newPassword: SECOND_PASSWORD } }),
    204,
  );
  await recover(client, done);
  const headers = { "X-Front-End-Key": secrets.TRUSTED_FRONT_END_KEY };
  for (const path of ["/", "/health", "/ready", "/.well-known/jwks.json"])
    await done(client.get(path, { headers }), 200);
  await latchkey.scheduled();
  const { calls } = await latchkey.counters();
  const sent = calls
    .filter((call) => call.startsWith("d1."))
    .flatMap((call) => call.replace(/^d1\.\w+: /, "").split("; "));
  statements = [...new Set(sent)];
});
after(() => latchkey.dispose());

/** Every link of every mail, and mails that are tried again, and given up. */
async function recover(client, done) {
  const tokenTo = (to, purpose) => tokenOfMail(latchkey, provider, { to, purpose });
  const use = async (path, token, more) => done(client.post(path, { json: { token: await token, ...more } }), 204);
  const logIn = (password, headers) =>
    done(client.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password }, headers }), 204);
  const away = "ada@example.net";
  await done(client.post(RESEND, { json: { email: EMAIL } }), 202);
  await use(VERIFY_EMAIL, tokenTo(EMAIL, "verify-email"));
  await logIn(SECOND_PASSWORD);
  await done(client.post(CHANGE_EMAIL, { json: { email: away, currentPassword: SECOND_PASSWORD } }), 202);
  await use(CONFIRM_EMAIL, tokenTo(away, "confirm-email"));
  await use(UNDO_EMAIL, tokenTo(EMAIL, "undo-email"));
  await use(RESET, tokenTo(EMAIL, "reset-password"), { newPassword: THIRD_PASSWORD });
  await logIn(THIRD_PASSWORD);
  await logIn(THIRD_PASSWORD, { "User-Agent": "curl/8.0" });
  await use(DISOWN_LOGIN, tokenTo(EMAIL, "disown-login"));
  await latchkey.sql("UPDATE users SET email_verified_at = NULL");
  await done(client.post(REQUEST_LOGIN, { json: { email: EMAIL } }), 202);
  await use(CONFIRM_LOGIN, tokenTo(EMAIL, "login-link"));
  provider.misbehave = MISBEHAVIOUR.status(500);
  await latchkey.sql("DELETE FROM mail_counts");
  await done(client.post(FORGOT, { json: { email: EMAIL } }), 202);
  await latchkey.settled();
  await latchkey.control({ clockOffsetMs: 120_000 });
  provider.misbehave = MISBEHAVIOUR.status(422);
  await latchkey.scheduled({ cron: EVERY_MINUTE });
}

const nameOf = (statement) => /^\/\* (.*?) \*\//.exec(statement)?.[1];

async function plan(statement) {
  const params = Math.max(0, ...[...statement.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)));
  const steps = await latchkey.sql(`EXPLAIN QUERY PLAN ${statement}`, ...new Array(params).fill(null));
  return steps.map(({ detail }) => detail).join("; ");
}

test("the story sends a request of every route", () => {
  assert.deepEqual(missingFrom(requests), []);
});

test("no statement reads a table from end to end", async () => {
  assert.ok(statements.length >= 20, `${statements.length} statements`);
  const tables = (await latchkey.sql("SELECT name FROM sqlite_master WHERE type = 'table'")).map(({ name }) => name);
  for (const statement of statements) {
    // A scan of what is neither a table nor an alias of one is a scan of a list in a parameter or a row.
    const aliases = [...statement.matchAll(/\b(\w+) AS (\w+)/g)].filter(([, table]) => tables.includes(table));
    const named = [...tables, ...aliases.map(([, , alias]) => alias)];
    const scanned = [...(await plan(statement)).matchAll(/SCAN (\w+)/g)].map(([, name]) => name);
    const expected = SCANS[nameOf(statement)] ?? [];
    assert.deepEqual(scanned.filter((name) => named.includes(name)).sort(), expected, statement);
  }
  const sent = statements.map(nameOf);
  for (const name of Object.keys(SCANS)) assert.ok(sent.includes(name), name);
});
