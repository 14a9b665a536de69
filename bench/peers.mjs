/**
 * Latchkey beside what a user would otherwise pick, in the same workerd, with
 * the same Miniflare settings, over loopback:
 *
 *     npm run bench:peers
 *     npm run bench:peers -- --quick    fewer rounds, nothing is kept
 *     npm run bench:peers -- --kind renew
 *                                       one kind of request, in more rounds, nothing is kept
 *
 * Every contestant has a workerd of its own, all alive, one at work at a time.
 * The load comes from this process: with two cores it has one of them.
 */
import { main } from "../scripts/lib.mjs";
import { CHAPTERS, KINDS, PASSWORD_CONTESTANTS } from "./support/kinds.mjs";
import { DISTANCE_MS } from "./support/distant.mjs";
import { closedLoad, oneByOne, openLoad, quantile as at } from "./support/load.mjs";
import { cellOf, withStage } from "./support/people.mjs";
import { ms, ratio, report } from "../harness/report.mjs";
import { inTurns, ratios, spread, written } from "./support/rounds.mjs";
import { newPerson } from "./support/stories.mjs";

const CONNECTIONS = 16;
const WARM_UP_SECONDS = 2;
/** Before each round, uncounted: caches that the last kind of request has made old. */
const SETTLE_SECONDS = 0.2;
const FULL = { rounds: 5, seconds: 1.5, openRounds: 2, openSeconds: 3, passwordRounds: 50 };
const ALONE = { rounds: 15, seconds: 1.5, openRounds: 0, openSeconds: 0 };
const QUICK = { rounds: 3, seconds: 0.7, openRounds: 1, openSeconds: 2, passwordRounds: 10 };

/** For the kinds that are worth it; every contestant of them keeps up with this on a quiet machine. */
const OPEN_PER_SECOND = { read: 400, renew: 100 };

await main(import.meta.url, async (args) => {
  const kind = args[args.indexOf("--kind") + 1];
  if (args.includes("--kind")) return measureOne(kind);
  const quick = args.includes("--quick");
  const size = quick ? QUICK : FULL;
  const [loads, passwords] = await withStage(CONNECTIONS, KINDS, async (stage) => {
    const found = {};
    for (const kind of Object.keys(KINDS)) found[kind] = await measureKind(stage, kind, size);
    return [found, await measurePasswords(stage, size)];
  });
  return summary(loads, passwords, { save: !quick });
});

/** One kind alone: each contestant's requests a second in each round, and ours in terms of it. */
async function measureOne(kind) {
  const only = { [kind]: KINDS[kind] };
  const rows = await withStage(CONNECTIONS, only, (stage) => measureKind(stage, kind, ALONE));
  const ours = rows[0].closed.map(({ perSecond }) => perSecond);
  for (const { label, closed } of rows) {
    const theirs = closed.map(({ perSecond }) => perSecond);
    console.log(
      `${label}: ${written(spread(theirs), 0)} requests/s, Latchkey / this one ${written(ratios(ours, theirs))}`,
    );
  }
  return 0;
}

/** Closed load, then open load where there is a rate: `[{label, closed: [...], open: [...]}]`. */
async function measureKind(stage, kind, { rounds, seconds, openRounds, openSeconds }) {
  const perSecond = OPEN_PER_SECOND[kind];
  const all = KINDS[kind].cells.map((cell) => cellOf(stage, cell));
  const settle = ({ pool, request, visitors }, time = SETTLE_SECONDS) =>
    closedLoad(pool, request, { visitors, seconds: time });
  for (const one of all) await settle(one, WARM_UP_SECONDS);
  const closed = await inTurns(all, rounds, async (one) => {
    await settle(one);
    return figures(await closedLoad(one.pool, one.request, { visitors: one.visitors, seconds }));
  });
  const open = await inTurns(all, perSecond ? openRounds : 0, async (one) => {
    await settle(one);
    return figures(await openLoad(one.pool, one.request, { visitors: one.visitors, seconds: openSeconds, perSecond }));
  });
  return all.map((one) => ({
    name: one.name,
    chapter: one.chapter,
    label: one.label,
    closed: closed.get(one),
    open: open.get(one),
  }));
}

/** @param {{ perSecond?: number, latencies: number[] }} load */
function figures({ perSecond, latencies }) {
  return { perSecond, requests: latencies.length, p50: at(latencies, 0.5), p99: at(latencies, 0.99) };
}

/** One person after the other registers, logs in and out; a hash keeps the isolate to itself anyway. */
async function measurePasswords(stage, { passwordRounds }) {
  const all = PASSWORD_CONTESTANTS.map((name) => stage.get(name));
  const rounds = await inTurns(all, passwordRounds, async ({ contestant, pool }) => {
    const [person, visitor] = [newPerson(), {}];
    return oneByOne(
      pool,
      CHAPTERS.map((chapter) => ({
        request: contestant.story[chapter](person),
        visitor: chapter === "register" ? null : visitor,
      })),
    );
  });
  return all.map((one, i) => ({
    name: PASSWORD_CONTESTANTS[i],
    label: one.contestant.title,
    taken: Object.fromEntries(
      CHAPTERS.map((chapter, place) => [chapter, rounds.get(one).map((taken) => taken[place])]),
    ),
  }));
}

