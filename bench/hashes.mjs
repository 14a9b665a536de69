/**
 * One password hash: Argon2id as the service computes it, the same natively,
 * and what people use in Workers:
 *
 *     npm run bench:hashes
 *
 * In workerd where it runs there, otherwise in Node, in turns. What counts is
 * the CPU time of the process by the kernel's accounting, which a busy machine
 * does not stretch, and which is what one is billed for; in workerd less that
 * of a request that does nothing. Linux only, like bench:cpu.
 */
import { argon2id } from "hash-wasm";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { Miniflare } from "miniflare";
import { Failure, main, output, run } from "../scripts/lib.mjs";
import { HASH_WORKER, buildHashWorker } from "./hash.mjs";
import { BENCH, OUT } from "./support/build.mjs";
import { INSTANCE } from "./support/contestants.mjs";
import { cpuMs } from "./support/cpu-time.mjs";
import { ARGON2, BCRYPT_COST, PASSWORD, PBKDF2_ITERATIONS, SALT, SCRYPT } from "./support/hash-settings.mjs";
import { pbkdf2 } from "./support/pbkdf2.mjs";
import { ms, quantile, ratio, report } from "../harness/report.mjs";

const WARM_UP_ROUNDS = 3;
const ROUNDS = 40;
const OURS = "latchkey";
const NOTHING = "nothing";
const A_DATE = "2026-11-01";
const NATIVE = join(OUT, "native");

const argon2Text = `Argon2id, ${ARGON2.memoryKib} KiB, ${ARGON2.iterations} passes`;
const scryptText = `scrypt, N=${SCRYPT.N}, r=${SCRYPT.r} (${(128 * SCRYPT.N * SCRYPT.r) / 2 ** 20} MiB)`;
const pbkdf2Text = (iterations) => `PBKDF2, SHA-256, ${iterations.toLocaleString("en-US")} rounds`;

/** What is measured: `node` is how it is done there, for what workerd refuses. */
const HASHES = [
  { name: OURS, algorithm: argon2Text, by: "Latchkey: crate argon2 in wasm" },
  {
    name: "native",
    algorithm: argon2Text,
    by: "crate argon2, compiled for this machine",
    elsewhere: { where: "native", act: native },
  },
  {
    name: "hash-wasm",
    algorithm: argon2Text,
    by: "hash-wasm",
    node: () =>
      argon2id({
        password: PASSWORD,
        salt: SALT,
        memorySize: ARGON2.memoryKib,
        iterations: ARGON2.iterations,
        parallelism: 1,
        hashLength: 32,
        outputType: "binary",
      }),
  },
  { name: "noble-argon2id", algorithm: argon2Text, by: "@noble/hashes" },
  { name: "node-scrypt", algorithm: scryptText, by: "node:crypto, as Better Auth uses it" },
  { name: "noble-scrypt", algorithm: scryptText, by: "@noble/hashes, Better Auth without Node's API" },
  { name: "bcryptjs", algorithm: `bcrypt, cost ${BCRYPT_COST}`, by: "bcryptjs" },
  { name: "pbkdf2-most", algorithm: pbkdf2Text(PBKDF2_ITERATIONS.most), by: "WebCrypto" },
  {
    name: "pbkdf2-wanted",
    algorithm: pbkdf2Text(PBKDF2_ITERATIONS.wanted),
    by: "WebCrypto; not on Cloudflare's network",
    node: () => pbkdf2(PBKDF2_ITERATIONS.wanted),
  },
];

await main(import.meta.url, async () => {
  await buildHashWorker(process.env);
  // At its best: the profile in Cargo.toml is made for a small wasm.
  const env = { ...process.env, CARGO_PROFILE_RELEASE_OPT_LEVEL: "3" };
  await run("cargo", ["build", "--release", "--locked", "--example", "native", "--target-dir", NATIVE], {
    cwd: HASH_WORKER,
    env,
  });
  const mf = new Miniflare({ ...INSTANCE, workers: [await worker()] });
  try {
    const url = await mf.unsafeGetDirectURL("hashes");
    const workerd = { url, pid: childNamed("workerd") };
    /** @type {{ name: string, where: string, act: () => unknown, algorithm?: string, by?: string }[]} */
    const runners = [{ name: NOTHING, where: "workerd", act: () => request(workerd, NOTHING) }];
    for (const hash of HASHES) runners.push({ ...hash, ...(hash.elsewhere ?? (await place(workerd, hash))) });
    await rounds(runners, WARM_UP_ROUNDS);
    return result(runners, await rounds(runners, ROUNDS));
  } finally {
    await mf.dispose();
  }
});

