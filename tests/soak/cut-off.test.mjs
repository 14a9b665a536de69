/**
 * Clients that leave in the middle: on every route, with nothing, a part or all
 * of the body sent, at random moments, closed (FIN) and reset (RST). What they
 * began is finished, and no memory, place in the queue or counted failure
 * remains.
 *
 *     npm run test:soak
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../../harness/client.mjs";
import { CUT_OFF, startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../../harness/mails.mjs";
import { plantedLogin, plantedToken } from "../support/links.mjs";
import { LOGIN, PASSWORD, PROFILE, logIn, newEmail, register } from "../support/people.mjs";
import { ROUTES, SAFE_METHODS, WITH_BODY } from "../support/routes.mjs";

/** As in src/service/hash_queue.rs. */
const MAX_WAITING = 64;
/** Of each route, of each way to leave, at each stage. */
const CUTS = 10;
const WIDTH = 8;
/** A request without a wait in it is answered in a millisecond or two. */
const LATEST_CUT_MS = 40;
const D1_DELAY_MS = 8;
/** Each attempt waits for a second, as `Retry-After` requires. */
const MOST_TRIES = 8;
const DEADLINE_MS = 30_000;
const WAYS = ["FIN", "RST"];
const STAGES = ["before the body", "within the body", "after the body"];

let latchkey;
let clients = 0;
before(async () => {
  const { answer } = new MailProvider();
  latchkey = await startLatchkey({ entry: CUT_OFF, direct: true, vars: MAIL_BY_PROVIDER, outbound: answer });
});
after(() => latchkey.dispose());
beforeEach(() => latchkey.control({ reset: true }));

/** An unused client prefix. */
function newAddress() {
  clients += 1;
  return `10.${clients >> 16}.${(clients >> 8) & 255}.${clients & 255}`;
}

const held = async () => (await latchkey.fetch("/__test/held")).json();
const freeze = async (on) =>
  (await latchkey.fetch("/__test/freeze", { method: "POST", body: JSON.stringify(on) })).text();

/** Waits until no request is under way: each of them ends. */
async function quiet() {
  const end = Date.now() + DEADLINE_MS;
  while ((await held()).open > 0) assert.ok(Date.now() < end, "A request that was cut off does not end.");
  await latchkey.settled();
}

/**
 * Sends a part of a request, and leaves.
 *
 * @param {{ method: string, path: string, cookie?: string | null, body?: string }} request
 * @param {{ stage: string, way: string, afterMs: number }} end
 */
