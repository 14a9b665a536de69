/**
 * What a request must be before anybody looks at it: path, method, origin,
 * media type, size; and in which order the refusals come (contract, sections
 * 1, 4, 5 and 6).
 */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";
import { Client } from "./support/client.mjs";
import { startLatchkey } from "./support/harness.mjs";
import { LOGIN, LOGOUT, PASSWORD, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, newEmail, register, signUp, snapshot } from "./support/people.mjs";
import { PROBLEM_TYPE, assertHeaders, assertProblem, fromRaw } from "./support/problems.mjs";

const ROUTES = [["POST", REGISTER], ["POST", LOGIN], ["POST", REFRESH], ["POST", LOGOUT], ["PATCH", PASSWORD_PATH], ["GET", PROFILE]];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
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
const credentials = () => JSON.stringify({ username: person.email, password: PASSWORD });

describe("methods", () => {
  for (const [method, path] of ROUTES) {
    test(`${path} takes what it says in Allow and refuses the rest, which changes nothing`, async () => {
      const before = await snapshot(latchkey);
      const answers = new Map();
      for (const other of METHODS.filter((one) => one !== method)) {
        const bodies = ["GET", "HEAD", "OPTIONS", "TRACE"].includes(other) ? {} : { body: "zqx-marker" };
        answers.set(other, await raw(path, { method: other, headers: [cookie, ["Content-Type", "text/plain"]], ...bodies }));
      }
      // Other operations may share the path (PATCH profile); HEAD and OPTIONS are none.
      const operations = [...answers].filter(([, { status }]) => status !== 405).map(([other]) => other);
      assert.ok(operations.every((other) => ["GET", "POST", "PATCH", "PUT", "DELETE"].includes(other)), `${operations}`);
      if (path !== PROFILE) assert.deepEqual(operations, []);
      const allow = [method, ...operations].sort();
      for (const [other, answer] of [...answers].filter(([, { status }]) => status === 405)) {
        assert.deepEqual(answer.headers.get("Allow").split(", ").sort(), allow, other);
        assert.deepEqual(answer.headers.getSetCookie(), [], other);
        if (other === "HEAD") {
          assert.equal(answer.headers.get("Content-Type"), PROBLEM_TYPE);
          assert.equal(answer.text, "");
        } else {
          assertProblem(answer, "method_not_allowed", { message: other });
        }
      }
      assert.deepEqual(await snapshot(latchkey), before);
    });
  }

  test("that nobody knows never reach an endpoint", async () => {
    const before = await snapshot(latchkey);
    for (const method of ["PROPFIND", "SEARCH", "REPORT", "PURGE", "LOCK"]) {
      assertProblem(await raw(PROFILE, { method, headers: [cookie] }), "method_not_allowed", { message: method });
      assertProblem(await raw(LOGOUT, { method, headers: [cookie] }), "method_not_allowed", { message: method });
    }
    // Not in workerd's own list: refused before the Worker, or by it.
    for (const path of [PROFILE, LOGOUT]) {
      const { status } = await latchkey.raw(path, { method: "FOO", headers: [cookie] }).catch((error) => ({ status: error.code }));
      assert.ok([400, 405, 501, "HPE_INVALID_METHOD", "ERR_HTTP_INVALID_METHOD", "ECONNRESET"].includes(status), `${status}`);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});

test("unknown paths, and other spellings of known ones, are 404", async () => {
  const before = await snapshot(latchkey);
  for (const path of [
    "/", "/zqx-marker", "/api", "/api/account", "/api/account/", `${PROFILE}/`, "/api//account/profile", PROFILE.toUpperCase(),
    "/api/account/Profile", "/api/account/%70rofile", "/api/account/profile.json", "/api/account/profile;x", "/API/account/logout", `${LOGOUT}/`, "/__test/control",
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

  test("of one byte more are 413 on every endpoint, whether announced or in chunks", async () => {
    const before = await snapshot(latchkey);
    for (const [method, path] of ROUTES.filter(([method]) => method !== "GET")) {
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
    for (const path of [REGISTER, LOGIN]) {
      assert.equal(await unfinished(path, Buffer.alloc(MAX_BODY_BYTES + 1, " "), []), 413);
      assert.equal(await unfinished(path, Buffer.alloc(10, " "), [["Content-Length", "1000000000"]]), 413);
    }
  });

  test("of another media type are 415", async () => {
    const json = JSON.stringify(registration());
    const types = [
      [], [["Content-Type", ""]], [["Content-Type", "text/plain"]], [["Content-Type", "text/json"]], [["Content-Type", "application/jsonp"]],
      [["Content-Type", "application/problem+json"]], [["Content-Type", "application/json; charset=iso-8859-1"]], [["Content-Type", "multipart/form-data; boundary=x"]],
      [["Content-Type", "application/json, text/plain"]], [["Content-Type", "application/json"], ["Content-Type", "text/plain"]],
    ];
    for (const headers of types) {
      for (const [method, path] of [["POST", REGISTER], ["POST", LOGIN], ["PATCH", PASSWORD_PATH]]) {
        assertProblem(await raw(path, { method, headers: [...headers, cookie], body: json }), "unsupported_media_type", { message: `${path} ${headers}` });
      }
    }
    for (const [method, path] of [["POST", REGISTER], ["PATCH", PASSWORD_PATH]]) {
      assertProblem(await raw(path, { method, headers: [FORM, cookie], body: "email=a%40example.org" }), "unsupported_media_type");
    }
  });
});

describe("cross-site requests", () => {
  const send = (path, method, headers) => raw(path, { method, headers: [...headers, ["Content-Type", "text/plain"]], body: method === "GET" ? null : "x" });
  const origin = (value) => ["Origin", value];
  const site = (value) => ["Sec-Fetch-Site", value];

  test("that change something are refused on every route, login and register too", async () => {
    const hostile = [
      [site("cross-site")], [site("same-site")], [site("zqx-marker")], [site("")], [site("cross-site"), origin("https://evil.example")], [site("cross-site"), origin("null")],
      [site("cross-site"), origin("http://localhost:8787")], [site("same-site"), origin("https://app.example.com.evil.example")],
      [origin("https://evil.example")], [origin("null")], [origin("https://localhost:8787")], [origin("http://localhost")], [origin("https://APP.example.com")], [origin("https://app.example.com/")],
    ];
    const before = await snapshot(latchkey);
    for (const [method, path] of ROUTES.filter(([method]) => method !== "GET")) {
      for (const headers of hostile) {
        const answer = await send(path, method, [cookie, ...headers]);
        assertProblem(answer, "cross_origin", { message: `${path} ${headers}` });
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal(answer.headers.get("Access-Control-Allow-Origin"), null);
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("of the service itself, of an allowed origin and of no browser pass", async () => {
    const friendly = [
      [], [site("same-origin")], [site("none")], [origin("http://localhost:8787")], [origin("https://app.example.com")],
      [site("cross-site"), origin("https://app.example.com")], [site("same-site"), origin("https://app.example.com")],
    ];
    for (const headers of friendly) {
      assert.equal((await send(REGISTER, "POST", headers)).status, 415, `${headers}`);
      assert.equal((await send(LOGIN, "POST", headers)).status, 415, `${headers}`);
    }
    assert.equal((await send(PROFILE, "GET", [cookie, site("cross-site"), origin("https://evil.example")])).status, 200);
  });
});

describe("the order of refusals", () => {
  const foreign = [["Sec-Fetch-Site", "cross-site"]];
  const huge = "x".repeat(MAX_BODY_BYTES + 1);

  test("cross-site comes before media type, size, authentication and validation", async () => {
    for (const [method, path] of ROUTES.filter(([method]) => method !== "GET")) {
      assertProblem(await raw(path, { method, headers: foreign, body: huge }), "cross_origin", { message: path });
    }
  });

  test("media type and size come before authentication", async () => {
    assertProblem(await raw(PASSWORD_PATH, { method: "PATCH", headers: [["Content-Type", "text/plain"]], body: "{}" }), "unsupported_media_type");
    assertProblem(await raw(PASSWORD_PATH, { method: "PATCH", headers: [JSON_TYPE], body: huge }), "body_too_large");
    for (const path of [REFRESH, LOGOUT]) assertProblem(await raw(path, { method: "POST", body: huge }), "body_too_large", { message: path });
  });

  test("authentication comes before what the body says", async () => {
    for (const body of ["", "{", "\xff", "{}", '{"newPassword":"x"}', '{"x":1,"x":2}']) {
      assertProblem(await raw(PASSWORD_PATH, { method: "PATCH", headers: [JSON_TYPE], body }), "not_authenticated", { message: body });
      const forged = ["Cookie", "access_token=zqx-marker"];
      assertProblem(await raw(PASSWORD_PATH, { method: "PATCH", headers: [JSON_TYPE, forged], body }), "invalid_token", { message: body });
    }
  });

  test("the shape of a login comes before its credentials", async () => {
    const { email } = await register(latchkey);
    assertProblem(await raw(LOGIN, { method: "POST", headers: [JSON_TYPE], body: `{"username":"${email}","password":"wrong password","x":1}` }), "validation_failed");
    assert.equal((await raw(LOGIN, { method: "POST", headers: [JSON_TYPE], body: credentials() })).status, 204);
  });
});

test("every kind of answer has the headers of every answer, and an id of its own", async () => {
  const ids = new Set();
  for (const [method, path, status] of [["GET", PROFILE, 200], ["GET", "/nowhere", 404], ["PUT", PROFILE, 405], ["POST", REGISTER, 415]]) {
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
    const lines = [["Host", "localhost:8787"], ["MF-Original-URL", new URL(path, latchkey.origin).href], ["MF-Route-Override", "latchkey"], JSON_TYPE, ...headers];
    if (headers.length === 0) lines.push(["Transfer-Encoding", "chunked"]);
    const request = httpRequest(new URL(path, latchkey.url), { method: "POST", headers: lines.flat(), agent: false });
    request.on("error", fail).on("response", (response) => {
      done(response.statusCode);
      request.off("error", fail).on("error", () => {}).destroy();
    });
    request.write(part);
  });
}
