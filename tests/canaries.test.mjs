/**
 * Planted secrets: after a whole story, including its errors, none of them
 * appears outside of the one place where it belongs. Logs, KV, D1, every mail
 * and every answer are searched, in the usual encodings.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
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
import { LOGIN, LOGOUT, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, tokenOf } from "./support/people.mjs";
import { missingFrom } from "./support/routes.mjs";
import { decode } from "../harness/tokens.mjs";

const BASE = "https://auth.example.com";
const CLIENT = "203.0.113.199";
const ADA = "canary-ada@example.com";
const EVE = "canary-eve@example.com";
const NOBODY = "canary-nobody@example.com";
const NEW = "canary-new@example.com";
const ADDRESSES = [ADA, EVE, NOBODY, NEW];
const PASSWORDS = [
  "canary pw one \u00e9\u{1f511}",
  "canary-pw-two",
  "canary-pw-wrong",
  "canary-pw-form",
  "canary-pw-eve",
  "short77",
  "canary-pw-reset",
];
const PLACES = [CLIENT, "canary-client-secret", "canary-query", "canary-field"];

let latchkey;
/** Everything that was answered: `{request, status, headers, body, cookies}`; `request` is `[method, path]`. */
const answers = [];
/** Every token that was ever handed out. */
const tokens = new Set();
/** Every token for an upstream. */
const identities = new Set();
/** Every mail. */
const provider = new MailProvider();
let mails;
let logs;
let tables;
let entries;

