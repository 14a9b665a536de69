/**
 * What another site can make a browser send: every unsafe route against every
 * relation between the sites that a browser can report; and the CORS headers of
 * each origin.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER } from "../harness/mails.mjs";
import { plantedLinks } from "./support/mail-scenes.mjs";
import { PASSWORD, logIn, newEmail, register } from "./support/people.mjs";
import { CORS_PATHS, PATHS, UNSAFE } from "./support/routes.mjs";

const OWN = "https://auth.example.com";
const APP = "https://app.example.com";
const DEV = "http://localhost:5173";

/** The same for everyone: pages of every origin may read it. */
const KEY_SET = "/.well-known/jwks.json";
let latchkey;
let person;
let client;
let id;
/** A link for each purpose, of `person`, and the cookie for the one that logs in. */
let tokens;
let browser;
before(async () => {
  const vars = { ...MAIL_BY_PROVIDER, ISSUER: OWN, ALLOWED_ORIGINS: `${APP}, ${DEV}`, HOME_PAGE: "on" };
  latchkey = await startLatchkey({ vars });
  await begin();
});
after(() => latchkey.dispose());

/** Somebody new, whose links all work. */
async function begin() {
  person = await register(latchkey);
  await renew();
  const links = plantedLinks({ user: person, sessionId: id, nowMs: Date.now() });
  ({ tokens, browser } = links);
  for (const [sql, ...values] of links.statements) await latchkey.sql(sql, ...values);
}

/** Logs in over https, for the cookies of a browser. */
async function renew() {
  client = new Client({ fetch: (path, init) => latchkey.fetch(new URL(path, OWN), init) });
  await logIn(latchkey, person, client);
  id = (await client.get("/api/account/sessions")).json[0].id;
}

/**
 * @param {{ method: string, path: string }} route
 * @param {string[][]} headers
 * @param {{ type?: string, body?: string }} content
 */
async function send({ method, path }, headers, { type, body } = {}) {
  const all = type ? [...headers, ["Content-Type", type]] : headers;
  const answer = await latchkey.raw(`${OWN}${path.replace("{id}", id)}`, { method, headers: all, body });
  const header = (name) => answer.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const text = answer.body.toString();
  return { status: answer.status, header, text, code: text.startsWith("{") ? JSON.parse(text).code : undefined };
}

const cookie = () => ["Cookie", client.cookieHeader];
const json = (value) => ({ type: "application/json", body: JSON.stringify(value) });

/** For each unsafe route: a request with its full effect, and its answer. */
const EFFECTIVE = {
  AccountRegister: () => [201, [], json({ email: newEmail(), password: PASSWORD })],
  AccountLogin: () => [
    204,
    [],
    {
      type: "application/x-www-form-urlencoded",
      body: `${new URLSearchParams({ username: person.email, password: person.password })}`,
    },
  ],
  RefreshAccessToken: () => [204, [cookie()]],
  AccountLogout: () => [204, [cookie()]],
  AccountUpdatePwd: () => [
    204,
    [cookie()],
    json({ currentPassword: person.password, newPassword: `${person.password}!` }),
  ],
  AccountUpdateProfile: () => [200, [cookie()], json({ name: "Eve" })],
  AccountEndSessions: () => [204, [cookie()]],
  AccountEndSession: () => [204, [cookie()]],
  AccountVerifyEmail: () => [204, [], json({ token: tokens["verify-email"] })],
  AccountResendVerification: () => [202, [], json({ email: person.email })],
  AccountChangeEmail: () => [202, [cookie()], json({ email: newEmail(), currentPassword: person.password })],
  AccountConfirmEmail: () => [204, [], json({ token: tokens["confirm-email"] })],
  AccountRequestLogin: () => [202, [], json({ email: person.email })],
  AccountConfirmLogin: () => [204, [["Cookie", `__Host-${browser}`]], json({ token: tokens["login-link"] })],
  RecoveryForgot: () => [202, [], json({ email: person.email })],
  RecoveryReset: () => [204, [], json({ token: tokens["reset-password"], newPassword: `${person.password}!` })],
  RecoveryUndoEmail: () => [204, [], json({ token: tokens["undo-email"] })],
  RecoveryDisownLogin: () => [204, [], json({ token: tokens["disown-login"] })],
};
const target = (route) =>
  route.operation === "AccountEndSessions" ? { ...route, path: `${route.path}?scope=all` } : route;

/** For each unsafe route: the answer to a request without cookies and fields that passes the check. */
const PAST_THE_CHECK = Object.fromEntries(
  UNSAFE.filter(({ proof, body }) => proof === "nothing" && body !== null).map(({ operation }) => [
    operation,
    "validation_failed",
  ]),
);

