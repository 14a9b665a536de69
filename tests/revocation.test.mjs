/**
 * A session that is over is over everywhere: nine causes, both tokens, two
 * points of presence, and each way in which KV can be wrong. (Incident 7: a
 * session that recovery had ended was good in caches.)
 *
 * The refresh token is refused on the very next request. So is the access
 * token on every route that changes or lists something, and with
 * `PROFILE_CONSISTENCY=strict` on every route; otherwise `GET profile` may show
 * a copy for USER_CACHE_TTL_SECONDS after the copy's read of D1.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../harness/mails.mjs";
import { CHANGE_EMAIL, CONFIRM_EMAIL, DISOWN_LOGIN, RESET, UNDO_EMAIL, plantedToken } from "./support/links.mjs";
import { ACCESS_COOKIE, NEW_PASSWORD, REFRESH_COOKIE, assertRefused, claims, only } from "./support/holders.mjs";
import { LOGOUT, PASSWORD, PASSWORD_PATH, PROFILE, REFRESH, logIn, register } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const START_MS = Date.UTC(2030, 0, 1);
const USER_CACHE_TTL_SECONDS = 60;
/** From the reads that fill the copies to the revocation. */
const REVOKED_AFTER_SECONDS = 5;
const HERE = 0; // where the session is ended
const ELSEWHERE = 1;
const POPS = [HERE, ELSEWHERE];

/** Uses the link of a mail, without a session. */
async function useLink({ latchkey, user, other }, path, { purpose, ...more }) {
  const sessionId = claims(other).sid;
  const { token, statement } = plantedToken({ user, purpose, sessionId, nowMs: START_MS, ...more });
  await latchkey.store({ statements: [statement] });
  const newPassword = purpose === "reset-password" ? NEW_PASSWORD : undefined;
  return new Client(latchkey).post(path, { json: { token, newPassword } });
}

/** Ways to end `victim`, by its own request or that of another session of the user. */
const CAUSES = {
  "it logs out": ({ victim }) => victim.copy().post(LOGOUT),
  "it is ended from another session": ({ victim, other }) =>
    other.delete(`/api/account/sessions/${claims(victim).sid}`),
  "all sessions are ended": ({ other }) => other.delete("/api/account/sessions?scope=all"),
  "the password changes": ({ other }) =>
    other.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } }),
  "the password is reset by mail": (scene) => useLink(scene, RESET, { purpose: "reset-password" }),
  "a change of the address is taken back": (scene) => useLink(scene, UNDO_EMAIL, { purpose: "undo-email" }),
  "a login is disowned": (scene) => useLink(scene, DISOWN_LOGIN, { purpose: "disown-login" }),
  "another session changes the address": (scene) =>
    useLink(scene, CONFIRM_EMAIL, { purpose: "confirm-email", newEmail: `new.${scene.user.email}` }),
  "the user is deactivated": async ({ latchkey, user }) => {
    await latchkey.sql("UPDATE users SET is_active = 0 WHERE id = ?1", user.id);
    return { status: 204 };
  },
};

/** What KV does from the revocation on; the copies are warm in both places. */
const TROUBLES = {
  "KV is stale": { kvStaleMs: 600_000 },
  "KV is down": { faults: [{ on: "kv", how: "fail" }] },
  "waitUntil is dropped": { dropWaitUntil: true },
};

const GET_PROFILE = (client) => client.get(PROFILE);
const REFRESHING = (client) => client.post(REFRESH);
/** Every route that an access token opens and that changes or lists something. */
const GUARDED = {
  "GET sessions": (client) => client.get("/api/account/sessions"),
  "GET activity": (client) => client.get("/api/account/activity"),
  "PATCH profile": (client) => client.patch(PROFILE, { json: { name: "Mallory" } }),
  "PATCH password": (client) =>
    client.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: `${PASSWORD} 2` } }),
  "POST email": (client) =>
    client.post(CHANGE_EMAIL, { json: { email: "mallory@example.com", currentPassword: PASSWORD } }),
  "DELETE sessions": (client) => client.delete("/api/account/sessions?scope=all"),
  "DELETE one session": (client) => client.delete(`/api/account/sessions/${claims(client).sid}`),
};

let latchkey;
const at = (seconds) => latchkey.control({ nowMs: START_MS + seconds * 1000 });

