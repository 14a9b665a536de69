/**
 * Imported users: from each system's own export into D1, logged in with their
 * password, after which the hash is an own one. No existing user is changed,
 * and a repetition changes nothing.
 */
import assert from "node:assert/strict";
import { pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Failure } from "../scripts/lib.mjs";
import { HOLDERS } from "../scripts/users/import-users.mjs";
import { askService } from "../scripts/users/service-rules.mjs";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import {
  EXPORTS,
  HASH,
  HASHED_PASSWORD,
  OURS,
  assertNoSecrets,
  exportFile,
  fileOf,
  importFile,
  person,
  scratch,
} from "./support/imports.mjs";
import { LOGIN, REGISTER, logIn, newEmail, register, snapshot } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

let latchkey;
before(async () => (latchkey = await startLatchkey()));
beforeEach(() => latchkey.sql("DELETE FROM users"));
after(() => latchkey.dispose());

const users = () => latchkey.sql("SELECT * FROM users ORDER BY email");
const reasons = ({ report }) => report.filter(({ reason }) => reason).map(({ line, reason }) => `${line} ${reason}`);

async function refusal(email, password) {
  const answer = await new Client(latchkey).post(LOGIN, { json: { username: email, password } });
  assertProblem(answer, "invalid_credentials", { error: "invalid_grant" });
  const { requestId, ...same } = answer.json;
  return same;
}

/** Who can log in after the import of each file, with the password of the others; who cannot. */
const MOVED = {
  "better-auth": {
    in: { "ada@example.org": HASHED_PASSWORD, "grace@example.org": HASHED_PASSWORD, "zoe@example.org": "paſséｗｏrd" },
    names: {
      "ada@example.org": "Ada Lovelace",
      "grace@example.org": 'Grace "Amazing" Hopper',
      "zoe@example.org": "Zoë",
    },
    out: [],
    skipped: ["no_password"],
  },
  supabase: {
    in: {
      "ada@example.org": HASHED_PASSWORD,
      "grace@example.org": HASHED_PASSWORD,
      "was-banned@example.org": HASHED_PASSWORD,
    },
    names: { "ada@example.org": 'Ada, "Countess" Lovelace' },
    out: ["banned@example.org"],
    skipped: ["deleted", "no_password"],
  },
  django: {
    in: Object.fromEntries(
      ["ada", "grace", "argon", "bcrypt", "scrypt", "scrypt-default"].map((name) => [
        `${name}@example.org`,
        HASHED_PASSWORD,
      ]),
    ),
    names: { "ada@example.org": "Ada Lovelace", "grace@example.org": "Grace" },
    out: ["left@example.org"],
    superusers: ["ada@example.org"],
    skipped: ["hash_out_of_bounds", "hash_unsupported", "hash_unsupported", "no_password", "email_missing"],
  },
  "fastapi-users": {
    in: Object.fromEntries(["ada", "grace", "older"].map((name) => [`${name}@example.org`, HASHED_PASSWORD])),
    names: {},
    out: ["left@example.org"],
    superusers: ["ada@example.org"],
    skipped: [],
  },
  firebase: {
    in: { "user1@example.org": "user1password", "ada@example.org": HASHED_PASSWORD },
    names: { "user1@example.org": "One, First", "ada@example.org": 'Ada "Countess" Lovelace' },
    out: ["disabled@example.org"],
    skipped: ["no_password", "email_missing"],
  },
  auth0: {
    in: { "ada@example.org": HASHED_PASSWORD, "grace@example.org": HASHED_PASSWORD },
    names: { "ada@example.org": "Ada Lovelace" },
    out: ["blocked@example.org"],
    skipped: [],
  },
};

