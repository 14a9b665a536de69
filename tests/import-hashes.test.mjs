/**
 * The importer takes a hash exactly if the service verifies it, as built: each
 * form, each bound from both sides, with hashes of the right password that other
 * programs made. What asks for monstrous work is refused without it being done.
 */
import assert from "node:assert/strict";
import { createCipheriv, pbkdf2Sync, scryptSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { ownSpelling } from "../scripts/users/hashes.mjs";
import { askService } from "../scripts/users/service-rules.mjs";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { HASHED_PASSWORD, fileOf, importFile, person, scratch } from "./support/imports.mjs";
import { LOGIN, newEmail } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

/** @import { HashVerdict } from "../scripts/users/service-rules.mjs" */

const SALT = Buffer.from("somesalt-16bytes");
const MIB = 1024 * 1024;

/** Made by the reference implementation in C (argon2-cffi 25.1) and by Python's bcrypt 5.0. */
const MADE_ELSEWHERE = {
  "Argon2id, 4,096 KiB":
    "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$ktaY8UpTHC5aE+VAp8vC4kgZEVi3bOxtZwnPVJwmpPk",
  "Argon2id, 65,536 KiB":
    "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$D0VWSn8JvxJHIqGMVrZl24glcDoJnwNblLVr/mGmylo",
  "Argon2id, 10 passes":
    "$argon2id$v=19$m=4096,t=10,p=1$c29tZXNhbHQtMTZieXRlcw$1dbKQawoT33FJ3rpiKrXhq5sxFKR0Z+FTCk6DFYxP8w",
  "Argon2id, 4 lanes":
    "$argon2id$v=19$m=4096,t=2,p=4$c29tZXNhbHQtMTZieXRlcw$rwFJNx5uBjHsBccmTyjIOV+yveWJEHSQc1qikddD8aw",
  "Argon2id, tag of 16 bytes": "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$TMfo/YYcEsLzAWtw3zud3Q",
  "Argon2id, tag of 64 bytes":
    "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$fQtl2F7BXer5HT0MyZmqKdbrSgry1HpX8vhG9N5BWQeoGqL/bs15vh1PGbirg0Mh/QD/++5Z2U5xTMPJjeTmLA",
  "Argon2id, salt of 8 bytes": "$argon2id$v=19$m=4096,t=2,p=1$OGJ5dGVzISE$2pAN6O9RW54aIZWO63akBsbI6Hmqe4b2rkkGvKNh4ck",
  "Argon2id, salt of 48 bytes":
    "$argon2id$v=19$m=4096,t=2,p=1$c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nz$qVn/DQgqGspadU8HplsxaY7XkynD2OqVw1k9+nGrhW0",
  "Argon2id, another order of parameters":
    "$argon2id$v=19$p=1,t=2,m=4096$c29tZXNhbHQtMTZieXRlcw$ktaY8UpTHC5aE+VAp8vC4kgZEVi3bOxtZwnPVJwmpPk",
  Argon2i: "$argon2i$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$zAy0fb8sUCAHrz/ngMOcf+hbzZ55lnaHy8dOqY4TGnc",
  Argon2d: "$argon2d$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$NyxP8ssesA7OXV8wIz/Cdm0c6YEe2sfp1TuB2iukeeg",
  "Argon2id, version 16":
    "$argon2id$v=16$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$bEYeM6i7yTvvaVuP9GIulB4zzNwyMeRQ6WLBPBYdDF0",
  "bcrypt, cost 4": "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
  "bcrypt as PHP names it": "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
  "bcrypt as PostgreSQL names it": "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
  "bcrypt, cost 13": "$2b$13$abcdefghijklmnopqrstuufJyGQz74MaXA58G4n4SAlu8WLjGODFe",
};
/** Hashes beyond a bound. */
const BEYOND = {
  "Argon2id, 4,095 KiB":
    "$argon2id$v=19$m=4095,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$Tcsg5NK1+N1Q09X3MHNbrHhpv30MuB2S4LXYRGGEsOc",
  "Argon2id, 65,537 KiB":
    "$argon2id$v=19$m=65537,t=1,p=1$c29tZXNhbHQtMTZieXRlcw$2MBse1E4ln80iQoPU+4bsiS2w3JM8rv7Ldk5LUt/Rg8",
  "Argon2id, 11 passes":
    "$argon2id$v=19$m=4096,t=11,p=1$c29tZXNhbHQtMTZieXRlcw$cHZDJ7xXxwpxuXHQpPHdvxsfytshDJxIJJ8kQeDbnPk",
  "Argon2id, 5 lanes":
    "$argon2id$v=19$m=4096,t=2,p=5$c29tZXNhbHQtMTZieXRlcw$K+97rSWwG8A/dHJ42I2mZ1zr5xGZkYca2AzDftFEJVc",
  "Argon2id, tag of 15 bytes": "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$5cBAUND07Lh5u/Ecy8Tw",
  "Argon2id, tag of 65 bytes":
    "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$H6zWNrjkVUtHj3mNoJo0nQ6CgTjSQG2tgbsJ+NImtQgoVqyxp1ApG5EsYPbfzh9Kh+jBqCVgyklA2ScrcrwXceI",
  "Argon2id, salt of 49 bytes":
    "$argon2id$v=19$m=4096,t=2,p=1$c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzcw$HAsV4grLk9B/eMVUu9+GFet2tLnYAel6qgA+RPFk8Mk",
  "bcrypt, cost 14": "$2b$14$abcdefghijklmnopqrstuuVjy3WfYsef9X9ig7GWAQsq.R8VvWccC",
};

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const unpadded = (bytes) => base64(bytes).replace(/=+$/, "");
const salt = (length) => Buffer.alloc(length, "s");

/**
 * @param {number} ln
 * @param {number} r
 * @param {number} p
 * @param {{ bytes?: number, salt?: string | Buffer, password?: string }} options
 */
function scrypt(ln, r, p, { bytes = 32, salt = SALT, password = HASHED_PASSWORD } = {}) {
  return scryptSync(password, salt, bytes, { N: 2 ** ln, r, p, maxmem: 256 * MIB });
}

function scryptPhc(ln, r, p, options = {}) {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(options.salt ?? SALT)}$${unpadded(scrypt(ln, r, p, options))}`;
}

function pbkdf2(rounds, { digest = "sha256", bytes = 32, salt = SALT } = {}) {
  return pbkdf2Sync(HASHED_PASSWORD, salt, rounds, bytes, digest);
}

function passlib(name, rounds, options = {}) {
  const dotted = (bytes) => unpadded(bytes).replaceAll("+", ".");
  return `$${name}$${rounds}$${dotted(options.salt ?? SALT)}$${dotted(pbkdf2(rounds, options))}`;
}

function django(rounds, options = {}) {
  return `pbkdf2_${options.digest ?? "sha256"}$${rounds}$${options.salt ?? SALT}$${base64(pbkdf2(rounds, options))}`;
}

function betterAuth(letters, key = (hex) => hex) {
  const salt = "a".repeat(letters);
  return `${salt}:${key(scrypt(14, 16, 1, { bytes: 64, salt }).toString("hex"))}`;
}

function firebase(ln, r, { signer = Buffer.alloc(64, "k"), salt = SALT, separator = Buffer.from("\u0007") } = {}) {
  const key = scrypt(ln, r, 1, { salt: Buffer.concat([salt, separator]) });
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const parts = [salt, separator, signer, Buffer.concat([cipher.update(signer), cipher.final()])];
  return `$firebase-scrypt$ln=${ln},r=${r}$${parts.map(base64).join("$")}`;
}

/** Hashes within the bounds, or at a bound if their name says so; made by OpenSSL. */
const WITHIN = {
  ...MADE_ELSEWHERE,
  "scrypt, the least work": scryptPhc(1, 1, 1),
  "scrypt, the largest N for one block": scryptPhc(15, 1, 1),
  "scrypt, the largest N for two blocks": scryptPhc(16, 2, 1),
  "scrypt, 64 MiB by N": scryptPhc(16, 8, 1),
  "scrypt, 64 MiB by r": scryptPhc(13, 64, 1),
  "scrypt, 5 lanes": scryptPhc(10, 8, 5),
  "scrypt, key of 16 bytes": scryptPhc(10, 8, 1, { bytes: 16 }),
  "scrypt, key of 64 bytes": scryptPhc(10, 8, 1, { bytes: 64 }),
  "scrypt, salt of 1 byte": scryptPhc(10, 8, 1, { salt: salt(1) }),
  "scrypt, salt of 128 bytes": scryptPhc(10, 8, 1, { salt: salt(128) }),
  "PBKDF2, 1 round": passlib("pbkdf2-sha256", 1),
  "PBKDF2, 2,000,000 rounds": passlib("pbkdf2-sha256", 2_000_000),
  "PBKDF2, SHA-1": passlib("pbkdf2", 1_000, { digest: "sha1", bytes: 20 }),
  "PBKDF2, SHA-1 by its other name": passlib("pbkdf2-sha1", 1_000, { digest: "sha1", bytes: 20 }),
  "PBKDF2, a plus written as a dot": passlib("pbkdf2-sha256", 10, { salt: Buffer.alloc(16, 0xfb) }),
  "PBKDF2 as a PHC string": `$pbkdf2-sha256$i=1000,l=32$${unpadded(SALT)}$${unpadded(pbkdf2(1_000))}`,
  "PBKDF2, salt of 128 bytes": passlib("pbkdf2-sha256", 10, { salt: salt(128) }),
  "PBKDF2, key of 16 bytes": passlib("pbkdf2-sha256", 10, { bytes: 16 }),
  "PBKDF2, key of 64 bytes": passlib("pbkdf2-sha256", 10, { bytes: 64 }),
  "Django, 2,000,000 rounds": django(2_000_000),
  "Django, SHA-1": django(1_000, { digest: "sha1", bytes: 20 }),
  "Django, a salt that is not ASCII": django(10, { salt: "sälz" }),
  "Django, salt of 128 bytes": django(10, { salt: "é".repeat(64) }),
  "Better Auth": betterAuth(32),
  "Better Auth, salt of 128 letters": betterAuth(128),
  "Better Auth, upper case": betterAuth(32, (hex) => hex.toUpperCase()),
  "Firebase, 64 MiB": firebase(16, 8),
  "Firebase, signer of 16 bytes": firebase(10, 8, { signer: Buffer.alloc(16, 1) }),
  "Firebase, no separator": firebase(10, 8, { separator: Buffer.alloc(0) }),
  "Firebase, salt and separator of 128 bytes": firebase(10, 8, { salt: salt(127) }),
};

const OUTSIDE = {
  ...BEYOND,
  "scrypt, 128 MiB": scryptPhc(17, 8, 1),
  // No program makes one: RFC 7914 wants N < 2^(128 * r / 8).
  "scrypt, N too large for one block": scryptPhc(15, 1, 1).replace("ln=15", "ln=16"),
  "scrypt, N far too large for one block": scryptPhc(15, 1, 1).replace("ln=15", "ln=19"),
  "scrypt, more than 64 blocks": scryptPhc(4, 65, 1),
  "scrypt, 6 lanes": scryptPhc(10, 8, 6),
  "scrypt, key of 15 bytes": scryptPhc(10, 8, 1, { bytes: 15 }),
  "scrypt, key of 65 bytes": scryptPhc(10, 8, 1, { bytes: 65 }),
  "scrypt, no salt": scryptPhc(10, 8, 1, { salt: salt(0) }),
  "scrypt, salt of 129 bytes": scryptPhc(10, 8, 1, { salt: salt(129) }),
  "PBKDF2, 2,000,001 rounds": passlib("pbkdf2-sha256", 2_000_001),
  "PBKDF2, salt of 129 bytes": passlib("pbkdf2-sha256", 10, { salt: salt(129) }),
  "PBKDF2, key of 15 bytes": passlib("pbkdf2-sha256", 10, { bytes: 15 }),
  "PBKDF2, key of 65 bytes": passlib("pbkdf2-sha256", 10, { bytes: 65 }),
  "PBKDF2, SHA-512": passlib("pbkdf2-sha512", 10, { digest: "sha512" }),
  "Django, 2,000,001 rounds": django(2_000_001),
  "Django, salt of 129 bytes": django(10, { salt: `${"é".repeat(64)}s` }),
  "Better Auth, salt of 129 letters": betterAuth(129),
  "Better Auth, a longer key": betterAuth(32, (hex) => `${hex}00`),
  "Firebase, 128 MiB": firebase(17, 8),
  "Firebase, signer of 15 bytes": firebase(10, 8, { signer: Buffer.alloc(15, 1) }),
  "Firebase, signer of 65 bytes": firebase(10, 8, { signer: Buffer.alloc(65, 1) }),
  "Firebase, salt and separator of 129 bytes": firebase(10, 8, { salt: salt(128) }),
};

/**
 * One change to a good hash each: another spelling, a member too many or too few.
 *
 * @type {[name: string, ...changes: [part: RegExp, replacement: string][]][]}
 */
const DAMAGES = [
  [
    "Argon2id, 4,096 KiB",
    [/v=19\$/, ""],
    [/v=19/, "v=17"],
    [/v=19/, "v=019"],
    [/m=4096/, "m=04096"],
    [/m=4096/, "m=+4096"],
    [/,p=1/, ""],
    [/p=1/, "p=1,p=1"],
    [/p=1/, "p=1,x=1"],
    [/p=1/, "p=1,data=AAAA"],
    [/p=1/, "p=1=1"],
    [/p=1/, "P=1"],
    [/pPk$/, "pPl"],
    [/pPk$/, "pPk="],
    [/$/, "$"],
    [/^/, " "],
    [/p=1/, "p=1,keyid=MQ"],
    [/p=1/, "p=1,keyid=MR"],
    [/argon2id/, "argon2x"],
    [/argon2id/, "Argon2id"],
    [/c29tZXNhbHQtMTZieXRlcw/, "c29tZXNhbA"],
  ],
  [
    "bcrypt, cost 4",
    [/2b/, "2x"],
    [/2b/, "2"],
    [/04/, "03"],
    [/04/, "4"],
    [/04/, "+4"],
    [/rstuu/, "rstuv"],
    [/6e$/, "6f"],
    [/6e$/, "6"],
    [/6e$/, "6e "],
    [/abc/, "ab="],
    [/abcd/, "abé"],
  ],
  [
    "scrypt, 5 lanes",
    [/ln=10/, "ln=010"],
    [/ln=10/, "ln=+10"],
    [/ln=10/, "ln=1e1"],
    [/ln=10/, "ln=0"],
    [/ln=10/, "ln=266"],
    [/r=8/, "r=0"],
    [/p=5/, "p=0"],
    [/,p=5/, ""],
    [/p=5/, "p=5,x=1"],
    [/ln=10,r=8/, "r=8,ln=10"],
    [/p=5/, "p=5=5"],
    [/cw\$/, "cx$"],
    [/cw\$/, "cw==$"],
  ],
  [
    "PBKDF2 as a PHC string",
    [/i=1000/, "i=0"],
    [/i=1000,l=32/, "l=32,i=1000"],
    [/i=1000,l=32/, "i=1000"],
    [/i=1000/, "i=01000"],
    [/i=1000/, "i=-1"],
    [/i=1000,l=32/, "1e3"],
    [/i=1000,l=32/, ""],
    [/cw\$/, "cx$"],
  ],
  [
    "Django, SHA-1",
    [/1000/, "0"],
    [/1000/, "-1"],
    [/1000/, "+1000"],
    [/1000/, " 1000"],
    [/=$/, ""],
    [/sha1/, "md5"],
    [/\$somesalt-16bytes/, "$"],
    [/\$somesalt-16bytes/, ""],
  ],
  ["Better Auth", [/:/, ";"], [/^aa/, "zz"], [/..$/, ""], [/.$/, "é"], [/^a+/, ""]],
  ["Firebase, no separator", [/ln=10/, "ln=24"], [/r=8/, "r=8,p=1"], [/\$\$/, "$"], [/\$\$/, "$B$"], [/=?$/, "x"]],
];

let latchkey;
before(async () => (latchkey = await startLatchkey()));
after(() => latchkey.dispose());

/** Stores a hash without the import's checks, and presents the right password. */
async function verifies(hash) {
  const email = newEmail();
  const id = crypto.randomUUID();
  await latchkey.sql(
    "INSERT INTO users (id, email, password_hash, role_slug, created_at, updated_at) VALUES (?1, ?2, ?3, 'application-access', 1, 1)",
    id,
    email,
    hash,
  );
  const answer = await new Client(latchkey).post(LOGIN, { json: { username: email, password: HASHED_PASSWORD } });
  // An unknown pepper: the password is not refused as wrong.
  if (answer.status === 503 && hash.includes("keyid=")) return false;
  if (answer.status !== 204) assertProblem(answer, "invalid_credentials", { error: "invalid_grant" });
  return answer.status === 204;
}

/** @returns {HashVerdict} */
const judgeHash = (hash) => askService({ hash }).hash ?? { reason: "not judged" };

const isTaken = (hash) => judgeHash(hash).pepper === null;

describe("the importer and the service agree", () => {
  for (const [name, hash] of Object.entries(WITHIN)) {
    test(`within the bounds: ${name}`, async () =>
      assert.deepEqual([isTaken(hash), await verifies(hash)], [true, true], hash));
  }
  for (const [name, hash] of Object.entries(OUTSIDE)) {
    test(`outside: ${name}`, async () => assert.deepEqual([isTaken(hash), await verifies(hash)], [false, false], hash));
  }
  for (const [name, ...changes] of DAMAGES) {
    test(`damaged: ${name}`, async () => {
      for (const [part, replacement] of changes) {
        const hash = WITHIN[name].replace(part, replacement);
        assert.equal(isTaken(hash), await verifies(hash), hash);
      }
    });
  }
});

/** The test vector of Supabase's own server, for `mytestpassword`. */
const FBSCRYPT =
  "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==";

describe("Firebase's scrypt as Supabase writes it", () => {
  const change = (...changes) =>
    changes.reduce((text, [part, replacement]) => text.replace(part, replacement), FBSCRYPT);
  const urlSafe = FBSCRYPT.replaceAll("/", "_").replaceAll(/(?<=[a-z0-9A-Z])\+/g, "-");

  test("is imported and verifies, whatever its base64 looks like", async (t) => {
    // Without a separator it is another hash.
    const bare = firebase(10, 8, { separator: Buffer.alloc(0) }).split("$");
    const without = `$fbscrypt$v=1,n=10,r=8,p=1,sk=${bare[5]}$${bare[3]}$${bare[6]}`;
    const hashes = [FBSCRYPT, urlSafe, change([/=+(?=,sk)/, ""], [/=+(?=\$)/g, ""], [/=+$/, ""]), without];
    const path = fileOf(
      scratch(t),
      "users.csv",
      [
        "id,email,encrypted_password",
        ...hashes.map((hash, i) => `${crypto.randomUUID()},fb${i}@example.com,"${hash}"`),
        "",
      ].join("\n"),
    );
    const { report } = await importFile(latchkey, { path, from: "supabase" });
    assert.deepEqual(report, []);
    for (const i of hashes.keys()) {
      const password = i === 3 ? HASHED_PASSWORD : "mytestpassword";
      const answer = await new Client(latchkey).post(LOGIN, { json: { username: `fb${i}@example.com`, password } });
      assert.equal(answer.status, 204, hashes[i]);
    }
  });

  test("is refused when it is of another version, damaged, or beyond the bounds", () => {
    const judged = (text) => judgeHash(ownSpelling(text)).reason;
    assert.equal(judged(FBSCRYPT), undefined);
    assert.equal(judged(change(["v=1", "v=2"])), "hash_unsupported");
    for (const damaged of [
      change([/,sk=[^$]*/, ""]),
      change([/\$[^$]*$/, ""]),
      change([/hsg==/, "hs"]),
      change(["p=1", "p=2"]),
      change([/TMvn/, "T!vn"]),
      change([/.{8}$/, ""]),
    ]) {
      assert.equal(judged(damaged), "hash_damaged", damaged);
    }
    assert.equal(judged(change(["n=14", "n=17"])), "hash_out_of_bounds");
    assert.equal(judged(change(["r=8", "r=65"], ["n=14", "n=4"])), "hash_out_of_bounds");
  });
});

test("monstrous hashes are refused at the door, and at a login without being computed", async (t) => {
  const monstrous = [
    "$argon2id$v=19$m=4194304,t=10,p=4$c29tZXNhbHQtMTZieXRlcw$ktaY8UpTHC5aE+VAp8vC4kgZEVi3bOxtZwnPVJwmpPk",
    "$argon2id$v=19$m=4096,t=4294967295,p=1$c29tZXNhbHQtMTZieXRlcw$ktaY8UpTHC5aE+VAp8vC4kgZEVi3bOxtZwnPVJwmpPk",
    "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    WITHIN["scrypt, 5 lanes"].replace("ln=10", "ln=30"),
    WITHIN["scrypt, 5 lanes"].replace("p=5", "p=4294967295"),
    WITHIN["PBKDF2 as a PHC string"].replace("1000", "4294967295"),
    WITHIN["Django, SHA-1"].replace("1000", "4294967295"),
    WITHIN["Firebase, no separator"].replace("ln=10", "ln=40"),
  ];
  const path = fileOf(
    scratch(t),
    "users.jsonl",
    monstrous.map((passwordHash, number) => person(number, { passwordHash })),
  );
  const { report } = await importFile(latchkey, { path });
  assert.deepEqual(
    report.map(({ reason }) => reason),
    monstrous.map(() => "hash_out_of_bounds"),
  );
  assert.deepEqual(await latchkey.sql("SELECT id FROM users WHERE id = ?1", person(0).id), []);
  // Computed, the first would end the isolate and the others this test's time.
  for (const hash of monstrous) assert.equal(await verifies(hash), false, hash);
});

test("a hash with a pepper can only be ours", async (t) => {
  const hash = MADE_ELSEWHERE["Argon2id, 4,096 KiB"].replace("p=1", "p=1,keyid=b25l");
  const folder = scratch(t);
  const own = await importFile(latchkey, { path: fileOf(folder, "own.jsonl", [person(101, { passwordHash: hash })]) });
  assert.deepEqual([own.report, own.summary.peppers], [[], { one: 1 }]);
  const path = fileOf(folder, "other.jsonl", [{ id: person(102).id, email: newEmail(), hashed_password: hash }]);
  const { report } = await importFile(latchkey, { path, from: "fastapi-users" });
  assert.deepEqual(report, [{ line: 1, reason: "hash_unsupported", id: person(102).id }]);
});