/** A user with a session that is about to end and another one; KV knows both, in both places. */
async function warm() {
  await latchkey.control({ reset: true, nowMs: START_MS });
  const user = await register(latchkey);
  const [victim, other] = [await logIn(latchkey, user), await logIn(latchkey, user)];
  await latchkey.control({ kvStaleMs: 600_000 });
  for (const pop of POPS) {
    assert.equal((await GET_PROFILE(victim.copy({ pop }))).status, 200);
    // A refresh that fails after it has looked into KV: the place remembers the miss.
    await latchkey.control({ faults: [{ on: "d1", how: "fail", message: "no" }] }, { pop });
    assertProblem(await REFRESHING(only(REFRESH_COOKIE, victim, { pop })), "unavailable");
    await latchkey.control({ faults: [] }, { pop });
    await latchkey.settled();
  }
  return { latchkey, user, victim, other };
}

/** Warms, and ends the session `victim` in trouble; answers what was warmed. */
async function revoked(cause, trouble) {
  const scene = await warm();
  await latchkey.control({ kvStaleMs: 0, ...trouble });
  await at(REVOKED_AFTER_SECONDS);
  assert.equal((await cause(scene)).status, 204);
  return scene;
}

/** Runs `body` for each cause, trouble and point of presence. */
function matrix(body) {
  for (const [cause, end] of Object.entries(CAUSES)) {
    for (const [name, trouble] of Object.entries(TROUBLES)) {
      for (const pop of POPS) {
        test(`${cause}, ${name}, point of presence ${pop}`, () => body({ end, trouble, pop, name }));
      }
    }
  }
}

function serve(vars) {
  const provider = new MailProvider();
  before(async () => {
    const all = { ...MAIL_BY_PROVIDER, ...vars };
    latchkey = await startLatchkey({ entry: CHAOS, pops: 2, vars: all, outbound: provider.answer });
  });
  beforeEach(() => latchkey.control({ reset: true }));
  after(() => latchkey.dispose());
}

describe("PROFILE_CONSISTENCY=cached", () => {
  serve({ USER_CACHE_TTL_SECONDS });

  describe("the refresh token is refused on the very next request", () => {
    matrix(async ({ end, trouble, pop }) => {
      const { victim } = await revoked(end, trouble);
      assertRefused(await REFRESHING(only(REFRESH_COOKIE, victim, { pop })));
      // And when the trouble is over, and once everything has been seen everywhere.
      await latchkey.control({ reset: true });
      await at(REVOKED_AFTER_SECONDS);
      assertRefused(await REFRESHING(only(REFRESH_COOKIE, victim, { pop })));
    });
  });

  describe("the access token is refused: at once where it matters, on GET profile within the bound", () => {
    matrix(async ({ end, trouble, pop, name }) => {
      const { victim, user } = await revoked(end, trouble);
      const holder = only(ACCESS_COOKIE, victim, { pop });
      for (const request of Object.values(GUARDED)) assertRefused(await request(holder));
      const [row] = await latchkey.sql("SELECT name FROM users WHERE id = ?1", user.id);
      assert.equal(row.name, null);

      // The copy was read at 0 s; the session ended after that.
      await at(USER_CACHE_TTL_SECONDS - 1);
      const last = await GET_PROFILE(holder);
      const isCopyGone = name === "KV is down" || (name === "KV is stale" && pop === HERE && hasBackground(end));
      if (isCopyGone) assertRefused(last);
      else assert.equal(last.status, 200, "The copy still counts: this cell tests the bound.");
      await at(USER_CACHE_TTL_SECONDS);
      assertRefused(await GET_PROFILE(holder));
      await at(REVOKED_AFTER_SECONDS + USER_CACHE_TTL_SECONDS);
      assertRefused(await GET_PROFILE(holder));
    });
  });

  describe("in the same point of presence GET profile is refused once the background deletion has run", () => {
    for (const [cause, end] of Object.entries(CAUSES)) {
      if (!hasBackground(end)) continue;
      test(cause, async () => {
        const { victim } = await revoked(end, {});
        await latchkey.settled();
        assertRefused(await GET_PROFILE(only(ACCESS_COOKIE, victim, { pop: HERE })));
      });
    }
  });
});

describe("PROFILE_CONSISTENCY=strict: the access token is refused on the very next request on every route", () => {
  serve({ PROFILE_CONSISTENCY: "strict" });

  matrix(async ({ end, trouble, pop }) => {
    const { victim } = await revoked(end, trouble);
    const holder = only(ACCESS_COOKIE, victim, { pop });
    for (const request of [GET_PROFILE, ...Object.values(GUARDED)]) assertRefused(await request(holder));
    assertRefused(await REFRESHING(only(REFRESH_COOKIE, victim, { pop })));
  });
});

/** Whether it is the service that ends the session, and so drops the copy. */
function hasBackground(end) {
  return end !== CAUSES["the user is deactivated"];
}