function summary(loads, passwords, { save }) {
  const closed = Object.entries(KINDS).map(([kind, { title }]) => closedTable(title, loads[kind]));
  const open = Object.entries(OPEN_PER_SECOND).map(([kind, perSecond]) =>
    openTable(KINDS[kind].title, perSecond, loads[kind]),
  );
  return report("peers", {
    title: "Beside what one would otherwise pick",
    command: "npm run bench:peers",
    tables: [...closed, ...open, passwordTable(passwords)],
    plots: [
      ...Object.entries(KINDS).map(([kind, { title }]) => ({
        file: kind,
        title: `${title}: requests a second`,
        unit: "requests a second",
        bars: bars(loads[kind]),
      })),
      {
        file: "passwords",
        title: "Register, log in and out, one after the other: median",
        unit: "ms",
        bars: passwords.map(({ label, taken }) => ({
          label,
          values: Object.fromEntries(CHAPTERS.map((chapter) => [chapter, spread(taken[chapter]).median])),
        })),
      },
    ],
    limits: limits(loads, passwords),
    data: { connections: CONNECTIONS, loads, passwords },
    save,
  });
}

function closedTable(title, cells) {
  const ours = rates(cells[0]);
  return {
    title: `${title}, ${CONNECTIONS} connections, each with its next request when the last is answered`,
    columns: ["", "requests/s", "p50", "p99", `${cells[0].label} / this one`],
    rows: cells.map((cell) => [
      cell.label,
      written(spread(rates(cell)), 0),
      usual(cell.closed, "p50"),
      usual(cell.closed, "p99"),
      written(ratios(ours, rates(cell))),
    ]),
    note: `The median of ${cells[0].closed.length} rounds (least to most); a ratio is made within its round.`,
  };
}

function openTable(title, perSecond, cells) {
  return {
    title: `${title}, ${perSecond} arrivals a second, whether or not the last is answered`,
    columns: ["", "p50", "p99"],
    rows: cells.map((cell) => [cell.label, usual(cell.open, "p50"), usual(cell.open, "p99")]),
  };
}

function passwordTable(passwords) {
  const time = (taken) => `${ms(at(sorted(taken), 0.5))}, ${ms(at(sorted(taken), 0.95))}`;
  return {
    title: "Register, log in, log out: one after the other",
    columns: ["", ...CHAPTERS.map((chapter) => `${chapter}: p50, p95`), "log-in / Better Auth's"],
    rows: passwords.map(({ label, taken }) => [
      label,
      ...CHAPTERS.map((chapter) => time(taken[chapter])),
      written(ratios(taken.login, of(passwords, "better-auth").taken.login)),
    ]),
    note: `${passwords[0].taken.login.length} people. Latchkey hashes with Argon2id (19 MiB, 2 passes), Better Auth with scrypt (N=16,384, r=16), the Hono Worker with PBKDF2 (100,000 rounds, the most that Workers allow).`,
  };
}

/** What the project set itself. */
function limits(loads, passwords) {
  /**
   * @param {string} name
   * @param {number} wanted
   * @param {{ median: number, min: number, max: number }} figures
   */
  const least = (name, wanted, { median, ...rest }) => ({
    name,
    wanted: `≥ ${wanted}`,
    found: written({ median, ...rest }),
    ok: median >= wanted,
  });
  const [profile, refresh] = [loads.read[0], loads.renew[0]].map(rates);
  const login = ratios(of(passwords, "latchkey").taken.login, of(passwords, "better-auth").taken.login);
  return [
    least(
      "Profile / Better Auth's session read with its cookie cache",
      1.4,
      ratios(profile, rates(of(loads.read, "better-auth"))),
    ),
    least(
      "Profile / Better Auth's session read without",
      3,
      ratios(profile, rates(of(loads.read, "better-auth-uncached"))),
    ),
    least("Refresh / the Hono Worker's renewal", 1.3, ratios(refresh, rates(of(loads.renew, "hono")))),
    least(
      `The same with D1's primary ${DISTANCE_MS} ms away`,
      1.3,
      ratios(rates(loads.renewDistant[0]), rates(of(loads.renewDistant, "hono-distant"))),
    ),
    {
      name: "Login's time / Better Auth's sign-in",
      wanted: "≤ 0.7",
      found: ratio(login.median),
      ok: login.median <= 0.7,
    },
  ];
}

function bars(cells) {
  return cells.map((cell) => ({ label: cell.label, value: Math.round(spread(rates(cell)).median) }));
}

function rates({ closed }) {
  return closed.map(({ perSecond }) => perSecond);
}

function usual(rounds, figure) {
  return ms(spread(rounds.map((round) => round[figure])).median);
}

function of(cells, wanted) {
  return cells.find(({ name }) => name === wanted);
}

function sorted(numbers) {
  return [...numbers].sort((a, b) => a - b);
}
