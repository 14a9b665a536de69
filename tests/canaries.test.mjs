/**
 * Planted secrets: after a whole story, including its errors, none of them
 * appears outside of the one place where it belongs. Logs, KV, D1 and every
 * answer are searched, in the usual encodings.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, LOGOUT, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, tokenOf } from "./support/people.mjs";
import { missingFrom } from "./support/routes.mjs";
import { decode } from "../harness/tokens.mjs";

const BASE = "https://auth.example.com";
const CLIENT = "203.0.113.199";
const ADA = "canary-ada@example.com";
const EVE = "canary-eve@example.com";
const NOBODY = "canary-nobody@example.com";
const PASSWORDS = [
  "canary pw one \u00e9\u{1f511}",
  "canary-pw-two",
  "canary-pw-wrong",
  "canary-pw-form",
  "canary-pw-eve",
  "short77",
];
const PLACES = [CLIENT, "canary-client-secret", "canary-query", "canary-field"];

let latchkey;
/** Everything that was answered: `{request, status, headers, body, cookies}`; `request` is `[method, path]`. */
const answers = [];
/** Every token that was ever handed out. */
const tokens = new Set();
/** Every token for an upstream. */
const identities = new Set();
let logs;
let tables;
let entries;

before(async () => {
  latchkey = await startLatchkey({ vars: { ISSUER: BASE, UPSTREAMS: "reports" }, entry: CHAOS });
  await story();
  await latchkey.settled();
  logs = latchkey.logs.map(({ message }) => message).join("\n");
  tables = await allRows();
  entries = await allEntries();
});
after(() => latchkey.dispose());

/** A client that keeps its answers. */
function recorded() {
  const client = new Client({
    fetch: async (path, init) => {
      const headers = new Headers(init.headers);
      headers.set("CF-Connecting-IP", CLIENT);
      const answer = await latchkey.fetch(new URL(path, BASE), { ...init, headers });
      const cookies = answer.headers.getSetCookie();
      for (const line of cookies) tokens.add(/=([^;]*)/.exec(line)?.[1]);
      identities.add(answer.headers.get("X-Auth-Identity"));
      const others = [...answer.headers].filter(([name]) => name !== "set-cookie");
      answers.push({
        request: [init.method, path],
        status: answer.status,
        headers: others,
        cookies,
        body: await answer.clone().text(),
      });
      return answer;
    },
  });
  return client;
}

