/**
 * `npm run import` and `npm run export` as they are typed: arguments, what is
 * said and what is not, exit codes, files and their modes, interruptions, and
 * that `npm start` would see the same database.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { openDatabase } from "../scripts/users/database.mjs";
import { asFailure, patiently } from "../scripts/users/faults.mjs";
import { WRANGLER } from "../scripts/wrangler.mjs";
import { startLatchkey } from "./support/harness.mjs";
import { EXPORTS, HASH, HASHED_PASSWORD, assertNoSecrets, exportFile, fileOf, person, scratch } from "./support/imports.mjs";
import { logIn } from "./support/people.mjs";

const MANY = 12_000;
/** What setup.mjs sets for wrangler: nothing here leaves the machine. */
const QUIET = { CI: "true", WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", MINIFLARE_TELEMETRY_DISABLED: "true" };

/** Runs a program: `{code, signal, out}`, with both outputs in `out`; `onOutput` sees it grow. */
function run(args, onOutput = () => {}) {
  return new Promise((done, fail) => {
    // A process group of its own, as a terminal makes one.
    const child = spawn("node", ["--no-warnings", ...args], { cwd: ROOT, env: { ...process.env, ...QUIET }, detached: true });
    let out = "";
    const take = (part) => {
      out += part;
      onOutput(out, child);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", fail).on("close", (code, signal) => done({ code, signal, out }));
  });
}

const command = (name, args, onOutput) => run([join(ROOT, "scripts", "users", `${name}.mjs`), ...args], onOutput);

const migrated = mkdtempSync(join(tmpdir(), "latchkey-migrated-"));
before(async () => {
  const { code, out } = await run([WRANGLER, "d1", "migrations", "apply", "DB", "--local", "--persist-to", migrated]);
  assert.equal(code, 0, out);
});
after(() => rmSync(migrated, { recursive: true, force: true }));

/** A folder as `npm start -- --persist-to` leaves it at first: an empty database with its tables. */
function database(t) {
  const folder = scratch(t);
  cpSync(migrated, folder, { recursive: true });
  return folder;
}

async function rows(persistTo) {
  const { db, close } = await openDatabase({ persistTo });
  try {
    return (await db.prepare("SELECT * FROM users ORDER BY id").all()).results;
  } finally {
    await close();
  }
}

const optionsOf = ({ from, path, firebaseHashConfig, auth0Profiles }) => [
  path, "--from", from,
  ...(firebaseHashConfig ? ["--firebase-hash-config", firebaseHashConfig] : []),
  ...(auth0Profiles ? ["--auth0-profiles", auth0Profiles] : []),
  ...(from === "firebase" && path.endsWith(".csv") ? ["--allow-firebase-csv"] : []),
];

test("an import, its repetition, an export, and an import of that elsewhere give the same rows", async (t) => {
  const [here, there] = [database(t), database(t)];
  const folder = scratch(t);
  // Through the script that npm runs, once.
  const path = fileOf(folder, "users.jsonl", [
    person(1, { name: 'Ada "Countess" Lovelace, 𝒜', isSuperuser: true, updatedAt: "2025-01-01T00:00:00Z" }), person(2, { isActive: false }), person(3, { id: 7 }),
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
  for (const [name, signal, code, isToAll] of [
    ["SIGINT", "SIGINT", 130, false],
    ["Ctrl-C, which ends the database's process too,", "SIGINT", 130, true],
    ["SIGKILL", "SIGKILL", null, true],
  ]) {
    test(`by ${name} costs nothing: the next run ends as if there had been none`, async (t) => {
      const [persistTo, folder] = [database(t), scratch(t)];
      const path = fileOf(folder, "users.jsonl", Array.from({ length: MANY }, (_, number) => person(number, { id: number })));
      let isSent = false;
      const cut = await command("import", [path, "--persist-to", persistTo], (out, child) => {
        if (!/\d\d %/.test(out) || isSent) return;
        isSent = true;
        process.kill(isToAll ? -child.pid : child.pid, signal);
      });
      assert.equal(cut.code, code, cut.out);
      if (signal === "SIGINT") assert.match(cut.out, /Interrupted(?: after line \d+)?\. What was imported stays; run the same command again\./);
      const part = (await rows(persistTo)).length;
      assert.ok(part > 0 && part < MANY, `${part}`);

      const resumed = await command("import", [path, "--persist-to", persistTo]);
      assert.equal(resumed.code, 0, resumed.out);
      assert.ok(resumed.out.includes(`${MANY} read, ${MANY - part} imported, ${part} already there, 0 skipped`), resumed.out);
      const all = await rows(persistTo);
      assert.equal(all.length, MANY);
      const entries = readFileSync(`${path}.report.jsonl`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(entries.map(({ line }) => line), Array.from({ length: MANY }, (_, i) => i + 1));
      assert.deepEqual(entries.map(({ id }) => id).sort(), all.map(({ id }) => id));
    });
  }
});

test("an export that is interrupted leaves no file with hashes behind", async (t) => {
  const [persistTo, folder] = [database(t), scratch(t)];
  const path = fileOf(folder, "users.jsonl", Array.from({ length: MANY }, (_, number) => person(number, { id: number })));
  assert.equal((await command("import", [path, "--persist-to", persistTo])).code, 0);
  let isSent = false;
  const target = join(folder, "all.jsonl");
  const cut = await command("export", [target, "--persist-to", persistTo], (out, child) => {
    if (!/\d %/.test(out) || isSent) return;
    isSent = true;
    process.kill(-child.pid, "SIGINT");
  });
  assert.equal(cut.code, 130, cut.out);
  assert.match(cut.out, /Interrupted\. Nothing was written\./);
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("all.jsonl")), []);
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
    assert.equal(readFileSync(report, "utf8"), `${JSON.stringify({ line: 2, reason: "no_password", id: person(2).id })}\n`);
    assert.equal(statSync(report).mode & 0o777, 0o600);
  });

  test("a dry run judges everything and touches nothing", async (t) => {
    const persistTo = database(t);
    const { code, out } = await command("import", [exportFile("django/users.jsonl"), "--from", "django", "--dry-run", "--persist-to", persistTo, "--report", join(persistTo, "r")]);
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
    for (const [args, message] of [
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
      [[path, "--persist-to", join(folder, "empty")], /The database has no tables yet\. Run: npm run wrangler -- d1 migrations apply DB --local/],
    ]) {
      const { code, out } = await command("import", args);
      assert.equal(code, 1, out);
      assert.match(out, message);
      assert.doesNotMatch(out, /\n\s+at /);
    }
  });
});

describe("a file that is not whole", () => {
  test("a pipe is refused, with or without a writer, and does not hang", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const pipe = join(folder, "pipe.csv");
    execFileSync("mkfifo", [pipe]);
    for (const args of [[pipe], [exportFile("auth0/passwords.ndjson"), "--from", "auth0", "--auth0-profiles", pipe]]) {
      const { code, out } = await command("import", [...args, "--persist-to", persistTo, "--report", join(folder, "r")]);
      assert.equal(code, 1, out);
      assert.match(out, /pipe\.csv is no file but a pipe or a device/);
    }
  });

  test("an array that is cut off imports what is there and does not exit with 0; no users are a failure", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const whole = JSON.stringify([person(1), person(2), person(3)], null, 2);
    for (const [text, code, said] of [
      [whole.slice(0, whole.indexOf("},") + 1), 2, /2 read, 1 imported, 0 already there, 1 skipped\n {2}skipped 1: cut_off/],
      [whole.slice(0, whole.lastIndexOf("createdAt")), 2, /skipped 1: bad_json\n {2}skipped 1: cut_off/],
      [`${whole}\n${whole}`, 2, /skipped 1: trailing_data/],
      [whole, 0, /3 read, 0 imported, 3 already there, 0 skipped/],
      ["[]", 1, /The file has no users in it/],
      ["\n\n", 1, /The file has no users in it/],
    ]) {
      const path = fileOf(folder, "users.json", text);
      const run = await command("import", [path, "--persist-to", persistTo]);
      assert.equal(run.code, code, run.out);
      assert.match(run.out, said);
    }
    const open = await command("import", [fileOf(folder, "users.csv", `id,email,passwordHash\n1,a@example.com,${HASH}`), "--persist-to", persistTo]);
    assert.equal(open.code, 0, open.out);
    assert.match(open.out, /The last line has no line end\./);
  });

  test("Firebase's CSV is refused unless it is allowed: a line break in a name forges a user", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const [first, ...rest] = readFileSync(exportFile("firebase/users.csv"), "utf8").split("\n");
    const forged = `${rest[0].replace('"Ada ""Countess"" Lovelace"', `x\n${first.replace("user1@", "victim@").replace(/^[^,]*/, "forged")}`)}\n`;
    const path = fileOf(folder, "users.csv", forged);
    const options = ["--from", "firebase", "--firebase-hash-config", exportFile("firebase/hash-config.txt"), "--persist-to", persistTo];
    for (const args of [[path], [fileOf(folder, "users.txt", forged), "--format", "csv"], [path, "--dry-run"]]) {
      const { code, out } = await command("import", [...args, ...options]);
      assert.equal(code, 1, out);
      assert.match(out, /does not quote every field.*--format=json.*--allow-firebase-csv/);
      assert.deepEqual(await rows(persistTo), []);
    }
    const json = await command("import", [exportFile("firebase/users.json"), ...options, "--report", join(folder, "r")]);
    assert.equal(json.code, 2, json.out);
  });
});

