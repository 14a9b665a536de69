/**
 * `npm run import` and `npm run export` as commands: arguments, output, exit
 * codes, files and their modes, interruptions, and that `npm start` would see
 * the same database.
 */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { command, database, rows, run } from "./support/import-command.mjs";
import {
  EXPORTS,
  HASH,
  HASHED_PASSWORD,
  assertNoSecrets,
  exportFile,
  fileOf,
  person,
  scratch,
} from "./support/imports.mjs";
import { logIn } from "./support/people.mjs";

/** @import { Export } from "./support/imports.mjs" */

const MANY = 12_000;
/** @param {Export} asked */
const optionsOf = ({ from, path, firebaseHashConfig, auth0Profiles }) => [
  path,
  "--from",
  from,
  ...(firebaseHashConfig ? ["--firebase-hash-config", firebaseHashConfig] : []),
  ...(auth0Profiles ? ["--auth0-profiles", auth0Profiles] : []),
  ...(from === "firebase" && path.endsWith(".csv") ? ["--allow-firebase-csv"] : []),
];

test("an import, its repetition, an export, and an import of that elsewhere give the same rows", async (t) => {
  const [here, there] = [database(t), database(t)];
  const folder = scratch(t);
  // Through the script that npm runs, once.
  const path = fileOf(folder, "users.jsonl", [
    person(1, { name: 'Ada "Countess" Lovelace, 𝒜', isSuperuser: true, updatedAt: "2025-01-01T00:00:00Z" }),
    person(2, { isActive: false }),
    person(3, { id: 7 }),
  ]);
  const first = await run([join(ROOT, "scripts", "import.mjs"), path, "--persist-to", here]);
  assert.equal(first.code, 0, first.out);
  assert.match(first.out, /3 read, 3 imported, 0 already there, 0 skipped/);
  assert.match(first.out, /SUPERUSERS in the file: 1\n {2}inactive in the file: 1/);
  const stored = await rows(here);
  assert.equal(stored.length, 3);

  const report = readFileSync(`${path}.report.jsonl`, "utf8");
  const second = await command("import", [path, "--persist-to", here]);
  assert.match(second.out, /3 read, 0 imported, 3 already there, 0 skipped/);
  assert.deepEqual(await rows(here), stored);
  assert.equal(readFileSync(`${path}.report.jsonl`, "utf8"), report);

  const exported = join(folder, "all.jsonl");
  const written = await run([join(ROOT, "scripts", "export.mjs"), exported, "--persist-to", here]);
  assert.equal(written.code, 0, written.out);
  const moved = await command("import", [exported, "--persist-to", there]);
  assert.equal(moved.code, 0, moved.out);
  assert.deepEqual(await rows(there), stored);
});

test("nothing of a hash is said or reported", async (t) => {
  const [persistTo, folder] = [database(t), scratch(t)];
  for (const options of EXPORTS.filter(({ path }) => !path.endsWith(".json"))) {
    const report = join(folder, "report");
    const { out } = await command("import", [...optionsOf(options), "--persist-to", persistTo, "--report", report]);
    assert.match(out, /read, .* skipped/);
    assertNoSecrets(options.path, out + readFileSync(report, "utf8"));
  }
});

