/**
 * Runs every mechanical mutant of the SQL (tests/mutants/sql.mjs) against the
 * native tests, which are built once: the test adapter runs another text when
 * the environment asks it to. A mutant that survives needs its reason in
 * tests/mutants/equivalent.mjs.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure, ROOT, messageOf, output, say } from "../../scripts/lib.mjs";
import { EQUIVALENT } from "./equivalent.mjs";
import { mutantsOf, triggersOf } from "./sql.mjs";

const AT_ONCE = 2;
const TIMEOUT_MS = 180_000;
/** The cheap tests first: most mutants get no further. */
export const SUITES = ["store::tests::", "server::tests::"];

/** Runs the mutants whose name contains the text; answers whether all of them are accounted for. */
export async function sqlMutants(env, text) {
  const binary = testBinary(env);
  const folder = mkdtempSync(join(tmpdir(), "latchkey-sql-"));
  try {
    const mutants = inventory(await statements(binary, env, folder));
    checkExceptions(mutants);
    checkTexts(mutants);
    const chosen = mutants.filter(({ name }) => name.includes(text));
    if (chosen.length === 0) return { ran: 0, isGreen: true };
    say(`${chosen.length} mutants of the SQL ...`);
    const wrong = [];
    await inParallel(chosen, async (mutant) => {
      const killer = await killerOf(mutant, { binary, env, folder });
      const verdict = verdictOn(mutant, killer);
      if (!verdict.isFine) wrong.push(mutant);
      say(`${verdict.word.padEnd(10)} ${mutant.name}  ${mutant.what}${killer ? `  [${killer}]` : ""}`);
    });
    for (const { name, what, sql } of wrong) say(`\n${name}: ${what}\n${sql}`);
    say(`${chosen.length} mutants of the SQL, ${wrong.length} not accounted for.`);
    return { ran: chosen.length, isGreen: wrong.length === 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testBinary(env) {
  const built = output("cargo", ["test", "--lib", "--no-run", "--message-format=json"], { env });
  if (built === null) throw new Failure("The native tests do not build.");
  const artefacts = built
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const test = artefacts.find(({ executable, target }) => executable && target.name === "latchkey");
  return test.executable;
}

/** Every statement that the tests run: all that src/store has. */
async function statements(binary, env, folder) {
  const path = join(folder, "inventory.json");
  for (const suite of SUITES) {
    const part = join(folder, "part.json");
    const red = await firstFailure(binary, suite, { ...env, LATCHKEY_SQL_INVENTORY: part });
    if (red) throw new Failure(`Red without any mutation: ${red}`);
    const before = suite === SUITES[0] ? [] : JSON.parse(readFileSync(path, "utf8"));
    const seen = JSON.parse(readFileSync(part, "utf8"));
    writeFileSync(path, JSON.stringify([...new Set([...before, ...seen])]));
  }
  const found = JSON.parse(readFileSync(path, "utf8")).filter((sql) => sql.startsWith("/* "));
  const store = join(ROOT, "src", "store");
  const names = readdirSync(store, { recursive: true, encoding: "utf8" });
  const sources = names.filter((name) => name.endsWith(".rs") && !name.startsWith("tests"));
  const constants = sources.flatMap(
    (name) => readFileSync(join(store, name), "utf8").match(/^(?:pub\(super\) )?const \w+: Statement\b/gm) ?? [],
  );
  if (constants.length !== found.length) {
    throw new Failure(`src/store has ${constants.length} statements, and the tests run ${found.length}.`);
  }
  return found;
}

function inventory(statements) {
  const triggers = migrations().flatMap(triggersOf);
  const named = statements.map((sql) => ({ name: sql.match(/^\/\* (.*?) \*\//)[1], sql }));
  const names = new Map();
  const mutants = [...named, ...triggers].flatMap(({ name, sql }) => {
    // Two statements may have one name, in two batches.
    const times = (names.get(name) ?? 0) + 1;
    names.set(name, times);
    const unique = times === 1 ? name : `${name} (${times})`;
    return mutantsOf(sql).map((mutant) => ({ ...mutant, name: `${unique}:${mutant.number}`, original: sql }));
  });
  const dropped = triggers.map(({ name, sql }) => ({ name, what: "dropped", original: sql, sql: "" }));
  return [...mutants, ...dropped];
}

function exceptionFor({ name, what }) {
  const base = name.replace(/:\d+$/, "");
  return EQUIVALENT.find(([statement, change]) => statement === base && change === what);
}

function checkExceptions(mutants) {
  for (const exception of EQUIVALENT) {
    const [name, what, reason] = exception;
    if (!reason) throw new Failure(`No reason is given for "${name}: ${what}".`);
    if (!mutants.some((mutant) => exceptionFor(mutant) === exception)) {
      throw new Failure(`tests/mutants/equivalent.mjs: there is no mutant "${name}: ${what}".`);
    }
  }
}

/** A mutant that is no SQL would fail every test, and prove nothing. */
function checkTexts(mutants) {
  const db = new DatabaseSync(":memory:");
  for (const migration of migrations()) db.exec(migration);
  for (const { name, what, sql } of mutants.filter((mutant) => mutant.sql)) {
    const [, trigger] = sql.match(/^CREATE TRIGGER (\w+)/) ?? [];
    try {
      if (trigger) db.exec(`DROP TRIGGER ${trigger}; ${sql}`);
      else db.prepare(sql);
    } catch (error) {
      throw new Failure(`"${name}: ${what}" is not SQL: ${messageOf(error)}.\n${sql}`);
    }
  }
  db.close();
}

function migrations() {
  const folder = join(ROOT, "migrations");
  const names = readdirSync(folder).sort();
  return names.map((name) => readFileSync(join(folder, name), "utf8"));
}

function verdictOn(mutant, killer) {
  const isExcepted = exceptionFor(mutant) !== undefined;
  if (killer) return { word: isExcepted ? "NOT EQUAL" : "killed", isFine: !isExcepted };
  return { word: isExcepted ? "equivalent" : "SURVIVED", isFine: isExcepted };
}

async function killerOf(mutant, { binary, env, folder }) {
  const path = join(folder, `${mutant.name.replace(/\W+/g, "-")}.json`);
  writeFileSync(path, JSON.stringify({ from: mutant.original, to: mutant.sql }));
  for (const suite of SUITES) {
    const killer = await firstFailure(binary, suite, { ...env, LATCHKEY_SQL_MUTANT: path });
    if (killer) return killer;
  }
  return null;
}

/** The name of the first test that fails, which ends the run; null when all pass. */
function firstFailure(binary, suite, env) {
  return new Promise((done, fail) => {
    const child = spawn(binary, [suite, "--test-threads=1"], {
      cwd: ROOT,
      env,
      stdio: ["ignore", "pipe", "ignore"],
      timeout: TIMEOUT_MS,
    });
    let text = "";
    /** @type {string | null} */
    let red = null;
    child.stdout.on("data", (data) => {
      text += data;
      red ??= text.match(/^test (\S+)(?: - should panic)? \.\.\. FAILED$/m)?.[1] ?? null;
      if (red) child.kill("SIGKILL");
    });
    child.on("error", fail);
    child.on("close", (code) => {
      if (!red && !/^running [1-9]/m.test(text)) fail(new Failure(`No native test matches "${suite}".`));
      else done(red ?? (code === 0 ? null : `${suite} did not end`));
    });
  });
}

async function inParallel(items, work) {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
