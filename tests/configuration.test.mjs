/**
 * A misconfigured service: wrong settings are a 503 on every path and one log
 * line that contains their names and no value; a database without its tables is
 * a 503 wherever it is needed (docs/http.md, section 4).
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER } from "../harness/mails.mjs";
import { LOGIN, PASSWORD, PROFILE, REGISTER, register } from "./support/people.mjs";
import { assertProblem, fromRaw } from "./support/problems.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES } from "./support/routes.mjs";
import { foreignKey, forge, randomId, refreshKey } from "../harness/tokens.mjs";

const keySet = (...keys) => JSON.stringify({ keys });
const good = foreignKey("good");
const zeros = Buffer.alloc(32).toString("base64url");
// RFC 8032: the public key of the secret key whose bytes are all zero.
const zerosPublic = "O2onvM62pC1imjQ7bKDGRcCa4rlN1K_4X52wDmqyvXw";

/** Starts with these settings, and returns the log after a request to each path. */
async function misconfigured(options) {
  const latchkey = await startLatchkey(options);
  try {
    const requests = [
      ["GET", "/"],
      ["GET", "/nowhere"],
      ["DELETE", PROFILE],
      ...ROUTES.map(({ method, path }) => [method, path]),
    ];
    for (const [method, path] of requests) {
      /** @type {[string, string][]} */
      const headers = [
        ["Cookie", "access_token=zqx"],
        ["Content-Type", "text/plain"],
      ];
      const answer = fromRaw(
        await latchkey.raw(`http://localhost:8787${path}`, {
          method,
          headers,
          body: ["GET", "DELETE"].includes(method) ? null : "x",
        }),
      );
      assertProblem(answer, "misconfigured", { message: `${method} ${path}` });
      assert.equal(answer.json.type, "about:blank");
    }
    const lines = latchkey.logs.filter(({ message }) => message.includes("service.misconfigured"));
    assert.equal(lines.length, 1, "one line, however many requests");
    assert.equal(lines[0].level, "error");
    return {
      problems: JSON.parse(lines[0].message).problems,
      log: latchkey.logs.map(({ message }) => message).join("\n"),
    };
  } finally {
    await latchkey.dispose();
  }
}

const named = (problems) => problems.map((problem) => problem.split(":")[0]).sort();

for (const config of ["wrangler.toml", "deploy/wrangler.toml", "package/wrangler.toml"]) {
  test(`${config} offers the service at no address outside of the zone's rules`, () => {
    const read = unstable_readConfig({ config }, { hideWarnings: true });
    assert.deepEqual([read.workers_dev, read.preview_urls], [false, false]);
  });
}

describe("the keys", () => {
  const cases = {
    missing: null,
    "no JSON": "zqx-marker",
    "a key without its private part": keySet({ ...good, d: undefined }),
    "a public part of another key": keySet({ ...good, x: foreignKey("x").x }),
    "a placeholder": keySet({ kty: "OKP", crv: "Ed25519", kid: "zqx-marker", d: zeros, x: zerosPublic }),
    "one id twice": keySet(good, foreignKey("good")),
  };
  for (const [what, value] of Object.entries(cases)) {
    test(`${what}: 503 on every path, and the log says so without a value`, async () => {
      const { problems, log } = await misconfigured({ secrets: { JWT_KEYS: value } });
      assert.deepEqual(named(problems), ["JWT_KEYS"]);
      assert.ok(!log.includes(good.d) && !log.includes(good.x) && !log.includes("zqx-marker"), log);
    });
  }
});

