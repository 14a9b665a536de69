/**
 * A session from login to its end: rotation, reuse, logging out, replacing,
 * changing the password (docs/http.md, section 1). The test controls the clock.
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
  logIn,
  sessionsOf,
  signUp,
  tokenOf,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { decode } from "../harness/tokens.mjs";
import { cookieOf } from "./support/holders.mjs";

const NOW = Date.UTC(2027, 5, 1) / 1_000;
const GRANT = { error: "invalid_grant" };
const change = { json: { currentPassword: PASSWORD, newPassword: "a new horse battery staple" } };

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS, pops: 2 })));
beforeEach(() => latchkey.control({ reset: true, nowMs: NOW * 1_000 }));
after(() => latchkey.dispose());

const at = (seconds) => latchkey.control({ nowMs: (NOW + seconds) * 1_000 });
const reasons = async (person) => (await sessionsOf(latchkey, person)).map((row) => row.end_reason);

/** A copy of a client that has only one of the cookies. */
function only(client, name, options) {
  const copy = client.copy(options);
  for (const other of [...copy.cookies.keys()]) if (other !== name) copy.cookies.delete(other);
  return copy;
}

/** Both cookies are worth nothing any more, at once, wherever D1 decides. */
async function assertOver(client) {
  assertProblem(await client.copy().post(REFRESH), "invalid_token", GRANT);
  assertProblem(await client.copy().patch(PASSWORD_PATH, change), "invalid_token");
  await latchkey.settled();
  assertProblem(await client.copy().get(PROFILE), "invalid_token");
}

async function assertLives(client) {
  assert.equal((await client.get(PROFILE)).status, 200);
  assert.equal((await client.post(REFRESH)).status, 204);
}

describe("refreshing", () => {
  test("gives a new pair of the same session, and again the same within the grace", async () => {
    const person = await signUp(latchkey);
    const first = person.client.copy();
    await at(5);
    const answer = await person.client.post(REFRESH);
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.text, "");
    const [before, after] = [first, person.client].map((client) => decode(tokenOf(client, "refresh_token")).claims);
    assert.deepEqual({ ...after, jti: before.jti }, { ...before, iat: NOW + 5, exp: NOW + 5 + 604_800 });
    assert.notEqual(after.jti, before.jti);
    const [row] = await sessionsOf(latchkey, person);
    assert.deepEqual(
      [row.current_jti, row.previous_jti, row.rotated_at, row.last_used_at, row.ended_at],
      [after.jti, before.jti, NOW + 5, NOW + 5, null],
    );

    for (const seconds of [5, 10, 15]) {
      await at(seconds);
      const again = first.copy({ pop: seconds % 2 });
      assert.equal((await again.post(REFRESH)).status, 204);
      for (const name of ["access_token", "refresh_token"]) {
        assert.equal(tokenOf(again, name), tokenOf(person.client, name), `${name} after ${seconds} s`);
      }
    }
    assert.deepEqual(await sessionsOf(latchkey, person), [row], "one step, whatever the repetitions");
    await assertLives(person.client);
  });

  test("needs the refresh cookie, and no access cookie", async () => {
    const { client } = await signUp(latchkey);
    assertProblem(await new Client(latchkey).post(REFRESH), "not_authenticated", GRANT);
    assertProblem(await only(client, "access_token").post(REFRESH), "not_authenticated", GRANT);
    assert.equal((await only(client, "refresh_token").post(REFRESH)).status, 204);
  });

  test("takes the role from the database", async () => {
    const { client, id } = await signUp(latchkey);
    await latchkey.sql("INSERT OR IGNORE INTO roles (slug, name, created_at) VALUES ('editor', 'Editor', 0)");
    await latchkey.sql("UPDATE users SET role_slug = 'editor' WHERE id = ?1", id);
    await client.post(REFRESH);
    assert.equal(decode(tokenOf(client, "access_token")).claims.role, "editor");
  });

  test("is refused to an inactive user, and goes on being refused when that is undone", async () => {
    const { client, id } = await signUp(latchkey);
    const predecessor = client.copy();
    await client.post(REFRESH);
    await latchkey.sql("UPDATE users SET is_active = 0 WHERE id = ?1", id);
    assertProblem(await client.copy().post(REFRESH), "invalid_token", GRANT);
    assertProblem(await predecessor.post(REFRESH), "invalid_token", GRANT);
    await latchkey.sql("UPDATE users SET is_active = 1 WHERE id = ?1", id);
    for (const either of [client, predecessor])
      assertProblem(await either.copy().post(REFRESH), "invalid_token", GRANT);
  });
});