describe("an export of", () => {
  for (const options of EXPORTS) {
    const expected = MOVED[options.from];
    test(`${options.from} (${options.path.split(".").at(-1)}): in with the old password, the hash is ours, in again`, async () => {
      const { report } = await importFile(latchkey, options);
      assert.deepEqual(
        report.filter(({ reason }) => reason).map(({ reason }) => reason),
        expected.skipped,
      );
      const rows = new Map((await users()).map((row) => [row.email, row]));
      assert.deepEqual([...rows.keys()], [...Object.keys(expected.in), ...expected.out].sort());
      assert.deepEqual(
        [...rows.values()].filter((row) => row.is_superuser).map((row) => row.email),
        expected.superusers ?? [],
      );

      const unknown = await refusal(newEmail(), HASHED_PASSWORD);
      for (const [email, password] of Object.entries(expected.in)) {
        const row = rows.get(email);
        assert.equal(row.name, expected.names[email] ?? null);
        assert.ok(!row.password_hash.startsWith(OURS), email);
        assert.deepEqual(await refusal(email, `${password}!`), unknown, email);
        await logIn(latchkey, { email, password });
        const [{ password_hash: hash }] = await latchkey.sql("SELECT password_hash FROM users WHERE email = ?1", email);
        assert.ok(hash.startsWith(OURS), email);
        await logIn(latchkey, { email, password });
        assert.deepEqual(await refusal(email, `${password}!`), unknown, email);
      }
      for (const email of expected.out) assert.deepEqual(await refusal(email, HASHED_PASSWORD), unknown, email);
    });
  }
});

/** The spellings in which devices send one password; NFKC makes the first of them. */
const SPELLINGS = ["caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me", "\uff43\uff41\uff46\u00e9 cr\u00e8me"];

/** A hash of Better Auth's: NFKC, then scrypt with the hexadecimal text as the salt. */
function betterAuthHash(password) {
  const salt = randomBytes(16).toString("hex");
  return `${salt}:${scryptSync(password.normalize("NFKC"), salt, 64, { N: 2 ** 14, r: 16, p: 1, maxmem: 2 ** 26 }).toString("hex")}`;
}

/** A hash of Django's: the text as it is sent. */
function djangoHash(password) {
  return `pbkdf2_sha256$1000$seasalt$${pbkdf2Sync(password, "seasalt", 1_000, 32, "sha256").toString("base64")}`;
}

describe("passwords", () => {
  const hashOf = async (email) =>
    (await latchkey.sql("SELECT password_hash FROM users WHERE email = ?1", email))[0].password_hash;

  test("from Better Auth keep their second device: every spelling logs in, first and afterwards", async (t) => {
    const people = SPELLINGS.flatMap((chosen, i) =>
      SPELLINGS.map((first, k) => ({
        id: `u${i}${k}`,
        email: `u${i}${k}@example.com`,
        password: betterAuthHash(chosen),
        first,
      })),
    );
    const path = fileOf(
      scratch(t),
      "users.jsonl",
      people.map(({ first, ...row }) => row),
    );
    await importFile(latchkey, { path, from: "better-auth" });
    for (const { email, first } of people) {
      await logIn(latchkey, { email, password: first });
      assert.ok((await hashOf(email)).startsWith(OURS));
      for (const password of SPELLINGS) await logIn(latchkey, { email, password });
      await refusal(email, "cafe creme");
    }
  });

  test("from a system that hashes what is sent log in as it was sent, and in every spelling afterwards", async (t) => {
    const people = SPELLINGS.map((chosen, i) => ({
      pk: i,
      fields: { email: `d${i}@example.com`, password: djangoHash(chosen) },
      chosen,
    }));
    const path = fileOf(
      scratch(t),
      "users.jsonl",
      people.map(({ chosen, ...row }) => row),
    );
    await importFile(latchkey, { path, from: "django" });
    for (const {
      fields: { email },
      chosen,
    } of people) {
      await logIn(latchkey, { email, password: chosen });
      for (const password of SPELLINGS) await logIn(latchkey, { email, password });
    }
  });

  test("move on between Latchkeys with what their hashes say of the spelling", async (t) => {
    const person = await register(latchkey, { password: SPELLINGS[1] });
    const hash = await hashOf(person.email);
    await latchkey.sql("DELETE FROM users");
    await importFile(latchkey, {
      path: fileOf(scratch(t), "all.jsonl", [{ id: person.id, email: person.email, passwordHash: hash }]),
    });
    for (const password of SPELLINGS) await logIn(latchkey, { ...person, password });
    assert.equal(await hashOf(person.email), hash);
  });

  test("longer than a new one may be log in, and are replaced like the others", async (t) => {
    const passwords = [
      "x".repeat(129),
      "long ".repeat(200),
      "\u00e9".repeat(200),
      "\u{1F511}".repeat(500),
      "x".repeat(4_096),
    ];
    const people = passwords.map((password, i) => ({
      id: `l${i}`,
      email: `l${i}@example.com`,
      password: betterAuthHash(password),
    }));
    await importFile(latchkey, { path: fileOf(scratch(t), "users.jsonl", people), from: "better-auth" });
    for (const [i, { email }] of people.entries()) {
      const body = { username: email, password: passwords[i] };
      for (const round of ["first", "second"]) {
        const answer = await new Client(latchkey).post(LOGIN, { json: body });
        assert.equal(answer.status, 204, `${i} ${round} ${answer.text}`);
      }
      assert.ok((await hashOf(email)).startsWith(OURS));
      await refusal(email, [...passwords[i]].slice(1).join(""));
    }
  });
});

