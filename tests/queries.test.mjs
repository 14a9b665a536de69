/**
 * Every statement that the Worker sends finds its rows by a key. The statements
 * are those that a whole story has sent, not copies.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { missingFrom } from "./support/routes.mjs";

const ACCOUNT = "/api/account";
const EMAIL = "ada@example.org";
const PASSWORD = "correct horse battery";
let latchkey;
let statements;
/** What the story consists of: `[method, path]`. */
const requests = [];

before(async () => {
  latchkey = await startLatchkey({ entry: CHAOS });
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
    client.patch(`${ACCOUNT}/password`, { json: { currentPassword: PASSWORD, newPassword: "battery staple horse" } }),
    204,
  );
  for (const path of ["/health", "/ready", "/.well-known/jwks.json"]) await done(client.get(path), 200);
  await latchkey.scheduled();
  const { calls } = await latchkey.counters();
  const sent = calls
    .filter((call) => call.startsWith("d1."))
    .flatMap((call) => call.replace(/^d1\.\w+: /, "").split("; "));
  statements = [...new Set(sent)];
});
after(() => latchkey.dispose());

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
  for (const statement of statements) {
    assert.doesNotMatch(
      await plan(statement),
      /SCAN (sessions|users|attempts|roles|audit_log|sweeps|s|u|r|caller|begun|device|owner)\b/,
      statement,
    );
  }
});
