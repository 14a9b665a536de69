/**
 * What grows with the number of users:
 *
 *     npm run bench:growth [-- --quick]
 *
 * Databases of 1,000, 100,000 and 1,000,000 users, each with a Worker of its
 * own, are alive at once and take turns. In each round a random user of each
 * logs in and does what people do; the rows are put back afterwards. Times are
 * taken at the client; the wait for D1 alone is taken in the Worker.
 *
 * `--quick`: a trial with the two smaller ones and few rounds; nothing is written.
 */
import { main } from "../scripts/lib.mjs";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { decode } from "../harness/tokens.mjs";
import { batches, counted } from "../harness/counted.mjs";
import { PRICES, money } from "./support/prices.mjs";
import { ms, quantile, ratio, report } from "../harness/report.mjs";
import { PASSWORD, isSwept, restore, seeded, someone } from "../harness/seed.mjs";

const SIZES = [1_000, 100_000, 1_000_000];
const WARM_UP_ROUNDS = 15;
const ROUNDS = 250;
/** What the largest database may cost, in terms of the smallest. */
const LIMIT = 1.2;
/** Rows that are due in each of the two tables when the clean-up is measured. */
const DUE = 1_000;
/** What a run looks at in all tables together, at most (`Budget::OF_A_RUN`); each row is read about twice. */
const ROWS_A_RUN = 2_000_000;
const MOST_READ = 2 * ROWS_A_RUN;
/** What is removed is read once or twice more. */
const MOST_READ_HERE = MOST_READ + 2 * 2 * DUE;
/** The schedule in wrangler.toml. A table is read once an hour, by as many runs as that takes. */
const RUNS_AN_HOUR = 12;
const HOURS_A_MONTH = 24 * 30;
const ROWS_READ_PRICE = PRICES.find(({ what }) => what === "D1 rows read")?.aMillion ?? Number.NaN;
const HASHING = ["registration", "login"];
/** Refreshes in a row, at random places, for how long one of them occupies the database. */
const BURST = 500;
const BURSTS = 20;
/** The slowest share of the waits for D1 that is left out: other work of the machine. */
const OUTLIERS = 0.25;

await main(import.meta.url, async (args) => {
  const quick = args.includes("--quick");
  const places = [];
  try {
    for (const users of quick ? SIZES.slice(0, 2) : SIZES) places.push(await place(users));
    const rounds = quick ? 3 : ROUNDS;
    await play(places, quick ? 2 : WARM_UP_ROUNDS);
    const steps = await play(places, rounds);
    const refreshes = await occupation(places, quick ? 2 : BURSTS);
    const cleanUps = await cleanUp(places);
    return report("growth", { ...result({ places, steps, refreshes, cleanUps, rounds }), save: !quick });
  } finally {
    for (const { latchkey } of places) await latchkey.dispose();
  }
});

/** One database with its Worker. */
async function place(users) {
  const { folder, bytes } = await seeded(users);
  const latchkey = await startLatchkey({ entry: "harness/counting-latchkey.mjs", persist: folder });
  await restore(latchkey);
  // The same users in each run: a generator of its own, seeded.
  return { users, bytes, latchkey, random: generator(users) };
}

/** Each step of each round at each place: `Map(name -> Map(users -> [{ms, counts}]))`. */
async function play(places, rounds) {
  const found = new Map();
  for (let round = 0; round < rounds; round += 1) {
    const stories = places.map((place) => ({ ...place, steps: story(place) }));
    for (let i = 0; i < stories[0].steps.length; i += 1) {
      // Nobody is always the first.
      for (let turn = 0; turn < stories.length; turn += 1) {
        const { users, latchkey, steps } = stories[(round + turn) % stories.length];
        const { name, before, act, after } = steps[i];
        await before?.();
        const { ms, counts } = await counted(latchkey, act);
        await after?.();
        const byUsers = found.get(name) ?? found.set(name, new Map()).get(name);
        byUsers.set(users, [...(byUsers.get(users) ?? []), { ms, counts }]);
      }
    }
  }
  return found;
}