/** The stories of users: good days, mistakes, attacks and outages. */
async function story() {
  const [one, two, wrong, form, eves, short] = PASSWORDS;
  const ada = recorded();
  const anybody = recorded();
  await ada.post(REGISTER, { json: { email: ADA, password: one, name: "Ada" } });
  await anybody.post(REGISTER, { json: { email: ADA.toUpperCase(), password: eves } });
  await anybody.post(REGISTER, { json: { email: EVE, password: short, "canary-field": eves } });
  await anybody.post(REGISTER, { json: { email: EVE, password: eves } });
  await anybody.post(`${LOGIN}?password=canary-query&username=${EVE}`, { json: { username: NOBODY, password: wrong } });
  await anybody.post(LOGIN, { form: { username: ADA, password: form, client_secret: "canary-client-secret" } });
  await anybody.post(LOGIN, {
    body: `{"username":"${ADA}","password":"${wrong}"`,
    headers: { "Content-Type": "application/json" },
  });
  await ada.post(LOGIN, { json: { username: ADA, password: one } });
  const stolen = ada.copy();
  const phone = recorded();
  await phone.post(LOGIN, { form: { username: ADA, password: one } });
  await ada.get(PROFILE);
  await ada.get("/api/account/sessions");
  const tablet = recorded();
  await tablet.post(LOGIN, { form: { username: ADA, password: one } });
  const { sid } = decode(tokenOf(tablet, "access_token")).claims;
  await ada.delete(`/api/account/sessions/${sid}`);
  await ada.get("/api/account/activity?canary-query=canary-query");
  await ada.get("/api/account/activity");
  await ada.patch(PROFILE, { json: { name: "Ada L." } });
  await ada.post(REFRESH);
  await ada.post(REFRESH);
  await stolen.post(REFRESH);
  await ada.get(PROFILE);
  await ada.get(PROFILE, {
    headers: { Cookie: [...tokens].map((token) => `__Host-access_token=${token}`).join("; ") },
  });
  await phone.patch(PASSWORD_PATH, { json: { currentPassword: wrong, newPassword: two } });
  await phone.patch(PASSWORD_PATH, { json: { currentPassword: one, newPassword: short } });
  for (const fault of [
    { on: "d1", how: "fail" },
    { on: "kv", how: "fail" },
    { on: "d1", how: "fail-after" },
    { on: "limiter", how: "fail" },
  ]) {
    await latchkey.control({ faults: [fault] });
    await anybody.post(LOGIN, { json: { username: EVE, password: eves } });
    await phone.get(PROFILE);
    await phone.post(REFRESH);
    await anybody.post(REGISTER, { json: { email: NOBODY, password: wrong } });
  }
  await latchkey.control({ reset: true });
  await latchkey.sql("UPDATE users SET password_hash = 'damaged' WHERE email = ?1", EVE);
  await anybody.post(LOGIN, { json: { username: EVE, password: eves } });
  await phone.post(LOGIN, { json: { username: ADA, password: one } });
  await phone.patch(PASSWORD_PATH, { json: { currentPassword: one, newPassword: two } });
  const last = recorded();
  await last.post(LOGIN, { json: { username: ADA, password: two } });
  await last.get(PROFILE);
  await last.post(LOGOUT);
  await last.get(PROFILE);
  const still = recorded();
  await still.post(LOGIN, { json: { username: ADA, password: two } });
  await still.get(PROFILE);
  await still.delete("/api/account/sessions?scope=canary-query");
  await still.delete("/api/account/sessions?scope=others");
  await still.get(PROFILE);
  await still.get("/api/account/identity?maxStaleSeconds=canary-query");
  await still.get("/api/account/identity?maxStaleSeconds=0");
  await still.get("/api/account/verify?aud=canary-query");
  await still.get("/api/account/verify?aud=reports");
  for (const path of ["/health", "/ready", "/.well-known/jwks.json"]) await still.get(`${path}?canary-query`);
}

async function allRows() {
  const names = (
    await latchkey.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
  ).map(({ name }) => name);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await latchkey.sql(`SELECT * FROM "${name}"`)])),
  );
}

async function allEntries() {
  const kv = await latchkey.kv();
  const { keys } = await kv.list();
  return Promise.all(keys.map(async (key) => ({ key, text: await kv.get(key.name) })));
}

/** A secret in its possible encodings. */
function spellings(secret) {
  const bytes = Buffer.from(secret);
  // Inside a longer text, base64 depends on where it begins: the middle does not.
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("hex"),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ].filter((text) => text.length >= 7);
}

function assertAbsent(secrets, text, where) {
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) assert.ok(!text.includes(spelling), `${where} has ${spelling}`);
  }
}

/** The signature alone identifies a token. */
const hashes = () => tables.users.map((user) => user.password_hash).filter((hash) => hash.startsWith("$"));
const partsOf = (set) => [...set].filter(Boolean).flatMap((token) => [token, token.split(".")[2]]);
const tokenParts = () => partsOf(tokens);
const identityParts = () => partsOf(identities);
const privateKeys = () => latchkey.keys.keys.map(({ d }) => d);

