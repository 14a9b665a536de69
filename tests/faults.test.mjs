/**
 * Every endpoint under every fault of the platform. In each cell: the status is
 * a documented one, the body a whole problem document, no success without its
 * effect in D1, no effect with an error other than a 503, no cookie changed by
 * a 5xx, an answer within ten seconds; and the same request succeeds without
 * the fault.
 *
 * What is expected of a cell is exact: a database that does not answer is a
 * 503, and nothing else that fails is even noticed, but by the route that says
 * whether KV answers.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MISBEHAVIOUR, MailProvider } from "../harness/mails.mjs";
import { REFRESH_COOKIE, claims } from "./support/holders.mjs";
import { PROFILE } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { ROUTES, Scene, answerOf, assertSuccess, assertUnavailable, assertWorks } from "./support/scene.mjs";

/** D1's messages, https://developers.cloudflare.com/d1/observability/debug-d1/ */
const RETRYABLE = [
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
  "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
];
const OVERLOADED = "D1_ERROR: D1 DB is overloaded. Requests queued for too long.";
const FINAL = [
  OVERLOADED,
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
  "D1_ERROR: D1 DB exceeded its CPU time limit and was reset.",
  "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
  "D1_ERROR: Exceeded maximum DB size.",
  "D1_ERROR: Your account has exceeded D1's maximum account storage limit.",
  "D1_ERROR: You have exceeded the daily limit of rows read.",
  "D1_ERROR: Currently processing a long-running export.",
  "D1_ERROR: no such table: users: SQLITE_ERROR",
  "D1_ERROR: database disk image is malformed: SQLITE_CORRUPT",
  "",
];
const MAX_ATTEMPTS = 3;
/** What the routes with two calls do in the second one. */
const SECOND_CALLS =
  "/\\* (begin session|begin session by mail|replace password|reset password|issue confirmation|count outbox) \\*/";

const KV_FAULTS = {
  "KV reads fail": [{ on: "kv.get", how: "fail" }],
  "KV is written too often": [
    { on: "kv.put", how: "fail", message: "KV PUT failed: 429 Too Many Requests" },
    { on: "kv.delete", how: "fail", message: "KV DELETE failed: 429 Too Many Requests" },
  ],
  "KV writes fail": [
    { on: "kv.put", how: "fail", message: "KV PUT failed: 500 Internal Server Error" },
    { on: "kv.delete", how: "fail", message: "KV DELETE failed: 500 Internal Server Error" },
  ],
  "KV answers of writes are lost": [
    { on: "kv.put", how: "fail-after" },
    { on: "kv.delete", how: "fail-after" },
  ],
  "the limiter throws": [{ on: "limiter", how: "fail" }],
  "KV, and the limiter, all fail": [
    { on: "kv", how: "fail" },
    { on: "limiter", how: "fail" },
  ],
};

/** Mails wait: each of them can be seen in the outbox. */
const provider = new MailProvider();
provider.misbehave = MISBEHAVIOUR.status(500);
const MAILING = { vars: MAIL_BY_PROVIDER, outbound: provider.answer };

let latchkey;
let scene;
before(async () => {
  // An isolate that remembers nothing: each cell reads KV and the database.
  const vars = { ...MAILING.vars, ISOLATE_CACHE_TTL_SECONDS: "0" };
  latchkey = await startLatchkey({ entry: CHAOS, ...MAILING, vars });
  scene = await Scene.start(latchkey);
});
beforeEach(() => scene.restore());
after(() => latchkey.dispose());

/** A test for each route; `body` starts from the restored state. */
function matrix(routes, body) {
  for (const route of routes) test(route.name, () => body(route));
}

const onD1 = ROUTES.filter((route) => route.d1 > 0);

describe("without a fault", () => {
  matrix(ROUTES, async (route) => {
    await assertSuccess(route, scene, await answerOf(route, scene));
    const { d1, kvGet, limiter } = await latchkey.counters();
    const { kvGet: reads = 0, limiter: asked = 0 } = route;
    assert.deepEqual({ d1, kvGet, limiter }, { d1: route.d1, kvGet: reads, limiter: asked });
    await assertWorks(route, scene, { tookEffect: true });
  });
});

describe("D1 fails with each of its messages: tried again where that may help, at most twice", () => {
  const messages = [...RETRYABLE, ...FINAL];
  // An isolate that learns of a missing table looks once, after its answer, which migrations are missing.
  before(async () => {
    await scene.restore();
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "D1_ERROR: no such table: users" }] });
    assertProblem(await scene.own.get(PROFILE), "unavailable");
    await latchkey.settled();
  });
  matrix(onD1, async (route) => {
    for (const message of messages) {
      await latchkey.control({ resetCounters: true, faults: [{ on: "d1", how: "fail", message }] });
      await assertUnavailable(scene, await answerOf(route, scene));
      const { d1 } = await latchkey.counters();
      assert.equal(d1, RETRYABLE.includes(message) ? MAX_ATTEMPTS : 1, message);
    }
    await assertWorks(route, scene, { tookEffect: false });
  });
});

/** The cells of a fault that hits each of the route's calls in turn. */
function eachCall(fault, body) {
  matrix(onD1, async (route) => {
    for (let nth = 1; nth <= route.d1; nth += 1) {
      await scene.restore();
      await latchkey.control({ resetCounters: true, faults: [{ on: "d1", nth, ...fault }] });
      await body(route, await answerOf(route, scene), nth);
    }
  });
}

describe("D1's n-th call fails for good", () => {
  eachCall({ how: "fail", times: 1, message: OVERLOADED }, async (route, answer) => {
    await assertUnavailable(scene, answer);
    await assertWorks(route, scene, { tookEffect: false });
  });
});

