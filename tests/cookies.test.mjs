/**
 * The cookies byte for byte (docs/http.md, section 2): on https, on this
 * machine, with a domain; how they are read, and when they must not be touched.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  LOGOUT,
  PASSWORD,
  PASSWORD_PATH,
  PROFILE,
  REFRESH,
  REGISTER,
  logIn,
  newEmail,
  register,
  sessionsOf,
  signUp,
  snapshot,
  tokenOf,
} from "./support/people.mjs";
import { assertProblem, fromRaw } from "./support/problems.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES, WITH_PROOF } from "./support/routes.mjs";
import { sendBytes } from "./support/socket.mjs";

/** What Java's HttpClient with a CookieManager sends, recorded: `{what, cookie}`. */
const JAVA = JSON.parse(readFileSync(new URL("support/java-cookies.json", import.meta.url), "utf8"));

const DAY = 86_400_000;
const START = Date.UTC(2028, 0, 1);
/** `Max-Age`, and as a date; zero seconds are the epoch. */
const ends = (age, nowMs) => `Max-Age=${age}; Expires=${new Date(age === 0 ? 0 : nowMs + age * 1_000).toUTCString()}`;
/** How the two cookies are written under a prefix, with these attributes. */
const written = (prefix, attributes) => ({
  access: (value, age, nowMs) =>
    `${prefix}access_token=${value}; ${attributes} HttpOnly; SameSite=Lax; ${ends(age, nowMs)}`,
  refresh: (value, age, nowMs) =>
    `${prefix}refresh_token=${value}; ${attributes} HttpOnly; SameSite=Strict; ${ends(age, nowMs)}`,
  prefix,
});
const ON_HOST = written("__Host-", "Path=/; Secure;");
const ISSUER = "https://auth.example.com";
/** Settings, how the cookies are written, and where else a log-out deletes them. */
const HOSTS = {
  https: { vars: { ISSUER }, ...ON_HOST, elsewhere: [] },
  "https with COOKIE_DOMAIN": {
    vars: { ISSUER, COOKIE_DOMAIN: "example.com" },
    ...written("__Secure-", "Domain=example.com; Path=/; Secure;"),
    elsewhere: [ON_HOST, written("__Secure-", "Path=/; Secure;")],
  },
  "http://localhost": { vars: {}, ...written("", "Path=/;"), elsewhere: [] },
  "http://localhost with LOCAL_COOKIE_PREFIX": {
    vars: { LOCAL_COOKIE_PREFIX: "shop_" },
    ...written("shop_", "Path=/;"),
    elsewhere: [],
  },
};