function cutOff({ method, path, cookie, body = "" }, { stage, way, afterMs }) {
  const { hostname, port } = new URL(latchkey.directUrl);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost:8787",
    `CF-Connecting-IP: ${newAddress()}`,
    ...(cookie ? [`Cookie: ${cookie}`] : []),
    "Content-Type: application/json",
    // A body that never arrives, also for routes that read none.
    `Content-Length: ${stage === "after the body" ? body.length : Math.max(body.length, 8_000)}`,
  ];
  const sent = {
    "before the body": "",
    "within the body": body.slice(0, body.length >> 1) || "x",
    "after the body": body,
  }[stage];
  return new Promise((done) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${lines.join("\r\n")}\r\n\r\n${sent}`);
      setTimeout(() => (way === "RST" ? socket.resetAndDestroy() : socket.destroy()), afterMs);
    });
    socket
      .on("error", () => {})
      .on("data", () => {})
      .on("close", done);
  });
}

let person;
const logInFromAnywhere = (of) =>
  new Client(latchkey).post(LOGIN, {
    form: { username: of.email, password: PASSWORD },
    headers: { "CF-Connecting-IP": newAddress() },
  });

async function holder(of = person) {
  const answer = await logInFromAnywhere(of);
  assert.equal(answer.status, 204, answer.text);
  return { cookie: [...answer.setCookies.values()].map(({ name, value }) => `${name}=${value}`).join("; ") };
}

const NEW_PASSWORD = "incorrect donkey capacitor";
const json = (fields) => ({ body: JSON.stringify(fields) });

/** A request about a new person's address. */
const aboutSomebody = async () => json({ email: (await register(latchkey)).email });

/** A link for a purpose that works, in the hands of a new person. */
const withLink =
  (purpose, more = {}) =>
  async () => {
    const user = await register(latchkey);
    await holder(user);
    const [{ id: sessionId }] = await latchkey.sql("SELECT id FROM sessions WHERE user_id = ?1", user.id);
    const { token, statement } = plantedToken({
      user: purpose === "undo-email" ? { ...user, email: newEmail() } : user,
      purpose,
      newEmail: purpose === "confirm-email" ? newEmail() : undefined,
      sessionId,
      nowMs: Date.now(),
    });
    await latchkey.sql(...statement);
    return json({ token, ...more });
  };

/** What a request of each operation needs to get as far as possible. */
const PREPARED = {
  AccountRegister: () => ({ body: JSON.stringify({ email: newEmail(), password: PASSWORD }) }),
  AccountLogin: () => ({ body: JSON.stringify({ username: person.email, password: PASSWORD }) }),
  AccountUpdatePwd: async () => {
    const other = await register(latchkey);
    return {
      ...(await holder(other)),
      body: JSON.stringify({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }),
    };
  },
  AccountUpdateProfile: async () => ({ ...(await holder()), body: JSON.stringify({ name: "Ada" }) }),
  AccountChangeEmail: async () => ({
    ...(await holder(await register(latchkey))),
    ...json({ email: newEmail(), currentPassword: PASSWORD }),
  }),
  AccountResendVerification: aboutSomebody,
  AccountRequestLogin: aboutSomebody,
  RecoveryForgot: aboutSomebody,
  AccountVerifyEmail: withLink("verify-email"),
  AccountConfirmEmail: withLink("confirm-email"),
  RecoveryReset: withLink("reset-password", { newPassword: NEW_PASSWORD }),
  RecoveryUndoEmail: withLink("undo-email"),
  RecoveryDisownLogin: withLink("disown-login"),
  AccountConfirmLogin: async () => {
    const user = await register(latchkey);
    const { cookie, token, statement } = plantedLogin({ user, nowMs: Date.now() });
    await latchkey.sql(...statement);
    return { cookie, ...json({ token }) };
  },
  AccountEndSession: async () => ({ ...(await holder()), path: "/api/account/sessions/AAAAAAAAAAAAAAAAAAAAAA" }),
  AccountEndSessions: async () => ({ ...(await holder()), path: "/api/account/sessions?scope=all" }),
};
/** A session that the request does not end serves many of them. */
const REPEATED = [
  ...ROUTES.filter(({ method }) => SAFE_METHODS.includes(method)).map(({ operation }) => operation),
  "AccountUpdateProfile",
  "AccountEndSession",
];

async function cutOffs(route, { count, stage, way }) {
  const prepare = async () => ({ ...route, body: "", ...(await (PREPARED[route.operation] ?? holder)()) });
  const shared = REPEATED.includes(route.operation) ? await prepare() : null;
  let left = count;
  const worker = async () => {
    while (left-- > 0)
      await cutOff(shared ?? (await prepare()), { stage, way, afterMs: Math.random() * LATEST_CUT_MS });
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, count) }, worker));
}

describe("clients that leave", () => {
  before(async () => {
    person = await register(latchkey);
  });

  test("leave from every route that reads a body while it is at its work", async () => {
    for (const route of WITH_BODY) {
      const prepare = PREPARED[route.operation];
      assert.ok(prepare, `PREPARED has nothing for ${route.operation}`);
      const { method, path, body, cookie } = { ...route, ...(await prepare()) };
      const headers = { "Content-Type": "application/json", "CF-Connecting-IP": newAddress(), Cookie: cookie ?? "" };
      const answer = await latchkey.fetch(path, { method, headers, body });
      assert.ok(answer.ok, `${route.operation}: ${answer.status} ${await answer.text()}`);
    }
  });

  for (const route of ROUTES) {
    test(`from ${route.operation} leave no memory behind, whenever and however`, async (t) => {
      await latchkey.control({ d1DelayBeforeMs: D1_DELAY_MS, d1DelayMs: D1_DELAY_MS });
      const round = async () => {
        for (const stage of STAGES) {
          for (const way of WAYS) await cutOffs(route, { count: CUTS, stage, way });
        }
        await quiet();
        return (await held()).bytes;
      };
      // What is allocated for the most requests at once, the isolate has after the first round.
      const begin = await round();
      const grown = ((await round()) - begin) / 1_024;
      const cuts = CUTS * STAGES.length * WAYS.length;
      t.diagnostic(`${cuts} cut off: ${(grown / cuts).toFixed(2)} KiB each`);
      // A page of wasm memory has 64 KiB.
      assert.ok(grown <= 64, `${grown} KiB after ${cuts} requests`);
    });
  }

  test("from a log-out without a body, two thousand times, leave nothing behind", async (t) => {
    const route = { method: "POST", path: "/api/account/logout" };
    const round = async () => {
      let left = 2_000;
      const worker = async () => {
        while (left-- > 0) await cutOff(route, { stage: "before the body", way: WAYS[left % 2], afterMs: 20 });
      };
      await Promise.all(Array.from({ length: 4 * WIDTH }, worker));
      await quiet();
      return (await held()).bytes;
    };
    // Until the maximum number was in flight at once.
    for (let i = 0; i < 3; i += 1) await round();
    const begin = await round();
    const grown = ((await round()) - begin) / 1_024;
    t.diagnostic(`${(grown / 2_000).toFixed(2)} KiB each`);
    assert.ok(grown <= 64, `${grown} KiB`);
  });

  test("from a log-out are logged out", async () => {
    const client = await logIn(latchkey, person);
    await latchkey.control({ d1DelayBeforeMs: 100 });
    const request = { method: "POST", path: "/api/account/logout", cookie: client.cookieHeader };
    await cutOff(request, { stage: "after the body", way: "RST", afterMs: 30 });
    await quiet();
    assert.equal((await client.get(PROFILE)).status, 401);
  });

  test("from logins do not count as failures", async () => {
    const other = await register(latchkey);
    await latchkey.control({ d1DelayBeforeMs: 20 });
    const body = JSON.stringify({ username: other.email, password: PASSWORD });
    for (let i = 0; i < 20; i += 1)
      await cutOff({ method: "POST", path: LOGIN, body }, { stage: "after the body", way: WAYS[i % 2], afterMs: 10 });
    await quiet();
    const failures = await latchkey.sql("SELECT * FROM attempts WHERE failures > 0 AND account <> 'registrations'");
    assert.deepEqual(failures, []);
  });
});

describe("a full queue", () => {
  let people;
  before(async () => {
    person = await register(latchkey);
    people = await Promise.all(Array.from({ length: MAX_WAITING }, () => register(latchkey)));
  });

  /** Takes all places, and calls `atWork` when the requests are there. */
  async function fill(afterMs, atWork = () => {}) {
    await latchkey.control({ d1DelayBeforeMs: 300, d1DelayMs: 50 });
    const request = ({ email }) => ({
      method: "POST",
      path: LOGIN,
      body: JSON.stringify({ username: email, password: PASSWORD }),
    });
    const all = Promise.all(
      people.map((one, i) => cutOff(request(one), { stage: "after the body", way: WAYS[i % 2], afterMs })),
    );
    await atWork();
    await all;
    await latchkey.control({ reset: true });
  }

  async function triesUntilIn() {
    for (let tries = 1; ; tries += 1) {
      const answer = await logInFromAnywhere(person);
      if (answer.status === 204) return tries;
      assert.equal(answer.status, 503, answer.text);
      await new Promise((done) => setTimeout(done, 1_000 * Number(answer.headers.get("Retry-After"))));
    }
  }

  /** @type {[stage: string, afterMs: number][]} */
  const STAGES = [
    ["waiting for the database", 150],
    ["in line", 700],
  ];
  for (const [stage, afterMs] of STAGES) {
    test(`of clients who left while they were ${stage} is open again in seconds`, async (t) => {
      await fill(afterMs);
      const tries = await triesUntilIn();
      t.diagnostic(`in at try ${tries}`);
      assert.ok(tries <= MOST_TRIES);
      await quiet();
    });

    test(`of requests that the platform stopped while they were ${stage} is open again in seconds`, async (t) => {
      await fill(afterMs + 500, async () => {
        await new Promise((done) => setTimeout(done, afterMs));
        await freeze(true);
      });
      await freeze(false);
      const tries = await triesUntilIn();
      t.diagnostic(`in at try ${tries}`);
      assert.ok(tries <= MOST_TRIES);
    });
  }
});
