/**
 * Registering, logging in and reading the profile: what succeeds, with exactly
 * which fields, and what is refused to protect the account (docs/http.md,
 * sections 1, 4 and 5). Sessions have their own file.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  PASSWORD,
  PASSWORD_PATH,
  PROFILE,
  REGISTER,
  logIn,
  newEmail,
  register,
  sessionsOf,
  signUp,
  snapshot,
} from "./support/people.mjs";
import { assertHeaders, assertProblem } from "./support/problems.mjs";

const USER = ["createdAt", "email", "id", "isActive", "isSuperuser", "name", "roleName", "roleSlug", "updatedAt"];
const USER_AUTH = ["email", "id", "isActive", "isSuperuser", "name", "roleSlug"];
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

let latchkey;
let anonymous;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
beforeEach(async () => {
  anonymous = new Client(latchkey);
  await latchkey.control({ reset: true });
});
after(() => latchkey.dispose());

describe("registering", () => {
  const post = (json) => anonymous.post(REGISTER, { json });

  test("answers 201 with exactly the User, nulls kept, and sets no cookie", async () => {
    await latchkey.control({ nowMs: Date.UTC(2027, 1, 3, 4, 5, 6, 789) });
    const email = newEmail();
    const answer = await post({ email, password: PASSWORD });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers.get("Content-Type"), "application/json; charset=utf-8");
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assertHeaders(answer);
    assert.deepEqual(Object.keys(answer.json).sort(), USER);
    const { id, createdAt, updatedAt, ...rest } = answer.json;
    assert.match(id, UUID_V7);
    assert.equal(Number.parseInt(id.replace("-", "").slice(0, 12), 16), Date.UTC(2027, 1, 3, 4, 5, 6));
    for (const time of [createdAt, updatedAt]) {
      assert.match(time, RFC_3339_UTC);
      assert.equal(Date.parse(time), Date.UTC(2027, 1, 3, 4, 5, 6));
    }
    assert.deepEqual(rest, {
      name: null,
      email,
      isActive: true,
      isSuperuser: false,
      roleName: "Application Access",
      roleSlug: "application-access",
    });
  });

  test("lower-cases the address, trims the name and takes null for it", async () => {
    const email = newEmail();
    const answer = await post({ email: email.toUpperCase(), password: PASSWORD, name: "  Ada \u{1F511} Lovelace " });
    assert.equal(answer.json.email, email);
    assert.equal(answer.json.name, "Ada \u{1F511} Lovelace");
    const [row] = await latchkey.sql("SELECT email, name, password_hash FROM users WHERE id = ?1", answer.json.id);
    assert.deepEqual([row.email, row.name], [email, "Ada \u{1F511} Lovelace"]);
    assert.match(
      row.password_hash,
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$nfkc\/v1\/[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
    assert.equal((await post({ email: newEmail(), password: PASSWORD, name: null })).json.name, null);
  });

  test("of two people with one password no two hashes are equal", async () => {
    const [one, other] = [await register(latchkey), await register(latchkey)];
    const hashes = await latchkey.sql(
      "SELECT DISTINCT password_hash FROM users WHERE id IN (?1, ?2)",
      one.id,
      other.id,
    );
    assert.equal(hashes.length, 2);
  });

  test("the role and its name come from the database", async () => {
    await latchkey.sql("UPDATE roles SET name = 'Renamed' WHERE slug = 'application-access'");
    try {
      assert.equal((await register(latchkey)).user.roleName, "Renamed");
    } finally {
      await latchkey.sql("UPDATE roles SET name = 'Application Access' WHERE slug = 'application-access'");
    }
  });

  test("a taken address is a 409, whatever its case, and changes nothing", async () => {
    const { email } = await register(latchkey, { name: "First" });
    const before = await snapshot(latchkey);
    for (const spelling of [email, email.toUpperCase(), email.replace("p", "P")]) {
      const refused = await post({ email: spelling, password: "another good password", name: "Second" });
      assertProblem(refused, "email_taken");
      assert.equal(refused.json.detail, "A user with this email already exists");
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});

describe("logging in", () => {
  let person;
  before(async () => (person = await register(latchkey)));

  const accepted = {
    "an OAuth2 form": () => ({ form: { username: person.email, password: PASSWORD } }),
    "a form with all that RFC 6749 lets a client send": () => ({
      form: {
        grant_type: "password",
        username: person.email,
        password: PASSWORD,
        scope: "a b",
        client_id: "c",
        client_secret: "d",
      },
    }),
    JSON: () => ({ json: { username: person.email, password: PASSWORD } }),
    "JSON with all its names": () => ({
      json: {
        grant_type: "password",
        username: person.email,
        password: PASSWORD,
        scope: null,
        client_id: "c",
        client_secret: "d",
      },
    }),
    "an address in another case": () => ({ form: { username: person.email.toUpperCase(), password: PASSWORD } }),
    "media types with a charset, in any case": () => ({
      form: { username: person.email, password: PASSWORD },
      headers: { "Content-Type": "Application/X-WWW-Form-URLencoded; Charset=UTF-8" },
    }),
  };
  for (const [what, init] of Object.entries(accepted)) {
    test(`takes ${what}: 204, both cookies, no body`, async () => {
      const answer = await anonymous.post(LOGIN, init());
      assert.equal(answer.status, 204, answer.text);
      assert.equal(answer.text, "");
      assert.equal(answer.headers.get("Content-Type"), null);
      assertHeaders(answer);
      assert.deepEqual([...answer.setCookies.keys()].sort(), ["access_token", "refresh_token"]);
      assert.equal((await anonymous.get(PROFILE)).status, 200);
    });
  }

  test("refuses forms that break a rule, without echoing them", async () => {
    const { email: username } = person;
    /** @type {[form: Record<string, string>, errors: string[][]][]} */
    const rules = [
      [
        {},
        [
          ["username", "required"],
          ["password", "required"],
        ],
      ],
      [{ username, password: "" }, [["password", "required"]]],
      [{ username: "zqx-marker", password: PASSWORD }, [["username", "invalid_email"]]],
      [{ username, password: PASSWORD, grant_type: "zqx-marker" }, [["grant_type", "unsupported_grant_type"]]],
      [{ username, password: "", "zqx-marker": "zqx-marker" }, [["password", "required"]]],
    ];
    for (const [form, errors] of rules) {
      const refused = await anonymous.post(LOGIN, { form });
      assertProblem(refused, "validation_failed", { errors });
      assert.doesNotMatch(refused.text, /zqx-marker/);
      assert.deepEqual(refused.headers.getSetCookie(), []);
    }
    const wrongType = await anonymous.post(LOGIN, { json: { username: [username], password: 12345678 } });
    assertProblem(wrongType, "validation_failed", {
      errors: [
        ["username", "wrong_type"],
        ["password", "wrong_type"],
      ],
    });
  });

  test("refuses every cause alike: same bytes, same headers, same work", async () => {
    const set = (column, value, { id }) => latchkey.sql(`UPDATE users SET ${column} = ?1 WHERE id = ?2`, value, id);
    const people = {};
    for (const cause of ["wrong", "inactive", "both", "damaged", "truncated", "greedy"])
      people[cause] = await register(latchkey);
    await set("is_active", 0, people.inactive);
    await set("is_active", 0, people.both);
    await set("password_hash", "damaged", people.damaged);
    await set("password_hash", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA", people.truncated);
    await set(
      "password_hash",
      `$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$${"A".repeat(43)}`,
      people.greedy,
    );

    const attempt = async (username, password) => {
      await latchkey.resetCounters();
      const refused = await new Client(latchkey).post(LOGIN, { form: { username, password } });
      await latchkey.settled();
      const { d1, d1Statements, kvGet, kvPut, kvDelete, limiter, waitUntil, calls } = await latchkey.counters();
      assertProblem(refused, "invalid_credentials", { error: "invalid_grant" });
      const headers = [...refused.headers].filter(([name]) => name !== "x-request-id");
      const body = refused.text.replace(refused.json.requestId, "…");
      return { headers, body, work: { d1, d1Statements, kvGet, kvPut, kvDelete, limiter, waitUntil, calls } };
    };
    const unknown = await attempt(newEmail(), PASSWORD);
    // One before the answer, and one that adds to the audit log after it.
    assert.equal(unknown.work.d1, 2);
    assert.match(unknown.work.calls.at(-1), /add refusals/);
    assert.deepEqual(
      unknown.headers.filter(([name]) => name === "set-cookie"),
      [],
    );
    assert.deepEqual(await attempt(people.wrong.email, "wrong horse battery staple"), unknown, "wrong password");
    assert.deepEqual(await attempt(people.inactive.email, PASSWORD), unknown, "inactive user");
    assert.deepEqual(await attempt(people.both.email, "wrong horse battery staple"), unknown, "inactive and wrong");
    assert.deepEqual(await attempt(people.damaged.email, PASSWORD), unknown, "damaged hash");
    assert.deepEqual(await attempt(people.truncated.email, PASSWORD), unknown, "truncated hash");
    assert.deepEqual(await attempt(people.greedy.email, PASSWORD), unknown, "hash that asks for a gigabyte");
    for (const one of Object.values(people)) assert.deepEqual(await sessionsOf(latchkey, one), []);
  });
});

