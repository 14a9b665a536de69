/**
 * Imports that cannot succeed, or not at once: files that are not whole, and
 * databases that are held, damaged or of another version. What is wrong is said
 * in a line with the way out, and never ends with 0.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openDatabase } from "../scripts/users/database.mjs";
import { asFailure, patiently } from "../scripts/users/faults.mjs";
import { command, database, rows } from "./support/import-command.mjs";
import { HASH, exportFile, fileOf, person, scratch } from "./support/imports.mjs";

describe("a file that is not whole", () => {
  test("a pipe is refused, with or without a writer, and does not hang", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const pipe = join(folder, "pipe.csv");
    execFileSync("mkfifo", [pipe]);
    for (const args of [[pipe], [exportFile("auth0/passwords.ndjson"), "--from", "auth0", "--auth0-profiles", pipe]]) {
      const { code, out } = await command("import", [
        ...args,
        "--persist-to",
        persistTo,
        "--report",
        join(folder, "r"),
      ]);
      assert.equal(code, 1, out);
      assert.match(out, /pipe\.csv is no file but a pipe or a device/);
    }
  });

  test("an array that is cut off imports what is there and does not exit with 0; no users are a failure", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const whole = JSON.stringify([person(1), person(2), person(3)], null, 2);
    /** @type {[text: string, code: number, said: RegExp][]} */
    const files = [
      [
        whole.slice(0, whole.indexOf("},") + 1),
        2,
        /2 read, 1 imported, 0 already there, 1 skipped\n {2}skipped 1: cut_off/,
      ],
      [whole.slice(0, whole.lastIndexOf("createdAt")), 2, /skipped 1: bad_json\n {2}skipped 1: cut_off/],
      [`${whole}\n${whole}`, 2, /skipped 1: trailing_data/],
      [whole, 0, /3 read, 0 imported, 3 already there, 0 skipped/],
      ["[]", 1, /The file has no users in it/],
      ["\n\n", 1, /The file has no users in it/],
    ];
    for (const [text, code, said] of files) {
      const path = fileOf(folder, "users.json", text);
      const run = await command("import", [path, "--persist-to", persistTo]);
      assert.equal(run.code, code, run.out);
      assert.match(run.out, said);
    }
    const open = await command("import", [
      fileOf(folder, "users.csv", `id,email,passwordHash\n1,a@example.com,${HASH}`),
      "--persist-to",
      persistTo,
    ]);
    assert.equal(open.code, 0, open.out);
    assert.match(open.out, /The last line has no line end\./);
  });

  test("Firebase's CSV is refused unless it is allowed: a line break in a name forges a user", async (t) => {
    const [persistTo, folder] = [database(t), scratch(t)];
    const [first, ...rest] = readFileSync(exportFile("firebase/users.csv"), "utf8").split("\n");
    const forged = `${rest[0].replace('"Ada ""Countess"" Lovelace"', `x\n${first.replace("user1@", "victim@").replace(/^[^,]*/, "forged")}`)}\n`;
    const path = fileOf(folder, "users.csv", forged);
    const options = [
      "--from",
      "firebase",
      "--firebase-hash-config",
      exportFile("firebase/hash-config.txt"),
      "--persist-to",
      persistTo,
    ];
    for (const args of [[path], [fileOf(folder, "users.txt", forged), "--format", "csv"], [path, "--dry-run"]]) {
      const { code, out } = await command("import", [...args, ...options]);
      assert.equal(code, 1, out);
      assert.match(out, /does not quote every field.*--format=json.*--allow-firebase-csv/);
      assert.deepEqual(await rows(persistTo), []);
    }
    const json = await command("import", [
      exportFile("firebase/users.json"),
      ...options,
      "--report",
      join(folder, "r"),
    ]);
    assert.equal(json.code, 2, json.out);
  });
});

