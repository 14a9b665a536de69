/**
 * The fields of bodies (docs/http.md, section 5): what is accepted, which rule
 * is reported, that a password is taken exactly as it was sent, and that
 * nothing of a refused body comes back.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  PASSWORD,
  PASSWORD_PATH,
  REGISTER,
  logIn,
  newEmail,
  register,
  sessionsOf,
  signUp,
  snapshot,
} from "./support/people.mjs";
import { assertProblem, fromRaw } from "./support/problems.mjs";
import { WITH_BODY } from "./support/routes.mjs";

const FORM = ["Content-Type", "application/x-www-form-urlencoded"];
const JSON_TYPE = ["Content-Type", "application/json"];

let latchkey;
let anonymous;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
beforeEach(() => (anonymous = new Client(latchkey)));
after(() => latchkey.dispose());

/** The refusals of bodies to register with; nothing is stored, nothing comes back. */
async function refused(bodies) {
  const before = await snapshot(latchkey);
  for (const [json, errors] of bodies) {
    const answer = await anonymous.post(REGISTER, { json });
    assertProblem(answer, "validation_failed", { errors, message: JSON.stringify(json).slice(0, 200) });
    assert.doesNotMatch(answer.text, /zqx-marker/i);
  }
  assert.deepEqual(await snapshot(latchkey), before);
}

/** Code points of four bytes each, in no order that a rule finds. */
const pictures = (count) => String.fromCodePoint(...Array.from({ length: count }, (_, i) => 0x1f400 + i * 7));

describe("e-mail addresses", () => {
  test("that break a rule are refused", async () => {
    const label = "a".repeat(63);
    const invalid = [
      "",
      "zqx-marker",
      "zqx-marker@",
      "@zqx-marker.org",
      "a@zqx-marker",
      "a@@zqx-marker.org",
      "a@b@zqx-marker.org",
      "a b@zqx-marker.org",
      "a @zqx-marker.org",
      "a@ zqx-marker.org",
      "a\u00a0b@zqx-marker.org",
      "a@zqx\u200b-marker.org",
      "a@zqx-marker.org\0",
      "a\0@zqx-marker.org",
      "a\u007f@zqx-marker.org",
      '"a"@zqx-marker.org',
      'a"b@zqx-marker.org',
      "a@-zqx-marker.org",
      "a@zqx-marker-.org",
      "a@zqx-marker..org",
      "a@.zqx-marker.org",
      "a@zqx-marker.org.",
      "a@zqx_marker.org",
      "a@[192.0.2.1]",
      "ä@zqx-marker.org",
      "a@zqx-märker.org",
      "a＠zqx-marker.org",
      "\u212Aa@zqx-marker.org",
      `${"a".repeat(65)}@zqx-marker.org`,
      `a@${"a".repeat(64)}.org`,
      `a@${label}.${label}.${label}.${"a".repeat(61)}`,
      "a@zqx-marker.org,b@zqx-marker.org",
      "<a@zqx-marker.org>",
      "a(zqx)@zqx-marker.org",
      "a;b@zqx-marker.org",
      "a:b@zqx-marker.org",
    ];
    assert.equal(`a@${label}.${label}.${label}.${"a".repeat(61)}`.length, 255);
    await refused(invalid.map((email) => [{ email, password: PASSWORD }, [["email", "invalid_email"]]]));
    await refused([
      [{ password: PASSWORD }, [["email", "required"]]],
      [{ email: null, password: PASSWORD }, [["email", "required"]]],
      ...[1, true, ["a@zqx-marker.org"], { a: "zqx-marker" }].map((email) => [
        { email, password: PASSWORD },
        [["email", "wrong_type"]],
      ]),
    ]);
  });

  test("at the edge of a rule are accepted as they are", async () => {
    const label = "a".repeat(63);
    for (const email of [
      `${"l".repeat(64)}@example.org`,
      `${"x".repeat(2)}@${label}.${label}.${label}.${"a".repeat(59)}`,
      "o+tag.x_y-z@xn--bcher-kva.example",
      "1@2.3",
    ]) {
      assert.equal((await register(latchkey, { email })).user.email, email);
    }
    assert.equal(`xx@${label}.${label}.${label}.${"a".repeat(59)}`.length, 254);
  });
});