function story({ users, latchkey, random }) {
  const email = someone(users, random());
  const newcomer = `${crypto.randomUUID()}@example.org`;
  const client = new Client(latchkey);
  const begun = Math.floor(Date.now() / 1_000);
  const step = (name, status, send, more) => ({ name, act: () => expect(status, send), ...more });
  return [
    step(
      "registration",
      201,
      () => new Client(latchkey).post("/api/account/register", { json: { email: newcomer, password: PASSWORD } }),
      {
        after: () => latchkey.sql("DELETE FROM users WHERE email = ?1", newcomer),
      },
    ),
    step("login", 204, () => client.post("/api/account/login", { form: { username: email, password: PASSWORD } })),
    step("profile, cold", 200, () => client.get("/api/account/profile")),
    step("profile, warm", 200, () => client.get("/api/account/profile")),
    step("refresh", 204, () => client.post("/api/account/refresh")),
    step("session list", 200, () => client.get("/api/account/sessions")),
    step("activity", 200, () => client.get("/api/account/activity")),
    step("logout", 204, () => client.post("/api/account/logout"), {
      after: async () => {
        await latchkey.sql(
          "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = ?1) AND created_at >= ?2",
          email,
          begun,
        );
        await latchkey.sql(
          "DELETE FROM audit_log WHERE user_id = (SELECT id FROM users WHERE email = ?1) AND at >= ?2",
          email,
          begun,
        );
      },
    }),
  ];
}

async function expect(status, send) {
  const answer = await send();
  if (answer.status !== status) throw new Error(`Answered with ${answer.status}, not ${status}: ${answer.text}`);
}

/** What the clean-up does in an hour in each database: `Map(users -> {runs, mostRead, counts})`. */
async function cleanUp(places) {
  const found = new Map();
  for (const { users, latchkey } of places) {
    await makeDue(latchkey, users);
    const runs = [];
    await latchkey.sql("DELETE FROM sweeps");
    do runs.push(await counted(latchkey, () => latchkey.scheduled()));
    while (!(await isSwept(latchkey)));
    const all = runs.map(({ counts }) => counts);
    const total = (figure) => all.reduce((sum, counts) => sum + counts[figure], 0);
    const counts = { rowsRead: total("rowsRead"), rowsWritten: total("rowsWritten"), d1Ms: total("d1Ms") };
    found.set(users, { runs: runs.length, mostRead: Math.max(...all.map(({ rowsRead }) => rowsRead)), counts });
  }
  return found;
}

