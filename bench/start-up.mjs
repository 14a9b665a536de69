/**
 * What is loaded, how long an isolate takes from nothing to its first answer,
 * and what a thousand logins leave in memory:
 *
 *     npm run bench:start
 *     npm run bench:start -- --quick    fewer rounds, nothing is kept
 *     LATCHKEY_BESIDE=../before/build npm run bench:start
 *                                       with another build in turns, nothing is kept
 *
 * The isolates are new ones in a workerd that runs already: a Worker with a
 * loader binding makes them, so that the start of the process is not in the
 * figures. Compiled code is not carried over from one to the next.
 */
import { gzipSync } from "node:zlib";
import { Miniflare } from "miniflare";
import { main } from "../scripts/lib.mjs";
import { INSTANCE, filesOf, startContestant, workerOf } from "./support/contestants.mjs";
import { withNumberSection } from "./start-up/number-section.mjs";
import { closedLoad, openPool, send } from "./support/load.mjs";
import { report } from "../harness/report.mjs";
import { inTurns, ratios, spread, written } from "./support/rounds.mjs";
import { STORIES, newPerson } from "./support/stories.mjs";

/** Ours first, the floor second. */
const BESIDE = process.env.LATCHKEY_BESIDE ? ["latchkey-beside"] : [];
const STARTED = ["latchkey", "hello-rust", ...BESIDE, "hello-js", "better-auth", "hono"];
/** The same files, instantiated, and an answer that they have no part in: what their size costs. */
const LOADED = "latchkey, loaded and not asked";
const FULL = { rounds: 25, logins: 1_000 };
const QUICK = { rounds: 5, logins: 50 };
const WARM_UP_ROUNDS = 3;
/** Together no faster than one after the other: a hash has the isolate to itself. */
const LOGIN_CONNECTIONS = 2;
const LIMIT = 1.5;

await main(import.meta.url, async (args) => {
  const quick = args.includes("--quick");
  const { rounds, logins } = quick ? QUICK : FULL;
  const starts = await measureStarts(rounds);
  const memory = await measureMemory(logins);
  return summary({ sizes: sizes(), starts, memory, logins }, { save: !quick && BESIDE.length === 0 });
});

/** `[{name, files: [{path, raw, gzipped}]}]` */
function sizes() {
  return STARTED.map((name) => ({
    name,
    files: filesOf(name).map(({ path, contents }) => ({
      path,
      raw: contents.length,
      gzipped: gzipSync(contents, { level: 9 }).length,
    })),
  }));
}

/** `[{name, taken: [ms of each round]}]` */
async function measureStarts(rounds) {
  const mf = new Miniflare({ ...INSTANCE, workers: [await loaderWorker()] });
  try {
    await mf.ready;
    const pool = openPool({ url: (await mf.unsafeGetDirectURL("loader")).origin }, 1);
    const start = async (row, round) => {
      const [name, number, asked] = row === LOADED ? [STARTED[0], `${round}-loaded`, "no"] : [row, round, "yes"];
      const { path, status } = storyOf(name).nothing();
      const request = {
        method: "GET",
        path: `/${name}/${number}?path=${path}&asked=${asked}`,
        headers: {},
        body: null,
        status,
      };
      const begun = performance.now();
      await send(pool, request);
      return performance.now() - begun;
    };
    const rows = [...STARTED, LOADED];
    await inTurns(rows, WARM_UP_ROUNDS, (row, round) => start(row, `warm-${round}`));
    const taken = await inTurns(rows, rounds, start);
    await pool.destroy();
    return rows.map((name) => ({ name, taken: taken.get(name) }));
  } finally {
    await mf.dispose();
  }
}