describe("a database that cannot be used", () => {
  /** The file that D1 keeps its tables in. */
  const fileIn = (persistTo) => {
    const folder = join(persistTo, "v3", "d1");
    const name = readdirSync(folder, { recursive: true, encoding: "utf8" }).find(
      (path) => path.endsWith(".sqlite") && !path.includes("metadata"),
    );
    return join(folder, name ?? "");
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

  test("is waited for by end-sessions, too", async (t) => {
    const { DatabaseSync } = await import("node:sqlite");
    const persistTo = database(t);
    const holder = new DatabaseSync(fileIn(persistTo));
    t.after(() => holder.close());
    // Without a session there is nothing to wait for.
    holder.exec(
      `INSERT INTO users (id, email, role_slug, created_at, updated_at) VALUES ('u', 'e', 'application-access', 0, 0);
       INSERT INTO sessions (id, user_id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)
       VALUES ('s', 'u', 'j', 0, 0, 4000000000, 4000000000)`,
    );
    holder.exec("BEGIN IMMEDIATE");
    let isHeld = true;
    const { code, out } = await command("end-sessions", ["--local", "--persist-to", persistTo], (said) => {
      if (!isHeld || !said.includes("waiting for it")) return;
      isHeld = false;
      holder.exec("COMMIT");
    });
    assert.equal(code, 0, out);
    assert.match(
      out,
      /Another program holds the database, such as `npm start`; waiting for it \.\.\.\nEnded 1 sessions\./,
    );
  });

  test("is given up at last, in one line; only what is held is waited for", async () => {
    const busy = new Error("D1_ERROR: database is locked: SQLITE_BUSY");
    const pauses = [];
    let waits = 0;
    const options = { waits: () => (waits += 1), patienceMs: 5_000, pause: async (ms) => pauses.push(ms) };
    await assert.rejects(
      patiently(async () => {
        throw busy;
      }, options),
      busy,
    );
    assert.equal(waits, 1);
    assert.ok(pauses.reduce((sum, ms) => sum + ms, 0) <= 5_000 && pauses.length > 5, `${pauses}`);
    let tries = 0;
    assert.equal(await patiently(async () => ((tries += 1) < 4 ? Promise.reject(busy) : "done"), options), "done");
    const broken = new Error("D1_ERROR: no such table: users: SQLITE_ERROR");
    await assert.rejects(
      patiently(
        async () => {
          throw broken;
        },
        { ...options, pause: () => assert.fail() },
      ),
      broken,
    );
    const wrapped = new Error("D1_ERROR", { cause: busy });
    /** @type {[error: unknown, said: RegExp][]} */
    const errors = [
      [busy, /^The import failed: Another program holds the database, such as `npm start` or another import\./],
      [wrapped, /Another program holds/],
      [broken, /The database lacks tables or columns\. Run: npm run wrangler -- d1 migrations apply DB --local$/],
      [new Error("D1_ERROR: attempt to write a readonly database: SQLITE_READONLY"), /cannot be written by this user/],
      [new Error("D1_ERROR: database or disk is full: SQLITE_FULL"), /The disk is full/],
      [new Error("D1_ERROR: file is not a database: SQLITE_NOTADB"), /damaged/],
      [new Error("\u001b[31mone\u001b[0m\n    at two\n    at three"), /^The import failed: one$/],
      [null, /^The import failed: null$/],
      [
        {
          get message() {
            throw new Error("no");
          },
        },
        /^The import failed: unknown error$/,
      ],
    ];
    for (const [error, said] of errors) assert.match(asFailure(error, "The import failed").message, said);
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
      "no database": async (persistTo) => {
        const file = fileIn(persistTo);
        for (const journal of ["-wal", "-shm"]) rmSync(`${file}${journal}`, { force: true });
        writeFileSync(file, "no database at all ".repeat(500));
      },
      "a folder in its place": async (persistTo) => {
        const file = fileIn(persistTo);
        for (const part of ["", "-wal", "-shm"]) rmSync(`${file}${part}`, { force: true });
        mkdirSync(file);
      },
    };
    for (const [name, spoil] of Object.entries(faults)) {
      const persistTo = database(t);
      await spoil(persistTo);
      for (const [program, file] of [
        ["import", path],
        ["export", join(folder, "out.jsonl")],
      ]) {
        const { code, out } = await command(program, [file, "--persist-to", persistTo]);
        if (name === "no column" && program === "import") assert.match(out, /lacks tables or columns/);
        assert.equal(code, 1, `${name}: ${out}`);
        assert.match(out, /^latchkey: The (im|ex)port failed: |no tables yet/m, name);
        assert.doesNotMatch(out, /\n\s+at |node:internal/, name);
      }
    }
  });
});