describe("a refresh token that has been superseded", () => {
  const cases = {
    "two generations ago, within the grace": async (client) => {
      const stolen = client.copy();
      await client.post(REFRESH);
      await client.post(REFRESH);
      return stolen;
    },
    "two generations ago, minutes later": async (client) => {
      const stolen = client.copy();
      await client.post(REFRESH);
      await at(100);
      await client.post(REFRESH);
      await at(300);
      return stolen;
    },
    "one generation ago, after the grace": async (client) => {
      const stolen = client.copy();
      await client.post(REFRESH);
      await at(11);
      return stolen;
    },
  };
  for (const [when, prepare] of Object.entries(cases)) {
    test(`${when}, ends its session and no other`, async () => {
      const person = await signUp(latchkey);
      const elsewhere = await logIn(latchkey, person);
      const stolen = await prepare(person.client);
      await latchkey.settled();
      const refused = await stolen.copy().post(REFRESH);
      assertProblem(refused, "invalid_token", GRANT);
      assert.deepEqual(await reasons(person), ["reuse", null]);
      await assertOver(person.client);
      assertProblem(await stolen.copy().post(REFRESH), "invalid_token", GRANT);
      assert.equal((await elsewhere.post(REFRESH)).status, 204);
      await assertLives(elsewhere);
    });
  }
});

describe("logging out", () => {
  test("ends the session that either cookie names, and is idempotent", async () => {
    for (const name of ["access_token", "refresh_token"]) {
      const person = await signUp(latchkey);
      const kept = person.client.copy();
      for (const _ of ["first", "again"]) {
        const answer = await only(kept, name).post(LOGOUT);
        assert.equal(answer.status, 204, answer.text);
        assert.deepEqual(
          [...answer.setCookies.values()].map(({ attributes }) => attributes["Max-Age"]),
          ["0", "0"],
        );
      }
      assert.deepEqual(await reasons(person), ["logout"]);
      assert.equal((await sessionsOf(latchkey, person))[0].ended_at, NOW);
      await assertOver(kept);
    }
  });

  test("works with expired tokens, and after a rotation with the old ones", async () => {
    const person = await signUp(latchkey);
    const old = person.client.copy();
    await person.client.post(REFRESH);
    await at(601);
    assert.equal((await only(old, "access_token").post(LOGOUT)).status, 204);
    assert.deepEqual(await reasons(person), ["logout"]);
    assertProblem(await person.client.copy().post(REFRESH), "invalid_token", GRANT);
    const another = await logIn(latchkey, person);
    await at(604_801 + 601);
    assert.equal((await another.post(LOGOUT)).status, 204, "both have expired");
    assert.equal(another.cookieHeader, null);
  });

  test("with one good and one forged cookie ends the good one's session", async () => {
    for (const name of ["access_token", "refresh_token"]) {
      const person = await signUp(latchkey);
      const client = person.client.copy();
      client.cookies.set(name, { ...cookieOf(client, name), value: "zqx" });
      assert.equal((await client.post(LOGOUT)).status, 204);
      assert.deepEqual(await reasons(person), ["logout"]);
    }
  });

  test("leaves the user's other sessions alone", async () => {
    const person = await signUp(latchkey);
    const elsewhere = await logIn(latchkey, person);
    await person.client.post(LOGOUT);
    assert.deepEqual(await reasons(person), ["logout", null]);
    await assertLives(elsewhere);
  });

  test("without any auth cookie is a 401", async () => {
    assertProblem(await new Client(latchkey).post(LOGOUT), "not_authenticated");
    const empty = await new Client(latchkey).post(LOGOUT, {
      headers: { Cookie: "access_token=; refresh_token=; other=1" },
    });
    assertProblem(empty, "not_authenticated");
  });

  test("with the cookies of two sessions, or two users, ends neither", async () => {
    const one = await signUp(latchkey);
    const sameUser = await logIn(latchkey, one);
    const otherUser = (await signUp(latchkey)).client;
    for (const other of [sameUser, otherUser]) {
      for (const [access, refresh] of [
        [one.client, other],
        [other, one.client],
      ]) {
        const mixed = access.copy();
        mixed.cookies.set("refresh_token", cookieOf(refresh, "refresh_token"));
        assertProblem(await mixed.post(LOGOUT), "invalid_token");
      }
    }
    assert.deepEqual(await reasons(one), [null, null]);
    for (const client of [one.client, sameUser, otherUser]) await assertLives(client);
  });
});