describe("the settings", () => {
  test("all of them wrong at once are all named, and none of their values", async () => {
    const vars = {
      ISSUER: "https://zqx-marker.example/path",
      AUDIENCE: "zqx marker",
      ALLOWED_ORIGINS: "https://zqx-marker.example,*",
      COOKIE_DOMAIN: "zqx-marker",
      FORMER_COOKIE_DOMAINS: "zqx-marker",
      LOCAL_COOKIE_PREFIX: "zqx marker",
      HSTS: "zqx-marker",
      ACCESS_TOKEN_TTL_SECONDS: "987654321",
      REFRESH_IDLE_TTL_SECONDS: "-1",
      REFRESH_ABSOLUTE_TTL_SECONDS: "zqx-marker",
      REFRESH_GRACE_SECONDS: "61",
      USER_CACHE_TTL_SECONDS: "1e2",
      PROFILE_CONSISTENCY: "zqx-marker",
      BREACH_CHECK: "ZQX-Marker",
      PASSWORD_MIN_LENGTH: "7",
      ARGON2_MEMORY_KIB: "1048576",
      ARGON2_ITERATIONS: "0",
      DEFAULT_ROLE: "ZQX-Marker",
    };
    const { problems, log } = await misconfigured({
      vars,
      secrets: { JWT_KEYS: "zqx-marker", TRUSTED_FRONT_END_KEY: "zqx-marker" },
    });
    assert.deepEqual([...new Set(named(problems))], [...Object.keys(vars), "JWT_KEYS", "TRUSTED_FRONT_END_KEY"].sort());
    assert.doesNotMatch(log, /zqx|987654321/i);
  });

  /** Settings, and which of them are to blame. */
  const faulty = {
    "that have no default missing": [{ ISSUER: null, AUDIENCE: null }, ["AUDIENCE", "ISSUER"]],
    "that contradict each other": [
      {
        ISSUER: "https://a.example.com",
        AUDIENCE: "https://a.example.com",
        REFRESH_IDLE_TTL_SECONDS: 600,
        REFRESH_ABSOLUTE_TTL_SECONDS: 300,
        ARGON2_MEMORY_KIB: 7168,
        ARGON2_ITERATIONS: 1,
      },
      ["ARGON2_ITERATIONS", "AUDIENCE", "REFRESH_IDLE_TTL_SECONDS"],
    ],
    "that open the door": [
      { ISSUER: "http://auth.example.com", ALLOWED_ORIGINS: "null", COOKIE_DOMAIN: "com" },
      ["ALLOWED_ORIGINS", "COOKIE_DOMAIN", "ISSUER"],
    ],
    "with a cookie domain that browsers refuse": [
      { ISSUER: "https://auth.example.co.uk", COOKIE_DOMAIN: "co.uk", FORMER_COOKIE_DOMAINS: "example.com" },
      ["COOKIE_DOMAIN", "FORMER_COOKIE_DOMAINS"],
    ],
    "without database or KV namespace": [{ DB: "zqx-marker", KV: "zqx-marker" }, ["DB", "KV"]],
  };
  for (const [what, [vars, names]] of Object.entries(faulty)) {
    test(`${what} are named`, async () => {
      const { problems } = await misconfigured({ vars, migrations: false });
      assert.deepEqual(named(problems), names);
    });
  }

  test("at the edges of their bounds are taken", async () => {
    const vars = {
      ISSUER: "https://auth.example.com:8443",
      AUDIENCE: "a",
      ALLOWED_ORIGINS: " https://a.example.com , http://localhost:3000,",
      COOKIE_DOMAIN: "example.com",
      FORMER_COOKIE_DOMAINS: "auth.example.com",
      LOCAL_COOKIE_PREFIX: "a".repeat(32),
      HSTS: "subdomains",
      TRUSTED_FRONT_END_KEY: "k".repeat(32),
      ACCESS_TOKEN_TTL_SECONDS: 3600,
      REFRESH_IDLE_TTL_SECONDS: 300,
      REFRESH_ABSOLUTE_TTL_SECONDS: 300,
      REFRESH_GRACE_SECONDS: 0,
      USER_CACHE_TTL_SECONDS: 1,
      PASSWORD_MIN_LENGTH: 8,
      ARGON2_MEMORY_KIB: 7168,
      ARGON2_ITERATIONS: 5,
      DEFAULT_ROLE: "application-access",
    };
    const latchkey = await startLatchkey({ vars });
    try {
      await register(latchkey);
    } finally {
      await latchkey.dispose();
    }
  });
});

