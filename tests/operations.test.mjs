/**
 * What an operator does by hand (docs/operations.md): ending all sessions after
 * a restore, and the page's statements for accounts.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashPassword, makePassword } from "../scripts/hash-password.mjs";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { command } from "./support/import-command.mjs";
import { LOGIN, PROFILE, REFRESH, logIn, newEmail, register, signUp } from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGE = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");
const persistTo = mkdtempSync(join(tmpdir(), "latchkey-operations-"));

let latchkey;
before(
  async () =>
    (latchkey = await startLatchkey({ persist: join(persistTo, "v3"), vars: { PROFILE_CONSISTENCY: "strict" } })),
);
after(async () => {
  await latchkey.dispose();
  rmSync(persistTo, { recursive: true, force: true });
});

/** Runs a script of `npm run`: `{code, out}`. */
function script(name, ...args) {
  const { status, stdout, stderr } = spawnSync("node", [join(ROOT, "scripts", `${name}.mjs`), ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { code: status, out: stdout + stderr };
}

/** The page's statements below a bold heading, for this address. */
async function follow(heading, replaced) {
  const [, section] = PAGE.split(`**${heading}**`);
  const [, sql] = /```sql\n([\s\S]+?)```/.exec(section) ?? [];
  const text = Object.entries(replaced).reduce((all, [from, to]) => all.replaceAll(from, to), sql);
  for (const statement of text.split(";").filter((one) => one.trim())) await latchkey.sql(statement);
}

describe("npm run end-sessions", () => {
  test("ends every session once, and people log in again", async () => {
    const [one, other] = [await signUp(latchkey), await signUp(latchkey)];
    const first = script("end-sessions", "--local", "--persist-to", persistTo);
    assert.equal(first.code, 0, first.out);
    assert.match(first.out, /Ended 2 sessions\./);
    for (const { client } of [one, other]) {
      assertProblem(await client.get(PROFILE), "invalid_token");
      assertProblem(await client.post(REFRESH), "invalid_token", { error: "invalid_grant" });
    }
    assert.deepEqual(await latchkey.sql("SELECT DISTINCT end_reason FROM sessions"), [{ end_reason: "revoked" }]);
    assert.ok(
      latchkey.logs.every(({ message }) => !message.includes("refresh_reused")),
      "nobody is taken for a thief",
    );
    assert.match(script("end-sessions", "--local", "--persist-to", persistTo).out, /Ended 0 sessions\./);
    assert.equal((await (await logIn(latchkey, one)).get(PROFILE)).status, 200);
  });

  test("ends many sessions in steps, and after a fault the others", async () => {
    await latchkey.sql("DELETE FROM sessions");
    const { id } = await signUp(latchkey);
    const count = async (condition) => {
      const [{ n }] = await latchkey.sql(`SELECT count(*) AS n FROM sessions WHERE user_id = ?1 AND ${condition}`, id);
      return n;
    };
    await latchkey.sql(
      `INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)
       WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 34999)
       SELECT ?1, '!' || i, '!' || i, 1, 1, iif(i % 10, 9999999999, 1), 9999999999 FROM n`,
      id,
    );
    await latchkey.sql(
      "CREATE TRIGGER fault BEFORE UPDATE ON sessions WHEN NEW.id = '!25001' BEGIN SELECT RAISE(ABORT, 'a fault'); END",
    );
    const endSessions = () => command("end-sessions", ["--local", "--persist-to", persistTo]);
    const failed = await endSessions();
    assert.equal(failed.code, 1, failed.out);
    assert.match(failed.out, /: 9000 sessions were ended and the others not yet; run the command again: [^\n]*a fault/);
    assert.equal(await count("end_reason = 'revoked'"), 9000);
    await latchkey.sql("DROP TRIGGER fault");
    const again = await endSessions();
    assert.equal(again.code, 0, again.out);
    assert.match(again.out, /Ended 13501 sessions\./);
    assert.equal(await count("ended_at IS NULL AND idle_expires_at > unixepoch()"), 0);
    assert.equal(await count("ended_at IS NULL"), 2500);
    const [{ told }] = await latchkey.sql(
      "SELECT count(*) AS told FROM audit_log WHERE user_id = ?1 AND event = 'session_ended'",
      id,
    );
    assert.equal(told, 22501);
  });

  for (const args of [[], ["--local", "--remote"], ["--remote", "--persist-to", persistTo], ["--everything"]]) {
    test(`${args.join(" ") || "without a database"}: says how it is used and touches nothing`, async () => {
      const { client } = await signUp(latchkey);
      const { code, out } = script("end-sessions", ...args);
      assert.equal(code, 1);
      assert.match(out, /Usage: npm run end-sessions/);
      assert.equal((await client.get(PROFILE)).status, 200);
    });
  }
});

describe("the statements of the page", () => {
  test("make an administrator and give a role, which the next tokens carry", async () => {
    const person = await signUp(latchkey);
    await follow("The first administrator.", { "ada@example.org": person.email });
    assert.equal((await person.client.get(PROFILE)).json.isSuperuser, true);
    const [, role] = PAGE.split("A role of your own:");
    const [, sql] = /```sql\n([\s\S]+?)```/.exec(role) ?? [];
    for (const statement of sql
      .replaceAll("ada@example.org", person.email)
      .split(";")
      .filter((one) => one.trim()))
      await latchkey.sql(statement);
    assert.equal((await person.client.get(PROFILE)).json.roleSlug, "editor");
  });

  test("shut an account out", async () => {
    const person = await signUp(latchkey);
    await follow("Shutting an account out, and letting it in again.", { "ada@example.org": person.email });
    assertProblem(await person.client.get(PROFILE), "invalid_token");
    assertProblem(await person.client.post(REFRESH), "invalid_token", { error: "invalid_grant" });
    const form = { username: person.email, password: person.password };
    assertProblem(await new Client(latchkey).post(LOGIN, { form }), "invalid_credentials", { error: "invalid_grant" });
    await latchkey.sql("UPDATE users SET is_active = 1 WHERE email = ?1", person.email);
    await logIn(latchkey, person);
    assertProblem(await person.client.get(PROFILE), "invalid_token", { message: "the old session stays over" });
  });

  test("reset a password: the printed one logs in, the old one and the old sessions do not", async () => {
    const person = await signUp(latchkey);
    const { code, out } = script("hash-password");
    assert.equal(code, 0, out);
    const [, password, hash] = /^password: (\S+)\nhash: +(\S+)\n$/.exec(out) ?? [];
    await follow("Resetting a password.", { "ada@example.org": person.email, "$scrypt$ln=14,r=8,p=5$…": hash });
    assertProblem(await person.client.get(PROFILE), "invalid_token");
    const form = { username: person.email, password: person.password };
    assertProblem(await new Client(latchkey).post(LOGIN, { form }), "invalid_credentials", { error: "invalid_grant" });
    await logIn(latchkey, { email: person.email, password });
    const [{ password_hash: stored }] = await latchkey.sql(
      "SELECT password_hash FROM users WHERE email = ?1",
      person.email,
    );
    assert.match(stored, /^\$argon2id\$/, "the first login has replaced it");
    assert.equal(new Set(Array.from({ length: 20 }, makePassword)).size, 20);
    assert.notEqual(hashPassword(password), hash, "salted");
  });

  test("change an address: the session goes on, and the new one logs in", async () => {
    const person = await signUp(latchkey);
    const email = newEmail();
    await follow("Changing an address.", { "ada@example.org": person.email, "ada@example.net": email });
    assert.equal((await person.client.get(PROFILE)).json.email, email);
    await logIn(latchkey, { email, password: person.password });
  });

  test("delete an account, its sessions with it", async () => {
    const person = await signUp(latchkey);
    await follow("Deleting an account.", { "ada@example.org": person.email });
    assertProblem(await person.client.get(PROFILE), "invalid_token");
    assert.deepEqual(await latchkey.sql("SELECT id FROM sessions WHERE user_id = ?1", person.id), []);
    assert.equal((await register(latchkey, { email: person.email })).email, person.email);
  });
});