describe("logging in with the cookies of a live session", () => {
  test("ends that session, by either cookie, and no other", async () => {
    for (const name of ["access_token", "refresh_token"]) {
      const person = await signUp(latchkey);
      const elsewhere = await logIn(latchkey, person);
      const carried = only(person.client, name);
      await logIn(latchkey, person, carried);
      assert.deepEqual(await reasons(person), ["replaced", null, null]);
      await assertOver(person.client);
      await assertLives(elsewhere);
      await assertLives(carried);
    }
  });

  test("ends it though it is another person's, and drops that person's copy too", async () => {
    const [before, next] = [await signUp(latchkey), await signUp(latchkey)];
    const kept = before.client.copy();
    assert.equal((await kept.get(PROFILE)).status, 200);
    await latchkey.settled();
    assert.ok(await (await latchkey.kv()).get(`user:${before.id}`));
    await logIn(latchkey, next, before.client);
    assert.deepEqual(await reasons(before), ["replaced"]);
    await latchkey.settled();
    assert.equal(await (await latchkey.kv()).get(`user:${before.id}`), null);
    assertProblem(await kept.get(PROFILE), "invalid_token");
  });

  test("does not when the login is refused", async () => {
    const person = await signUp(latchkey);
    const refused = await person.client.post(LOGIN, { form: { username: person.email, password: "wrong password" } });
    assertProblem(refused, "invalid_credentials", GRANT);
    assert.deepEqual(await reasons(person), [null]);
    await assertLives(person.client);
  });
});

test("the twenty-first session ends the one that was not used for longest", async () => {
  const person = await signUp(latchkey);
  const second = await logIn(latchkey, person);
  for (let seconds = 1; seconds <= 18; seconds += 1) {
    await at(seconds);
    await logIn(latchkey, person);
  }
  await at(20);
  assert.equal((await person.client.post(REFRESH)).status, 204);
  assert.deepEqual(new Set(await reasons(person)), new Set([null]));
  await logIn(latchkey, person);
  const ended = await reasons(person);
  assert.deepEqual(
    ended.map((reason, i) => [i, reason]).filter(([, reason]) => reason),
    [[1, "evicted"]],
  );
  await assertOver(second);
  await assertLives(person.client);
});

describe("changing the password", () => {
  test("ends every session of the user and none of others", async () => {
    const person = await signUp(latchkey);
    const elsewhere = await logIn(latchkey, person);
    const stranger = await signUp(latchkey);
    const kept = person.client.copy();
    assert.equal((await person.client.patch(PASSWORD_PATH, change)).status, 204);
    assert.deepEqual(await reasons(person), ["password_changed", "password_changed"]);
    for (const client of [kept, elsewhere]) await assertOver(client);
    await assertLives(stranger.client);
    await assertLives(await logIn(latchkey, { ...person, password: change.json.newPassword }));
  });

  test("needs a session that is live in the database, whatever the copy says", async () => {
    const person = await signUp(latchkey);
    assert.equal((await person.client.get(PROFILE)).status, 200);
    await latchkey.settled();
    await latchkey.sql("UPDATE sessions SET ended_at = ?1, end_reason = 'logout' WHERE user_id = ?2", NOW, person.id);
    assert.equal((await person.client.get(PROFILE)).status, 200, "the copy counts for reading");
    assertProblem(await person.client.patch(PASSWORD_PATH, change), "invalid_token");
    await at(60);
    assertProblem(await person.client.get(PROFILE), "invalid_token");
  });
});