describe("host, issuer and cookie domain", () => {
  /** The answer at this address, and the log lines that explain it. */
  async function served(vars, origin) {
    const latchkey = await startLatchkey({ vars });
    try {
      const answers = [];
      for (const path of ["/health", PROFILE, "/nowhere"])
        answers.push(await new Client(latchkey).get(new URL(path, origin).href));
      const form = { username: "a@example.com", password: PASSWORD };
      answers.push(await new Client(latchkey).post(new URL(LOGIN, origin).href, { form }));
      return {
        answers,
        log: latchkey.logs.map(({ message }) => message).join("\n"),
        hsts: answers[0].headers.get("Strict-Transport-Security"),
      };
    } finally {
      await latchkey.dispose();
    }
  }

  /** @type {Record<string, [vars: Record<string, string>, origin: string, cause: RegExp]>} */
  const misfits = {
    "an https request with an http issuer": [{}, "https://auth.example.com", /ISSUER: begins with http/],
    "https on this machine with an http issuer": [{}, "https://localhost:8787", /ISSUER: begins with http/],
    "a host outside of the cookie domain": [
      { ISSUER: "https://auth.example.com", COOKIE_DOMAIN: "example.com" },
      "https://latchkey.acme.workers.dev",
      /COOKIE_DOMAIN: does not contain/,
    ],
  };
  for (const [what, [vars, origin, cause]] of Object.entries(misfits)) {
    test(`${what}: misconfigured, and the log says why`, async () => {
      const { answers, log } = await served(vars, origin);
      for (const answer of answers) assertProblem(answer, "misconfigured");
      assert.match(log, cause);
    });
  }

  for (const [setting, expected] of [
    [null, "max-age=63072000"],
    ["host", "max-age=63072000"],
    ["subdomains", "max-age=63072000; includeSubDomains"],
    ["off", null],
  ]) {
    test(`HSTS=${setting ?? "(not set)"} says ${expected ?? "nothing"}, and nothing on this machine`, async () => {
      const vars = { ISSUER: "https://auth.example.com", HSTS: setting };
      assert.equal((await served(vars, "https://auth.example.com")).hsts, expected);
      assert.equal((await served(vars, "http://localhost:8787")).hsts, null);
      assert.equal((await served({ ...vars, ISSUER: "https://localhost:8787" }, "https://localhost:8787")).hsts, null);
    });
  }

  test("an allowed origin that gets no cookies is one warning at start, by name", async () => {
    const vars = {
      ISSUER: "https://auth.example.com",
      ALLOWED_ORIGINS: "https://app.example.com, https://app.example.org, http://localhost:5173",
    };
    const { log } = await served(vars, "https://auth.example.com");
    const lines = log
      .split("\n")
      .filter((line) => line.includes("service.doubtful_settings"))
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, 1);
    assert.equal(lines[0].level, "warn");
    assert.deepEqual(
      lines[0].warnings.map((warning) => warning.split(" ")[1]),
      ["https://app.example.org", "http://localhost:5173"],
    );
    assert.doesNotMatch(
      (await served({ ...vars, ALLOWED_ORIGINS: "https://app.example.com" }, vars.ISSUER)).log,
      /doubtful/,
    );
  });
});