describe("the profile", () => {
  test("is exactly the UserAuth, nulls kept", async () => {
    const { client, id, email } = await signUp(latchkey);
    for (const source of ["the database", "the cache"]) {
      const answer = await client.get(PROFILE);
      await latchkey.settled();
      assert.equal(answer.status, 200, source);
      assert.equal(answer.headers.get("Content-Type"), "application/json; charset=utf-8");
      assert.deepEqual(answer.headers.getSetCookie(), []);
      assertHeaders(answer);
      assert.deepEqual(Object.keys(answer.json).sort(), USER_AUTH);
      assert.deepEqual(answer.json, {
        id,
        email,
        name: null,
        isActive: true,
        isSuperuser: false,
        roleSlug: "application-access",
      });
    }
  });

  test("has name, role and rank from the database", async () => {
    const { client, id } = await signUp(latchkey, { name: "Ada" });
    await latchkey.sql("INSERT OR IGNORE INTO roles (slug, name, created_at) VALUES ('editor', 'Editor', 0)");
    await latchkey.sql("UPDATE users SET role_slug = 'editor', is_superuser = 1 WHERE id = ?1", id);
    const { json } = await client.get(PROFILE);
    assert.deepEqual([json.name, json.roleSlug, json.isSuperuser], ["Ada", "editor", true]);
  });

  test("is refused without the access cookie, with only a refresh cookie, and to an inactive user", async () => {
    assertProblem(await anonymous.get(PROFILE), "not_authenticated");
    const { client, id } = await signUp(latchkey);
    const onlyRefresh = client.copy();
    onlyRefresh.cookies.delete("access_token");
    assertProblem(await onlyRefresh.get(PROFILE), "not_authenticated");
    await latchkey.sql("UPDATE users SET is_active = 0 WHERE id = ?1", id);
    assertProblem(await client.get(PROFILE), "invalid_token");
  });
});

