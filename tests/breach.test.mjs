/**
 * `BREACH_CHECK`: a new password is looked up among breached ones, by
 * k-anonymity, at a stand-in for Have I Been Pwned with the same protocol.
 */
import assert from "node:assert/strict";
import { pipeline } from "node:stream/promises";
import { after, before, beforeEach, describe, test } from "node:test";
import { BreachService, digest, stranger } from "./support/breaches.mjs";
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
  signUp,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const BREACHED = "zqx Tr0ub4dor & three";
const NEW = "zqx a new horse every year";

let latchkey;
let service;

/** Starts with these vars, and takes everything down afterwards. */
function serve(vars) {
  before(async () => {
    service = new BreachService();
    latchkey = await startLatchkey({ entry: CHAOS, vars, outbound: service.answer });
  });
  after(() => latchkey.dispose());
  beforeEach(async () => {
    service.misbehave = null;
    await latchkey.settled();
    latchkey.logs.length = 0;
    service.questions.length = 0;
  });
}

const registering = (password, email = newEmail()) =>
  new Client(latchkey).post(REGISTER, { json: { email, password } });
const changing = (client, newPassword, currentPassword = PASSWORD) =>
  client.patch(PASSWORD_PATH, { json: { currentPassword, newPassword } });

/** The log lines other than `http.request`. */
async function complaints() {
  await latchkey.settled();
  return latchkey.logs.map(({ message }) => JSON.parse(message)).filter(({ event }) => event !== "http.request");
}

function assertBreached(answer, field) {
  assertProblem(answer, "validation_failed", { errors: [[field, "breached"]] });
  assert.equal(answer.json.errors[0].message, "appears in a known data breach");
}

describe("BREACH_CHECK=on", () => {
  serve({ BREACH_CHECK: "on" });

  test("refuses a breached password at registration, and takes another one", async () => {
    service.add(BREACHED, 52_256_179);
    const email = newEmail();
    assertBreached(await registering(BREACHED, email), "password");
    assert.equal((await registering(`${BREACHED}!`, email)).status, 201);
    assert.equal(service.questions.length, 2);
    assert.deepEqual(await complaints(), []);
  });

  test("refuses a breached password at a change of the password; the session and the old password stay", async () => {
    const person = await signUp(latchkey);
    service.add(NEW);
    service.questions.length = 0;
    assertBreached(await changing(person.client, NEW), "newPassword");
    assert.equal(service.questions.length, 1);
    assert.equal((await person.client.get(PROFILE)).status, 200);
    await logIn(latchkey, person);
    assert.equal((await changing(person.client, `${NEW}!`)).status, 204);
    assert.equal(service.questions.length, 2);
    assert.deepEqual(await complaints(), []);
  });

  test("sends five digits of the hash and asks for padding: neither the password nor the rest of its hash", async () => {
    const password = "zqx canary password";
    assert.equal((await registering(password)).status, 201);
    const { prefix, suffix } = digest(password);
    const [{ method, host, url, headers, body }, ...more] = service.questions;
    assert.deepEqual(
      [method, host, url, body, more.length],
      ["GET", "api.pwnedpasswords.com", `/range/${prefix}`, "", 0],
    );
    const fields = headers.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), headers[at + 1]]] : []));
    // Added by the platform: its name for the Worker, and (mf-…) the route to the stand-in.
    const ours = fields.filter(
      ([name]) => !["host", "accept-encoding", "cf-worker"].includes(name) && !name.startsWith("mf-"),
    );
    assert.deepEqual(ours.sort(), [
      ["add-padding", "true"],
      ["user-agent", "latchkey"],
    ]);
    const sent = [url, ...headers].join("\n");
    for (const secret of [password, encodeURIComponent(password), suffix, suffix.slice(0, 8)]) {
      assert.ok(!sent.toUpperCase().includes(secret.toUpperCase()), secret);
    }
  });

  test("takes a password whose line is padding", async () => {
    const password = "zqx padding is nobody's";
    service.add(password, 0);
    assert.equal((await registering(password)).status, 201);
    assert.equal(service.questions.length, 1);
    assert.deepEqual(await complaints(), []);
  });

  test("asks nothing for anybody who is refused anyway, nor where no password is chosen", async () => {
    const person = await signUp(latchkey);
    service.questions.length = 0;
    const anybody = new Client(latchkey);
    assert.equal((await registering("short")).status, 422);
    assert.equal((await registering("password1")).status, 422);
    assert.equal((await changing(anybody, NEW)).status, 401);
    assert.equal((await changing(person.client, PASSWORD)).status, 422);
    assert.equal((await person.client.get(PROFILE)).status, 200);
    assert.equal((await person.client.post(REFRESH)).status, 204);
    assert.equal((await person.client.post(LOGOUT)).status, 204);
    assert.equal(
      (await anybody.post(LOGIN, { json: { username: person.email, password: "wrong password" } })).status,
      401,
    );
    await logIn(latchkey, person);
    assert.deepEqual(service.questions, []);
  });
});