describe("a trusted front end", () => {
  const KEY = "0123456789abcdef0123456789abcdef";
  let latchkey;
  before(async () => {
    latchkey = await startLatchkey({
      vars: MAIL_BY_PROVIDER,
      secrets: { TRUSTED_FRONT_END_KEY: KEY },
      limits: { LOGIN_LIMITER: { limit: 2, period: 60 } },
    });
  });
  after(() => latchkey.dispose());

  /** The statuses of three attempts from one server for a visitor. */
  async function tries(headers) {
    const statuses = [];
    for (let i = 0; i < 3; i += 1) {
      const form = { username: "nobody@example.com", password: PASSWORD };
      const answer = await new Client(latchkey).post(LOGIN, {
        form,
        headers: { "CF-Connecting-IP": "198.51.100.7", ...headers },
      });
      statuses.push(answer.status);
    }
    return statuses;
  }

  test("has a bucket for each visitor; nobody else chooses one", async () => {
    const visitor = (address, key = KEY) => ({ "X-Front-End-Key": key, "X-Visitor-Address": address });
    assert.deepEqual(await tries(visitor("192.0.2.1")), [401, 401, 429]);
    assert.deepEqual(await tries(visitor("192.0.2.2")), [401, 401, 429]);
    assert.deepEqual(await tries({}), [401, 401, 429], "the server itself");
    assert.deepEqual(await tries(visitor("192.0.2.3", KEY.toUpperCase())), [429, 429, 429]);
    assert.deepEqual(await tries({ "X-Visitor-Address": "192.0.2.4" }), [429, 429, 429]);
    assert.ok(latchkey.logs.every(({ message }) => !message.includes(KEY)));
  });

  test("sees how many mails did not leave; nobody else does", async () => {
    const { id } = await register(latchkey);
    const columns = "id, user_id, kind, email, language, facts, created_at, next_try_at, tries, given_up_at";
    await latchkey.sql(
      `INSERT INTO outbox (${columns}) VALUES ('m', ?1, 'new_login', 'a@example.com', 'en', '{}', 1, 1, 9, 2)`,
      id,
    );
    const ready = async (headers) => {
      const { status, json } = await new Client(latchkey).get("/ready", { headers });
      assert.equal(status, 200);
      return json;
    };
    const counts = { waiting: 0, givenUp: 1 };
    assert.deepEqual(await ready({ "X-Front-End-Key": KEY }), { status: "ok", mail: counts });
    for (const headers of [{}, { "X-Front-End-Key": KEY.toUpperCase() }])
      assert.deepEqual(await ready(headers), { status: "ok" });
  });
});

describe("a database without tables", () => {
  let latchkey;
  before(async () => (latchkey = await startLatchkey({ vars: MAIL_BY_PROVIDER, migrations: false })));
  after(() => latchkey.dispose());

  test("is a 503 on every endpoint that needs it, touches no cookie and tells nothing", async () => {
    const [key] = latchkey.keys.keys;
    const iat = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: latchkey.origin,
      sub: "0190a000-0000-7000-8000-000000000000",
      sid: randomId(),
      iat,
      exp: iat + 600,
      jti: randomId(),
    };
    const header = { alg: "EdDSA", kid: key.kid };
    const access = forge(key, { ...header, typ: "at+jwt" }, { ...claims, aud: "latchkey", role: "application-access" });
    const refresh = forge(
      refreshKey(key),
      { ...header, alg: "HS512", typ: "rt+jwt" },
      { ...claims, aud: latchkey.origin },
    );
    const headers = { Cookie: `access_token=${access}; refresh_token=${refresh}` };
    // What is limited asks the database.
    const asking = ROUTES.filter(({ limiter }) => limiter !== null);
    for (const route of asking) {
      const [path, init] = wholeRequest(route, { email: "a@example.com" });
      const answer = await new Client(latchkey).fetch(path, { headers, ...init });
      assertProblem(answer, "unavailable", { message: `${route.method} ${path}` });
    }
    const lines = (text) => latchkey.logs.filter(({ message }) => message.includes(text)).length;
    // `Ready` and `Home` look for what is missing; the first of the others has the same done in the
    // background.
    assert.equal(lines("no such table"), asking.length - 2, "the log has the cause of each");
    assert.equal(lines("database.migrations_missing"), 3);
    assert.ok(
      latchkey.logs.every(
        ({ message }) => !message.includes(access) && !message.includes(PASSWORD) && !message.includes("a@example.com"),
      ),
    );
  });

  test("still refuses what needs no database", async () => {
    const anonymous = new Client(latchkey);
    assertProblem(await anonymous.get("/nowhere"), "not_found");
    assertProblem(await anonymous.get(PROFILE), "not_authenticated");
    assertProblem(await anonymous.post(REGISTER, { json: {} }), "validation_failed");
  });
});