describe("an interruption", () => {
  /** @type {[name: string, signal: NodeJS.Signals, code: number | null, isToAll: boolean][]} */
  const INTERRUPTIONS = [
    ["SIGINT", "SIGINT", 130, false],
    ["Ctrl-C, which ends the database's process too,", "SIGINT", 130, true],
    ["SIGKILL", "SIGKILL", null, true],
  ];
  for (const [name, signal, code, isToAll] of INTERRUPTIONS) {
    test(`by ${name} costs nothing: the next run ends as if there had been none`, async (t) => {
      const [persistTo, folder] = [database(t), scratch(t)];
      const path = fileOf(
        folder,
        "users.jsonl",
        Array.from({ length: MANY }, (_, number) => person(number, { id: number })),
      );
      let isSent = false;
      const cut = await command("import", [path, "--persist-to", persistTo], (out, child) => {
        if (!/\d\d %/.test(out) || isSent) return;
        isSent = true;
        process.kill(isToAll ? -Number(child.pid) : Number(child.pid), signal);
      });
      assert.equal(cut.code, code, cut.out);
      if (signal === "SIGINT")
        assert.match(
          cut.out,
          /Interrupted(?: after line \d+)?\. What was imported stays; run the same command again\./,
        );
      const part = (await rows(persistTo)).length;
      assert.ok(part > 0 && part < MANY, `${part}`);

      const resumed = await command("import", [path, "--persist-to", persistTo]);
      assert.equal(resumed.code, 0, resumed.out);
      assert.ok(
        resumed.out.includes(`${MANY} read, ${MANY - part} imported, ${part} already there, 0 skipped`),
        resumed.out,
      );
      const all = await rows(persistTo);
      assert.equal(all.length, MANY);
      const entries = readFileSync(`${path}.report.jsonl`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        entries.map(({ line }) => line),
        Array.from({ length: MANY }, (_, i) => i + 1),
      );
      assert.deepEqual(
        entries.map(({ id }) => id).sort(),
        all.map(({ id }) => id),
      );
    });
  }
});

test("an export that is interrupted leaves no file with hashes behind", async (t) => {
  const [persistTo, folder] = [database(t), scratch(t)];
  const path = fileOf(
    folder,
    "users.jsonl",
    Array.from({ length: MANY }, (_, number) => person(number, { id: number })),
  );
  assert.equal((await command("import", [path, "--persist-to", persistTo])).code, 0);
  let isSent = false;
  const target = join(folder, "all.jsonl");
  const cut = await command("export", [target, "--persist-to", persistTo], (out, child) => {
    if (!/\d %/.test(out) || isSent) return;
    isSent = true;
    process.kill(-Number(child.pid), "SIGINT");
  });
  assert.equal(cut.code, 130, cut.out);
  assert.match(cut.out, /Interrupted\. Nothing was written\./);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("all.jsonl")),
    [],
  );
});

describe("the command line", () => {
  test("lines that were skipped make the exit code 2, and the report is the owner's", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const path = fileOf(folder, "users.jsonl", [person(1), person(2, { passwordHash: "" })]);
    const report = fileOf(folder, "report", "old");
    chmodSync(report, 0o644);
    const { code, out } = await command("import", [path, "--local", "--persist-to", persistTo, "--report", report]);
    assert.equal(code, 2, out);
    assert.match(out, /2 read, 1 imported, 0 already there, 1 skipped\n {2}skipped 1: no_password\n/);
    assert.equal(
      readFileSync(report, "utf8"),
      `${JSON.stringify({ line: 2, reason: "no_password", id: person(2).id })}\n`,
    );
    assert.equal(statSync(report).mode & 0o777, 0o600);
  });

  test("a dry run judges everything and touches nothing", async (t) => {
    const persistTo = database(t);
    const { code, out } = await command("import", [
      exportFile("django/users.jsonl"),
      "--from",
      "django",
      "--dry-run",
      "--persist-to",
      persistTo,
      "--report",
      join(persistTo, "r"),
    ]);
    assert.equal(code, 2, out);
    assert.match(out, /12 read, 7 would be imported, 0 already there, 5 skipped/);
    assert.match(out, /SUPERUSERS in the file: 1/);
    assert.deepEqual(await rows(persistTo), []);
  });

  test("--help says how, and is no failure", async () => {
    for (const name of ["import", "export"]) {
      const { code, out } = await command(name, ["--help"]);
      assert.equal(code, 0, out);
      assert.match(out, new RegExp(`^Usage: npm run ${name} -- FILE`));
    }
  });

  test("what cannot work is said in one line, with the way out", async (t) => {
    const folder = scratch(t);
    const path = fileOf(folder, "users.jsonl", [person(1)]);
    /** @type {[args: string[], message: RegExp][]} */
    const mistakes = [
      [[], /^latchkey: Usage: npm run import/],
      [[path, path], /Usage/],
      [[path, "--frm", "django"], /Unknown option '--frm'/],
      [[path, "--from", "keycloak"], /"keycloak" is none of the systems/],
      [[path, "--from", "toString"], /is none of the systems/],
      [[path, "--format", "xml"], /--format is csv or jsonl/],
      [[join(folder, "users.txt")], /Say what .* is: --format csv or --format jsonl/],
      [[join(folder, "none.csv")], /none\.csv cannot be read \(ENOENT\)/],
      [[path, "--local", "--remote"], /not both/],
      [[path, "--remote", "--persist-to", folder], /--persist-to goes with --local/],
      [[path, "--from", "firebase"], /--firebase-hash-config FILE/],
      [[path, "--firebase-hash-config", path], /goes with --from firebase/],
      [[path, "--auth0-profiles", path], /goes with --from auth0/],
      [[path, "--from", "firebase", "--firebase-hash-config", path], /says nothing of base64_signer_key/],
      [[path, "--report", path], /would replace the file/],
      [[path, "--local", "--account", "x"], /--account goes with --remote/],
      [[path, "--allow-firebase-csv"], /--allow-firebase-csv goes with --from firebase/],
      [[folder, "--format", "csv"], /is a folder/],
      [[fileOf(folder, "empty.csv", "")], /empty\.csv is empty/],
      [["/dev/null", "--format", "csv"], /is no file but a pipe or a device/],
      [[path, "--persist-to", path], /--persist-to has to be a folder/],
      [
        [path, "--persist-to", join(folder, "empty")],
        /The database has no tables yet\. Run: npm run wrangler -- d1 migrations apply DB --local/,
      ],
    ];
    for (const [args, message] of mistakes) {
      const { code, out } = await command("import", args);
      assert.equal(code, 1, out);
      assert.match(out, message);
      assert.doesNotMatch(out, /\n\s+at /);
    }
  });
});

