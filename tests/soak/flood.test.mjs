/**
 * Many logins at once, against one isolate: how many hash, what waits for them,
 * and what remains in memory.
 *
 *     npm run test:soak
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { startLatchkey } from "../../harness/latchkey.mjs";
import { LOGIN, REGISTER } from "../support/people.mjs";

/** As in src/service/hash_queue.rs. */
const MAX_WAITING = 64;
const PARALLEL = 200;
const HEALTH_P99_MS = 250;
/** As in src/domain/throttle.rs. */
const FREE_FAILURES = 10;
const PING_EVERY_MS = 10;
/**
 * Between the starts of two parallel logins: all 200 are there after a second,
 * and wait for several. Started in one millisecond, they would
 * measure Miniflare, whose D1 and front door share the Worker's thread.
 */
const START_EVERY_MS = 5;
const LOGINS = 2_000;
const MAX_MEMORY_MIB = 40;
const PEOPLE = 50;
const PASSWORD = "correct horse battery staple";

let latchkey;
let requests = 0;
const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
before(async () => {
  latchkey = await startLatchkey({ entry: "tests/soak/flood-entry.mjs" });
  await inParallel(PEOPLE, 5, async (i) =>
    assert.equal((await post(REGISTER, { email: email(i), password: PASSWORD })).status, 201),
  );
});
after(async () => {
  agent.destroy();
  await latchkey.dispose();
});

const email = (i) => `person${i % PEOPLE}@example.com`;

/** The way through Miniflare that costs least: its own `fetch` takes longer than the Worker. */
const headersFor = (path) => ({
  Host: "localhost:8787",
  "MF-Original-URL": latchkey.origin + path,
  "MF-Route-Override": "latchkey",
  "MF-Disable-Pretty-Error": "true",
});

