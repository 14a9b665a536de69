/**
 * What each kind of request costs in CPU time of workerd, by the kernel's
 * accounting: a machine that is busy with other things makes a request wait,
 * and not cost more.
 *
 *     npm run bench:cpu
 *     npm run bench:cpu -- --quick    fewer requests, nothing is kept
 *     LATCHKEY_BESIDE=../before/build npm run bench:cpu
 *                                     Latchkey beside another build of it, in more rounds, nothing is kept
 *
 * It is all that the contestant's workerd did: the Worker, and D1, KV and the
 * limiters as Miniflare embeds them, which on Cloudflare's network is somebody
 * else's CPU time.
 */
import { main } from "../scripts/lib.mjs";
import { cpuOf, idleShare } from "./support/cpu-time.mjs";
import { CHAPTERS, NEAR_KINDS, PASSWORD_CONTESTANTS } from "./support/kinds.mjs";
import { closedLoad, oneByOne } from "./support/load.mjs";
import { cellOf, withStage } from "./support/people.mjs";
import { report } from "../harness/report.mjs";
import { inTurns, ratios, spread, written } from "./support/rounds.mjs";
import { newPerson } from "./support/stories.mjs";

const CONNECTIONS = 8;
/** What the figures are for. */
const PER = 1_000;
const FULL = { rounds: 3, requests: PER, people: 50 };
const QUICK = { rounds: 2, requests: 300, people: 10 };
/** Two builds differ by little. */
const BESIDE = { rounds: 25, requests: 400 };

await main(import.meta.url, async (args) => {
  if (process.env.LATCHKEY_BESIDE) return measureBeside();
  const quick = args.includes("--quick");
  const size = quick ? QUICK : FULL;
  const found = await withStage(CONNECTIONS, NEAR_KINDS, async (stage) => {
    for (const one of stage.values()) one.idle = await idleShare(one.contestant.pid);
    const kinds = {};
    for (const [kind, shape] of Object.entries(NEAR_KINDS)) kinds[kind] = await measureKind(stage, shape, size);
    return { kinds, passwords: await measurePasswords(stage, size) };
  });
  return summary(found, { save: !quick });
});

/** Each kind of request, beside the build in `LATCHKEY_BESIDE`. */
async function measureBeside() {
  const kinds = {};
  for (const [kind, { title, cells }] of Object.entries(NEAR_KINDS)) {
    const [[name, chapter]] = cells;
    kinds[kind] = { title, cells: [name, "latchkey-beside"].map((one) => [one, chapter]) };
  }
  const tables = await withStage(CONNECTIONS, kinds, async (stage) => {
    for (const one of stage.values()) one.idle = await idleShare(one.contestant.pid);
    const found = [];
    for (const shape of Object.values(kinds)) found.push(table(shape.title, await measureKind(stage, shape, BESIDE)));
    return found;
  });
  return report("cpu", { title: "CPU time of workerd", command: "npm run bench:cpu", tables, data: {}, save: false });
}

/** `[{name, label, cpu: [ms of each round]}]` */
async function measureKind(stage, { cells }, { rounds, requests }) {
  const all = cells.map((cell) => cellOf(stage, cell));
  const load = ({ pool, request, visitors }) => closedLoad(pool, request, { visitors, requests });
  for (const one of all) await load(one);
  const results = await inTurns(all, rounds, async (one) => {
    const { contestant, idle } = stage.get(one.name);
    return ((await cpuOf(contestant.pid, idle, () => load(one))) * PER) / requests;
  });
  return all.map((one) => ({ name: one.name, label: one.label, cpu: results.get(one) }));
}

/** Each chapter for some people, one after the other, then the next chapter for the same ones. */
async function measurePasswords(stage, { rounds, people }) {
  const all = PASSWORD_CONTESTANTS.map((name) => stage.get(name));
  const results = await inTurns(all, rounds, async ({ contestant, pool, idle }) => {
    const guests = Array.from({ length: people }, () => ({ person: newPerson(), visitor: {} }));
    const cost = {};
    for (const chapter of CHAPTERS) {
      const requests = guests.map(({ person, visitor }) => ({
        request: contestant.story[chapter](person),
        visitor: chapter === "register" ? null : visitor,
      }));
      cost[chapter] = ((await cpuOf(contestant.pid, idle, () => oneByOne(pool, requests))) * PER) / people;
    }
    return cost;
  });
  return CHAPTERS.map((chapter) => ({
    chapter,
    cells: all.map((one, i) => ({
      name: PASSWORD_CONTESTANTS[i],
      label: one.contestant.title,
      cpu: results.get(one).map((cost) => cost[chapter]),
    })),
  }));
}

function summary({ kinds, passwords }, { save }) {
  const tables = [
    ...Object.entries(NEAR_KINDS).map(([kind, { title }]) => table(title, kinds[kind])),
    ...passwords.map(({ chapter, cells }) =>
      table({ register: "Register", login: "Log in", logout: "Log out" }[chapter], cells),
    ),
  ];
  return report("cpu", {
    title: "CPU time of workerd",
    command: "npm run bench:cpu",
    tables,
    plots: ["read", "renew"].map((kind) => ({
      file: kind,
      title: `${NEAR_KINDS[kind].title}: CPU time`,
      unit: `ms of CPU for ${PER} requests`,
      bars: kinds[kind].map(({ label, cpu }) => ({ label, value: Math.round(spread(cpu).median) })),
    })),
    data: { kinds, passwords },
    save,
  });
}

function table(title, cells) {
  return {
    title: `${title}, ms of CPU for ${PER.toLocaleString("en")} requests`,
    columns: ["", "ms of CPU", `this one / ${cells[0].label}`],
    rows: cells.map(({ label, cpu }) => [label, written(spread(cpu), 0), written(ratios(cpu, cells[0].cpu))]),
  };
}