describe("BREACH_CHECK=on, and the service", () => {
  serve({ BREACH_CHECK: "on" });
  before(() => service.add(BREACHED));

  const lines = (count) => Array.from({ length: count }, () => `${stranger(1)}\r\n`).join("");
  const answering = (status, headers, body) => (_, response) => response.writeHead(status, headers).end(body);

  /** The service's answer, and its log line. */
  const failures = {
    "answers 500": [answering(500, {}, "zqx"), "status 500"],
    "answers 429": [answering(429, { "Retry-After": "2" }, "zqx"), "status 429"],
    "answers 404": [answering(404), "status 404"],
    "answers 204": [answering(204), "status 204"],
    redirects: [answering(302, { Location: "https://evil.example/range/00000" }), "status 302"],
    "answers nonsense": [answering(200, {}, "<html><body>zqx</body></html>"), "malformed"],
    "answers bytes that are no text": [answering(200, {}, Buffer.alloc(400, 0xff)), "malformed"],
    "answers nothing": [answering(200), "malformed"],
    "answers whole hashes": [(_, response) => response.end(`${"0".repeat(40)}:1\r\n`), "malformed"],
    "never answers": [() => {}, "timed out"],
    "never ends its answer": [(_, response) => response.writeHead(200).write(lines(3)), "timed out"],
    "is slow": [drip, "timed out"],
    "answers 10 MB": [flood, "too long"],
    "drops the connection": [({ socket }) => socket.destroy(), "unreachable"],
    "drops the connection in the middle of its answer": [
      ({ socket }, response) =>
        response.writeHead(200, { "Content-Length": 100_000 }).write(lines(3), () => socket.destroy()),
      "unreachable",
    ],
  };

  /** A line now and then, until the connection is closed. */
  function drip(_, response) {
    response.writeHead(200);
    const timer = setInterval(() => response.write(lines(1)), 20);
    response.on("close", () => clearInterval(timer));
  }

  /** Valid lines, as fast as they are read. */
  function flood(_, response) {
    const chunk = lines(1_000);
    const chunks = new Array(Math.ceil(10_000_000 / chunk.length)).fill(chunk);
    // The connection is closed long before the end, which a pipeline takes for an error.
    pipeline(chunks, response.writeHead(200)).catch(() => {});
  }

  for (const [what, [misbehave, cause]] of Object.entries(failures)) {
    test(`${what}: people register all the same, and one line of the log says why`, async () => {
      service.misbehave = misbehave;
      assert.equal((await registering(BREACHED)).status, 201);
      const [complaint, ...more] = await complaints();
      assert.deepEqual(more, []);
      const { "request.id": id, ...line } = complaint;
      assert.deepEqual(line, { level: "error", event: "breach_check.failed_open", "error.cause": cause });
      assert.equal(typeof id, "string");
      const log = latchkey.logs.map(({ message }) => message).join("\n");
      assert.ok(!log.includes(digest(BREACHED).prefix) && !log.includes("zqx"), log);
      // One request, no redirect followed, and no work after the answer.
      assert.equal(service.questions.length, 1);
      await service.questions[0].closed;
    });
  }

  test("takes too long: the connection is given up there and then, not at the end of the request", async () => {
    const givenUp = new Promise((done) => {
      service.misbehave = (_, response) => response.on("close", () => done("the connection"));
    });
    await latchkey.control({ faults: [{ on: "d1", how: "hang" }] });
    const answer = registering(BREACHED);
    assert.equal(await Promise.race([givenUp, answer.then(() => "the answer")]), "the connection");
    assertProblem(await answer, "unavailable");
    await latchkey.control({ reset: true });
  });

  test("is down: people change their password all the same", async () => {
    const person = await signUp(latchkey);
    service.misbehave = ({ socket }) => socket.destroy();
    await complaints();
    latchkey.logs.length = 0;
    assert.equal((await changing(person.client, BREACHED)).status, 204);
    assert.deepEqual(
      (await complaints()).map((line) => line["error.cause"]),
      ["unreachable"],
    );
  });

  test("is back: breached passwords are refused again", async () => {
    assertBreached(await registering(BREACHED), "password");
  });
});

describe("BREACH_CHECK=off, the default", () => {
  serve({});

  test("asks nothing, and takes what is breached", async () => {
    service.add(BREACHED);
    service.add(NEW);
    const person = await register(latchkey, { password: BREACHED });
    const client = await logIn(latchkey, person);
    assert.equal((await changing(client, NEW, BREACHED)).status, 204);
    assert.deepEqual(service.questions, []);
    assert.deepEqual(await complaints(), []);
  });
});