describe("ids", () => {
  test("are kept when they are UUIDs, in lower case, and new ones can be found by the old", async (t) => {
    const uuid = "F47AC10B-58CC-4372-A567-0E02B2C3D479";
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1),
      person(2, { id: uuid }),
      person(3, { id: 42 }),
      person(4, { id: null }),
    ]);
    const { report } = await importFile(latchkey, { path });
    const ids = (await users()).map(({ id }) => id);
    assert.deepEqual(ids.slice(0, 2), [person(1).id, uuid.toLowerCase()]);
    for (const id of ids.slice(2)) assert.match(id, /^018f3398-c100-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual(report, [
      { line: 2, oldId: uuid, id: ids[1] },
      { line: 3, oldId: "42", id: ids[2] },
      { line: 4, oldId: null, id: ids[3] },
    ]);
    await logIn(latchkey, { email: person(3).email, password: HASHED_PASSWORD });
  });

  test("are kept in every spelling of a UUID", async (t) => {
    const uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
    const digits = uuid.replaceAll("-", "");
    const spellings = [
      uuid,
      digits,
      uuid.toUpperCase(),
      digits.toUpperCase(),
      `{${uuid}}`,
      `{${uuid.toUpperCase()}}`,
      `{${digits}}`,
      `\\x${digits}`,
      `uuid:${uuid}`,
      `${uuid} `,
      `urn:uuid:${uuid}`,
      `0x${digits.toUpperCase()}`,
    ];
    for (const spelling of spellings) {
      await latchkey.sql("DELETE FROM users");
      const path = fileOf(
        scratch(t),
        "users.csv",
        `id,email,hashed_password,is_active,is_superuser\n${spelling},ada@example.com,${HASH},1,0\n`,
      );
      const { report } = await importFile(latchkey, { path, from: "fastapi-users" });
      assert.deepEqual(
        (await users()).map(({ id }) => id),
        [uuid],
        spelling,
      );
      assert.deepEqual(report, spelling === uuid ? [] : [{ line: 2, oldId: spelling, id: uuid }]);
      await logIn(latchkey, { email: "ada@example.com", password: HASHED_PASSWORD });
    }
    // Two spellings of one are one; what only looks like one is another id.
    await latchkey.sql("DELETE FROM users");
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1, { id: uuid }),
      person(2, { id: digits }),
      person(3, { id: `${digits}0` }),
      person(4, { id: digits.slice(1) }),
      person(5, { id: uuid.replace("-", "") }),
      person(6, { id: `{${uuid}` }),
    ]);
    const result = await importFile(latchkey, { path });
    assert.deepEqual(reasons(result), ["2 duplicate_id", "6 id_invalid"]);
    for (const { id } of (await users()).slice(1)) assert.match(id, /^018f3398-c100-7/);
  });

  test("that JSON has rounded are not read: two people would be one", async (t) => {
    const path = fileOf(
      scratch(t),
      "users.jsonl",
      `${JSON.stringify(person(1)).replace(/"id":"[^"]*"/, '"id":9007199254740993')}\n${JSON.stringify(person(2, { id: 9_007_199_254_740_991 }))}\n`,
    );
    assert.deepEqual(reasons(await importFile(latchkey, { path })), ["1 id_invalid"]);
  });

  test("that could hold anything are not read", async (t) => {
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1, { id: HASH }),
      person(2, { id: { a: 1 } }),
      person(3, { id: "x".repeat(65) }),
    ]);
    const { report } = await importFile(latchkey, { path });
    assert.deepEqual(
      report,
      [1, 2, 3].map((line) => ({ line, reason: "id_invalid" })),
    );
  });
});