/** The loader with everybody's files in it, as modules of bytes. */
async function loaderWorker() {
  const { config } = await workerOf("hello-js", { as: "loader", entry: "bench/start-up/loader.mjs" });
  const { modules } = config.manifest;
  const imports = [];
  const described = [];
  for (const name of STARTED) {
    const { config: own } = await workerOf(name);
    const files = filesOf(name).map(({ path, contents }, i) => {
      const [variable, module] = [`${name.replaceAll("-", "_")}_${i}`, `files/${name}/${path}.bin`];
      modules[module] = { type: "data", contents: path.endsWith(".wasm") ? withNumberSection(contents) : contents };
      imports.push(`import ${variable} from "./${module}";`);
      return `${JSON.stringify(path)}: ${variable}`;
    });
    const texts = Object.fromEntries(
      Object.entries(own.env)
        .filter(([, { type }]) => type === "text")
        .map(([key, { value }]) => [key, value]),
    );
    const rest = JSON.stringify({
      flags: own.compatibilityFlags,
      compatibilityDate: own.compatibilityDate,
      env: texts,
    });
    described.push(`${JSON.stringify(name)}: { files: { ${files.join(", ")} }, ...${rest} }`);
  }
  modules["contestants.js"] = {
    type: "esm",
    contents: `${imports.join("\n")}\nexport default { ${described.join(",\n")} };`,
  };
  return {
    config: { ...config, env: { LOADER: { type: "worker-loader" } } },
    dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
  };
}

/** Bytes of wasm memory after a start, one login and many. */
async function measureMemory(logins) {
  const latchkey = await startContestant("latchkey", { entry: "bench/start-up/memory-entry.mjs" });
  const pool = openPool(latchkey, LOGIN_CONNECTIONS);
  const bytes = async () => (await (await fetch(new URL("/__bench/memory", latchkey.url))).json()).bytes;
  try {
    const start = await bytes();
    const person = newPerson();
    await send(pool, latchkey.story.register(person));
    await send(pool, latchkey.story.login(person));
    const first = await bytes();
    // Each from a device of its own.
    const visitors = Array.from({ length: LOGIN_CONNECTIONS }, () => null);
    await closedLoad(pool, () => latchkey.story.login(person), { visitors, requests: logins - 1 });
    return { start, first, last: await bytes() };
  } finally {
    await pool.destroy();
    await latchkey.dispose();
  }
}

function summary({ sizes, starts, memory, logins }, { save }) {
  const [ours, floor] = starts.map(({ taken }) => taken);
  const cold = ratios(ours, floor);
  return report("start", {
    title: "Size and start",
    command: "npm run bench:start",
    tables: [
      {
        title: "What is loaded",
        columns: ["", "script", "gzipped", "wasm", "gzipped", "all, gzipped"],
        rows: sizes.map(({ name, files: [script, wasm] }) => [
          name,
          kb(script.raw),
          kb(script.gzipped),
          kb(wasm?.raw),
          kb(wasm?.gzipped),
          kb(script.gzipped + (wasm?.gzipped ?? 0)),
        ]),
        note: "Bundled as wrangler does, not minified.",
      },
      {
        title: "From nothing to an isolate's first answer",
        columns: ["", "ms", "this one / hello-rust"],
        rows: starts.map(({ name, taken }) => [name, written(spread(taken), 1), written(ratios(taken, floor))]),
        note: `The median of ${ours.length} new isolates (least to most), in a process that runs already. The answer is the one that does nothing else, without a console for the log line. "Loaded and not asked" is the same artefact, instantiated, with an answer from elsewhere: what its size alone costs.`,
      },
      {
        title: "Wasm memory of Latchkey",
        columns: ["when", "MiB"],
        rows: [
          ["started", mib(memory.start)],
          ["after the first login", mib(memory.first)],
          [`after ${logins.toLocaleString("en")} logins`, mib(memory.last)],
        ],
      },
    ],
    plots: [
      {
        file: "isolate",
        title: "From nothing to an isolate's first answer",
        unit: "ms",
        bars: starts.map(({ name, taken }) => ({ label: name, value: spread(taken).median })),
      },
    ],
    limits: [
      {
        name: "Cold isolate to first answer / the bare Rust hello",
        wanted: `≤ ${LIMIT}`,
        found: written(cold),
        ok: cold.median <= LIMIT,
      },
    ],
    data: { sizes, starts, memory },
    save,
  });
}

function storyOf(name) {
  if (name.startsWith("latchkey")) return STORIES.latchkey;
  return name.startsWith("hello") ? STORIES.hello : { "better-auth": STORIES.betterAuth, hono: STORIES.hono }[name];
}

function kb(bytes) {
  return bytes === undefined ? "" : `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}

function mib(bytes) {
  return (bytes / 1_048_576).toFixed(1);
}
