/**
 * How long an import takes, and whether a second one leaves the same rows:
 *
 *     npm run bench:import                100,000 users
 *     npm run bench:import -- 5000        as many as these
 *
 * Everything as a team would do it: a file, a fresh local database, `npm run
 * import` twice, `npm run export` after each. Fails when the rows or the
 * reports differ, or when an import takes ten minutes.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, main, run, say } from "../scripts/lib.mjs";
import { setup } from "../scripts/setup.mjs";
import { WRANGLER } from "../scripts/wrangler.mjs";

const USERS = 100_000;
const LIMIT_SECONDS = 600;
const FIRST_REGISTERED = Date.UTC(2020, 0, 1);
const BCRYPT_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

await main(import.meta.url, async ([users = USERS]) => {
  const env = await setup({ rust: false });
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  try {
    const file = join(folder, "users.csv");
    writeUsers(file, Number(users));
    const migrate = [WRANGLER, "d1", "migrations", "apply", "DB", "--local", "--persist-to", folder];
    await run("node", ["--no-warnings", ...migrate], { env: { ...env, CI: "true" } });
    const runs = [];
    for (const name of ["first run", "second run"]) runs.push({ name, ...(await importOnce(file, folder, env)) });
    return print(Number(users), runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Users as Better Auth has them whose ids cannot be kept: each costs a line in the report. */
function writeUsers(file, users) {
  say(`Writing ${users} users ...`);
  const out = openSync(file, "w");
  writeSync(out, "id,name,email,password,createdAt\n");
  for (let user = 0; user < users; user += 1) {
    const digest = createHash("sha256").update(`user ${user}`).digest();
    const letters = [...digest, ...digest]
      .slice(0, 51)
      .map((byte) => BCRYPT_LETTERS[byte % 64])
      .join("");
    // The last letters of salt and hash carry bits that must be zero.
    const hash = `$2b$10$${letters.slice(0, 21)}u${letters.slice(21)}u`;
    const at = new Date(FIRST_REGISTERED + user * 1000).toISOString();
    writeSync(out, `${digest.toString("hex").slice(0, 32)},Person ${user},person${user}@example.com,${hash},${at}\n`);
  }
  closeSync(out);
}

async function importOnce(file, folder, env) {
  const start = performance.now();
  await run("node", [join(ROOT, "scripts", "import.mjs"), file, "--from", "better-auth", "--persist-to", folder], {
    env,
  });
  const seconds = (performance.now() - start) / 1000;
  const rows = join(folder, "rows.jsonl");
  await run("node", [join(ROOT, "scripts", "export.mjs"), rows, "--force", "--persist-to", folder], { env });
  const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return { seconds, rows: digest(rows), report: digest(`${file}.report.jsonl`) };
}

function print(users, runs) {
  console.log(`\n${users} users     seconds   users/s`);
  for (const { name, seconds } of runs) {
    console.log(
      [
        name.padEnd(12),
        seconds.toFixed(1).padStart(10),
        Math.round(users / seconds)
          .toString()
          .padStart(9),
      ].join(" "),
    );
  }
  const [first, second] = runs;
  const [sameRows, sameReport] = [first.rows === second.rows, first.report === second.report];
  console.log(`rows equal: ${sameRows ? "yes" : "NO"}, reports equal: ${sameReport ? "yes" : "NO"}`);
  const isFast = runs.every(({ seconds }) => seconds < LIMIT_SECONDS);
  return sameRows && sameReport && isFast ? 0 : 1;
}