describe("a repetition", () => {
  test("gives the same rows and the same report, of each system's file", async () => {
    for (const options of EXPORTS) {
      await latchkey.sql("DELETE FROM users");
      const first = await importFile(latchkey, options);
      const rows = await users();
      const second = await importFile(latchkey, options);
      assert.deepEqual(await users(), rows);
      assert.deepEqual(second.report, first.report);
      assert.deepEqual([second.summary.imported, second.summary.alreadyThere], [0, first.summary.imported]);
    }
  });

  test("after an interruption ends as if there had been none", async (t) => {
    const people = Array.from({ length: 1_200 }, (_, number) => person(number, { id: number }));
    const path = fileOf(scratch(t), "users.jsonl", people);
    const stopped = await importFile(latchkey, { path, isStopped: () => true });
    assert.deepEqual(
      [stopped.summary.isComplete, stopped.summary.imported, stopped.summary.lastLine],
      [false, 500, 500],
    );
    const resumed = await importFile(latchkey, { path });
    assert.deepEqual([resumed.summary.alreadyThere, resumed.summary.imported], [500, 700]);
    const rows = await users();
    await latchkey.sql("DELETE FROM users");
    const whole = await importFile(latchkey, { path });
    assert.deepEqual(whole.report, resumed.report);
    assert.deepEqual(await users(), rows);
  });
});

describe("who is there", () => {
  test("is looked up by the indexes, so that the batches of a large database take no longer", async () => {
    const plan = (await latchkey.sql(`EXPLAIN QUERY PLAN ${HOLDERS}`, "[]")).map(({ detail }) => detail);
    assert.equal(plan.filter((step) => /^SEARCH users USING/.test(step)).length, 2, plan.join("\n"));
    assert.ok(!plan.some((step) => /^SCAN users/.test(step)), plan.join("\n"));
  });

  test("is never changed: neither by address nor by id", async (t) => {
    const ada = await register(latchkey);
    const before = await snapshot(latchkey);
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1, { email: ada.email.toUpperCase(), isSuperuser: true }),
      person(2, { id: ada.id }),
      person(3, { id: ada.id, email: ada.email, isSuperuser: true, name: "Mallory" }),
    ]);
    for (const dryRun of [true, false]) {
      const result = await importFile(latchkey, { path, dryRun });
      assert.deepEqual(reasons(result), ["1 email_taken", "2 id_taken", "3 duplicate_email"]);
      assert.deepEqual(await snapshot(latchkey), before);
    }
    const same = fileOf(scratch(t), "users.jsonl", [
      person(3, { id: ada.id, email: ada.email, isSuperuser: true, name: "Mallory" }),
    ]);
    assert.equal((await importFile(latchkey, { path: same })).summary.alreadyThere, 1);
    assert.deepEqual(await snapshot(latchkey), before);
    await logIn(latchkey, ada);
  });

  test("of two lines with one address or one id the first is", async (t) => {
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1, { passwordHash: "md5$x$y" }),
      person(2, { email: person(1).email }),
      person(3, { email: person(1).email }),
      person(4, { id: person(2).id }),
    ]);
    const { report } = await importFile(latchkey, { path });
    assert.deepEqual(report, [
      { line: 1, reason: "hash_unsupported", id: person(1).id },
      { line: 3, reason: "duplicate_email", detail: "as line 2", id: person(3).id },
      { line: 4, reason: "duplicate_id", detail: "as line 2", id: person(2).id },
    ]);
    assert.deepEqual(
      (await users()).map(({ id }) => id),
      [person(2).id],
    );
  });
});

