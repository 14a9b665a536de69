/**
 * Tests the tests: runs every mutant of the SQL (tests/mutants/run-sql.mjs),
 * then builds each broken variant of tests/mutants/mutants.mjs in a copy of the
 * checkout, and fails unless the tests that should fail do.
 *
 *     npm run test:mutants               all of them, about half an hour
 *     npm run test:mutants -- TEXT       those whose names contain the text
 *
 * First the same tests run on the unchanged service, and must pass.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Failure, ROOT, main, say } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { MUTANTS } from "./mutants.mjs";
import { sqlMutants } from "./run-sql.mjs";

const LEFT_OUT = [".git", ".wrangler", "build", "node_modules", "target"];
const BUILD_TIMEOUT_MS = 1_200_000;
const TESTS_TIMEOUT_MS = 180_000;

await main(import.meta.url, async ([text = ""]) => {
  const mutants = MUTANTS.filter(({ name }) => name.includes(text));
  const needsWorker = mutants.some(({ node }) => node);
  const env = await setup({ wasm: needsWorker });
  const sql = await sqlMutants(env, text);
  if (mutants.length === 0 && sql.ran === 0) throw new Failure(`No mutant's name contains "${text}".`);
  const isGreen = mutants.length === 0 || (await variants(mutants, env));
  return sql.isGreen && isGreen ? 0 : 1;
});

async function variants(mutants, base) {
  // One target folder for all: dependencies are compiled once, and kept.
  const env = { ...base, CARGO_TARGET_DIR: join(ROOT, "target", "mutants") };
  const tree = copyOfCheckout();
  try {
    say("The service as it is: everything must be green ...");
    for (const mutant of uniqueRuns(mutants)) await expectGreen(tree, env, mutant);
    const rows = [];
    for (const mutant of mutants) {
      const killers = await inMutant(tree, mutant, () => failures(tree, env, mutant));
      rows.push({ mutant: mutant.name, "killed by": killers[0] ?? "NOTHING", tests: killers.length });
      say(`${killers.length > 0 ? "killed  " : "SURVIVED"}  ${mutant.name}`);
    }
    table(rows);
    return rows.every((row) => row.tests > 0);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function copyOfCheckout() {
  const tree = mkdtempSync(join(tmpdir(), "latchkey-mutants-"));
  cpSync(ROOT, tree, { recursive: true, filter: (path) => !LEFT_OUT.includes(relative(ROOT, path)) });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  return tree;
}

/** Native runs first, then those that need the Worker: each once, though several mutants share it. */
function uniqueRuns(mutants) {
  const key = ({ native, node }) => JSON.stringify(native ?? node);
  return [...new Map(mutants.map((mutant) => [key(mutant), mutant])).values()];
}

async function expectGreen(tree, env, mutant) {
  const red = await failures(tree, env, mutant);
  if (red.length > 0) throw new Failure(`Red without any mutation: ${red.join("; ")}`);
}

/** Applies the edits, runs `body`, and puts the files back. */
async function inMutant(tree, { name, edits }, body) {
  const originals = new Map();
  try {
    for (const [file, find, replace] of edits) {
      const path = join(tree, file);
      const source = readFileSync(path, "utf8");
      if (!originals.has(path)) originals.set(path, source);
      const found = source.split(find).length - 1;
      if (found !== 1) throw new Failure(`"${name}": its text stands ${found} times in ${file}:\n${find}`);
      writeFileSync(
        path,
        source.replace(find, () => replace),
      );
    }
    return await body();
  } finally {
    for (const [path, source] of originals) writeFileSync(path, source);
  }
}

/** The names of the tests that fail; a variant that does not compile proves nothing. */
async function failures(tree, env, { native, node }) {
  if (native) {
    await build("cargo", ["test", "--lib", "--no-run", "--quiet"], { tree, env });
    const { output } = await run("cargo", ["test", "--lib", "--", native], { tree, env });
    expectTests(output, /^running ([1-9]\d*) tests?$/m, native);
    return [...output.matchAll(/^test (\S+)(?: - should panic)? \.\.\. FAILED$/gm)].map(([, name]) => name);
  }
  const [file, pattern] = node;
  // Without the optimiser: it takes longer than all the rest.
  await build(env.WORKER_BUILD, ["--release", "--no-opt"], { tree, env });
  const options = ["--test", "--test-reporter=tap", `--test-name-pattern=${pattern}`];
  const { output, code } = await run("node", [...options, file], { tree, env });
  const leaves = [...output.matchAll(/^ *(not ok|ok) \d+ - (.*)\n +---\n(?:(?! +type:).*\n)* +type: 'test'$/gm)];
  if (leaves.length === 0) throw new Failure(`No test of ${file} matches "${pattern}":\n${output}`);
  const red = leaves.filter(([, verdict]) => verdict === "not ok").map(([, , name]) => `${file}: ${name}`);
  if (code !== 0 && red.length === 0) throw new Failure(`${file} failed outside its tests:\n${output}`);
  return red;
}

function expectTests(output, pattern, filter) {
  if (!pattern.test(output)) throw new Failure(`No native test matches "${filter}":\n${output}`);
}

async function build(command, args, context) {
  const { code, output } = await run(command, args, { ...context, timeout: BUILD_TIMEOUT_MS });
  if (code !== 0) throw new Failure(`"${[command, ...args].join(" ")}" failed:\n${output}`);
}

/** Runs a program in the copy. Returns its exit code and its output. */
function run(command, args, { tree, env, timeout = TESTS_TIMEOUT_MS }) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: tree, env, stdio: ["ignore", "pipe", "pipe"], timeout });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", fail);
    child.on("close", (code) => done({ code, output }));
  });
}

function table(rows) {
  const width = Math.max(...rows.map(({ mutant }) => mutant.length));
  console.log(`\n| ${"mutant".padEnd(width)} | red tests | killed by |`);
  console.log(`|-${"-".repeat(width)}-|----------:|-----------|`);
  for (const row of rows) {
    console.log(`| ${row.mutant.padEnd(width)} | ${String(row.tests).padStart(9)} | ${row["killed by"]} |`);
  }
}
