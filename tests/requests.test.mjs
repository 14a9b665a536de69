/**
 * The checks of a request before its endpoint: path, method, origin, media
 * type, size; and the order of their refusals (docs/http.md, sections 1, 4, 5
 * and 6).
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { parseSetCookie } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  LOGOUT,
  PASSWORD,
  PASSWORD_PATH,
  PROFILE,
  REFRESH,
  REGISTER,
  newEmail,
  register,
  signUp,
  snapshot,
} from "./support/people.mjs";
import { assertHeaders, assertProblem, fromRaw } from "./support/problems.mjs";
import { PATHS, ROUTES, UNSAFE, WITH_BODY } from "./support/routes.mjs";
import { sendBytes } from "./support/socket.mjs";

const JSON_TYPE = ["Content-Type", "application/json"];
const FORM = ["Content-Type", "application/x-www-form-urlencoded"];
const MAX_BODY_BYTES = 8192;

let latchkey;
let person;
let cookie;
before(async () => {
  latchkey = await startLatchkey({ vars: { ALLOWED_ORIGINS: "https://app.example.com" } });
  person = await signUp(latchkey);
  cookie = ["Cookie", person.client.cookieHeader];
});
after(() => latchkey.dispose());

const raw = async (path, options) => fromRaw(await latchkey.raw(path, options));
/** The path of a route, with an id that nobody's session has. */
const target = (path) => path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA");
const credentials = () => JSON.stringify({ username: person.email, password: PASSWORD });

test("methods that nobody knows never reach an endpoint", async () => {
  const before = await snapshot(latchkey);
  for (const [path] of PATHS) {
    for (const method of ["PROPFIND", "SEARCH", "REPORT", "PURGE", "LOCK"])
      assertProblem(await raw(target(path), { method, headers: [cookie] }), "method_not_allowed", {
        message: `${method} ${path}`,
      });
    // Not in workerd's own list: refused before the Worker, or by it.
    const { status } = await latchkey
      .raw(target(path), { method: "FOO", headers: [cookie] })
      .catch((error) => ({ status: error.code }));
    assert.ok(
      [400, 405, 501, "HPE_INVALID_METHOD", "ERR_HTTP_INVALID_METHOD", "ECONNRESET"].includes(status),
      `${status}`,
    );
  }
  assert.deepEqual(await snapshot(latchkey), before);
});

test("unknown paths, and other spellings of known ones, are 404", async () => {
  const before = await snapshot(latchkey);
  for (const path of [
    "/zqx-marker",
    "/api",
    "/api/account",
    "/api/account/",
    `${PROFILE}/`,
    "/api//account/profile",
    PROFILE.toUpperCase(),
    "/api/account/Profile",
    "/api/account/%70rofile",
    "/api/account/profile.json",
    "/api/account/profile;x",
    "/API/account/logout",
    `${LOGOUT}/`,
    "/__test/control",
  ]) {
    for (const method of ["GET", "POST", "PATCH"]) {
      const answer = await raw(path, { method, headers: [cookie] });
      assertProblem(answer, "not_found", { message: `${method} ${path}` });
      assert.doesNotMatch(answer.text, /zqx-marker/);
    }
  }
  assertProblem(await person.client.get(`${latchkey.origin}/${PROFILE}`), "not_found");
  assert.equal((await raw(`${PROFILE}?zqx=1`, { headers: [cookie] })).status, 200);
  assert.deepEqual(await snapshot(latchkey), before);
});