for (const [name, { vars, access, refresh, prefix, elsewhere }] of Object.entries(HOSTS)) {
  describe(`on ${name}`, () => {
    let latchkey;
    before(async () => (latchkey = await startLatchkey({ vars, entry: CHAOS })));
    after(() => latchkey.dispose());

    /** The lines of an answer that sets both, for these ages. */
    const set = (client, ageOfAccess, ageOfRefresh, nowMs = START) => [
      access(tokenOf(client, "access_token"), ageOfAccess, nowMs),
      refresh(tokenOf(client, "refresh_token"), ageOfRefresh, nowMs),
    ];
    const deleted = [{ access, refresh }, ...elsewhere]
      .flatMap((scope) => [scope.access("", 0), scope.refresh("", 0)])
      .sort();
    const lines = ({ headers }) => headers.getSetCookie().sort();

    test("login and refresh set both, logout and password change delete both", async () => {
      await latchkey.control({ reset: true, nowMs: START });
      const person = await register(latchkey);
      const client = new Client(latchkey);
      const form = { username: person.email, password: PASSWORD };
      const login = await client.post(LOGIN, { form });
      assert.deepEqual(lines(login), set(client, 600, 604_800));
      const refreshed = await client.post(REFRESH);
      assert.equal(refreshed.status, 204, refreshed.text);
      assert.equal(refreshed.text, "");
      assert.deepEqual(lines(refreshed), set(client, 600, 604_800));
      assert.equal((await client.get(PROFILE)).status, 200);
      const logout = await client.post(LOGOUT);
      assert.equal(logout.status, 204, logout.text);
      assert.equal(logout.text, "");
      assert.deepEqual(lines(logout), deleted);
      assert.equal(client.cookieHeader, null);

      await client.post(LOGIN, { form });
      const json = { currentPassword: PASSWORD, newPassword: "a new horse battery staple" };
      assert.deepEqual(lines(await client.patch(PASSWORD_PATH, { json })), deleted);
    });

    test("the refresh cookie lives for what is left of the session", async () => {
      const start = START;
      await latchkey.control({ reset: true, nowMs: start });
      const { client } = await signUp(latchkey);
      for (const day of [6, 12, 18, 24]) {
        await latchkey.control({ nowMs: start + day * DAY });
        const age = Math.min(7, 30 - day) * 86_400;
        assert.deepEqual(lines(await client.post(REFRESH)), set(client, 600, age, start + day * DAY), `day ${day}`);
      }
      await latchkey.control({ nowMs: start + 30 * DAY - 100_000 });
      const predecessor = client.copy();
      assert.deepEqual(lines(await client.post(REFRESH)), set(client, 100, 100, start + 30 * DAY - 100_000));
      await latchkey.control({ nowMs: start + 30 * DAY - 93_000 });
      assert.deepEqual(
        lines(await predecessor.post(REFRESH)),
        set(client, 93, 93, start + 30 * DAY - 93_000),
        "again, within the grace",
      );
      await latchkey.control({ nowMs: start + 30 * DAY });
      assertProblem(await client.post(REFRESH), "token_expired", { error: "invalid_grant" });
    });

    test("names are matched exactly", async () => {
      await latchkey.control({ reset: true });
      const { client } = await signUp(latchkey);
      const token = tokenOf(client, "access_token");
      const profile = async (cookie) => fromRaw(await latchkey.raw(PROFILE, { headers: [["Cookie", cookie]] }));
      const own = `${prefix}access_token`;
      for (const cookie of [
        `${own}=${token}`,
        `a=1; ${own}=${token}`,
        `${own}=${token}; b="x=y"; c`,
        `a=1;${own}=${token};b=2`,
        `${own.toLowerCase()}x=1; ${own}=${token}`,
      ]) {
        assert.equal((await profile(cookie)).status, 200, cookie);
      }
      const others = ["access_token", "__Host-access_token", "__Secure-access_token"].filter((other) => other !== own);
      const wrong = [
        own.toUpperCase(),
        `${prefix}Access_token`,
        `x${own}`,
        `${own}x`,
        ` ${own} `,
        `${own}%20`,
        `"${own}"`,
        "Authorization",
        ...others,
      ];
      if (prefix.startsWith("__"))
        wrong.push(own.replace("__H", "__h").replace("__S", "__s"), `${prefix.toUpperCase()}access_token`);
      for (const other of wrong) {
        assertProblem(await profile(`${other}=${token}`), "not_authenticated", { message: other });
        assertProblem(await profile(`${other}=${token}; ${own}=`), "not_authenticated", {
          message: `${other}, and an empty one`,
        });
      }
    });
  });
}