test("blanks around an address are trimmed, at registration and at login, and blanks in a password are not", async () => {
  const { email } = await register(latchkey);
  for (const blank of [
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\u202f",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u200e",
    "\u202a",
    "\u202c",
    "\u2068",
    "\u2069",
  ]) {
    for (const username of [`${email}${blank}`, `${blank}${email}`, `${blank}${email}${blank}`]) {
      for (const body of [{ form: { username, password: PASSWORD } }, { json: { username, password: PASSWORD } }]) {
        assert.equal((await new Client(latchkey).post(LOGIN, body)).status, 204, JSON.stringify(username));
      }
      const taken = await anonymous.post(REGISTER, { json: { email: username, password: PASSWORD } });
      assertProblem(taken, "email_taken", { message: JSON.stringify(username) });
    }
    const fresh = newEmail();
    assert.equal(
      (await anonymous.post(REGISTER, { json: { email: `${blank}${fresh}${blank}`, password: PASSWORD } })).json.email,
      fresh,
    );
  }
  for (const password of [`${PASSWORD} `, ` ${PASSWORD}`, `${PASSWORD}\n`]) {
    assertProblem(await anonymous.post(LOGIN, { form: { username: email, password } }), "invalid_credentials", {
      error: "invalid_grant",
    });
  }
});

describe("names", () => {
  test("that break a rule are refused", async () => {
    const body = (name) => ({ email: newEmail(), password: PASSWORD, name });
    await refused([
      [body(""), [["name", "too_short"]]],
      [body(" \u00a0\t "), [["name", "too_short"]]],
      [body("x".repeat(101)), [["name", "too_long"]]],
      [body("\u{1F511}".repeat(101)), [["name", "too_long"]]],
      [body("zqx-marker\nforged line"), [["name", "control_character"]]],
      [body("zqx-marker\u0000"), [["name", "control_character"]]],
      [body("zqx-marker\u0085x"), [["name", "control_character"]]],
      ...["\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"]
        .flatMap((one) => [`zqx${one}marker`, `${one === "\u2028" || one === "\u2029" ? "zqx" : ""}${one}zqx-marker`])
        .map((name) => [body(name), [["name", "control_character"]]]),
      ...[
        "\u200b",
        "\u2800",
        "\u3164",
        "\ufeff",
        "\u00ad",
        "\u0301\u0302",
        "\u{e0041}\u{e007f}",
        "\u115f",
        "\uffa0",
        "\u034f",
        "\u200d",
        "\u2060",
        "\u180e",
        "\ufe0f",
        "\u200e",
        "\ufffc",
        " \u2800\u3000\u200b ",
      ].map((name) => [body(name), [["name", "too_short"]]]),
      [body(7), [["name", "wrong_type"]]],
      [body(["zqx-marker"]), [["name", "wrong_type"]]],
    ]);
  });

  test("in any script are kept as they are", async () => {
    for (const name of [
      "李",
      "Zoe\u0308",
      "می\u200cخواهم",
      "שלמה\u200f",
      "नेहा",
      "👩\u200d🚀",
      "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
      "O’Hara",
      "-",
    ]) {
      assert.equal((await register(latchkey, { name })).user.name, name);
    }
  });

  test("have up to 100 code points after trimming", async () => {
    const name = "\u{1F511}".repeat(100);
    assert.equal((await register(latchkey, { name: ` ${name} ` })).user.name, name);
  });
});