describe("changing the password", () => {
  const change = (client, currentPassword, newPassword) =>
    client.patch(PASSWORD_PATH, { json: { currentPassword, newPassword } });

  test("answers 204 without a body; the new password logs in and the old one does not", async () => {
    const { client, email } = await signUp(latchkey);
    const answer = await change(client, PASSWORD, "a new horse battery staple");
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.text, "");
    assertHeaders(answer);
    await logIn(latchkey, { email, password: "a new horse battery staple" });
    assertProblem(
      await anonymous.post(LOGIN, { form: { username: email, password: PASSWORD } }),
      "invalid_credentials",
      { error: "invalid_grant" },
    );
  });

  test("refuses a wrong current password and touches nothing", async () => {
    const { client } = await signUp(latchkey);
    const before = await snapshot(latchkey);
    const refused = await change(client, "wrong horse battery staple", "a new horse battery staple");
    assertProblem(refused, "wrong_current_password");
    assert.deepEqual(refused.headers.getSetCookie(), []);
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("refuses new passwords that break a rule, and unknown fields", async () => {
    const { client, email } = await signUp(latchkey);
    const before = await snapshot(latchkey);
    /** @type {[json: object, errors: string[][]][]} */
    const faults = [
      [
        {},
        [
          ["currentPassword", "required"],
          ["newPassword", "required"],
        ],
      ],
      [{ currentPassword: PASSWORD, newPassword: "short" }, [["newPassword", "too_short"]]],
      [{ currentPassword: PASSWORD, newPassword: "x".repeat(129) }, [["newPassword", "too_long"]]],
      [{ currentPassword: PASSWORD, newPassword: email.toUpperCase() }, [["newPassword", "guessable"]]],
      [{ currentPassword: PASSWORD, newPassword: PASSWORD }, [["newPassword", "unchanged"]]],
      [{ currentPassword: "caf\u00e9 noir", newPassword: "cafe\u0301 noir" }, [["newPassword", "unchanged"]]],
      [
        { currentPassword: PASSWORD, newPassword: "\uff30\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11" },
        [["newPassword", "common"]],
      ],
      [{ currentPassword: PASSWORD, newPassword: null }, [["newPassword", "required"]]],
      [
        { currentPassword: PASSWORD, newPassword: "a new horse battery staple", id: "zqx-marker" },
        [["body", "unknown_field"]],
      ],
    ];
    for (const [json, errors] of faults) {
      const refused = await client.patch(PASSWORD_PATH, { json });
      assertProblem(refused, "validation_failed", { errors });
      assert.doesNotMatch(refused.text, /zqx-marker/);
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });

  test("is refused without the access cookie", async () => {
    assertProblem(await change(anonymous, PASSWORD, "a new horse battery staple"), "not_authenticated");
  });
});