describe("the story", () => {
  test("sends a request of every route", () => {
    assert.deepEqual(missingFrom(answers.map(({ request }) => request)), []);
  });

  test("has what the search is for: every kind of answer, tokens, an alarm, failures", () => {
    const statuses = new Set(answers.map(({ status }) => status));
    for (const status of [200, 201, 204, 400, 401, 409, 422, 503])
      assert.ok(statuses.has(status), `${status} in ${[...statuses]}`);
    assert.ok(tokens.size >= 10);
    assert.ok(identityParts().length > 0);
    for (const event of [
      "http.request",
      "http.failure",
      "kv.failure",
      "limiter.failure",
      "session.refresh_reused",
      "password.stored_hash_damaged",
    ])
      assert.ok(logs.includes(`"${event}"`), event);
    assert.ok(
      entries.some(({ key }) => key.name.startsWith("user:")) &&
        entries.some(({ key }) => key.name.startsWith("revoked:")),
    );
    assert.ok(
      tables.users.length >= 2 &&
        tables.sessions.length >= 3 &&
        tables.attempts.length >= 1 &&
        tables.audit_log.length >= 10,
    );
  });

  test("is searched by something that finds: a secret is seen in each of its spellings", () => {
    for (const spelling of spellings("canary-pw-two")) {
      assert.throws(() => assertAbsent(["canary-pw-two"], `{"x":"${spelling}"}`, "a text"), /a text has/);
    }
  });
});

test("no password, token, key, address or planted text is in the logs", () => {
  assertAbsent(
    [...PASSWORDS, ...tokenParts(), ...identityParts(), ...privateKeys(), ...PLACES, ADA, EVE, NOBODY, ...hashes()],
    logs,
    "the log",
  );
});

test("no password or key is in any answer; a token is in Set-Cookie alone, an address in its owner's answers", () => {
  for (const { request, headers, cookies, body } of answers) {
    const what = request.join(" ");
    const text = JSON.stringify(headers) + body;
    assertAbsent([...PASSWORDS, ...privateKeys(), ...hashes(), ...PLACES], text + cookies, what);
    assertAbsent(tokenParts(), text, what);
    assertAbsent(identityParts(), body + cookies, what);
    assertAbsent([ADA, EVE, NOBODY], JSON.stringify(headers) + cookies, what);
    const parsed = body.startsWith("{") ? JSON.parse(body) : {};
    const { email = parsed.user?.email, ...rest } = parsed;
    delete rest.user?.email;
    assertAbsent([ADA, EVE, NOBODY], JSON.stringify(rest), what);
    if (email !== undefined) assert.match(what, /register|profile|identity/);
  }
});

test("in D1 an address is in users.email alone, a hash in users.password_hash alone, and nothing else anywhere", () => {
  const others = structuredClone(tables);
  for (const user of others.users) {
    delete user.email;
    assert.match(
      user.password_hash,
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$nfkc\/v1\/[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$|^damaged$/,
    );
    delete user.password_hash;
  }
  assertAbsent(
    [...PASSWORDS, ...tokenParts(), ...identityParts(), ...privateKeys(), ...PLACES, ADA, EVE, NOBODY],
    JSON.stringify(others),
    "D1",
  );
  assert.doesNotMatch(JSON.stringify(others), /argon2/);
  assertAbsent([...PASSWORDS, ...tokenParts(), ...identityParts(), ...privateKeys()], JSON.stringify(tables), "D1");
});

test("in KV an address is in its owner's copy alone, and nothing else anywhere", () => {
  for (const { key, text } of entries) {
    assert.match(key.name, /^(user|revoked):/);
    assertAbsent(
      [...PASSWORDS, ...tokenParts(), ...identityParts(), ...privateKeys(), ...PLACES],
      JSON.stringify(key) + text,
      key.name,
    );
    assert.doesNotMatch(text, /argon2/);
    const copy = key.name.startsWith("user:") ? JSON.parse(text) : {};
    if (copy.user) delete copy.user.email;
    assertAbsent(
      [ADA, EVE, NOBODY],
      JSON.stringify(key) + (key.name.startsWith("user:") ? JSON.stringify(copy) : text),
      key.name,
    );
    assert.ok(key.expiration > Date.now() / 1_000, `${key.name} never expires`);
  }
});