/** Sessions all over the database that have expired or were ended long ago, and old counters. */
async function makeDue(latchkey, users) {
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${DUE})`;
  await latchkey.sql(
    `${numbers}
     INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at, ended_at, end_reason)
     SELECT id, substr(hex(randomblob(11)), 1, 21) || 'A', substr(hex(randomblob(11)), 1, 21) || 'A', unixepoch() - 3000000, unixepoch() - 3000000,
            iif(i % 2, unixepoch() - 9000, unixepoch() + 9000), unixepoch() + 900000,
            iif(i % 2, NULL, unixepoch() - 1900000), iif(i % 2, NULL, 'logout')
       FROM n
       JOIN users ON users.email = 'user' || (2 + abs(random() / 2 + i) % CAST(?1 AS INTEGER)) || '@example.org'`,
    users - 2,
  );
  await latchkey.sql(
    `${numbers}
     INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
     SELECT lower(hex(randomblob(16))), 'c', 1, 1, 0, 'A', unixepoch() - 100000 - i FROM n`,
  );
}

/**
 * How long a refresh occupies the database: the batch that the Worker really
 * sends, sent again and again for other sessions, one after the other and with
 * nothing around it. `Map(users -> [milliseconds a batch])`.
 */
async function occupation(places, bursts) {
  const found = new Map(places.map(({ users }) => [users, []]));
  for (let burst = 0; burst < bursts; burst += 1) {
    for (const { users, latchkey, random } of places) {
      const sample = await refreshBatch(latchkey, someone(users, random()));
      const others = await liveSessions(latchkey, users, random);
      const all = others.map((session) =>
        sample.batch.map(([sql, ...values]) => [sql, ...values.map((value) => exchange(value, sample, session))]),
      );
      const ms = await batches(latchkey, all);
      await expectRotated(latchkey, others);
      found.get(users).push(ms / all.length);
    }
  }
  return found;
}

/** A batch that found nothing, or a predecessor within its grace, is another amount of work. */
async function expectRotated(latchkey, sessions) {
  const [{ rotated }] = await latchkey.sql(
    "SELECT count(*) AS rotated FROM json_each(?1) AS sent JOIN sessions AS s ON s.user_id = sent.value ->> 'user_id' AND s.id = sent.value ->> 'id' AND s.current_jti = sent.value ->> 'successor'",
    JSON.stringify(sessions),
  );
  if (rotated !== sessions.length) throw new Error(`Of ${sessions.length} repeated refreshes ${rotated} have rotated.`);
}

async function refreshBatch(latchkey, email) {
  const client = new Client(latchkey);
  const token = () =>
    decode([...client.cookies.values()].find(({ name }) => name.endsWith("refresh_token"))?.value ?? "").claims;
  await expect(204, () => client.post("/api/account/login", { form: { username: email, password: PASSWORD } }));
  const { sid, sub, jti } = token();
  const { sent } = await counted(latchkey, () => expect(204, () => client.post("/api/account/refresh")));
  if (sent.length !== 1) throw new Error(`A refresh makes ${sent.length} round trips.`);
  const sample = { batch: sent[0], id: sid, user_id: sub, current_jti: jti, successor: token().jti };
  await latchkey.sql("DELETE FROM sessions WHERE user_id = ?1 AND id = ?2", sub, sid);
  return sample;
}

/** The one person's ids by the other's. */
function exchange(value, sample, session) {
  if (value === sample.successor) return session.successor;
  const column = ["id", "user_id", "current_jti"].find((name) => sample[name] === value);
  return column ? session[column] : value;
}

/** Live sessions of users all over the database, no two of one user. */
async function liveSessions(latchkey, users, random) {
  const count = Math.min(BURST, Math.floor(users / 10));
  const rows = new Set();
  while (rows.size < count) rows.add(2 + Math.floor(random() * (users - 1)));
  const sessions = await latchkey.sql(
    `SELECT min(s.id) AS id, s.user_id, s.current_jti
       FROM json_each(?1) AS chosen
       JOIN users AS u ON u.email = 'user' || chosen.value || '@example.org'
       JOIN sessions AS s ON s.user_id = u.id AND s.ended_at IS NULL AND s.idle_expires_at > unixepoch()
      GROUP BY s.user_id`,
    JSON.stringify([...rows]),
  );
  return sessions.map((session) => ({
    ...session,
    successor: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url"),
  }));
}

function result({ places, steps, refreshes, cleanUps, rounds }) {
  const sizes = places.map(({ users }) => users);
  const names = sizes.map((users) => users.toLocaleString("en-US"));
  const [least, most] = [sizes[0], sizes.at(-1)];
  const rows = [...steps].map(([name, byUsers]) => ({ name, ...figures(sizes, byUsers) }));
  const occupied = sizes.map((users) => Math.min(...refreshes.get(users)));
  const limits = rows.flatMap(({ name, work, ratios, d1Ratios }) => [
    {
      name: `${name}: rows and round trips`,
      wanted: "equal at all sizes",
      found: work.every((one) => one === work[0]) ? "equal" : work.join("; "),
      ok: work.every((one) => one === work[0]),
    },
    atMost(`${name}: time`, ratios.at(-1)),
    ...(d1Ratios ? [atMost(`${name}: wait for D1`, d1Ratios.at(-1))] : []),
  ]);
  limits.push(atMost("one refresh in the database", occupied.at(-1) / occupied[0]));
  const { mostRead } = cleanUps.get(most);
  limits.push({
    name: "the clean-up: rows read in a run",
    wanted: `at most ${MOST_READ_HERE.toLocaleString("en-US")}`,
    found: mostRead.toLocaleString("en-US"),
    ok: mostRead <= MOST_READ_HERE,
  });
  const lines = (figure, chosen) => ({
    xTitle: "users",
    series: rows
      .filter(({ name, d1Ratios }) => chosen(name) && (figure !== "d1" || d1Ratios))
      .map((row) => ({ name: row.name, points: sizes.map((users, i) => [users, row[figure][i]]) })),
  });
  return {
    title: "What grows with the number of users",
    command: "npm run bench:growth",
    tables: [
      {
        title: "Work of one request, the same at every size",
        columns: ["request", "round trips to D1", "rows read", "rows written"],
        rows: rows.map(({ name, work }) => [
          name,
          ...(work.every((one) => one === work[0]) ? work[0].split(" ") : ["differs", work.join("; "), ""]),
        ]),
      },
      {
        title: "Time of one request by the number of users, median",
        columns: ["request", ...names, `${names.at(-1)} / ${names[0]}`],
        rows: rows.map(({ name, times, ratios }) => [name, ...times.map(ms), ratio(ratios.at(-1))]),
        note: `${rounds} rounds in turn, at the client over loopback. A login and a registration contain one password hash.`,
      },
      {
        title: "Of that, the wait for D1, mean",
        columns: ["request", ...names, `${names.at(-1)} / ${names[0]}`],
        rows: rows
          .filter(({ d1Ratios }) => d1Ratios)
          .map(({ name, d1, d1Ratios }) => [name, ...d1.map(ms), ratio(d1Ratios.at(-1))]),
        note: `The Worker's clock counts whole milliseconds, so this is a mean, without the slowest ${OUTLIERS * 100} %.`,
      },
      {
        title: "What one refresh occupies of the database",
        columns: ["users", "time of a batch, least", "batches a second"],
        rows: sizes.map((_, i) => [names[i], ms(occupied[i]), Math.round(1_000 / occupied[i])]),
        note: `The batch of a real refresh, repeated for sessions all over the database, one after the other, sent from inside the Worker; the mean of the best of ${BURSTS} bursts, because another program's writes to the disk disturb them all.`,
      },
      cleanUpTable(cleanUps, names),
      storageTable(places.at(-1)),
    ],
    plots: [
      // A hash would press everything else to the ground.
      {
        ...lines("times", (name) => !HASHING.includes(name)),
        file: "time",
        title: "Time of one request by the number of users",
        unit: "median, milliseconds; without those that hash a password",
      },
      {
        ...lines("d1", () => true),
        file: "d1",
        title: "The wait for D1 by the number of users",
        unit: "mean, milliseconds",
      },
    ],
    limits,
    data: {
      sizes,
      rounds,
      requests: rows,
      occupiedMs: Object.fromEntries(sizes.map((users, i) => [users, occupied[i]])),
      bytes: places.at(-1).bytes,
      from: least,
      to: most,
    },
  };
}

