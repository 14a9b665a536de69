/**
 * Every path against every method: the ones of the Worker's own table, or a 405
 * that names them and changes nothing.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startLatchkey } from "../harness/latchkey.mjs";
import { PASSWORD, signUp, snapshot } from "./support/people.mjs";
import { PROBLEM_TYPE, assertProblem, fromRaw } from "./support/problems.mjs";
import { PATHS, UNSAFE } from "./support/routes.mjs";
import { sendBytes } from "./support/socket.mjs";

/** All that workerd lets through, by purpose: the usual ones, WebDAV's, and oddities. */
const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "PROPPATCH",
  "MKCOL",
  "COPY",
  "MOVE",
  "LOCK",
  "UNLOCK",
  "SEARCH",
  "PURGE",
  "REPORT",
];

let latchkey;
let person;
let id;
before(async () => {
  latchkey = await startLatchkey();
  person = await signUp(latchkey);
  [{ id }] = await latchkey.sql("SELECT id FROM sessions");
});
after(() => latchkey.dispose());

/** With live cookies, so that only the method can be refused. */
async function send(path, method, headers = []) {
  return fromRaw(
    await latchkey.raw(path.replace("{id}", id), {
      method,
      headers: [["Cookie", person.client.cookieHeader], ["Content-Type", "application/json"], ...headers],
      body: ["POST", "PUT", "PATCH", "DELETE"].includes(method)
        ? JSON.stringify({ currentPassword: PASSWORD, newPassword: `${PASSWORD}!` })
        : null,
    }),
  );
}

for (const [path, allowed] of PATHS) {
  test(`${path} takes ${allowed.join(" and ")} and no other method`, async () => {
    const before = await snapshot(latchkey);
    for (const method of METHODS.filter((one) => !allowed.includes(one))) {
      const answer = await send(path, method);
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.get("Allow"), allowed.join(", "), method);
      assert.deepEqual(answer.headers.getSetCookie(), [], method);
      if (method === "HEAD") {
        assert.equal(answer.headers.get("Content-Type"), PROBLEM_TYPE);
        assert.equal(answer.text, "");
      } else {
        assertProblem(answer, "method_not_allowed", { message: method });
      }
      assert.doesNotMatch(answer.text, /Cookie|currentPassword/i, "TRACE and its like echo nothing");
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
}

describe("HEAD", () => {
  /** Status and headers of a raw answer, without what differs from one request to the next. */
  const headOf = (text) =>
    text
      .split("\r\n\r\n")[0]
      .toLowerCase()
      .split("\r\n")
      .filter((line) => !/^(x-request-id|date|mf-\S+):/.test(line))
      .sort();
  const bodyOf = (text) => text.slice(text.indexOf("\r\n\r\n") + 4);

  for (const path of [
    ...PATHS.filter(([, methods]) => methods.includes("GET")).map(([one]) => one),
    "/nowhere",
    "/api/account/activity?limit=0",
  ]) {
    test(`${path} has the headers of GET and no body, with a session and without`, async () => {
      for (const lines of [[`Cookie: ${person.client.cookieHeader}`], [], ["Cookie: access_token=zqx"]]) {
        const [get, head] = await Promise.all(
          ["GET", "HEAD"].map((method) => sendBytes(latchkey, `${method} ${path} HTTP/1.1`, { path, lines })),
        );
        assert.deepEqual(headOf(head.text), headOf(get.text));
        assert.equal(bodyOf(head.text), "");
        const length = Buffer.byteLength(bodyOf(get.text), "latin1");
        // A 204 has no body, and says nothing of one (RFC 9110, section 8.6).
        const has204 = get.statuses.includes(204);
        assert.equal(length > 0, !has204);
        assert.equal(new RegExp(`^content-length: ${length}\r$`, "im").test(head.text), !has204, head.text);
      }
    });
  }
});

describe("a method hidden elsewhere in the request", () => {
  const HEADERS = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"];

  test("has no effect", async () => {
    const before = await snapshot(latchkey);
    for (const { method, path } of UNSAFE) {
      for (const header of HEADERS) {
        for (const outer of ["GET", "PUT"]) {
          const answer = await send(`${path}?_method=${method}&X-HTTP-Method-Override=${method}`, outer, [
            [header, method],
          ]);
          const [, methods = []] = PATHS.find(([one]) => one === path) ?? [];
          const status = methods.includes(outer) ? 200 : 405;
          assert.equal(answer.status, status, `${outer} ${path} ${header}: ${method}`);
        }
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});