describe("a database that cannot be used", () => {
  /** The file that D1 keeps its tables in. */
  const fileIn = (persistTo) => {
    const folder = join(persistTo, "v3", "d1");
    const name = readdirSync(folder, { recursive: true }).find((path) => path.endsWith(".sqlite") && !path.includes("metadata"));
    return join(folder, name);
  };

  test("is waited for while another program holds it", async (t) => {
    const { DatabaseSync } = await import("node:sqlite");
    const [persistTo, folder] = [database(t), scratch(t)];
    const holder = new DatabaseSync(fileIn(persistTo));
    t.after(() => holder.close());
    holder.exec("BEGIN IMMEDIATE");
    let isHeld = true;
    const path = fileOf(folder, "users.jsonl", [person(1), person(2)]);
    const { code, out } = await command("import", [path, "--persist-to", persistTo], (said) => {
      if (!isHeld || !said.includes("waiting for it")) return;
      isHeld = false;
      holder.exec("COMMIT");
    });
    assert.equal(code, 0, out);
    assert.equal(isHeld, false, out);
    assert.match(out, /Another program holds the database, such as `npm start`; waiting for it \.\.\.\n/);
    assert.match(out, /2 read, 2 imported/);
  });

  test("is given up at last, in one line; only what is held is waited for", async () => {
    const busy = new Error("D1_ERROR: database is locked: SQLITE_BUSY");
    const pauses = [];
    let waits = 0;
    const options = { waits: () => (waits += 1), patienceMs: 5_000, pause: async (ms) => pauses.push(ms) };
    await assert.rejects(patiently(async () => { throw busy; }, options), busy);
    assert.equal(waits, 1);
    assert.ok(pauses.reduce((sum, ms) => sum + ms, 0) <= 5_000 && pauses.length > 5, `${pauses}`);
    let tries = 0;
    assert.equal(await patiently(async () => ((tries += 1) < 4 ? Promise.reject(busy) : "done"), options), "done");
    const broken = new Error("D1_ERROR: no such table: users: SQLITE_ERROR");
    await assert.rejects(patiently(async () => { throw broken; }, { ...options, pause: assert.fail }), broken);
    const wrapped = new Error("D1_ERROR", { cause: busy });
    for (const [error, said] of [
      [busy, /^The import failed: Another program holds the database, such as `npm start` or another import\./],
      [wrapped, /Another program holds/],
      [broken, /The database lacks tables or columns\. Run: npm run wrangler -- d1 migrations apply DB --local$/],
      [new Error("D1_ERROR: attempt to write a readonly database: SQLITE_READONLY"), /cannot be written by this user/],
      [new Error("D1_ERROR: database or disk is full: SQLITE_FULL"), /The disk is full/],
      [new Error("D1_ERROR: file is not a database: SQLITE_NOTADB"), /damaged/],
      [new Error("\u001b[31mone\u001b[0m\n    at two\n    at three"), /^The import failed: one$/],
      [null, /^The import failed: null$/],
      [{ get message() { throw new Error("no"); } }, /^The import failed: unknown error$/],
    ]) assert.match(asFailure(error, "The import failed").message, said);
  });

  test("is said in one line, without a stack trace", async (t) => {
    const folder = scratch(t);
    const path = fileOf(folder, "users.jsonl", [person(1)]);
    const faults = {
      "no column": async (persistTo) => {
        const { db, close } = await openDatabase({ persistTo });
        await db.prepare("ALTER TABLE users RENAME COLUMN is_superuser TO is_other").run();
        await close();
      },
      "no table": async (persistTo) => {
        const { db, close } = await openDatabase({ persistTo });
        await db.prepare("PRAGMA foreign_keys = OFF").run();
        await db.prepare("ALTER TABLE users RENAME TO people").run();
        await close();
      },
      "no database": async (persistTo) => writeFileSync(fileIn(persistTo), "no database at all ".repeat(500)),
      "a folder in its place": async (persistTo) => {
        const file = fileIn(persistTo);
        rmSync(file);
        mkdirSync(file);
      },
    };
    for (const [name, spoil] of Object.entries(faults)) {
      const persistTo = database(t);
      await spoil(persistTo);
      for (const args of [["import", [path]], ["export", [join(folder, "out.jsonl")]]]) {
        const { code, out } = await command(args[0], [...args[1], "--persist-to", persistTo]);
        if (name === "no column" && args[0] === "import") assert.match(out, /lacks tables or columns/);
        assert.equal(code, 1, `${name}: ${out}`);
        assert.match(out, /^latchkey: The (im|ex)port failed: |no tables yet/m, name);
        assert.doesNotMatch(out, /\n\s+at |node:internal/, name);
      }
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
      ...person(1), isActive: true, isSuperuser: false, roleSlug: "application-access", updatedAt: person(1).createdAt,
    });
    assert.ok(readdirSync(folder).every((name) => !name.endsWith(".part")));
  });

  test("goes over many pages, and hashes with a pepper move with it and need it", async (t) => {
    const persistTo = scratch(t);
    const folder = scratch(t);
    const secrets = { PASSWORD_PEPPERS: `one:${Buffer.alloc(32, 1).toString("base64url")}` };
    const persist = join(persistTo, "v3");
    const many = fileOf(folder, "users.jsonl", Array.from({ length: 2_500 }, (_, number) => person(number)));
    let latchkey = await startLatchkey({ persist, secrets });
    try {
      assert.equal((await command("import", [many, "--persist-to", persistTo])).code, 0);
      await logIn(latchkey, { email: person(3).email, password: HASHED_PASSWORD });
    } finally {
      await latchkey.dispose();
    }
    const path = join(folder, "out.jsonl");
    assert.match((await command("export", [path, "--persist-to", persistTo])).out, /2500 users in/);
    const lines = readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ id }) => id), Array.from({ length: 2_500 }, (_, number) => person(number).id));
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
