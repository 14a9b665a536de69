/**
 * The built Worker starts in real workerd, and the harness does what its other
 * users rely on: it counts, disturbs and sets the clock of the unchanged
 * artefact.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";

const PASSWORD = "correct horse battery staple";

function problem(response, status, code) {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers.get("Content-Type"), "application/problem+json; charset=utf-8");
  assert.equal(response.json.code, code);
  assert.equal(response.json.status, status);
}

describe("the Worker as it is", () => {
  let latchkey;
  before(async () => (latchkey = await startLatchkey()));
  after(() => latchkey.dispose());

  test("answers an unknown path with a problem document", async () => {
    problem(await new Client(latchkey).get("/nowhere"), 404, "not_found");
  });

  test("sees the address that a test names", async () => {
    problem(await new Client(latchkey).get("http://auth.example.com/nowhere"), 403, "https_required");
    problem(await new Client(latchkey).get("https://auth.example.com/nowhere"), 503, "misconfigured");
  });
});

test("without its secret, every request is refused and the log says why", async () => {
  const latchkey = await startLatchkey({ secrets: { JWT_KEYS: null } });
  try {
    problem(await new Client(latchkey).get("/nowhere"), 503, "misconfigured");
    assert.ok(latchkey.logs.some(({ message }) => message.includes("JWT_KEYS")));
  } finally {
    await latchkey.dispose();
  }
});

describe("the Worker behind the chaos entry", () => {
  let latchkey;
  let people = 0;
  const register = (client = new Client(latchkey)) =>
    client.post("/api/account/register", { json: { email: `p${++people}@example.com`, password: PASSWORD } });

  before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
  beforeEach(() => latchkey.control({ reset: true }));
  after(() => latchkey.dispose());

  test("registers a person in one round trip, which is counted", async () => {
    assert.equal((await register()).status, 201);
    const { requests, d1 } = await latchkey.counters();
    assert.deepEqual({ requests, d1 }, { requests: 1, d1: 1 });
  });

  test("serves both points of presence from one database", async () => {
    assert.equal((await register(new Client(latchkey, { pop: 1 }))).status, 201);
    const rows = await latchkey.sql("SELECT id FROM users WHERE email = ?1", `p${people}@example.com`);
    assert.equal(rows.length, 1);
    assert.equal((await latchkey.counters({ pop: 0 })).requests, 0);
  });

  test("a failing database is a 503, and works again afterwards", async () => {
    await latchkey.control({ faults: [{ on: "d1", how: "fail" }] });
    const refused = await register();
    problem(refused, 503, "unavailable");
    assert.ok(refused.headers.get("Retry-After"));
    await latchkey.control({ faults: [] });
    assert.equal((await register()).status, 201);
  });

  test("delays each D1 call", async () => {
    await latchkey.control({ d1DelayMs: 200 });
    const start = performance.now();
    assert.equal((await register()).status, 201);
    assert.ok(performance.now() - start >= 200);
  });

  test("lives by the test's clock", async () => {
    await latchkey.control({ nowMs: Date.UTC(2031, 0, 2, 3, 4, 5) });
    assert.equal((await register()).json.createdAt, "2031-01-02T03:04:05Z");
  });
});