describe("requests with cookies", () => {
  let latchkey;
  let person;
  before(async () => {
    latchkey = await startLatchkey({ vars: { ISSUER: "https://auth.example.com" }, entry: CHAOS });
    person = await signUp(latchkey);
  });
  after(() => latchkey.dispose());

  const raw = async (path, options) => fromRaw(await latchkey.raw(path, options));
  const pair = (name) => `__Host-${name}=${tokenOf(person.client, name)}`;

  test("the same auth cookie twice: the one that verifies counts, in whatever order", async () => {
    const own = pair("access_token");
    const strays = [
      "zqx",
      "a.b.c",
      tokenOf(person.client, "refresh_token"),
      `${tokenOf(person.client, "access_token")}x`,
      '"',
      "x".repeat(3_000),
    ];
    for (const stray of strays.map((value) => `__Host-access_token=${value}`)) {
      for (const line of [`${stray}; ${own}`, `${own}; ${stray}`, `${own}; ${own}; ${stray}`]) {
        assert.equal((await raw(PROFILE, { headers: [["Cookie", line]] })).status, 200, line);
      }
    }
  });

  test("two authentic ones of different sessions are refused, and nothing changes", async () => {
    const other = await logIn(latchkey, person);
    const before = await snapshot(latchkey);
    const both = (name) => `${pair(name)}; __Host-${name}=${tokenOf(other, name)}`;
    // A log-out takes an expired token as well; it is looked at below.
    for (const { method, path } of WITH_PROOF.filter(({ operation }) => operation !== "AccountLogout")) {
      const headers = [
        ["Content-Type", "application/json"],
        ["Cookie", `${both("access_token")}; ${both("refresh_token")}`],
      ];
      const answer = await raw(path, { method, headers, body: method === "GET" ? null : "{}" });
      assertProblem(answer, "malformed_request", { message: `${method} ${path}` });
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    const out = await raw(LOGOUT, { method: "POST", headers: [["Cookie", both("refresh_token")]] });
    assertProblem(out, "invalid_token");
    assert.equal(out.headers.getSetCookie().length, 2, "a log-out deletes them all the same");
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("more than eight of a name are refused, however few are authentic", async () => {
    const strays = (count) => Array.from({ length: count }, (_, i) => `__Host-access_token=zqx${i}`).join("; ");
    assert.equal((await raw(PROFILE, { headers: [["Cookie", `${strays(7)}; ${pair("access_token")}`]] })).status, 200);
    assertProblem(
      await raw(PROFILE, { headers: [["Cookie", `${strays(8)}; ${pair("access_token")}`]] }),
      "malformed_request",
    );
  });

  test("logging in and registering work whatever cookies are there", async () => {
    const other = await logIn(latchkey, await register(latchkey));
    const access = `${pair("access_token")}; __Host-access_token=${tokenOf(other, "access_token")}`;
    for (const cookie of [
      access,
      `${access}; ${pair("refresh_token")}`,
      Array.from({ length: 30 }, (_, i) => `__Host-refresh_token=${i}`).join("; "),
      `theme=1, ${pair("access_token")}`,
      '__Host-access_token="',
      "\u00fc=\u00fc; __Host-access_token=\u00fc",
    ]) {
      const headers = [
        ["Content-Type", "application/json"],
        ["Cookie", cookie],
      ];
      const { email } = await register(latchkey);
      const login = await raw(LOGIN, {
        method: "POST",
        headers,
        body: JSON.stringify({ username: email, password: PASSWORD }),
      });
      assert.equal(login.status, 204, cookie);
      const registered = await raw(REGISTER, {
        method: "POST",
        headers,
        body: JSON.stringify({ email: newEmail(), password: PASSWORD }),
      });
      assert.equal(registered.status, 201, cookie);
    }
    person = await signUp(latchkey);
  });

  test("an auth cookie in a second line, or behind a comma, is none: a sibling may have planted it", async () => {
    for (const headers of [
      [
        ["Cookie", "a=1"],
        ["Cookie", pair("access_token")],
      ],
      [["Cookie", `theme=1, ${pair("access_token")}`]],
      [["Cookie", `theme="1, ${pair("access_token")}"`]],
      [["Cookie", `$Version=1,${pair("access_token")}`]],
    ]) {
      assertProblem(await raw(PROFILE, { headers }), "not_authenticated", { message: JSON.stringify(headers) });
    }
    const planted = await logIn(latchkey, await register(latchkey));
    for (const headers of [
      [
        ["Cookie", pair("access_token")],
        ["Cookie", "a=1"],
      ],
      [
        ["Cookie", pair("access_token")],
        ["Cookie", `__Host-access_token=${tokenOf(planted, "access_token")}`],
      ],
      [["Cookie", `theme=1, __Host-access_token=${tokenOf(planted, "access_token")}; ${pair("access_token")}`]],
    ]) {
      const profile = await raw(PROFILE, { headers });
      assert.equal(profile.json.id, person.id, "its owner's, never the planted one's");
    }
  });

  test("Java's jar, byte for byte: quoted values, with and without attributes", async () => {
    for (const { what, cookie } of JAVA) {
      const line = cookie
        .replace("{access}", tokenOf(person.client, "access_token"))
        .replace("{refresh}", tokenOf(person.client, "refresh_token"));
      assert.equal((await raw(PROFILE, { headers: [["Cookie", line]] })).status, 200, what);
    }
  });

  test("other sites' cookies beside it do no harm, whatever is in them", async () => {
    for (const other of [
      "a",
      "a=1; a=2",
      "=",
      ";;;",
      'a="b, c"',
      "a=b\tc",
      "__Host-access_tokens=1",
      "x=%F0%9F%94%91",
      `x=${"y".repeat(6_000)}`,
    ]) {
      assert.equal(
        (await raw(PROFILE, { headers: [["Cookie", `${other}; ${pair("access_token")}`]] })).status,
        200,
        other,
      );
    }
  });

  test("a foreign cookie that is not ASCII does not sign anybody out", async () => {
    for (const other of ["x=\u00fc", Buffer.from("x=\u{1F511}").toString("latin1")]) {
      assert.equal(
        (await raw(PROFILE, { headers: [["Cookie", `${other}; ${pair("access_token")}`]] })).status,
        200,
        other,
      );
    }
    assertProblem(await raw(PROFILE, { headers: [["Cookie", `${pair("access_token")}\u00fc`]] }), "invalid_token");
  });

  test("no byte that arrives in a foreign cookie does", async () => {
    for (let byte = 1; byte < 256; byte += 1) {
      if ([0x0a, 0x0d].includes(byte)) continue;
      const cookie = `Cookie: x=${String.fromCharCode(byte)}; ${pair("access_token")}`;
      const { statuses } = await sendBytes(latchkey, `GET ${PROFILE} HTTP/1.1`, { lines: [cookie], path: PROFILE });
      assert.deepEqual(statuses, [200], `byte ${byte}`);
    }
  });

  test("register and profile never touch the cookies, nor does a refusal", async () => {
    const client = person.client.copy();
    const untouched = async (answer, status) => {
      const { headers, status: got, text } = await answer;
      assert.equal(got, status, text);
      assert.deepEqual(headers.getSetCookie(), [], text);
    };
    await untouched(client.post(REGISTER, { json: { email: newEmail(), password: PASSWORD } }), 201);
    await untouched(client.get(PROFILE), 200);
    await untouched(client.post(LOGIN, { form: { username: newEmail(), password: PASSWORD } }), 401);
    await untouched(
      client.patch(PASSWORD_PATH, {
        json: { currentPassword: "wrong password", newPassword: "a new horse battery staple" },
      }),
      401,
    );
    await untouched(client.get("/nowhere"), 404);
    await untouched(client.get(LOGIN), 405);
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: D1 DB is overloaded." }] });
    await untouched(client.post(REFRESH), 503);
    await untouched(client.post(LOGOUT), 503);
    await untouched(client.post(LOGIN, { form: { username: newEmail(), password: PASSWORD } }), 503);
    await untouched(
      client.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: "a new horse battery staple" } }),
      503,
    );
    await latchkey.control({ reset: true });
    assert.equal((await client.get(PROFILE)).status, 200);
  });
});

