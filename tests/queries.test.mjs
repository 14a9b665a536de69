/**
 * Every statement that the Worker sends finds its rows by an index, and a
 * user's sessions by the one that holds live sessions only: ended ones, which
 * stay until the clean-up, cost nothing. The statements are those that a whole
 * story has sent, not copies.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "./support/client.mjs";
import { CHAOS, startLatchkey } from "./support/harness.mjs";

const ACCOUNT = "/api/account";
const EMAIL = "ada@example.org";
const PASSWORD = "correct horse battery";
/** Statements that read or end all live sessions of a user. */
const BY_USER = /WHERE (s\.)?user_id = (\?\d|u\.id)\s+AND( id (<>|IS NOT) \?\d AND)? (s\.)?ended_at IS NULL/;

let latchkey;
let statements;

before(async () => {
  latchkey = await startLatchkey({ entry: CHAOS });
  const client = new Client(latchkey);
  const done = async (answer, status) => assert.equal((await answer).status, status);
  await done(client.post(`${ACCOUNT}/register`, { json: { email: EMAIL, password: PASSWORD } }), 201);
  await done(client.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: PASSWORD } }), 204);
  await done(client.get(`${ACCOUNT}/profile`), 200);
  await done(client.patch(`${ACCOUNT}/profile`, { json: { name: "Ada" } }), 200);
  await done(client.get(`${ACCOUNT}/sessions`), 200);
  await done(client.get(`${ACCOUNT}/activity`), 200);
  await done(client.copy().post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: "a wrong horse" } }), 401);
  await done(client.post(`${ACCOUNT}/refresh`), 204);
  await done(client.delete(`${ACCOUNT}/sessions?scope=others`), 204);
  await done(client.copy().post(`${ACCOUNT}/logout`), 204);
  await done(client.post(`${ACCOUNT}/login`, { form: { username: EMAIL, password: PASSWORD } }), 204);
  await done(client.patch(`${ACCOUNT}/password`, { json: { currentPassword: PASSWORD, newPassword: "battery staple horse" } }), 204);
  await latchkey.scheduled();
  const { calls } = await latchkey.counters();
  const sent = calls.filter((call) => call.startsWith("d1.")).flatMap((call) => call.replace(/^d1\.\w+: /, "").split("; "));
  statements = [...new Set(sent)];
});
after(() => latchkey.dispose());

async function plan(statement) {
  const params = Math.max(0, ...[...statement.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)));
  const steps = await latchkey.sql(`EXPLAIN QUERY PLAN ${statement}`, ...Array(params).fill(null));
  return steps.map(({ detail }) => detail).join("; ");
}

test("no statement reads a table from end to end", async () => {
  assert.ok(statements.length >= 20, `${statements.length} statements`);
  for (const statement of statements) {
    assert.doesNotMatch(await plan(statement), /SCAN (sessions|users|login_attempts|roles|s|u|r)\b/, statement);
  }
});

test("a user's sessions are found among the live ones", async () => {
  const byUser = statements.filter((statement) => BY_USER.test(statement));
  assert.ok(byUser.length >= 4, `${byUser.length} statements`);
  for (const statement of byUser) assert.match(await plan(statement), /INDEX sessions_live_by_user\b/, statement);
});