describe("fields", () => {
  test("a dry run says the same and writes nothing", async () => {
    for (const options of EXPORTS) {
      const dry = await importFile(latchkey, { ...options, dryRun: true });
      assert.deepEqual(await users(), []);
      const wet = await importFile(latchkey, options);
      assert.deepEqual(dry, wet);
      await latchkey.sql("DELETE FROM users");
    }
  });

  test("an address is accepted exactly if somebody could register with it", async () => {
    const label = "a".repeat(63);
    for (const email of [
      "Ada@Example.ORG",
      "a.d+a@example.org",
      "o'brien@example.org",
      "x_y-z!#$%&*/=?^`{|}~@example.org",
      `${"l".repeat(64)}@example.org`,
      `${"l".repeat(65)}@example.org`,
      `a@${label}.org`,
      `a@${label}a.org`,
      `a@${label}.${label}.${label}.${"a".repeat(60)}`,
      `a@${label}.${label}.${label}.${"a".repeat(61)}`,
      "",
      "ada",
      "@example.org",
      "ada@example",
      "ada@@example.org",
      "a@b@example.org",
      "ada@example..org",
      "ada@.example.org",
      "ada@example.org.",
      "ada@-example.org",
      "ada@example-.org",
      "ada@exa_mple.org",
      " b@example.org",
      "c@example.org ",
      "d@example.org\n",
      "\u00a0e@example.org\u2003",
      "\t f@example.org\r\n",
      "\ufeffg@example.org",
      "h @example.org",
      "\u200bi@example.org",
      '"a"@example.org',
      "ada@bücher.example",
      "\u212Aada@example.org",
      "ada\u0130@example.org",
      "a@example.org\u3002",
    ]) {
      const answer = await new Client(latchkey).post(REGISTER, {
        json: { email, password: "correct horse battery staple" },
      });
      assert.equal(askService({ email }).email, answer.status === 201 ? answer.json.email : null, email);
    }
  });

  test("a name is taken exactly if somebody could register with it; else the person comes without", async (t) => {
    const names = [
      "Ada",
      "  Ada  ",
      "\u00a0Ada\u2003",
      "é".repeat(100),
      "é".repeat(101),
      "𝒜".repeat(100),
      "",
      " \u3000",
      "Ada\u001b[31m",
      "A\u0085da",
      "Ada\r\nBob",
      "\ufeffAda",
      "\u200b",
      "\u2800",
      "\u3164",
      "\ufeff",
      "\u00ad",
      "\u0301\u0302",
      "\u{e0041}\u{e007f}",
      "\u2028Ada",
      "A\u202eda",
      "A\u2066da",
      "Zoe\u0308",
      "می\u200cخواهم",
      "नेहा",
      "👩\u200d🚀",
      "\u0378",
      "\ue000",
      "-",
    ];
    const path = fileOf(
      scratch(t),
      "users.jsonl",
      names.map((name, number) => person(number, { name })),
    );
    const { summary } = await importFile(latchkey, { path });
    assert.equal(summary.imported, names.length);
    for (const [number, name] of names.entries()) {
      const answer = await new Client(latchkey).post(REGISTER, {
        json: { email: newEmail(), password: "correct horse battery staple", name },
      });
      const [row] = await latchkey.sql("SELECT name FROM users WHERE id = ?1", person(number).id);
      assert.equal(row.name, answer.status === 201 ? answer.json.name : null, JSON.stringify(name));
    }
  });

  test("roles, flags and times are kept, and what is none of them is not guessed", async (t) => {
    await latchkey.sql("INSERT OR IGNORE INTO roles (slug, name, created_at) VALUES ('editor', 'Editor', 1)");
    const path = fileOf(scratch(t), "users.jsonl", [
      person(1, { roleSlug: "editor", isActive: false, isSuperuser: "t", updatedAt: "2024-05-02 12:00:00.5+02" }),
      person(2, { roleSlug: "owner" }),
      person(3, { isActive: "maybe" }),
      person(4, { isSuperuser: 2 }),
      person(5, { createdAt: 1_714_557_600_000 }),
      person(6, { createdAt: "yesterday" }),
    ]);
    const result = await importFile(latchkey, { path });
    assert.deepEqual(reasons(result), ["2 role_unknown", "3 flag_invalid", "4 flag_invalid"]);
    assert.equal(result.summary.superusers, 1);
    const rows = (await users()).map((row) => [
      row.role_slug,
      row.is_active,
      row.is_superuser,
      row.created_at,
      row.updated_at,
    ]);
    assert.deepEqual(rows, [
      ["editor", 0, 1, 1_714_557_600, 1_714_644_000],
      ["application-access", 1, 0, 1_714_557_600, 1_714_557_600],
      ["application-access", 1, 0, 1_800_000_000, 1_800_000_000],
    ]);
  });

  test("a value of the wrong type costs its line at most, in every source", async (t) => {
    const odd = [
      null,
      0,
      1e300,
      true,
      "",
      "x",
      "constructor",
      "\ud800",
      [],
      [["60425da93519d90068f82966"]],
      {},
      { $oid: 1 },
      { length: 1e9 },
    ];
    const names = [
      "id",
      "pk",
      "_id",
      "localId",
      "email",
      "name",
      "first_name",
      "fields",
      "model",
      "password",
      "passwordHash",
      "hashed_password",
      "encrypted_password",
      "salt",
      "raw_user_meta_data",
      "is_active",
      "isActive",
      "banned",
      "banned_until",
      "disabled",
      "is_superuser",
      "isSuperuser",
      "role_slug",
      "roleSlug",
      "created_at",
      "createdAt",
      "date_joined",
      "updated_at",
      "deleted_at",
      "reason",
      "__proto__",
    ];
    const whole = {
      id: 1,
      _id: { $oid: "60425da93519d90068f82966" },
      localId: "a",
      email: "odd@example.com",
      salt: "AAAA",
      ...Object.fromEntries(
        ["password", "passwordHash", "hashed_password", "encrypted_password"].map((name) => [name, HASH]),
      ),
    };
    const lines = names.flatMap((name) => odd.map((value) => ({ ...whole, [name]: value })));
    const path = fileOf(scratch(t), "users.jsonl", [
      ...lines,
      { ...whole, id: 2, pk: 2, localId: "b", email: "last@example.com" },
    ]);
    for (const options of EXPORTS) {
      await latchkey.sql("DELETE FROM users");
      const { summary } = await importFile(latchkey, { ...options, path, auth0Profiles: undefined });
      assert.equal(summary.lines, lines.length + 1, options.from);
      assert.ok(
        Object.keys(summary.skipped).every((reason) => /^[a-z_]+$/.test(reason)),
        options.from,
      );
      // Auth0's and Firebase's lines need what this row lacks or repeats; the others take the last one.
      if (!["auth0", "firebase"].includes(options.from))
        assert.ok(
          (await users()).some(({ email }) => email === "last@example.com"),
          options.from,
        );
    }
  });

  test("Supabase's bans: written-out NULLs are none, a time that is none is not guessed", async (t) => {
    const bans = {
      NULL: 1,
      "\\N": 1,
      None: 1,
      null: 1,
      "": 1,
      "2020-01-01 00:00:00+00": 1,
      "2999-01-01 00:00:00+00": 0,
      infinity: 0,
      "-infinity": null,
      never: null,
    };
    const lines = Object.keys(bans).map(
      (ban, i) => `${person(i).id},ban${i}@example.com,${HASH},NULL,NULL,\\N,${ban},NULL\n`,
    );
    const path = fileOf(
      scratch(t),
      "users.csv",
      `id,email,encrypted_password,raw_user_meta_data,created_at,updated_at,banned_until,deleted_at\n${lines.join("")}`,
    );
    const result = await importFile(latchkey, { path, from: "supabase" });
    assert.deepEqual(reasons(result), ["10 flag_invalid", "11 flag_invalid"]);
    assert.deepEqual(result.summary.notes, {});
    const active = (await users()).map(({ is_active, name }) => [is_active, name]);
    assert.deepEqual(
      active,
      Object.values(bans)
        .filter((is) => is !== null)
        .map((is) => [is, null]),
    );
  });

  test("a written-out NULL is no value in any column of any system's CSV", async (t) => {
    const files = {
      "better-auth": `id,name,email,password,createdAt,updatedAt,banned\na1,NULL,a1@example.com,${HASH},NULL,\\N,NULL\na2,NULL,a2@example.com,NULL,NULL,NULL,NULL\na3,NULL,NULL,${HASH},NULL,NULL,NULL\n`,
      django: `id,email,password,first_name,last_name,is_active,is_superuser,date_joined\n1,a1@example.com,${djangoHash("x")},None,NULL,None,None,None\n2,a2@example.com,None,None,None,None,None,None\n3,None,${djangoHash("x")},None,None,None,None,None\n`,
      "fastapi-users": `id,email,hashed_password,is_active,is_superuser,name,created_at,role_slug\nNULL,a1@example.com,${HASH},NULL,NULL,NULL,NULL,NULL\nNULL,a2@example.com,\\N,\\N,\\N,\\N,\\N,\\N\nNULL,(null),${HASH},1,0,x,(null),(null)\n`,
    };
    for (const [from, text] of Object.entries(files)) {
      await latchkey.sql("DELETE FROM users");
      const result = await importFile(latchkey, { path: fileOf(scratch(t), "users.csv", text), from });
      assert.deepEqual([reasons(result), result.summary.notes], [["3 no_password", "4 email_missing"], {}], from);
      const [{ email, name, is_active, is_superuser, role_slug, created_at }] = await users();
      assert.deepEqual(
        [email, name, is_active, is_superuser, role_slug, created_at],
        ["a1@example.com", null, 1, 0, "application-access", 1_800_000_000],
        from,
      );
    }
  });

  test("Auth0's people are found by their own ids, and by the address among their identifiers", async (t) => {
    const oid = (n) => ({ $oid: `60425da93519d90068f8290${n}` });
    const record = (n, rest) => ({ _id: oid(n), email: `a${n}@example.com`, passwordHash: HASH, ...rest });
    const email = (value, verified) => ({ type: "email", value, verified });
    const passwords = fileOf(scratch(t), "passwords.ndjson", [
      record(1, { alt_id: "euclid" }),
      record(2, { alt_id: 42 }),
      record(3, {
        alt_id: "0b6f0f3e-7a1c-4b57-9a51-2f4a3f0d9a11",
        email: undefined,
        identifiers: [{ type: "phone_number", value: "+1555" }, email("a3@example.com", false)],
      }),
      record(4, {
        email: undefined,
        identifiers: [email("unverified@example.com", false), email("a4@example.com", true)],
      }),
      record(5, { email: undefined }),
      record(6, { email: undefined, identifiers: "x" }),
      record(7, { alt_id: "gone" }),
      record(8, { alt_id: null }),
      record(9, {}),
    ]);
    const profile = (id, rest) => ({ user_id: `auth0|${id}`, ...rest });
    const profiles = fileOf(scratch(t), "profiles.ndjson", [
      profile("euclid", { name: "Euclid", blocked: true }),
      profile("42", { name: "a2@example.com" }),
      profile("0b6f0f3e-7a1c-4b57-9a51-2f4a3f0d9a11", { name: "Three" }),
      profile(oid(4).$oid, { name: "a4@example.com" }),
      profile(oid(5).$oid, { email: "a5@example.com" }),
      profile(oid(6).$oid, {}),
      // Nothing is read of what the object's id names.
      profile(oid(7).$oid, { name: "Not this one" }),
      profile(oid(8).$oid, { name: "Eight" }),
      {
        user_id: "google-oauth2|1",
        email: "other@example.com",
        name: "Nine",
        blocked: true,
        identities: [
          { provider: "google-oauth2", user_id: "1" },
          { provider: "auth0", user_id: oid(9).$oid },
        ],
      },
    ]);
    const result = await importFile(latchkey, { from: "auth0", path: passwords, auth0Profiles: profiles });
    assert.deepEqual(reasons(result), ["6 email_missing", "7 profile_missing"]);
    const rows = (await users()).map(({ email, name, is_active }) => [email, name, is_active]);
    assert.deepEqual(rows, [
      ["a1@example.com", "Euclid", 0],
      ["a2@example.com", null, 1],
      ["a3@example.com", "Three", 1],
      ["a4@example.com", null, 1],
      ["a5@example.com", null, 1],
      ["a8@example.com", "Eight", 1],
      ["a9@example.com", "Nine", 0],
    ]);
    assert.deepEqual(
      result.report.filter(({ oldId }) => oldId).map(({ oldId }) => oldId),
      [
        "auth0|euclid",
        "auth0|42",
        "auth0|0b6f0f3e-7a1c-4b57-9a51-2f4a3f0d9a11",
        `auth0|${oid(4).$oid}`,
        `auth0|${oid(5).$oid}`,
        `auth0|${oid(8).$oid}`,
        `auth0|${oid(9).$oid}`,
      ],
    );
  });

  test("Auth0's blocked accounts need the profiles; a user without one is not let in", async (t) => {
    const profiles = fileOf(scratch(t), "profiles.ndjson", [
      { user_id: "auth0|60425da93519d90068f82966", email: "ada@example.org" },
    ]);
    const { report } = await importFile(latchkey, {
      from: "auth0",
      path: exportFile("auth0/passwords.ndjson"),
      auth0Profiles: profiles,
    });
    assert.deepEqual(
      report.filter(({ reason }) => reason).map(({ reason }) => reason),
      ["profile_missing", "profile_missing"],
    );
  });
});