describe("bodies", () => {
  const padded = (fields, size) => {
    const text = JSON.stringify(fields);
    return text + " ".repeat(size - Buffer.byteLength(text));
  };
  const registration = () => ({ email: newEmail(), password: PASSWORD });

  test("of 8 KiB are read, whether announced or in chunks", async () => {
    for (const shape of [(body) => body, (body) => [body.slice(0, 5_000), body.slice(5_000)]]) {
      const body = shape(padded(registration(), MAX_BODY_BYTES));
      assert.equal((await raw(REGISTER, { method: "POST", headers: [JSON_TYPE], body })).status, 201);
    }
  });

  test("of one byte more are 413 on every endpoint that reads one, whether announced or in chunks", async () => {
    const before = await snapshot(latchkey);
    for (const { method, path } of WITH_BODY) {
      const body = padded(registration(), MAX_BODY_BYTES + 1);
      for (const shape of [body, [body.slice(0, 5_000), body.slice(5_000)], [body]]) {
        const answer = await raw(path, { method, headers: [JSON_TYPE, cookie], body: shape });
        assertProblem(answer, "body_too_large", { message: path });
        assert.deepEqual(answer.headers.getSetCookie(), []);
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("that are too large are not read on: the answer comes while the client still sends", async () => {
    for (const { path } of WITH_BODY.filter(({ proof }) => proof === "nothing")) {
      assert.equal(await unfinished(path, Buffer.alloc(MAX_BODY_BYTES + 1, " "), []), 413);
      for (const length of ["8193", "1000000000", "4294967295", "4294967296", "4294967297", "9007199254740993"]) {
        assert.equal(await unfinished(path, Buffer.alloc(10, " "), [["Content-Length", length]]), 413, length);
      }
    }
  });

  test("that do not come to their end are a 408", async () => {
    const part = Buffer.from('{"email":"');
    const cases = [
      [REGISTER, [["Content-Length", "100"]], part],
      [REGISTER, [], part],
      [LOGIN, [["Content-Length", "100"]], Buffer.alloc(0)],
      [LOGIN, [["Content-Length", "8192"]], part],
    ];
    const statuses = await Promise.all(cases.map(([path, headers, sent]) => unfinished(path, sent, headers)));
    assert.deepEqual(statuses, [408, 408, 408, 408]);
    const { text } = await sendBytes(latchkey, `PATCH ${PASSWORD_PATH} HTTP/1.1`, {
      path: PASSWORD_PATH,
      lines: [JSON_TYPE.join(": "), cookie.join(": "), "Content-Length: 2"],
    });
    assert.match(text, /"status":408,"code":"request_timeout"/);
  });

  test("in chunks of one byte cost as many reads as in one piece", async () => {
    const counted = await startLatchkey({ entry: "tests/support/reads.mjs" });
    try {
      const readsOf = async (body) => {
        await (await counted.fetch("/__test/reads")).text();
        const answer = fromRaw(await counted.raw(REGISTER, { method: "POST", headers: [JSON_TYPE], body }));
        return { status: answer.status, reads: Number(await (await counted.fetch("/__test/reads")).text()) };
      };
      const text = padded(registration(), MAX_BODY_BYTES);
      const whole = await readsOf(text);
      assert.ok(whole.reads >= 1 && whole.reads <= 2, `${whole.reads}`);
      assert.deepEqual(await readsOf(padded(registration(), MAX_BODY_BYTES).split("")), {
        status: 201,
        reads: whole.reads,
      });
      assert.deepEqual(await readsOf(`${text} `.split("")), { status: 413, reads: whole.reads });
      assert.deepEqual(await readsOf(JSON.stringify(registration()).match(/.{1,7}/g)), {
        status: 201,
        reads: whole.reads,
      });
    } finally {
      await counted.dispose();
    }
  });

  test("that are compressed are 415, and the answer says what is taken", async () => {
    const json = JSON.stringify(registration());
    for (const coding of ["gzip", "GZIP", "br", "deflate", "zstd", "x-gzip", "identity, gzip", "aws-chunked"]) {
      for (const { method, path } of WITH_BODY) {
        const answer = await raw(path, {
          method,
          headers: [JSON_TYPE, cookie, ["Content-Encoding", coding]],
          body: json,
        });
        assertProblem(answer, "unsupported_media_type", { message: `${path} ${coding}` });
        assert.equal(answer.headers.get("Accept-Encoding"), "identity");
      }
    }
    assert.equal(
      (await raw(REGISTER, { method: "POST", headers: [JSON_TYPE, ["Content-Encoding", "identity"]], body: json }))
        .status,
      201,
    );
  });

  test("with parameters that their media type does not have, or that say UTF-8, are read", async () => {
    for (const parameters of [
      "; charset=utf8",
      '; charset="utf-8"',
      ";charset=UTF8",
      '; charset="UTF-8"',
      "; charset=us-ascii",
      "; charset=ASCII",
      "; charset=unicode-1-1-utf-8",
      "; charset='utf-8'",
      ";",
      " ;charset=utf-8 ;",
      "; boundary=x",
      "; version=1",
      "; odata.metadata=minimal; charset=utf-8",
      '; profile="https://example.org/a;b,c"',
      "; charset",
      "; charset=",
      "; q=1; charset=utf-8; charset=UTF-8",
    ]) {
      const json = await raw(REGISTER, {
        method: "POST",
        headers: [["Content-Type", `application/json${parameters}`]],
        body: JSON.stringify(registration()),
      });
      assert.equal(json.status, 201, parameters);
      const body = new URLSearchParams({ username: person.email, password: PASSWORD }).toString();
      const form = await raw(LOGIN, {
        method: "POST",
        headers: [["Content-Type", `application/x-www-form-urlencoded${parameters}`]],
        body,
      });
      assert.equal(form.status, 204, parameters);
    }
  });

  test("of another media type are 415", async () => {
    const json = JSON.stringify(registration());
    const types = [
      [],
      [["Content-Type", ""]],
      [["Content-Type", "text/plain"]],
      [["Content-Type", "text/json"]],
      [["Content-Type", "application/jsonp"]],
      [["Content-Type", "application/problem+json"]],
      [["Content-Type", "application/json; charset=iso-8859-1"]],
      [["Content-Type", "application/json; charset=utf-16"]],
      [["Content-Type", "application/json; charset=utf-8; charset=utf-7"]],
      [["Content-Type", "multipart/form-data"]],
      [["Content-Type", "multipart/mixed; boundary=x"]],
      [["Content-Type", "application/json; x=1, text/plain"]],
      [["Content-Type", "text/plain; application/json"]],
      [["Content-Type", "application/json, text/plain"]],
      [
        ["Content-Type", "application/json"],
        ["Content-Type", "text/plain"],
      ],
    ];
    for (const headers of types) {
      for (const { method, path } of WITH_BODY) {
        assertProblem(
          await raw(path, { method, headers: [...headers, cookie], body: json }),
          "unsupported_media_type",
          { message: `${path} ${headers}` },
        );
      }
    }
    for (const { method, path } of WITH_BODY.filter(({ body }) => !body.includes(FORM[1]))) {
      assertProblem(
        await raw(path, { method, headers: [FORM, cookie], body: "email=a%40example.org" }),
        "unsupported_media_type",
      );
    }
  });
});

describe("an endpoint without a body does not touch one", () => {
  /** Sends exactly these bytes, without the tests' headers, and returns everything up to the server's close. */
  const exactly = (bytes) =>
    new Promise((done, fail) => {
      const { hostname, port } = new URL(latchkey.url);
      const parts = [];
      const socket = connect(Number(port), hostname, () => socket.write(bytes, "latin1"));
      socket
        .on("data", (part) => parts.push(part))
        .on("error", fail)
        .on("close", () => done(Buffer.concat(parts).toString("latin1")));
    });

  test("nginx's auth_request repeats Content-Length and sends nothing", async () => {
    // As Debian's nginx 1.22 sends it for a POST of a form, with proxy_http_version 1.0 (its default) and 1.1.
    for (const version of ["1.0", "1.1"]) {
      for (const [line, status] of [
        [cookie.join(": "), 200],
        ["Cookie: theme=dark", 401],
      ]) {
        const answer = await exactly(
          `GET ${PROFILE} HTTP/${version}\r\nHost: localhost:8787\r\nConnection: close\r\nContent-Length: 11\r\nContent-Type: application/x-www-form-urlencoded\r\n${line}\r\nUser-Agent: Mozilla/5.0\r\n\r\n`,
        );
        assert.match(answer, new RegExp(`^HTTP/1\\.[01] ${status} `), answer);
      }
    }
  });

  test("whatever its head announces, and whether it comes or not", async () => {
    const announced = [
      ["Content-Length: 500"],
      ["Content-Length: 8193"],
      ["Content-Length: 4294967296"],
      ["Content-Length: 2", "Content-Encoding: gzip"],
      ["Content-Length: 2", "Content-Type: text/plain; charset=utf-16"],
      ["Transfer-Encoding: chunked"],
    ];
    // In an order in which each finds a live session; the path and what is answered, by operation.
    const whole = {
      RefreshAccessToken: [REFRESH, 204],
      AccountProfile: [PROFILE, 200],
      AccountSessions: ["/api/account/sessions", 200],
      AccountEndSession: [target("/api/account/sessions/{id}"), 404],
      AccountEndSessions: ["/api/account/sessions?scope=others", 204],
      AccountActivity: ["/api/account/activity", 200],
      AccountIdentity: ["/api/account/identity", 200],
      AccountVerify: ["/api/account/verify", 204],
      Home: ["/", 200],
      Health: ["/health", 200],
      Ready: ["/ready", 200],
      KeySet: ["/.well-known/jwks.json", 200],
      AccountLogout: [LOGOUT, 204],
    };
    const bodiless = ROUTES.filter(({ body }) => body === null);
    assert.deepEqual(Object.keys(whole).sort(), bodiless.map(({ operation }) => operation).sort());
    const routes = Object.entries(whole).flatMap(([name, [path, status]]) => {
      const { method } = bodiless.find(({ operation }) => operation === name);
      return [method, ...(method === "GET" ? ["HEAD"] : [])].map((one) => [one, path, status]);
    });
    for (const lines of announced) {
      const { client } = await signUp(latchkey);
      for (const [method, path, status] of routes) {
        const { statuses, text } = await sendBytes(latchkey, `${method} ${path} HTTP/1.1`, {
          path,
          lines: [...lines, `Cookie: ${client.cookieHeader}`],
        });
        assert.deepEqual(statuses, [status], `${method} ${path} ${lines}`);
        for (const [, line] of text.matchAll(/^set-cookie: ([^\r]*)/gim)) {
          const cookie = parseSetCookie(line);
          if (cookie.value !== "") client.cookies.set(cookie.name, cookie);
        }
      }
    }
    const { client } = await signUp(latchkey);
    for (const [method, path, status] of routes.filter(([method]) => ["POST", "DELETE"].includes(method))) {
      const sent = await raw(path, {
        method,
        headers: [["Cookie", client.cookieHeader]],
        body: "x".repeat(MAX_BODY_BYTES + 1),
      });
      assert.equal(sent.status, status, `${method} ${path}`);
      for (const cookie of sent.headers.getSetCookie().map(parseSetCookie)) client.cookies.set(cookie.name, cookie);
    }
  });
});

describe("cross-site requests", () => {
  const send = (path, method, headers) =>
    raw(path, { method, headers: [...headers, ["Content-Type", "text/plain"]], body: method === "GET" ? null : "x" });
  const origin = (value) => ["Origin", value];
  const site = (value) => ["Sec-Fetch-Site", value];

  test("that change something are refused on every route, login and register too", async () => {
    const hostile = [
      [site("cross-site")],
      [site("same-site")],
      [site("zqx-marker")],
      [site("")],
      [site("cross-site"), origin("https://evil.example")],
      [site("cross-site"), origin("null")],
      [site("cross-site"), origin("http://localhost:8787")],
      [site("same-site"), origin("https://app.example.com.evil.example")],
      [origin("https://evil.example")],
      [origin("null")],
      [origin("https://localhost:8787")],
      [origin("http://localhost")],
      [origin("https://APP.example.com")],
      [origin("https://app.example.com/")],
    ];
    const before = await snapshot(latchkey);
    for (const { method, path } of UNSAFE) {
      for (const headers of hostile) {
        const answer = await send(target(path), method, [cookie, ...headers]);
        assertProblem(answer, "cross_origin", { message: `${path} ${headers}` });
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal(answer.headers.get("Access-Control-Allow-Origin"), null);
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("of the service itself, of an allowed origin and of no browser pass", async () => {
    const friendly = [
      [],
      [site("same-origin")],
      [site("none")],
      [origin("http://localhost:8787")],
      [origin("https://app.example.com")],
      [site("cross-site"), origin("https://app.example.com")],
      [site("same-site"), origin("https://app.example.com")],
    ];
    for (const headers of friendly) {
      assert.equal((await send(REGISTER, "POST", headers)).status, 415, `${headers}`);
      assert.equal((await send(LOGIN, "POST", headers)).status, 415, `${headers}`);
    }
    assert.equal(
      (await send(PROFILE, "GET", [cookie, site("cross-site"), origin("https://evil.example")])).status,
      200,
    );
  });
});

describe("the order of refusals", () => {
  const foreign = [["Sec-Fetch-Site", "cross-site"]];
  const huge = "x".repeat(MAX_BODY_BYTES + 1);
  const guarded = WITH_BODY.filter(({ proof }) => proof !== "nothing");

  test("cross-site comes before media type, size, authentication and validation", async () => {
    for (const { method, path } of UNSAFE) {
      const answer = await raw(target(path), { method, headers: foreign, body: huge });
      assertProblem(answer, "cross_origin", { message: `${method} ${path}` });
    }
  });

  test("media type and announced size come before authentication", async () => {
    for (const { method, path } of guarded) {
      assertProblem(
        await raw(path, { method, headers: [["Content-Type", "text/plain"]], body: "{}" }),
        "unsupported_media_type",
        { message: path },
      );
      assertProblem(await raw(path, { method, headers: [JSON_TYPE], body: huge }), "body_too_large", {
        message: path,
      });
    }
  });

  test("authentication comes before the body is read: nobody without a token has one waited for", async () => {
    for (const { method, path } of guarded) {
      for (const cookies of [[], ["Cookie: access_token=zqx-marker"]]) {
        for (const [framing, sent] of [
          ["Content-Length: 100", ""],
          ["Content-Length: 100", "{"],
          ["Transfer-Encoding: chunked", "1\r\n{\r\n"],
        ]) {
          const { statuses } = await sendBytes(latchkey, `${method} ${path} HTTP/1.1`, {
            path,
            lines: ["Content-Type: application/json", framing, ...cookies],
            body: sent,
          });
          assert.deepEqual(statuses, [401], `${path} ${framing} ${sent}`);
        }
      }
    }
    assertProblem(
      await raw(PASSWORD_PATH, { method: "PATCH", headers: [JSON_TYPE], body: [huge] }),
      "not_authenticated",
    );
  });

  test("authentication comes before what the body says", async () => {
    const forged = ["Cookie", "access_token=zqx-marker"];
    for (const { method, path } of guarded) {
      for (const body of ["", "{", "\xff", "{}", '{"newPassword":"x"}', '{"x":1,"x":2}']) {
        const message = `${method} ${path} ${body}`;
        assertProblem(await raw(path, { method, headers: [JSON_TYPE], body }), "not_authenticated", { message });
        assertProblem(await raw(path, { method, headers: [JSON_TYPE, forged], body }), "invalid_token", { message });
      }
    }
  });

  test("the shape of a login comes before its credentials", async () => {
    const { email } = await register(latchkey);
    assertProblem(
      await raw(LOGIN, {
        method: "POST",
        headers: [JSON_TYPE],
        body: `{"username":"${email}","password":"wrong password","scope":1}`,
      }),
      "validation_failed",
    );
    assert.equal((await raw(LOGIN, { method: "POST", headers: [JSON_TYPE], body: credentials() })).status, 204);
  });
});

describe("a preflight of an allowed origin", () => {
  const preflight = async (path, method, asked) =>
    raw(path, {
      method: "OPTIONS",
      headers: [
        ["Origin", "https://app.example.com"],
        ["Access-Control-Request-Method", method],
        ["Access-Control-Request-Headers", asked],
      ],
    });
  const allowed = (answer) => answer.headers.get("Access-Control-Allow-Headers").toLowerCase().split(", ");

  test("allows the headers that monitoring and common clients add, as Chromium asks for them", async () => {
    // Recorded from Debian's Chromium 148, for a fetch with credentials.
    const asked =
      "baggage,cache-control,content-type,expires,newrelic,pragma,sentry-trace,traceparent,tracestate,x-csrf-token,x-datadog-trace-id,x-requested-with";
    for (const { method, path } of ROUTES.filter(({ hasCors }) => hasCors)) {
      const answer = await preflight(target(path), method, asked);
      assert.equal(answer.status, 204);
      assert.deepEqual(
        asked.split(",").filter((name) => !allowed(answer).includes(name)),
        [],
        path,
      );
      assert.equal(answer.headers.get("Access-Control-Allow-Credentials"), "true");
    }
  });

  test("allows the same whatever is asked for: exactly what docs/http.md lists", async () => {
    const document = readFileSync(new URL("../docs/http.md", import.meta.url), "utf8");
    const section = document.split("#### Preflights")[1].split("\n## ")[0];
    const listed = section
      .split("\n")
      .filter((line) => line.startsWith("- "))
      .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, name]) => name.toLowerCase()));
    assert.ok(listed.length > 40);
    for (const asked of ["x-zqx-marker", "*", ""]) {
      const answer = await preflight(PROFILE, "GET", asked);
      assert.deepEqual(allowed(answer), listed);
    }
  });
});

test("every kind of answer has the headers of every answer, and an id of its own", async () => {
  const ids = new Set();
  for (const [method, path, status] of [
    ["GET", PROFILE, 200],
    ["GET", "/nowhere", 404],
    ["PUT", PROFILE, 405],
    ["POST", REGISTER, 415],
  ]) {
    const answer = await raw(path, { method, headers: [cookie], body: method === "GET" ? null : "x" });
    assert.equal(answer.status, status);
    assertHeaders(answer);
    assert.equal(answer.headers.get("Strict-Transport-Security"), null);
    ids.add(answer.headers.get("X-Request-Id"));
  }
  assert.equal(ids.size, 4);
});

/** Sends a part of a body and never its end; answers the status. */
function unfinished(path, part, headers) {
  return new Promise((done, fail) => {
    const lines = [
      ["Host", "localhost:8787"],
      ["MF-Original-URL", new URL(path, latchkey.origin).href],
      ["MF-Route-Override", "latchkey"],
      JSON_TYPE,
      ...headers,
    ];
    if (headers.length === 0) lines.push(["Transfer-Encoding", "chunked"]);
    const request = httpRequest(new URL(path, latchkey.url), { method: "POST", headers: lines.flat(), agent: false });
    request.on("error", fail).on("response", (response) => {
      done(response.statusCode);
      request
        .off("error", fail)
        .on("error", () => {})
        .destroy();
    });
    request.write(part);
  });
}