function figures(sizes, byUsers) {
  const times = sizes.map((users) =>
    quantile(
      byUsers.get(users).map(({ ms }) => ms),
      0.5,
    ),
  );
  const d1 = sizes.map((users) => trimmedMean(byUsers.get(users).map(({ counts }) => counts.d1Ms)));
  // Every round's figures, so that one that differs is seen.
  const work = sizes.map((users) =>
    [
      ...new Set(
        byUsers.get(users).map(({ counts }) => `${counts.roundTrips} ${counts.rowsRead} ${counts.rowsWritten}`),
      ),
    ].join(" or "),
  );
  return {
    times,
    ratios: times.map((time) => time / times[0]),
    d1,
    d1Ratios: work[0].startsWith("0 ") ? null : d1.map((time) => time / d1[0]),
    work,
  };
}

function storageTable({ users, bytes }) {
  const each = {
    user: bytes.users / users,
    session: (bytes.sessions - bytes.users) / (2 * users),
    counter: (bytes.attempts - bytes.sessions) / (users / 10),
    event: (bytes.events - bytes.attempts) / (2 * users),
  };
  return {
    title: "Storage, rows with their indexes",
    columns: ["row", "bytes"],
    rows: [
      ["user", Math.round(each.user)],
      ["session", Math.round(each.session)],
      ["counter of login attempts", Math.round(each.counter)],
      ["event of the audit log", Math.round(each.event)],
      ["user with two sessions", Math.round(bytes.attempts / users)],
    ],
    note: `The size that D1 gives for the database of ${users.toLocaleString("en-US")} users, after each step of making it.`,
  };
}

function atMost(name, found) {
  return {
    name: `${name}, the largest to the smallest`,
    wanted: `at most ${LIMIT}`,
    found: ratio(found),
    ok: found <= LIMIT,
  };
}

/** The clean-up reads the tables by key: what it costs grows with them, up to its bound. */
function cleanUpTable(cleanUps, names) {
  const priced = (rowsRead) => (rowsRead / 1e6) * ROWS_READ_PRICE;
  /**
   * @param {string} name
   * @param {number} runs
   * @param {{ rowsRead: number, rowsWritten?: number, d1Ms?: number }} counts
   */
  const row = (name, runs, { rowsRead, rowsWritten, d1Ms }) => [
    name,
    runs,
    rowsRead.toLocaleString("en-US"),
    rowsWritten?.toLocaleString("en-US") ?? "",
    d1Ms === undefined ? "" : ms(d1Ms),
    money(priced(rowsRead)),
    money(priced(rowsRead) * HOURS_A_MONTH),
  ];
  return {
    title: "One hour of the clean-up",
    columns: ["users", "runs", "rows read", "rows written", "wait for D1", "rows read, dollars", "a month, dollars"],
    rows: [
      ...[...cleanUps.values()].map(({ runs, counts }, i) => row(names[i], runs, counts)),
      row("its bound", RUNS_AN_HOUR, { rowsRead: RUNS_AN_HOUR * MOST_READ }),
    ],
    note: `${DUE.toLocaleString("en-US")} sessions and as many counters were due. Each table is read once an hour, by as many runs as that takes. A run, each five minutes, looks at ${ROWS_A_RUN.toLocaleString("en-US")} rows of all tables together at most, and reads each about twice. Written are the rows that were removed, and a position for each step.`,
  };
}

function trimmedMean(numbers) {
  const kept = [...numbers].sort((a, b) => a - b).slice(0, Math.ceil(numbers.length * (1 - OUTLIERS)));
  return kept.reduce((sum, number) => sum + number, 0) / kept.length;
}

/** mulberry32: small, seeded, good enough to choose people by. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