describe("passwords", () => {
  test("that break a rule are refused", async () => {
    const email = "zqx-marker-local@example.org";
    const fault = (password, code) => [{ email, password }, [["password", code]]];
    await refused([
      fault("1234567", "too_short"),
      fault("\u{1F511}".repeat(7), "too_short"),
      fault("\u{1F511}".repeat(129), "too_long"),
      fault("x".repeat(129), "too_long"),
      fault("e\u0301".repeat(129), "too_long"),
      fault("e\u0301".repeat(7), "too_short"),
      fault("\ufdfa".repeat(7), "too_short"),
      fault("\uff4c\uff41\uff54\uff43\uff48\uff4b\uff45\uff59", "guessable"),
      fault("\uff51\uff57\uff45\uff52\uff54\uff59\uff55\uff49\uff4f\uff50", "common"),
      fault(email, "guessable"),
      fault("zqx-marker-local", "guessable"),
      fault("ZQX-Marker-Local", "guessable"),
      fault("latchkey", "guessable"),
      fault("LatchKey", "guessable"),
      fault("password1", "common"),
      fault("QwertyUiop", "common"),
      [{ email }, [["password", "required"]]],
      fault(null, "required"),
      fault(12345678, "wrong_type"),
      fault({ "zqx-marker": 1 }, "wrong_type"),
    ]);
  });

  test("are one password in every spelling that devices send: composed, decomposed, fullwidth, with ligatures", async () => {
    const spellings = [
      "caf\u00e9 fin \u00c5ngstr\u00f6m",
      "cafe\u0301 fin A\u030angstro\u0308m",
      "\uff43\uff41\uff46\u00e9 \ufb01n \u212bngstr\u00f6m",
    ];
    for (const chosen of spellings) {
      const person = await register(latchkey, { password: chosen });
      const [{ password_hash: hash }] = await latchkey.sql("SELECT password_hash FROM users WHERE id = ?1", person.id);
      assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$nfkc\/v1\//);
      for (const password of spellings) await logIn(latchkey, { ...person, password });
      const wrong = await new Client(latchkey).post(LOGIN, {
        form: { username: person.email, password: "cafe fin Angstrom" },
      });
      assertProblem(wrong, "invalid_credentials", { error: "invalid_grant" });
    }
    const hangul = { nfc: "\ud55c\uae00\uc554\ud638\ub294\uae38\ub2e4\uc694", nfd: "" };
    hangul.nfd = hangul.nfc.normalize("NFD");
    assert.notEqual(hangul.nfd, hangul.nfc);
    const person = await register(latchkey, { password: hangul.nfd });
    await logIn(latchkey, { ...person, password: hangul.nfc });
  });

  test("made before there were normal forms log in as they were sent, and in every spelling from then on", async () => {
    // Hashes of each spelling as sent, made by the reference implementation in C.
    const before = {
      "caf\u00e9 au lait":
        "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$YfvE6i6ErcAWApkRGpjrtvqwGgz8ArskzE8zfIan02A",
      "cafe\u0301 au lait":
        "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$bmTbLNgq+D/rtMpBokg+MaFLMCeMIqteK2xiw4Tyadg",
      "\uff43\uff41\uff46e\u0301 au lait":
        "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$YsCn9+mV39Ufnty7ifU1+4XYzUMox0MvHnchG/gI/p8",
    };
    for (const [password, hash] of Object.entries(before)) {
      const person = await register(latchkey, { password: "another one for now" });
      await latchkey.sql("UPDATE users SET password_hash = ?1 WHERE id = ?2", hash, person.id);
      await logIn(latchkey, { ...person, password });
      for (const spelling of Object.keys(before)) await logIn(latchkey, { ...person, password: spelling });
    }
  });

  test("that are presented may be as long as a body holds: older ones and those of other systems are", async () => {
    const person = await register(latchkey);
    for (const password of ["x".repeat(129), "x".repeat(513), "\u{1F511}".repeat(1_900), "\ufdfa".repeat(2_500)]) {
      const wrong = await new Client(latchkey).post(LOGIN, { json: { username: person.email, password } });
      assertProblem(wrong, "invalid_credentials", { error: "invalid_grant" });
    }
    const tooLong = await new Client(latchkey).post(LOGIN, {
      json: { username: person.email, password: "x".repeat(8_192) },
    });
    assertProblem(tooLong, "body_too_large");
  });

  test("are taken exactly as they were sent, but for their spelling", async () => {
    const exact = {
      "with an accent": ["caf\u00e9 au lait", "cafe au lait"],
      "with a sharp s": ["stra\u00dfe und weg", "strasse und weg"],
      "with blanks around": [" padded with blanks ", "padded with blanks"],
      "ending in a blank": ["ends in a blank ", "ends in a blank"],
      "with a capital": ["Correct horse battery", "correct horse battery"],
      "with a null character": ["null\u0000character", "null"],
      "with signs that a form escapes": ["a+b%20c&d=e;f", "a b c&d=e;f"],
      "with a sign for unreadable text": ["a\ufffd8\ufffd\ufffdc\ufffd\ufffd", "a?8??c??"],
      "of 8 code points of 4 bytes": [pictures(8), pictures(9)],
      "of 128 code points of 4 bytes": [pictures(128), pictures(127)],
      "of 128 characters, one of two code points": [`${pictures(127)}e\u0301`, pictures(127)],
    };
    for (const [what, [password, other]] of Object.entries(exact)) {
      const person = await register(latchkey, { password });
      await logIn(latchkey, person);
      const json = await anonymous.post(LOGIN, { json: { username: person.email, password } });
      assert.equal(json.status, 204, `${what}, as JSON`);
      const wrong = await new Client(latchkey).post(LOGIN, { form: { username: person.email, password: other } });
      assertProblem(wrong, "invalid_credentials", { error: "invalid_grant", message: what });
    }
  });

  test("invalid UTF-8 never becomes another password", async () => {
    const replaced = `zq7-kd${"\ufffd".repeat(8)}`;
    const person = await register(latchkey, { password: replaced });
    const user = encodeURIComponent(person.email);
    const bytes = (text) => Buffer.from(text, "latin1");
    const bodies = [
      [FORM, bytes(`username=${user}&password=zq7-kd${"%ff".repeat(8)}`)],
      [FORM, bytes(`username=${user}&password=zq7-kd${"\xff".repeat(8)}`)],
      [FORM, bytes(`username=${user}&password=zq7-kd${"%ed%a0%80".repeat(8)}`)],
      [FORM, bytes(`username=${user}&password=${encodeURIComponent(replaced)}&%ff=1`)],
      [JSON_TYPE, bytes(`{"username":"${person.email}","password":"zq7-kd${"\xff".repeat(8)}"}`)],
      [JSON_TYPE, bytes(`{"username":"${person.email}","password":"zq7-kd${"\xed\xa0\x80".repeat(8)}"}`)],
      [JSON_TYPE, bytes(`{"username":"${person.email}","password":"zq7-kd${"\\ud800".repeat(8)}"}`)],
    ];
    for (const [type, body] of bodies) {
      const answer = fromRaw(await latchkey.raw(LOGIN, { method: "POST", headers: [type], body }));
      assertProblem(answer, "malformed_request", { message: body.toString("latin1") });
    }
    assert.deepEqual(await sessionsOf(latchkey, person), []);
    await logIn(latchkey, person);
  });

  test("may be required to be longer", async () => {
    const strict = await startLatchkey({ vars: { PASSWORD_MIN_LENGTH: 15 } });
    try {
      const post = (password) => new Client(strict).post(REGISTER, { json: { email: newEmail(), password } });
      assertProblem(await post("14 letters, so"), "validation_failed", { errors: [["password", "too_short"]] });
      assert.equal((await post("15 letters, so.")).status, 201);
    } finally {
      await strict.dispose();
    }
  });

  describe("hashed at another cost", () => {
    let persist;
    let today;
    let people;
    const hashOf = async ({ id }) =>
      (await today.sql("SELECT password_hash FROM users WHERE id = ?1", id))[0].password_hash;
    before(async () => {
      persist = mkdtempSync(join(tmpdir(), "latchkey-"));
      const old = await startLatchkey({ persist, vars: { ARGON2_MEMORY_KIB: 7168, ARGON2_ITERATIONS: 5 } });
      people = [await register(old), await register(old)];
      await old.dispose();
      today = await startLatchkey({ persist, entry: CHAOS });
    });
    after(async () => {
      await today.dispose();
      rmSync(persist, { recursive: true });
    });

    test("log in, and are hashed anew, once", async () => {
      assert.match(await hashOf(people[0]), /\$m=7168,t=5,p=1\$/);
      await logIn(today, people[0]);
      const replaced = await hashOf(people[0]);
      assert.match(replaced, /\$m=19456,t=2,p=1\$/);
      await logIn(today, people[0]);
      assert.equal(await hashOf(people[0]), replaced);
    });

    test("log in on several devices at once", async () => {
      await today.control({ d1DelayMs: 5 });
      await Promise.all([1, 2, 3].map(() => logIn(today, people[1])));
      assert.match(await hashOf(people[1]), /\$m=19456,t=2,p=1\$/);
    });
  });
});