describe("a damaged file", () => {
  test("costs its damaged lines and nothing else", async (t) => {
    const good = [person(1), person(2), person(3), person(4), person(5)].map((row) => Buffer.from(JSON.stringify(row)));
    const bad = [
      good[0].subarray(0, 100),
      Buffer.from([0x7b, 0x22, 0xff, 0xfe]),
      Buffer.concat([Buffer.from('{"id":"'), Buffer.alloc(10_000_000, "x"), Buffer.from('"}')]),
      Buffer.from(`{"id":"a\0b"}`),
      Buffer.from("[1]"),
    ];
    const lines = good.flatMap((line, i) => [line, Buffer.from(i % 2 ? "\r\n" : "\n"), bad[i], Buffer.from("\n\n")]);
    const path = fileOf(scratch(t), "users.jsonl", Buffer.concat([Buffer.from("\ufeff"), ...lines]));
    const result = await importFile(latchkey, { path });
    assert.deepEqual(reasons(result), ["2 bad_json", "5 invalid_utf8", "8 too_long", "11 nul_byte", "14 bad_json"]);
    assert.deepEqual(
      (await users()).map(({ id }) => id),
      [1, 2, 3, 4, 5].map((number) => person(number).id),
    );
  });

  test("says nothing of a hash, whatever is damaged", async (t) => {
    const damages = {
      quotes: (text) => text.replaceAll(",", ',"'),
      columns: (text) => text.replaceAll(",", ",,"),
      shifted: (text) => text.replaceAll(/^/gm, ","),
      brackets: (text) => text.replaceAll("}", "]"),
      names: (text) => text.replaceAll(/password(hash)?|encrypted_password|hashed_password/gi, "id"),
      "no header": (text) => text.slice(text.indexOf("\n") + 1),
    };
    for (const options of EXPORTS) {
      for (const [name, damage] of Object.entries(damages)) {
        const path = fileOf(scratch(t), basename(options.path), damage(readFileSync(options.path, "utf8")));
        const said = await importFile(latchkey, { ...options, path, dryRun: true }).catch((error) => {
          assert.ok(error instanceof Failure, `${name}: ${error.stack}`);
          return error.message;
        });
        assertNoSecrets(options.path, JSON.stringify(said));
      }
    }
  });
});