async function worker() {
  const external = {
    name: "wasm",
    setup: ({ onResolve }) =>
      onResolve({ filter: /\.wasm$/ }, () => ({ path: "./hash_worker_bg.wasm", external: true })),
  };
  const made = await bundle({
    entryPoints: [join(BENCH, "hashes-entry.mjs")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*"],
    plugins: [external],
  });
  const modules = {
    "index.js": { type: "esm", contents: made.outputFiles[0].text },
    "hash_worker_bg.wasm": { type: "wasm", contents: readFileSync(join(OUT, "hash_worker_bg.wasm")) },
  };
  // Node's API, for its scrypt.
  const config = {
    name: "hashes",
    compatibilityDate: A_DATE,
    compatibilityFlags: ["nodejs_compat"],
    env: {},
    manifest: { mainModule: "index.js", modules },
  };
  return { config, dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] } };
}

/** The process of that name that this one has started. */
function childNamed(name) {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ");
  return children.find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name);
}

/**
 * In workerd, or in Node where workerd refuses and we know how.
 *
 * @param {{ url: URL, pid: string | undefined }} workerd
 * @param {{ name: string, node?: () => unknown }} hash
 */
async function place(workerd, { name, node }) {
  const refusal = await ask(workerd, name);
  if (refusal === null) return { where: "workerd", act: () => request(workerd, name) };
  if (!node) throw new Failure(`workerd does not run ${name}: ${refusal}`);
  return { where: "Node", refusal, act: () => cpuOf(process.pid, node) };
}

async function request(workerd, name) {
  return cpuOf(workerd.pid, async () => {
    const refusal = await ask(workerd, name);
    if (refusal !== null) throw new Failure(`${name}: ${refusal}`);
  });
}

/** Null, or why it was not computed. */
async function ask({ url }, name) {
  const answer = await fetch(new URL(`/${name}`, url), { method: "POST" });
  const text = await answer.text();
  return answer.status === 204 ? null : text;
}

async function cpuOf(pid, act) {
  const before = cpuMs(pid);
  await act();
  return cpuMs(pid) - before;
}

/** A program of its own, which reads its CPU time itself. */
function native() {
  const program = join(NATIVE, "release", "examples", "native");
  return Number(output(program, ["1", String(ARGON2.memoryKib), String(ARGON2.iterations)]));
}

async function rounds(runners, count) {
  const found = new Map(runners.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round += 1) {
    for (const { name, act } of runners) found.get(name).push(await act());
  }
  return found;
}

function result(runners, found) {
  const way = { least: Math.min(...found.get(NOTHING)), median: quantile(found.get(NOTHING), 0.5) };
  const rows = runners
    .filter(({ name }) => name !== NOTHING)
    .map((runner) => {
      const taken = found.get(runner.name);
      const less = runner.where === "workerd" ? way : { least: 0, median: 0 };
      return { ...runner, least: Math.min(...taken) - less.least, median: quantile(taken, 0.5) - less.median };
    });
  const [ours] = rows;
  return report("hashes", {
    title: "One password hash",
    command: "npm run bench:hashes",
    tables: [
      {
        title: "CPU time of one password hash",
        columns: ["hash", "by", "where", "least", "median", "median / Latchkey's"],
        rows: rows.map(({ algorithm, by, where, least, median }) => [
          algorithm,
          by,
          where,
          ms(least),
          ms(median),
          ratio(median / ours.median),
        ]),
        note: `${ROUNDS} rounds in turn. ${rows
          .filter(({ refusal }) => refusal)
          .map(
            ({ by, algorithm, refusal }) =>
              `workerd refuses ${by}'s ${algorithm.split(",")[0]} (\`${refusal.replaceAll("`", "")}\`), so it was measured in Node.`,
          )
          .join(
            " ",
          )} Cloudflare's network refuses PBKDF2 beyond ${PBKDF2_ITERATIONS.most.toLocaleString("en-US")} rounds; the embedded workerd does not (cloudflare/workerd, issue 1346).`,
      },
    ],
    plots: [
      {
        file: "cpu",
        title: "CPU time of one password hash",
        unit: "median, milliseconds",
        bars: rows.map(({ algorithm, by, median }) => ({ label: `${algorithm.split(",")[0]}, ${by}`, value: median })),
      },
    ],
    data: {
      rows: rows.map(({ name, algorithm, by, where, refusal = null, least, median }) => ({
        name,
        algorithm,
        by,
        where,
        refusal,
        least,
        median,
      })),
    },
  });
}