describe("a login form", () => {
  test("may have fields that mean nothing here, twice as well; those that mean something come once", async () => {
    const { email } = await register(latchkey);
    const post = async (type, body) => fromRaw(await latchkey.raw(LOGIN, { method: "POST", headers: [type], body }));
    const known = `username=${encodeURIComponent(email)}&password=${encodeURIComponent(PASSWORD)}`;
    for (const others of [
      "remember=on",
      "csrf_token=x",
      "remember_me=0&remember_me=1",
      "utf8=%E2%9C%93&authenticity_token=a%3D&commit=Log+in",
      "x[]=1&x[]=2",
      "_csrf=",
      new Array(1_500).fill("a").join("&"),
    ]) {
      assert.equal((await post(FORM, `${known}&${others}`)).status, 204, others.slice(0, 80));
      assert.equal((await post(FORM, `${others}&${known}`)).status, 204, others.slice(0, 80));
    }
    for (const extra of [{ remember: true }, { csrfToken: "x" }, { device: { os: ["x"] } }, { email: "zqx-marker" }]) {
      assert.equal(
        (await anonymous.post(LOGIN, { json: { username: email, password: PASSWORD, ...extra } })).status,
        204,
      );
    }
    for (const twice of [
      "username=zqx-marker",
      "password=zqx-marker",
      "%75sername=zqx-marker",
      "grant_type=password&grant_type=password",
      "scope=a&scope=b",
    ]) {
      assertProblem(await post(FORM, `${known}&${twice}`), "malformed_request", { message: twice });
    }
  });

  test("may be multipart/form-data, as FormData sends it", async () => {
    const { email } = await register(latchkey, { password: " caf\u00e9\r\n--au lait; " });
    const log = async (fields) => {
      const form = new FormData();
      for (const [name, value] of fields) form.append(name, value);
      const written = new Response(form);
      const body = Buffer.from(await written.arrayBuffer());
      return latchkey.raw(LOGIN, {
        method: "POST",
        headers: [["Content-Type", written.headers.get("Content-Type")]],
        body,
      });
    };
    const password = " caf\u00e9\r\n--au lait; ";
    const named = [
      ["username", `${email} `],
      ["password", password],
    ];
    assert.equal((await log(named)).status, 204);
    assert.equal(
      (
        await log([
          ...named,
          ["grant_type", "password"],
          ["scope", ""],
          ["remember", "on"],
          ["remember", "on"],
          ["avatar", new Blob(["\xff"])],
        ])
      ).status,
      204,
    );
    assert.equal((await log([named[0], ["password", password.trim()]])).status, 401);
    assert.equal((await log([...named, named[1]])).status, 400);
    assert.equal((await log([named[0], ["password", new Blob([password])]])).status, 422);
    // Registering and changing things is JSON alone: a form of another site reaches neither.
    for (const { method, path } of WITH_BODY.filter(({ body }) => !body.includes("multipart/form-data"))) {
      const answer = await latchkey.raw(path, {
        method,
        headers: [["Content-Type", "multipart/form-data; boundary=x"]],
        body: "--x--",
      });
      assertProblem(fromRaw(answer), "unsupported_media_type");
    }
  });

  test("of multipart/form-data that cannot be read is malformed", async () => {
    const { email } = await register(latchkey);
    const part = (name, value) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const whole = `${part("username", email)}${part("password", PASSWORD)}--x--\r\n`;
    const post = async (body, type = "multipart/form-data; boundary=x") =>
      fromRaw(
        await latchkey.raw(LOGIN, {
          method: "POST",
          headers: [["Content-Type", type]],
          body: Buffer.from(body, "latin1"),
        }),
      );
    assert.equal((await post(whole)).status, 204);
    assert.equal((await post(whole, 'Multipart/Form-Data; charset=utf-8; boundary="x"')).status, 204);
    for (const body of [
      "",
      "x",
      "--x",
      whole.slice(0, -6),
      whole.replaceAll("\r", ""),
      `zqx-marker${whole}`,
      `${whole}zqx-marker`,
      whole.replace(PASSWORD, "\xff\xff\xff\xff\xff\xff\xff\xff"),
      part("password", "x") + whole,
    ]) {
      assertProblem(await post(body), "malformed_request", { message: body });
    }
    for (const type of [
      "multipart/form-data",
      "multipart/form-data; boundary=",
      "multipart/mixed; boundary=x",
      "multipart/form-data; boundary=x; charset=utf-16",
    ]) {
      assertProblem(await post(whole, type), "unsupported_media_type", { message: type });
    }
  });
});

