/**
 * Requests that no browser sends: framing tricks as bytes on a socket, other
 * spellings of paths, SQL in every text, redirect targets.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { LOGIN, LOGOUT, PASSWORD, PROFILE, REGISTER, register, signUp, snapshot } from "./support/people.mjs";
import { PATHS } from "./support/routes.mjs";
import { sendBytes } from "./support/socket.mjs";

let latchkey;
let person;
before(async () => {
  latchkey = await startLatchkey();
  person = await signUp(latchkey);
});
after(() => latchkey.dispose());

describe("framing", () => {
  const JSON_TYPE = "Content-Type: application/json";
  const body = () => JSON.stringify({ username: person.email, password: person.password });
  const chunked = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  /** A request that would end the session, hidden in another one. */
  const smuggled = () =>
    `POST ${LOGOUT} HTTP/1.1\r\nHost: localhost:8787\r\nMF-Original-URL: ${latchkey.origin}${LOGOUT}\r\nCookie: ${person.client.cookieHeader}\r\nContent-Length: 0\r\n\r\n`;
  const login = (lines, text) =>
    sendBytes(latchkey, `POST ${LOGIN} HTTP/1.1`, { path: LOGIN, lines: [JSON_TYPE, ...lines], body: text });

  test("of two kinds: one of them counts, and bytes after the body are not a request", async () => {
    const before = await snapshot(latchkey);
    for (const length of [0, 4, body().length]) {
      const { statuses } = await login(
        [`Content-Length: ${length}`, "Transfer-Encoding: chunked"],
        chunked("{}") + smuggled(),
      );
      assert.deepEqual(statuses, [422]);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("that cannot be understood is a 400, and nothing in it is looked at", async () => {
    const before = await snapshot(latchkey);
    const length = `Content-Length: ${body().length}`;
    const cases = {
      "two lengths": [[length, "Content-Length: 3"], body() + smuggled()],
      "a negative length": [["Content-Length: -1"], body()],
      "a length with a sign": [[`Content-Length: +${body().length}`], body()],
      "a length in hexadecimal": [["Content-Length: 0x10"], body()],
      "an unknown transfer encoding": [["Transfer-Encoding: xchunked"], chunked(body())],
      "a blank before the colon": [["Transfer-Encoding : chunked", length], body()],
      "a folded line": [["X-A: b", " Transfer-Encoding: chunked", length], body()],
      "NUL in a header": [["X-A: b\0c", length], body()],
      "a chunk without a size": [["Transfer-Encoding: chunked"], `zz\r\n${body()}\r\n0\r\n\r\n`],
    };
    for (const [name, [lines, text]] of Object.entries(cases)) {
      assert.deepEqual((await login(lines, text)).statuses, [400], name);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("of a method that nobody knows is refused before the Worker", async () => {
    for (const method of ["FOO", "post", "Get", "POST\t", ""]) {
      const { statuses } = await sendBytes(latchkey, `${method} ${LOGOUT} HTTP/1.1`, {
        path: LOGOUT,
        lines: [`Cookie: ${person.client.cookieHeader}`],
      });
      assert.equal(statuses.length, 1);
      assert.ok([400, 501].includes(statuses[0]), `${method}: ${statuses}`);
    }
  });

  test("with huge or very many headers does no harm", async () => {
    const get = (lines) => sendBytes(latchkey, `GET ${PROFILE} HTTP/1.1`, { path: PROFILE, lines });
    assert.deepEqual((await get([`Cookie: access_token=${"x".repeat(60_000)}`])).statuses, [401]);
    assert.deepEqual((await get([`Cookie: ${"a=b; ".repeat(10_000)}x=y`])).statuses, [401]);
    assert.deepEqual((await get(Array.from({ length: 2_000 }, (_, i) => `X-${i}: 1`))).statuses, [401]);
    assert.deepEqual((await get([`Cookie: a=${"x".repeat(1_000_000)}`])).statuses, [431]);
    assert.deepEqual((await get(["Cookie: access_token=\xff\xfe"])).statuses, [401]);
    assert.equal((await person.client.get(PROFILE)).status, 200);
  });

  test("as compressed: a body is never unpacked", async () => {
    for (const encoding of ["gzip", "br", "deflate"]) {
      const { statuses } = await login([`Content-Encoding: ${encoding}`, "Content-Length: 4"], "\x1f\x8b\x08\0");
      assert.deepEqual(statuses, [415]);
    }
  });
});

describe("paths", () => {
  /** For a path `/a/b`: other spellings that some router somewhere takes for it. */
  const spellings = (path) => {
    const [, first, ...rest] = path.split("/");
    const tail = rest.length > 0 ? `/${rest.join("/")}` : "";
    const encoded = `%${path.charCodeAt(1).toString(16)}`;
    return [
      `//${first}${tail}`,
      `/${first}//${rest.join("/")}/`,
      `${path}/`,
      `${path}//`,
      path.toUpperCase(),
      `/${first[0].toUpperCase()}${first.slice(1)}${tail}`,
      `/${encoded}${path.slice(2)}`,
      `/%25${encoded.slice(1)}${path.slice(2)}`,
      `${path}%00`,
      `${path}%2f`,
      `${path}%20`,
      `${path}.css`,
      `${path}.json`,
      `${path};.js`,
      `${path};jsessionid=1`,
      `${path}/x.css`,
      `${path}%2fx.css`,
      `${path}%3f.css`,
      `${path}%23`,
      `${path}/..;/`,
      `/x/%2e%2e%2f${path.slice(1)}`,
      `${path}\\`.replace("\\", "%5c"),
      `/.${path}x`,
      `${path}*`,
      `${path}~`,
      `/${first}%e2%80%8b${tail}`,
    ];
  };

  test("have one spelling: every other one is a 404 that no cache keeps", async () => {
    const before = await snapshot(latchkey);
    for (const [path, [method]] of PATHS.filter(([path]) => path !== "/" && !path.includes("{"))) {
      for (const other of spellings(path).filter((one) => one !== path)) {
        const answer = await person.client.fetch(latchkey.origin + other, {
          method,
          ...(method === "GET" ? {} : { json: {} }),
        });
        // One segment more below /sessions is an id: those are 405 here, and DELETE has its own test.
        const isId = /^\/api\/account\/sessions\/[^/]+$/.test(new URL(latchkey.origin + other).pathname);
        assert.equal(answer.status, isId ? 405 : 404, `${method} ${other}`);
        assert.equal(answer.headers.get("Cache-Control"), "no-store", other);
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("arrive as the URL standard normalises them: dots, backslashes and fragments are gone before anything is looked up", async () => {
    const status = async (path, cookie) =>
      (
        await sendBytes(latchkey, `GET ${path} HTTP/1.1`, {
          url: null,
          lines: cookie ? [`Cookie: ${person.client.cookieHeader}`] : [],
        })
      ).statuses[0];
    for (const path of [
      "/api/account/./profile",
      "/x/../api/account/profile",
      "/../../api/account/profile",
      "/api/account/x/../profile",
      "/api/account/%2e/profile",
      "/%2E%2e/api/account/profile",
      "/api/x/.%2e/account/profile",
      "/api\\account\\profile",
      "/api/account\\profile",
      "/api/account/x\\..\\profile",
      "/api/account/profile#x",
      "/api/account/profile?#x",
      "http://localhost:8787/api/account/profile",
    ]) {
      // It is the same path: with a session the answer is the profile, without one a 401.
      assert.equal(await status(path, true), 200, path);
      assert.equal(await status(path, false), 401, path);
    }
    for (const path of [
      "//api/account/profile",
      "/api/account/profile/.",
      "/api/account/profile/x/..",
      "/api/account/profile/",
      "/api/account/profile\\",
      "/api/account/%2e%2e%2fprofile",
      "/api/account/..%2faccount/profile",
      "/api%5caccount%5cprofile",
      "/api/account/.../profile",
      "/api/account/pro%09file",
      "/api/account/%70rofile",
      "/api/account/profile%23x",
    ]) {
      assert.equal(await status(path, true), 404, path);
    }
    for (const path of [
      "/api/account/pro\tfile",
      "/api/account/profile\0",
      "/api/account/ profile",
      "api/account/profile",
      "\\api\\account\\profile",
    ]) {
      assert.equal(await status(path, true), 400, JSON.stringify(path));
    }
  });

  test("with ids that are none are 404", async () => {
    const before = await snapshot(latchkey);
    const [{ id }] = await latchkey.sql("SELECT id FROM sessions");
    for (const other of [
      `${id}%20`,
      `${id}=`,
      `${id}%00`,
      id.slice(1),
      `${id}x`,
      `..%2f${id}`,
      `%2e%2e`,
      "*",
      "%25",
      "1' OR '1'='1",
      "null",
      "undefined",
      "0",
      "-1",
      id.toUpperCase().toLowerCase(),
      "a".repeat(2_000),
      `${id}%2f..%2fx`,
    ]) {
      const answer = await person.client.delete(`/api/account/sessions/${other}`);
      assert.equal(answer.status, 404, other);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});

describe("SQL", () => {
  const CORPUS = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    "' UNION SELECT password_hash FROM users --",
    "admin'--",
    "\\' OR 1=1 --",
    "\u02bc OR 1=1 --",
    "1; UPDATE users SET is_superuser = 1",
    "' || (SELECT password_hash FROM users LIMIT 1) || '",
    "'/**/OR/**/1=1",
    "?1",
    ":email",
    "@email",
    "$email",
    "%' OR email LIKE '%",
    '"',
    "';SELECT CASE WHEN 1=1 THEN randomblob(1000000000) END--",
  ];

  test("in e-mail addresses, passwords and queries is text, or refused", async () => {
    const before = await snapshot(latchkey);
    for (const sql of CORPUS) {
      const email = `${sql}@example.com`;
      const client = new Client(latchkey);
      assert.equal(
        (await client.post(REGISTER, { json: { email: `a${sql} x@example.com`, password: PASSWORD } })).status,
        422,
        sql,
      );
      assert.ok(
        [401, 422].includes((await client.post(LOGIN, { json: { username: email, password: PASSWORD } })).status),
        sql,
      );
      assert.equal(
        (await client.post(LOGIN, { json: { username: person.email + sql, password: PASSWORD } })).status,
        422,
        sql,
      );
      assert.equal(
        (await person.client.delete(`/api/account/sessions?scope=${encodeURIComponent(sql)}`)).status,
        422,
        sql,
      );
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("in names and user agents is stored and shown as it is", async () => {
    for (const sql of CORPUS) {
      const renamed = await person.client.patch(PROFILE, { json: { name: sql } });
      assert.equal(renamed.status, 200, sql);
      assert.equal(renamed.json.name, sql.trim());
    }
    const device = new Client(latchkey);
    const agent = CORPUS[3];
    const answer = await device.post(LOGIN, {
      json: { username: person.email, password: person.password },
      headers: { "User-Agent": agent },
    });
    assert.equal(answer.status, 204);
    const current = (await device.get("/api/account/sessions")).json.find((session) => session.current);
    assert.equal(current.userAgent, agent);
    const [{ count, superusers }] = await latchkey.sql(
      "SELECT count(*) AS count, sum(is_superuser) AS superusers FROM users",
    );
    assert.deepEqual({ count, superusers }, { count: 1, superusers: 0 });
  });

  test("characters that SQL cares about and e-mail allows are an address like any other", async () => {
    const email = "o'hara`%_{x}@example.com";
    await register(latchkey, { email });
    assert.equal((await latchkey.sql("SELECT id FROM users WHERE email = ?1", email)).length, 1);
    const other = await new Client(latchkey).post(LOGIN, {
      json: { username: "o'hara`%%{x}@example.com", password: PASSWORD },
    });
    assert.equal(other.status, 401);
  });
});

test("nothing is ever redirected, whatever the request names", async () => {
  const hosts = [
    ["X-Forwarded-Host", "evil.example"],
    ["X-Original-URL", "/health"],
    ["X-Rewrite-URL", "/health"],
    ["X-Forwarded-Proto", "http"],
    ["Forwarded", "host=evil.example;proto=http"],
  ];
  for (const [path, [method]] of PATHS) {
    for (const query of [
      "?next=//evil.example",
      "?redirect_uri=https://evil.example",
      "?url=%2f%2fevil.example",
      "?returnTo=javascript:alert(1)",
      "?callback=x",
    ]) {
      const answer = await latchkey.raw(path + query, { method, headers: hosts });
      const names = answer.headers.map(([name]) => name.toLowerCase());
      assert.ok(answer.status < 300 || answer.status >= 400, `${method} ${path}${query}: ${answer.status}`);
      assert.ok(!names.includes("location") && !names.includes("refresh") && !names.includes("content-location"));
      assert.doesNotMatch(answer.headers.join("\n") + answer.body, /evil\.example/);
      assert.doesNotMatch(`${answer.headers}`, /javascript/);
    }
  }
});