/** `[Sec-Fetch-Site, Origin]`; null: no such header, a list: several lines. */
const PASSING = [
  // Go's CrossOriginProtection, TestCrossOriginProtectionSecFetchSite.
  ["same-origin", null],
  ["none", null],
  [null, null],
  [null, OWN],
  // And its TestCrossOriginProtectionTrustedOriginBypass.
  [null, APP],
  ["cross-site", APP],
  // Further cases.
  ["same-site", APP],
  ["cross-site", DEV],
  ["same-origin", OWN],
  ["same-origin", "https://evil.example"],
  ["none", "null"],
  ["zqx", APP],
];
const REFUSED = [
  // Go's.
  ["cross-site", null],
  ["same-site", null],
  [null, "https://evil.example"],
  [null, "null"],
  ["cross-site", "https://evil.example"],
  // Further cases: values that are not a relation, or almost one.
  ["", null],
  ["zqx", null],
  ["Same-Origin", null],
  ["SAME-ORIGIN", null],
  ["same-origin, cross-site", null],
  [["same-origin", "cross-site"], null],
  [["none", "none"], null],
  // `Sec-Fetch-Site` takes precedence over an origin that equals the service's.
  ["cross-site", OWN],
  ["same-site", OWN],
  ["cross-site", "null"],
  ["same-site", "https://evil-app.example.com"],
  // Origins that are almost the service's or almost allowed. (Miniflare does not pass an empty one
  // on; src/server/cross_site.rs tests it.)
  [null, "http://auth.example.com"],
  [null, "https://auth.example.com:8443"],
  [null, "https://auth.example.com/"],
  [null, "https://auth.example.com."],
  [null, "https://AUTH.example.com"],
  [null, "https://auth.example.com.evil.example"],
  [null, "https://auth.example.com@evil.example"],
  [null, "https://evil.auth.example.com"],
  [null, "https://example.com"],
  [null, "http://app.example.com"],
  [null, "https://app.example.com/"],
  [null, "https://app.example.comm"],
  [null, `${APP}, https://evil.example`],
  [null, [APP, APP]],
  [null, [OWN, "https://evil.example"]],
  [null, "*"],
  [null, "file://"],
];

/** @returns {[string, string][]} */
const lines = (name, value) => (value === null ? [] : [value].flat().map((one) => [name, one]));
/** @param {(string | string[] | null)[]} pair */
const relation = ([site, origin]) => [...lines("Sec-Fetch-Site", site), ...lines("Origin", origin)];

async function state() {
  const tables = ["users", "sessions", "attempts", "one_time_tokens", "mail_counts"];
  return JSON.stringify(await Promise.all(tables.map((table) => latchkey.sql(`SELECT * FROM ${table}`))));
}

describe("every unsafe route", () => {
  test("is in the table of this file", () => {
    assert.deepEqual(UNSAFE.map(({ operation }) => operation).sort(), Object.keys(EFFECTIVE).sort());
  });

  for (const route of UNSAFE) {
    test(`${route.operation} refuses ${REFUSED.length} relations and changes nothing`, async () => {
      const before = await state();
      for (const pair of REFUSED) {
        const [, headers, content] = EFFECTIVE[route.operation]();
        const answer = await send(target(route), [...relation(pair), ...headers], content);
        assert.equal(`${answer.status} ${answer.code}`, "403 cross_origin", `${pair}`);
        assert.deepEqual(answer.header("set-cookie"), [], `${pair}`);
      }
      assert.ok((await state()) === before);
    });

    test(`${route.operation} lets ${PASSING.length} relations pass`, async () => {
      for (const pair of PASSING) {
        const answer = await send(target(route), relation(pair), json({}));
        assert.equal(answer.code, PAST_THE_CHECK[route.operation] ?? "not_authenticated", `${pair}`);
      }
    });

    test(`${route.operation} has its effect from an allowed origin`, async () => {
      const before = await state();
      const [status, headers, content] = EFFECTIVE[route.operation]();
      const answer = await send(target(route), [...relation(["cross-site", APP]), ...headers], content);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.header("access-control-allow-origin")[0], APP);
      assert.ok((await state()) !== before);
      await begin();
    });
  }

  test("a safe method passes from anywhere, but no other site may read the answer", async () => {
    const answer = await send({ method: "GET", path: "/api/account/profile" }, [
      cookie(),
      ...relation(["cross-site", "https://evil.example"]),
    ]);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.header("access-control-allow-origin"), []);
    assert.deepEqual(answer.header("cross-origin-resource-policy"), ["same-origin"]);
  });
});