describe("an export", () => {
  test("is the owner's alone, whole or not there, and replaces nothing unasked", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    await command("import", [fileOf(folder, "users.jsonl", [person(1)]), "--persist-to", persistTo]);
    const path = join(folder, "out.jsonl");
    writeFileSync(path, "mine");
    const refused = await command("export", [path, "--persist-to", persistTo]);
    assert.equal(refused.code, 1);
    assert.match(refused.out, /is there already\. Name another file, or add --force\./);
    assert.equal(readFileSync(path, "utf8"), "mine");

    const { code, out } = await command("export", [path, "--force", "--persist-to", persistTo]);
    assert.equal(code, 0, out);
    assert.match(out, /^1 users in /m);
    assert.ok(!out.includes(HASH));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), {
      ...person(1),
      isActive: true,
      isSuperuser: false,
      roleSlug: "application-access",
      updatedAt: person(1).createdAt,
    });
    assert.ok(readdirSync(folder).every((name) => !name.endsWith(".part")));
  });

  test("goes over many pages, and hashes with a pepper move with it and need it", async (t) => {
    const persistTo = scratch(t);
    const folder = scratch(t);
    const secrets = { PASSWORD_PEPPERS: `one:${Buffer.alloc(32, 1).toString("base64url")}` };
    const persist = join(persistTo, "v3");
    const many = fileOf(
      folder,
      "users.jsonl",
      Array.from({ length: 2_500 }, (_, number) => person(number)),
    );
    let latchkey = await startLatchkey({ persist, secrets });
    try {
      assert.equal((await command("import", [many, "--persist-to", persistTo])).code, 0);
      await logIn(latchkey, { email: person(3).email, password: HASHED_PASSWORD });
    } finally {
      await latchkey.dispose();
    }
    const path = join(folder, "out.jsonl");
    assert.match((await command("export", [path, "--persist-to", persistTo])).out, /2500 users in/);
    const lines = readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ id }) => id),
      Array.from({ length: 2_500 }, (_, number) => person(number).id),
    );
    assert.match(lines[3].passwordHash, /^\$argon2id\$.*,keyid=b25l\$/);

    const elsewhere = scratch(t);
    latchkey = await startLatchkey({ persist: join(elsewhere, "v3"), secrets });
    try {
      const { code, out } = await command("import", [path, "--persist-to", elsewhere]);
      assert.equal(code, 0, out);
      assert.match(out, /1 hashed with the pepper "one": they verify only where PASSWORD_PEPPERS has it/);
      await logIn(latchkey, { email: person(3).email, password: HASHED_PASSWORD });
    } finally {
      await latchkey.dispose();
    }
  });
});