before(async () => {
  const vars = { ...MAIL_BY_PROVIDER, ISSUER: BASE, UPSTREAMS: "reports", VERIFICATION: "optional" };
  latchkey = await startLatchkey({ vars, entry: CHAOS, outbound: provider.answer });
  await story();
  await mailStory();
  await latchkey.settled();
  logs = latchkey.logs.map(({ message }) => message).join("\n");
  tables = await allRows();
  entries = await allEntries();
  // Two mails were waiting: their tokens may be no more in what has been read than the others'.
  provider.misbehave = null;
  await latchkey.control({ clockOffsetMs: 120_000 });
  await latchkey.scheduled({ cron: EVERY_MINUTE });
  mails = [...provider.accepted.values()];
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
  for (const path of ["/", "/health", "/ready", "/.well-known/jwks.json"]) await still.get(`${path}?canary-query`);
}

/** The links of mails: used, used again, and left alone in a mail that waits. */
async function mailStory() {
  const [two, reset] = [PASSWORDS[1], PASSWORDS.at(-1)];
  const anybody = recorded();
  const tokenTo = (to, purpose) => tokenOfMail(latchkey, provider, { to, purpose });
  const use = async (path, token, more) => {
    for (let i = 0; i < 2; i += 1) await anybody.post(path, { json: { token, ...more } });
  };
  await anybody.post(RESEND, { json: { email: ADA } });
  await use(VERIFY_EMAIL, await tokenTo(ADA, "verify-email"));
  const ada = recorded();
  await ada.post(LOGIN, { json: { username: ADA, password: two } });
  await ada.post(CHANGE_EMAIL, { json: { email: NEW, currentPassword: two } });
  await use(CONFIRM_EMAIL, await tokenTo(NEW, "confirm-email"));
  await use(UNDO_EMAIL, await tokenTo(ADA, "undo-email"));
  await use(RESET, await tokenTo(ADA, "reset-password"), { newPassword: reset });
  await ada.post(LOGIN, { json: { username: ADA, password: reset } });
  await ada.post(LOGIN, { json: { username: ADA, password: reset }, headers: { "User-Agent": "curl/8.0" } });
  await use(DISOWN_LOGIN, await tokenTo(ADA, "disown-login"));
  await use(RESET, await tokenTo(ADA, "reset-password"), { newPassword: reset });
  await ada.post(LOGIN, { json: { username: ADA, password: reset } });
  // With a link in its own browser and in another one, and with a code that is none.
  const browser = recorded();
  await browser.post(REQUEST_LOGIN, { json: { email: ADA } });
  await use(CONFIRM_LOGIN, await tokenTo(ADA, "login-link"));
  await browser.post(CONFIRM_LOGIN, { json: { token: "123456" } });
  await browser.post(CONFIRM_LOGIN, { json: { token: await tokenTo(ADA, "login-link") } });
  await recorded().post(REQUEST_LOGIN, { json: { email: ADA } });
  await latchkey.sql("DELETE FROM mail_counts");
  provider.misbehave = MISBEHAVIOUR.status(500);
  await ada.post(CHANGE_EMAIL, { json: { email: NEW, currentPassword: reset } });
  await ada.post(FORGOT, { json: { email: ADA } });
  await ada.post(FORGOT, { json: { email: NOBODY } });
  await ada.get(PROFILE);
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
const hashes = () => tables.users.map((user) => user.password_hash).filter((hash) => hash?.startsWith("$"));
const partsOf = (set) => [...set].filter(Boolean).flatMap((token) => [token, token.split(".")[2] ?? token]);
const tokenParts = () => partsOf(tokens);
const identityParts = () => partsOf(identities);
const privateKeys = () => [...latchkey.keys.keys.map(({ d }) => d), MAIL_BY_PROVIDER.MAIL_PROVIDER_KEY];
/** Each token of a link, and its secret alone: the first 22 characters have the user's id. */
const linkTokens = () => mails.flatMap(({ token }) => (token?.length === 64 ? [token, token.slice(22)] : []));

describe("the story", () => {
  test("sends a request of every route", () => {
    assert.deepEqual(missingFrom(answers.map(({ request }) => request)), []);
  });

  test("has what the search is for: every kind of answer, tokens, an alarm, failures", () => {
    const statuses = new Set(answers.map(({ status }) => status));
    for (const status of [200, 201, 202, 204, 400, 401, 409, 410, 422, 503])
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
      "mail.failure",
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
    const purposes = new Set(mails.map(({ purpose }) => purpose));
    for (const purpose of [
      "verify-email",
      "confirm-email",
      "undo-email",
      "reset-password",
      "disown-login",
      "login-link",
    ])
      assert.ok(purposes.has(purpose), purpose);
    assert.ok(linkTokens().length >= 14);
    const waiting = tables.outbox.map(({ kind, nonce }) => nonce && kind);
    assert.ok(waiting.includes("reset_password") && waiting.includes("confirm_email"), waiting.join());
    assert.equal(tables.login_requests.length, 1);
    assert.ok(tables.one_time_tokens.some((row) => row.new_email === NEW));
  });

  test("is searched by something that finds: a secret is seen in each of its spellings", () => {
    for (const spelling of spellings("canary-pw-two")) {
      assert.throws(() => assertAbsent(["canary-pw-two"], `{"x":"${spelling}"}`, "a text"), /a text has/);
    }
  });
});

test("no password, token, key, address or planted text is in the logs", () => {
  assertAbsent(
    [
      ...PASSWORDS,
      ...tokenParts(),
      ...identityParts(),
      ...linkTokens(),
      ...privateKeys(),
      ...PLACES,
      ...ADDRESSES,
      ...hashes(),
    ],
    logs,
    "the log",
  );
});

test("the token of a link is in the mail alone, on its one line and behind its one button", () => {
  for (const { headers, subject, text, html, token } of mails) {
    assertAbsent([...PASSWORDS, ...tokenParts(), ...privateKeys(), ...hashes(), ...PLACES], text + html, subject);
    if (token?.length !== 64) continue;
    assertAbsent([token, token.slice(22)], JSON.stringify(headers) + subject, subject);
    for (const part of [text, html]) assert.ok(part.includes(`/link#`) && part.includes(token), subject);
  }
  for (const { url, headers } of provider.requests) {
    assertAbsent(linkTokens(), url + JSON.stringify(headers), "the request to the provider");
  }
});

test("no password or key is in any answer; a token is in Set-Cookie alone, an address in its owner's answers", () => {
  for (const { request, headers, cookies, body } of answers) {
    const what = request.join(" ");
    const text = JSON.stringify(headers) + body;
    assertAbsent([...PASSWORDS, ...linkTokens(), ...privateKeys(), ...hashes(), ...PLACES], text + cookies, what);
    assertAbsent(tokenParts(), text, what);
    assertAbsent(identityParts(), body + cookies, what);
    assertAbsent(ADDRESSES, JSON.stringify(headers) + cookies, what);
    const parsed = body.startsWith("{") ? JSON.parse(body) : {};
    const { email = parsed.user?.email, ...rest } = parsed;
    delete rest.user?.email;
    assertAbsent(ADDRESSES, JSON.stringify(rest), what);
    if (email !== undefined) assert.match(what, /register|profile|identity/);
  }
});

test("in D1 an address is in its columns alone, a hash in users.password_hash alone, and nothing else anywhere", () => {
  const others = structuredClone(tables);
  const { users, one_time_tokens, login_requests, outbox, resting_addresses } = others;
  for (const row of [users, one_time_tokens, login_requests, outbox, resting_addresses].flat()) {
    delete row.email;
    delete row.new_email;
    // The new address of a change.
    delete row.facts;
  }
  for (const user of others.users) {
    assert.match(
      user.password_hash,
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$nfkc\/v1\/[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$|^damaged$/,
    );
    delete user.password_hash;
  }
  assertAbsent(
    [...PASSWORDS, ...tokenParts(), ...identityParts(), ...linkTokens(), ...privateKeys(), ...PLACES, ...ADDRESSES],
    JSON.stringify(others),
    "D1",
  );
  assert.doesNotMatch(JSON.stringify(others), /argon2/);
  assertAbsent(
    [...PASSWORDS, ...tokenParts(), ...identityParts(), ...linkTokens(), ...privateKeys()],
    JSON.stringify(tables),
    "D1",
  );
});

test("in KV an address is in its owner's copy alone, and nothing else anywhere", () => {
  for (const { key, text } of entries) {
    assert.match(key.name, /^(user|revoked):/);
    assertAbsent(
      [...PASSWORDS, ...tokenParts(), ...identityParts(), ...linkTokens(), ...privateKeys(), ...PLACES],
      JSON.stringify(key) + text,
      key.name,
    );
    assert.doesNotMatch(text, /argon2/);
    const copy = key.name.startsWith("user:") ? JSON.parse(text) : {};
    if (copy.user) delete copy.user.email;
    assertAbsent(
      ADDRESSES,
      JSON.stringify(key) + (key.name.startsWith("user:") ? JSON.stringify(copy) : text),
      key.name,
    );
    assert.ok(key.expiration > Date.now() / 1_000, `${key.name} never expires`);
  }
});