describe("a body", () => {
  test("with more fields than any endpoint has is malformed at the first one too many", async () => {
    const many = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
    await refused([
      [
        { ...many(30) },
        [
          ["body", "unknown_field"],
          ["email", "required"],
          ["password", "required"],
        ],
      ],
    ]);
    for (const count of [33, 900])
      assertProblem(await anonymous.post(REGISTER, { json: many(count) }), "malformed_request");
    const { client } = await signUp(latchkey);
    for (const query of [
      Array.from({ length: 33 }, (_, i) => `f${i}`),
      Array.from({ length: 4_000 }, (_, i) => `f${i}`),
    ]) {
      assertProblem(await client.get(`/api/account/activity?${query.join("&")}`), "malformed_request");
    }
  });

  test("with a field that is not known is refused without naming it", async () => {
    const body = { email: "a@example.org", password: PASSWORD };
    for (const extra of [
      { isSuperuser: true },
      { roleSlug: "zqx-marker" },
      { id: "0190a000-0000-7000-8000-000000000000" },
      { isActive: true },
      { createdAt: "zqx-marker" },
      { role: "zqx-marker" },
      { is_superuser: 1 },
      { "zqx-marker": "zqx-marker" },
      { __proto: {} },
      { Email: "zqx-marker" },
    ]) {
      await refused([[{ ...body, ...extra }, [["body", "unknown_field"]]]]);
      const { text } = await anonymous.post(REGISTER, { json: { ...body, ...extra } });
      for (const [name, value] of Object.entries(extra)) {
        assert.ok(!text.includes(`"${name}"`) && !(typeof value === "string" && text.includes(value)), text);
      }
    }
  });

  test("with several faults has them all reported", async () => {
    await refused([
      [
        { email: "zqx-marker", password: "short", name: "", x: 1 },
        [
          ["body", "unknown_field"],
          ["email", "invalid_email"],
          ["name", "too_short"],
          ["password", "too_short"],
        ],
      ],
    ]);
  });

  test("of a number has one spelling in a query", async () => {
    const { client } = await signUp(latchkey);
    const ask = (query) => client.get(`/api/account/activity?${query}`);
    assert.equal((await ask("limit=5")).status, 200);
    for (const limit of [
      "%2B5",
      "005",
      "05",
      "5.0",
      "5e0",
      "0x5",
      "%205",
      "5%20",
      "+5",
      "\uff15",
      "-5",
      "0",
      "101",
      "5_0",
      "4294967301",
    ]) {
      assertProblem(await ask(`limit=${limit}`), "validation_failed", {
        errors: [["limit", "out_of_range"]],
        message: limit,
      });
    }
    assert.equal((await ask("cursor=42")).status, 200);
    for (const cursor of ["%2B42", "042", "42.0", "42%20", "%2042", "4e1", "-42", "42-1", "0x2a", "4503599627370497"]) {
      assertProblem(await ask(`cursor=${cursor}`), "validation_failed", {
        errors: [["cursor", "invalid_cursor"]],
        message: cursor,
      });
    }
  });

  test("that says one thing twice, or cannot be read, is malformed", async () => {
    const { client, email } = await signUp(latchkey);
    const before = await snapshot(latchkey);
    const fields = `"email":"a@example.org","password":"${PASSWORD}"`;
    const cookie = ["Cookie", client.cookieHeader];
    const user = encodeURIComponent(email);
    const bodies = [
      [
        "POST",
        REGISTER,
        [JSON_TYPE],
        [
          "",
          "null",
          "[]",
          '"zqx-marker"',
          "{",
          `{${fields}`,
          `{${fields}} x`,
          `{${fields}}{}`,
          `{${fields},}`,
          `\ufeff{${fields}}`,
          `{${fields},"email":"zqx-marker@example.org"}`,
          `{${fields},"\\u0065mail":"zqx-marker@example.org"}`,
          `{${fields},"name":null,"name":null}`,
          `{${fields},"x":NaN}`,
          `{'email':'a@example.org'}`,
          "zqx-marker",
          "[".repeat(8_000),
          `{${fields},"x":${"[".repeat(4_000)}`,
        ],
      ],
      [
        "PATCH",
        PASSWORD_PATH,
        [JSON_TYPE, cookie],
        ["", "[]", `{"currentPassword":"${PASSWORD}","newPassword":"zqx-marker-1","newPassword":"zqx-marker-2"}`],
      ],
      [
        "POST",
        LOGIN,
        [FORM],
        [
          `username=${user}&username=${user}&password=zqx-marker`,
          `username=${user}&password=zqx-marker&password=zqx-marker`,
          `username=${user}&password=zqx-marker&%70assword=zqx-marker`,
          `username=${user}&password=&password=zqx-marker`,
          `username=${user}&password=zqx-marker&scope=&scope=`,
        ],
      ],
      [
        "POST",
        LOGIN,
        [JSON_TYPE],
        [`{"username":"${email}","password":"zqx-marker","password":"zqx-marker"}`, "", "{"],
      ],
    ];
    for (const [method, path, headers, texts] of bodies) {
      for (const body of texts) {
        const answer = fromRaw(await latchkey.raw(path, { method, headers, body }));
        assertProblem(answer, "malformed_request", { message: `${path} ${body.slice(0, 100)}` });
        assert.doesNotMatch(answer.text, /zqx-marker/);
      }
    }
    assert.deepEqual(await snapshot(latchkey), before);
  });
});