describe("D1's n-th call fails once, as if the connection were lost: the client notices nothing", () => {
  eachCall({ how: "fail", times: 1 }, async (route, answer) => {
    await assertSuccess(route, scene, answer);
    assert.equal((await latchkey.counters()).d1, route.d1 + 1);
    await assertWorks(route, scene, { tookEffect: true });
  });
});

describe("the connection is lost after the n-th call's commit, once or twice: the outcome is as if once", () => {
  for (const times of [1, 2]) {
    eachCall({ how: "fail-after", times }, async (route, answer) => {
      await assertSuccess(route, scene, answer);
      assert.equal((await latchkey.counters()).d1, route.d1 + times);
      await assertWorks(route, scene, { tookEffect: true });
    });
  }
});

describe("the answer of the n-th call is lost for good: a 503, whether it took effect or not", () => {
  eachCall({ how: "fail-after", message: OVERLOADED }, async (route, answer, nth) => {
    assertProblem(answer, "unavailable");
    const tookEffect = nth === route.d1;
    assert.deepEqual(await scene.changes(), tookEffect ? route.effect : []);
    await assertWorks(route, scene, { tookEffect });
  });
});

describe("D1 hangs, from the first call on or from the second", () => {
  for (const nth of [1, 2]) {
    test(`call ${nth}`, async () => {
      const routes = onD1.filter((route) => route.d1 >= nth);
      const hanging = [];
      for (const route of routes) {
        const sql = nth === 1 ? undefined : SECOND_CALLS;
        await latchkey.control({ faults: [{ on: "d1", how: "hang", sql }] });
        hanging.push(answerOf(route, scene));
      }
      for (const answer of hanging) assertProblem(await answer, "unavailable");
      assert.deepEqual(await scene.changes(), []);
      for (const route of routes) {
        await scene.restore();
        await assertWorks(route, scene, { tookEffect: false });
      }
    });
  }
});

for (const [name, faults] of Object.entries(KV_FAULTS)) {
  describe(`${name}: nobody notices`, () => {
    matrix(ROUTES, async (route) => {
      await latchkey.control({ faults });
      const answer = await answerOf(route, scene);
      const isRead = faults.some(({ on }) => ["kv", "kv.get"].includes(on));
      if (route.needsKv && isRead) await assertUnavailable(scene, answer);
      else await assertSuccess(route, scene, answer);
      await latchkey.settled();
      await assertWorks(route, scene, { tookEffect: true });
    });
  });
}

describe("background work is dropped, or hangs: nobody notices", () => {
  const writesHang = [
    { on: "kv.put", how: "hang" },
    { on: "kv.delete", how: "hang" },
  ];
  matrix(ROUTES, async (route) => {
    await latchkey.control({ dropWaitUntil: true });
    await assertSuccess(route, scene, await answerOf(route, scene));
    await assertWorks(route, scene, { tookEffect: true });
    await scene.restore();
    await latchkey.control({ faults: writesHang.map((fault) => ({ ...fault, hangMs: 200 })) });
    await assertSuccess(route, scene, await answerOf(route, scene));
    await assertWorks(route, scene, { tookEffect: true });
  });
});

describe("KV reads hang, and the limiter: nobody is turned away", () => {
  const asking = ROUTES.filter((route) => route.kvGet || route.limiter);
  matrix(asking, async (route) => {
    await latchkey.control({
      faults: [
        { on: "kv.get", how: "hang" },
        { on: "limiter", how: "hang" },
      ],
    });
    const answer = await answerOf(route, scene);
    if (route.needsKv) await assertUnavailable(scene, answer);
    else await assertSuccess(route, scene, answer);
    await assertWorks(route, scene, { tookEffect: true });
  });
});

describe("KV holds garbage: it is not believed", () => {
  const garbage = ["x".repeat(1_000_000), "", "{}", "null", "ended ", "\u0000", "[".repeat(1000)];
  const copies = ({ user: { user }, otherId, jar }) => {
    const { sid } = claims(jar);
    const profile = { ...user, isSuperuser: true };
    const [sessions, readAt] = [[sid], Date.UTC(2030, 0, 1) / 1000 + 100];
    return [
      { user: { ...profile, id: "00000000-0000-7000-8000-000000000000" }, sessions, readAt },
      { user: profile, sessions, readAt: String(readAt) },
      { user: profile, sessions: [otherId], readAt },
      { user: profile, sessions, readAt: Number.MAX_SAFE_INTEGER },
    ].map((copy) => JSON.stringify(copy));
  };
  matrix(ROUTES, async (route) => {
    const texts = [...garbage, ...copies(scene)];
    for (const text of route.kvGet ? texts : texts.slice(0, 1)) {
      await scene.restore();
      const kv = { [`user:${scene.user.id}`]: text, [`revoked:${claims(scene.jar, REFRESH_COOKIE).jti}`]: text };
      await latchkey.store({ kv });
      const answer = await answerOf(route, scene);
      await assertSuccess(route, scene, answer);
      assert.doesNotMatch(answer.text, /"isSuperuser":true/);
    }
  });
});

describe("the database has no tables", () => {
  let empty;
  before(async () => {
    const secrets = { JWT_KEYS: JSON.stringify(latchkey.keys) };
    empty = await startLatchkey({ entry: CHAOS, ...MAILING, migrations: false, secrets });
  });
  beforeEach(() => empty.control({ nowMs: Date.UTC(2030, 0, 1) }));
  after(() => empty.dispose());

  matrix(onD1, async (route) => {
    const jar = scene.jar.copy();
    jar.latchkey = empty;
    const there = { ...scene, latchkey: empty, nobody: jar, own: jar };
    assertProblem(await answerOf(route, there), "unavailable");
  });
});