function post(path, fields, address) {
  requests += 1;
  const from = address ?? `10.${requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`;
  const headers = { ...headersFor(path), "Content-Type": "application/json", "CF-Connecting-IP": from };
  return new Promise((done, fail) => {
    request(new URL(path, latchkey.url), { method: "POST", agent, headers }, (response) => {
      response.resume().on("end", () => {
        done({
          status: response.statusCode,
          retryAfter: response.headers["retry-after"] ?? null,
          at: performance.now(),
        });
      });
    })
      // A kept connection that the server has just closed: nothing has been sent on it.
      .on("error", (/** @type {NodeJS.ErrnoException} */ error) =>
        error.code === "ECONNRESET" ? done(post(path, fields, address)) : fail(error),
      )
      .end(JSON.stringify(fields));
  });
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** `work(i)` for all 200, the next one begun before the last one is done. */
async function flood(work) {
  const begun = [];
  for (let i = 0; i < PARALLEL; i += 1) {
    begun.push(work(i));
    await sleep(START_EVERY_MS);
  }
  return Promise.all(begun);
}

/** `work(i)` for each i below `count`, `width` at a time. */
async function inParallel(count, width, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Requests /health every few milliseconds during `work`. Returns the sorted times, and the result of `work`. */
const healthDuring = (work, everyMs) => pingsDuring("/health", {}, work, everyMs);

async function pingsDuring(path, headers, work, everyMs = PING_EVERY_MS) {
  const workerData = { url: new URL(path, latchkey.url).href, headers: { ...headersFor(path), ...headers }, everyMs };
  const pinger = new Worker(new URL("./pinger.mjs", import.meta.url), { workerData });
  await once(pinger, "online");
  const result = await work();
  pinger.postMessage("stop");
  const [{ times, faults }] = await once(pinger, "message");
  assert.deepEqual(faults, []);
  return [times.sort((a, b) => a - b), result];
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

const memoryMib = async () => (await (await latchkey.fetch("/__test/memory")).json()).bytes / 1_048_576;

const count = (answers, status) => answers.filter((answer) => answer.status === status).length;

describe(`${PARALLEL} parallel logins`, () => {
  test("of as many people: some wait, the others are told to come back, /health answers meanwhile", async (t) => {
    const begin = performance.now();
    const [times, answers] = await healthDuring(() =>
      flood((i) => post(LOGIN, { username: email(i), password: PASSWORD })),
    );
    t.diagnostic(
      `${count(answers, 204)} logged in, ${count(answers, 503)} told to come back, ${Math.round(performance.now() - begin)} ms`,
    );
    t.diagnostic(
      `/health: ${times.length} answers, p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, most ${times.at(-1).toFixed(1)} ms`,
    );
    assert.equal(count(answers, 204) + count(answers, 503), PARALLEL);
    for (const { status, retryAfter } of answers) assert.equal(retryAfter, status === 503 ? "1" : null);
    // Who is turned away found all places taken: no more are hashed than have a place, or got
    // one that became free before the last refusal.
    const lastRefusal = Math.max(...answers.map(({ status, at }) => (status === 503 ? at : 0)));
    const done = answers.filter(({ status, at }) => status === 204 && at <= lastRefusal).length;
    assert.ok(count(answers, 204) >= MAX_WAITING);
    assert.ok(
      count(answers, 204) <= MAX_WAITING + done,
      `${count(answers, 204)} hashes, ${done} of them before the last refusal`,
    );
    assert.ok(quantile(times, 0.99) < HEALTH_P99_MS, `p99 ${quantile(times, 0.99)} ms`);
  });

  test("that come back until they are in: /health answers all the while", async (t) => {
    const begin = performance.now();
    const persistent = async (i) => {
      for (;;) {
        const { status, retryAfter } = await post(LOGIN, { username: email(i), password: PASSWORD });
        if (status !== 503) return status;
        await sleep(Number(retryAfter) * 1_000);
      }
    };
    const [times, statuses] = await healthDuring(() => flood(persistent));
    assert.deepEqual([...new Set(statuses)], [204]);
    t.diagnostic(`all in after ${Math.round(performance.now() - begin)} ms`);
    t.diagnostic(
      `/health: ${times.length} answers, p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, most ${times.at(-1).toFixed(1)} ms`,
    );
    assert.ok(quantile(times, 0.99) < HEALTH_P99_MS, `p99 ${quantile(times, 0.99)} ms`);
  });

  test("of a guesser: ten hashes, and then one after 1, 2, 4 … s", async () => {
    const guess = () => post(LOGIN, { username: "guessed@example.com", password: "wrong password" }, "203.0.113.1");
    const begin = performance.now();
    const answers = await flood(guess);
    assert.equal(count(answers, 401) + count(answers, 429) + count(answers, 503), PARALLEL);
    // The clock advances in whole seconds: the eleventh attempt is due after 1 s, the twelfth 2 s
    // later.
    const seconds = (performance.now() - begin) / 1_000;
    const due = [1, 3, 7, 15, 31].filter((after) => seconds + 1 >= after).length;
    assert.ok(
      count(answers, 401) >= FREE_FAILURES && count(answers, 401) <= FREE_FAILURES + due,
      `${count(answers, 401)} hashes in ${seconds} s`,
    );
  });
});

test(`wasm memory after ${LOGINS} logins is at most ${MAX_MEMORY_MIB} MiB`, async (t) => {
  const first = await memoryMib();
  await inParallel(LOGINS, 8, async (i) =>
    assert.equal((await post(LOGIN, { username: email(i), password: PASSWORD })).status, 204),
  );
  const last = await memoryMib();
  t.diagnostic(`${first.toFixed(1)} MiB before, ${last.toFixed(1)} MiB after`);
  assert.ok(first > 19, "the watcher sees the hasher's blocks");
  assert.ok(last <= MAX_MEMORY_MIB);
});

/** What the importers accept and what costs most, by kind; no password is right for them. */
const [SALT, KEY] = ["c29tZXNhbHQtMTZieXRlcw", "A".repeat(43)];
const COSTLY = {
  "Argon2id, 64 MiB, 3 passes": `$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${KEY}`,
  "Django 6": `pbkdf2_sha256$1200000$seasalt1234567890abcde$${KEY}=`,
  "PBKDF2, the most rounds, a key of 64 bytes": `$pbkdf2-sha1$2000000$${SALT}$${"A".repeat(86)}`,
  "bcrypt, cost 13": "$2b$13$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
  "scrypt, 64 MiB, 5 lanes": `$scrypt$ln=16,r=8,p=5$${SALT}$${KEY}`,
  "scrypt, 64 MiB by r": `$scrypt$ln=13,r=64,p=5$${SALT}$${KEY}`,
};
/** Nine clients, each with ten addresses: in a third of a minute, what the login limiter lets through in one. */
const ATTACKERS = 9;
const ADDRESSES = 10;
const MIX_MS = 20_000;
const LOGIN_EVERY_MS = 400;
/** Of each kind: through Miniflare's front door a request takes milliseconds of the same thread. */
const MIX_PING_EVERY_MS = 40;
/** docs/security.md, "Parameters". */
const LONGEST_MS = 17_000;
/** The longest step that cannot be interrupted, on the machine of docs/performance.md: the first of `COSTLY`. */
const LONGEST_STEP_MS = 177;
/** Until the pause that follows such a step is over. */
const REST_MS = 3_000;
/** src/domain/credential/hashing/memory.rs, and 8 MiB for the rest. */
const MOST_MIX_MIB = 104;

describe("wrong passwords for the costliest hashes that are accepted", () => {
  let cookie;
  let longestStep;
  before(async () => {
    const hashes = Object.values(COSTLY);
    await inParallel(ADDRESSES * ATTACKERS, 5, async (i) => {
      const address = `costly${i}@example.com`;
      assert.equal((await post(REGISTER, { email: address, password: PASSWORD })).status, 201);
      await latchkey.sql("UPDATE users SET password_hash = ?1 WHERE email = ?2", hashes[i % hashes.length], address);
    });
    const tries = [];
    for (let i = 0; i < 4; i += 1) {
      const begin = performance.now();
      const username = `costly${i * hashes.length}@example.com`;
      await post(LOGIN, { username, password: "wrong password" });
      tries.push(performance.now() - begin);
      await sleep(REST_MS);
    }
    longestStep = Math.min(...tries);
    const headers = { "Content-Type": "application/json" };
    const answer = await latchkey.fetch(LOGIN, {
      method: "POST",
      headers,
      body: JSON.stringify({ username: email(0), password: PASSWORD }),
    });
    await answer.text();
    cookie = answer.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
  });

  /** One try after the other, whether the last one is answered or not. */
  async function attack(attacker, answers) {
    const tries = [];
    for (let i = 0; i < ADDRESSES; i += 1) {
      const begin = performance.now();
      const fields = { username: `costly${attacker * ADDRESSES + i}@example.com`, password: "wrong password" };
      tries.push(
        post(LOGIN, fields, `192.0.2.${attacker + 1}`).then(({ status }) =>
          answers.push({ status, ms: performance.now() - begin }),
        ),
      );
      await sleep(MIX_MS / ADDRESSES);
    }
    await Promise.all(tries);
  }

  test("from nine clients: /health, profiles and everybody else's logins go on", async (t) => {
    const until = performance.now() + MIX_MS;
    /** @type {{ status: number, ms: number }[][]} */
    const [attacked, logins] = [[], []];
    const ordinary = async () => {
      const begun = [];
      for (let i = 0; performance.now() < until; i += 1) {
        const begin = performance.now();
        begun.push(
          post(LOGIN, { username: email(i), password: PASSWORD }).then(({ status }) =>
            logins.push({ status, ms: performance.now() - begin }),
          ),
        );
        await sleep(LOGIN_EVERY_MS);
      }
      await Promise.all(begun);
    };
    const work = () => Promise.all([ordinary(), ...Array.from({ length: ATTACKERS }, (_, i) => attack(i, attacked))]);
    const [profiles, [health]] = await pingsDuring(
      "/api/account/profile",
      { Cookie: cookie },
      () => healthDuring(work, MIX_PING_EVERY_MS),
      MIX_PING_EVERY_MS,
    );
    const most = (answers) => Math.max(...answers.map(({ ms }) => ms));
    t.diagnostic(
      `${count(attacked, 401)} judged, ${count(attacked, 429)} throttled, ${count(attacked, 503)} told to come back, ${Math.round(most(attacked))} ms at most`,
    );
    t.diagnostic(`${count(logins, 204)} of ${logins.length} other logins, ${Math.round(most(logins))} ms at most`);
    for (const [name, times] of [
      ["/health", health],
      ["profile", profiles],
    ]) {
      t.diagnostic(
        `${name}: ${times.length} answers, p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, most ${times.at(-1).toFixed(1)} ms`,
      );
    }
    t.diagnostic(`${(await memoryMib()).toFixed(1)} MiB; the longest step takes ${longestStep.toFixed(0)} ms here`);
    assert.ok(count(attacked, 401) > 0 && count(attacked, 503) > 0, "The hashes are computed, and bounded.");
    assert.equal(count(logins, 204), logins.length);
    assert.ok(most([...attacked, ...logins]) < LONGEST_MS);
    assert.ok((await memoryMib()) <= MOST_MIX_MIB);
    // The longest step cannot be interrupted: a slower machine takes longer for it.
    const bound = HEALTH_P99_MS * Math.max(1, longestStep / LONGEST_STEP_MS);
    for (const times of [health, profiles])
      assert.ok(quantile(times, 0.99) < bound, `p99 ${quantile(times, 0.99)} of ${bound} ms`);
  });
});