describe("CORS", () => {
  const HOSTILE = [
    "null",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://evilapp.example.com",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com/",
    "https://app.example.com.",
    "https://app.example.com%00",
    "https://app.example.com@evil.example",
    "https://sub.app.example.com",
    "https://example.com",
    "https://app_example.com",
    "https://appXexample.com",
    "http://localhost",
    "http://localhost:5174",
    "https://localhost:5173",
    "http://127.0.0.1:5173",
    `${APP}, https://evil.example`,
    `${APP} https://evil.example`,
    "*",
  ];
  const asks = (origin, method) => [
    ["Origin", origin],
    ["Access-Control-Request-Method", method],
    ["Access-Control-Request-Headers", "content-type"],
  ];
  const CORS_HEADERS = ["origin", "credentials", "methods", "headers", "max-age"].map(
    (name) => `access-control-${name === "max-age" ? name : `allow-${name}`}`,
  );

  test(`tells ${HOSTILE.length} hostile origins nothing, on any path`, async () => {
    assert.ok(new Set(HOSTILE).size >= 20);
    for (const origin of HOSTILE) {
      for (const [path, [method]] of PATHS) {
        const preflight = await send({ method: "OPTIONS", path }, asks(origin, method));
        assert.equal(preflight.status, 405, `${origin} ${path}`);
        for (const name of CORS_HEADERS) assert.deepEqual(preflight.header(name), [], `${origin} ${path} ${name}`);
      }
      for (const path of ["/health", "/api/account/profile", "/nowhere"]) {
        const answer = await send({ method: "GET", path }, [["Origin", origin], cookie()]);
        for (const name of CORS_HEADERS) assert.deepEqual(answer.header(name), [], `${origin} ${path} ${name}`);
        assert.deepEqual(answer.header("vary"), ["Origin"]);
        assert.deepEqual(answer.header("cross-origin-resource-policy"), ["same-origin"]);
      }
    }
  });

  test("answers the listed origins, each by its own name, on every path", async () => {
    for (const origin of [APP, DEV]) {
      for (const [path, methods] of CORS_PATHS) {
        const preflight = await send({ method: "OPTIONS", path }, asks(origin, methods[0]));
        assert.equal(preflight.status, 204, `${origin} ${path}`);
        assert.equal(preflight.text, "");
        assert.deepEqual(preflight.header("access-control-allow-origin"), [origin]);
        assert.deepEqual(preflight.header("access-control-allow-credentials"), ["true"]);
        assert.deepEqual(preflight.header("access-control-allow-methods"), [methods.join(", ")]);
        const [headers] = preflight.header("access-control-allow-headers");
        assert.match(headers, /^Content-Type, X-Request-Id, .*traceparent/);
        assert.deepEqual(preflight.header("vary"), ["Origin"]);
      }
      // Errors too: a front end must be able to read why it was refused.
      for (const path of ["/health", "/api/account/sessions", "/nowhere"]) {
        const answer = await send({ method: "GET", path }, [["Origin", origin]]);
        assert.deepEqual(answer.header("access-control-allow-origin"), [origin]);
        assert.deepEqual(answer.header("cross-origin-resource-policy"), ["same-site"]);
      }
    }
  });

  test("is for pages: what proxies and Workers ask has none, whoever asks", async () => {
    const others = PATHS.filter((entry) => !CORS_PATHS.includes(entry) && entry[0] !== KEY_SET);
    assert.ok(others.length > 0);
    // What is the same for everyone may be read by pages of every origin, and takes no preflight.
    assert.equal((await send({ method: "OPTIONS", path: KEY_SET }, asks(APP, "GET"))).status, 405);
    for (const origin of [APP, "https://evil.example"]) {
      const { status, header } = await send({ method: "GET", path: KEY_SET }, [["Origin", origin], cookie()]);
      assert.deepEqual([status, header("access-control-allow-origin")], [200, ["*"]]);
      assert.deepEqual(header("access-control-allow-credentials"), []);
    }
    for (const [path, [method]] of others) {
      assert.equal((await send({ method: "OPTIONS", path }, asks(APP, method))).status, 405, path);
      const success = await send({ method, path }, [["Origin", APP], cookie()]);
      const refusal = await send({ method, path }, [["Origin", APP]]);
      // The home page is for whoever opens it.
      assert.deepEqual([success.status, refusal.status], path === "/" ? [200, 200] : [204, 401], path);
      for (const { header } of [success, refusal]) {
        for (const name of CORS_HEADERS) assert.deepEqual(header(name), [], `${path} ${name}`);
        assert.deepEqual(header("cross-origin-resource-policy"), ["same-origin"]);
      }
    }
  });

  test("takes OPTIONS that is no preflight for a wrong method, and has no preflight for unknown paths", async () => {
    assert.equal((await send({ method: "OPTIONS", path: "/health" }, [["Origin", APP]])).status, 405);
    assert.equal(
      (await send({ method: "OPTIONS", path: "/health" }, [["Access-Control-Request-Method", "GET"]])).status,
      405,
    );
    assert.equal((await send({ method: "OPTIONS", path: "/nowhere" }, asks(APP, "GET"))).status, 404);
  });
});