describe("the address of a request", () => {
  let latchkey;
  before(async () => (latchkey = await startLatchkey()));
  after(() => latchkey.dispose());

  test("plain http is refused everywhere but on this machine", async () => {
    const person = await register(latchkey);
    for (const host of [
      "auth.example.com",
      "localhost.example.com",
      "127.0.0.2",
      "127.0.0.1.example.com",
      "[::2]",
      "0.0.0.0",
      "localhost.",
    ]) {
      for (const [path, init] of [...ROUTES.map((route) => wholeRequest(route, person)), ["/nowhere", {}]]) {
        const refused = await new Client(latchkey).fetch(`http://${host}${path}`, init);
        assertProblem(refused, "https_required", { message: `${host}${path}` });
        assert.ok(refused.json.detail.endsWith(` ${host}`), refused.json.detail);
        assert.deepEqual(refused.headers.getSetCookie(), []);
      }
    }
    assert.deepEqual(await latchkey.sql("SELECT id FROM sessions"), []);
  });

  test("on this machine, under each of its names, plain http has plain cookies", async () => {
    const person = await register(latchkey);
    for (const host of ["localhost", "localhost:9000", "127.0.0.1:8787", "[::1]:8787", "LOCALHOST:8787"]) {
      const client = new Client(latchkey);
      const login = await client.post(`http://${host}${LOGIN}`, {
        form: { username: person.email, password: PASSWORD },
      });
      assert.deepEqual([...login.setCookies.keys()].sort(), ["access_token", "refresh_token"], host);
      assert.equal((await client.get(`http://${host}${PROFILE}`)).status, 200);
    }
    assert.equal((await sessionsOf(latchkey, person)).length, 5);
  });
});
