/**
 * The work of each request, counted and not timed: what it asks of D1, KV and
 * the rate limiters by their own figures, for us and for the peers, and what a
 * million of it costs by Cloudflare's price list:
 *
 *     npm run bench:work
 *
 * The counts are those of a small database; bench:growth shows that they stay
 * the same in a large one. CPU time is bench:cpu's, where that has run.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, main } from "../scripts/lib.mjs";
import { startContestant } from "./support/contestants.mjs";
import { counted } from "../harness/counted.mjs";
import { NEAR_KINDS } from "./support/kinds.mjs";
import { mailStory } from "./support/mail-story.mjs";
import { PRICES, READ_ON, money, priceOfAMillion } from "./support/prices.mjs";
import { quantile, report } from "../harness/report.mjs";
import { keepCookies, newPerson } from "./support/stories.mjs";

const ENTRY = "bench/support/counting-contestant.mjs";
const NEW_PASSWORD = "a new horse every year";
/** bench:cpu's figures are for so many requests. */
const CPU_PER = 1_000;
/** The most that a request may cost: rows written, statements, and dollars a million. */
const MOST = {
  registration: { rowsWritten: 4, roundTrips: 1 },
  login: { rowsWritten: 7, roundTrips: 2, statements: 6, price: 8.5 },
  refresh: { rowsWritten: 1, roundTrips: 1, statements: 1, price: 1.35 },
  logout: { rowsWritten: 3, roundTrips: 1, price: 13.5 },
  "end another session": { rowsWritten: 3, roundTrips: 1 },
  "forgot, unknown address": { roundTrips: 1 },
  // The second one is after the answer: the mail has left, and its row is deleted.
  forgot: { roundTrips: 2 },
  "login, mails on": { roundTrips: 2 },
};
const FIGURES = {
  rowsWritten: "rows written",
  roundTrips: "round trips to D1",
  statements: "statements",
  price: "dollars a million",
};

/** The peers' rows: the contestant, the chapter of its story, and ours that it stands beside. */
/** @type {[title: string, chapter: string, cells: [name: string, chapter: string][]][]} */
const BESIDE = [
  [
    "Register",
    "register",
    [
      ["latchkey", "register"],
      ["better-auth", "register"],
      ["hono", "register"],
    ],
  ],
  [
    "Log in",
    "login",
    [
      ["latchkey", "login"],
      ["better-auth", "login"],
      ["hono", "login"],
    ],
  ],
  [
    "Read the session, cached",
    "read",
    [
      ["latchkey", "read"],
      ["better-auth", "read"],
      ["hono", "read"],
    ],
  ],
  [
    "Read the session, from D1",
    "readStored",
    [
      ["latchkey-strict", "read"],
      ["better-auth-uncached", "read"],
      ["hono", "readStored"],
    ],
  ],
  [
    "Renew",
    "renew",
    [
      ["latchkey", "renew"],
      ["better-auth-renewing", "renew"],
      ["hono", "renew"],
    ],
  ],
  [
    "Log out",
    "logout",
    [
      ["latchkey", "logout"],
      ["better-auth", "logout"],
      ["hono", "logout"],
    ],
  ],
];
const PEERS = ["Latchkey", "Better Auth", "Hono and jose"];

await main(import.meta.url, async () => {
  const names = [...new Set(BESIDE.flatMap(([, , cells]) => cells.map(([name]) => name)))];
  const stories = new Map();
  let own;
  for (const name of names) {
    const contestant = await startContestant(name, { entry: ENTRY });
    try {
      // Once uncounted: what an isolate does at its first request is not a request's work.
      await commonStory(contestant);
      if (name === "latchkey") own = await ownStory(contestant);
      stories.set(name, await commonStory(contestant));
    } finally {
      await contestant.dispose();
    }
  }
  own.splice(own.findIndex(({ name }) => name === "profile, warm") + 1, 0, {
    name: "profile, strict",
    request: "GET /api/account/profile",
    by: "latchkey-strict",
    chapter: "read",
    counts: stories.get("latchkey-strict").get("read"),
  });
  own.push(...(await mailWork()));
  return report("work", result(own, stories));
});

/**
 * Every endpoint of ours: `[{name, request, chapter, counts}]`, in the order of a user's visit. `request` is its
 * method and path: tests/inventory.test.mjs looks for each route among them.
 */
async function ownStory(contestant) {
  const { story } = contestant;
  const person = newPerson();
  const stranger = newPerson();
  const [own, other] = [{}, {}];
  const found = [];
  const count = async (name, chapter, visitor, request) => {
    const { counts, answer } = await countedSend(contestant, request, visitor);
    found.push({ name, request: `${request.method} ${request.path}`, chapter, counts });
    return answer;
  };
  const json = jsonOf(story.login(person).headers.origin);
  const read = (path) => ({ method: "GET", path, headers: {}, body: null, status: 200 });

  await count("health", "nothing", {}, story.nothing());
  await count("ready, cold", null, {}, read("/ready"));
  await count("home page", null, {}, read("/"));
  await count("key set", null, {}, read("/.well-known/jwks.json"));
  await count("registration", "register", {}, story.register(person));
  await countedSend(contestant, story.login(person), other);
  await count("login", "login", own, story.login(person));
  await count(
    "login refused, wrong password",
    null,
    {},
    { ...story.login({ ...person, password: stranger.email }), status: 401 },
  );
  await count("login refused, unknown address", null, {}, { ...story.login(stranger), status: 401 });
  await count("profile, cold", null, own, story.read());
  await count("profile, warm", "read", own, story.read());
  await count("identity, warm", null, own, read("/api/account/identity"));
  await count("identity, from D1", null, own, read("/api/account/identity?maxStaleSeconds=0"));
  await count("verify, warm", null, own, { ...read("/api/account/verify"), status: 204 });
  const before = { ...own };
  await count("refresh", "renew", own, story.renew());
  await count("refresh, repeated within the grace", null, before, story.renew());
  const rename = (name) => json("PATCH", "/api/account/profile", { name }, 200);
  await count("rename", null, own, rename("Ada Lovelace"));
  await count("rename, again within the hour", null, own, rename("Ada"));
  await count("activity", null, own, read("/api/account/activity"));
  const sessions = JSON.parse(await count("session list", null, own, read("/api/account/sessions")));
  const { id } = sessions.find(({ current }) => !current);
  await count("end another session", null, own, json("DELETE", `/api/account/sessions/${id}`, undefined, 204));
  await countedSend(contestant, story.login(person), {});
  await count(
    "end the other sessions",
    null,
    own,
    json("DELETE", "/api/account/sessions?scope=others", undefined, 204),
  );
  await count("login in place of a session", null, own, story.login(person));
  await count("logout", "logout", own, story.logout());
  await countedSend(contestant, story.login(person), own);
  await count(
    "password change",
    null,
    own,
    json("PATCH", "/api/account/password", { currentPassword: person.password, newPassword: NEW_PASSWORD }, 204),
  );
  return found;
}

/** The endpoints of mails, on a Latchkey of their own: `[{name, request, by, chapter, counts}]`. */
async function mailWork() {
  const by = "latchkey-mail";
  const contestant = await startContestant(by, { entry: ENTRY, instance: { unsafeLocalExplorer: true } });
  const found = [];
  try {
    const send = (request, visitor) => countedSend(contestant, request, visitor);
    await send(contestant.story.nothing(), {});
    const count = async (name, visitor, request) => {
      const { counts } = await send(request, visitor);
      found.push({ name, request: `${request.method} ${request.path}`, by, chapter: null, counts });
    };
    await mailStory(/** @type {any} */ (contestant), {
      count,
      send,
      json: jsonOf(contestant.story.login(newPerson()).headers.origin),
    });
  } finally {
    await contestant.dispose();
  }
  return found;
}

/** Requests with a JSON body, from a page of this origin. */
function jsonOf(origin) {
  return (method, path, fields, status) => ({
    method,
    path,
    headers: { "content-type": "application/json", origin },
    body: fields && JSON.stringify(fields),
    status,
  });
}

/** The chapters that everybody has: `Map(chapter -> counts)`. */
async function commonStory(contestant) {
  const { story } = contestant;
  const [person, visitor] = [newPerson(), {}];
  const found = new Map();
  const play = async (chapter, request, who) =>
    found.set(chapter, (await countedSend(contestant, request, who)).counts);
  await play("register", story.register(person), {});
  await play("login", story.login(person), visitor);
  // The first read fills a cache, where there is one.
  await countedSend(contestant, story.read(), visitor);
  await play("read", story.read(), visitor);
  if (story.readStored) await play("readStored", story.readStored(), visitor);
  await play("renew", story.renew(), visitor);
  await play("logout", story.logout(), visitor);
  return found;
}

/** Sends with the visitor's cookies and keeps the answer's: `{counts, answer}`, the answer's text. */
async function countedSend(contestant, { method, path, headers, body, status, contains }, visitor) {
  const all = visitor.cookie ? { ...headers, cookie: visitor.cookie } : headers;
  const { answer, counts } = await counted(contestant, async () => {
    const response = await contestant.fetch(path, { method, headers: all, body: body ?? undefined });
    return { status: response.status, text: await response.text(), cookies: response.headers.getSetCookie() };
  });
  if (answer.status !== status || (contains && !answer.text.includes(contains))) {
    throw new Error(`${contestant.name}: ${method} ${path} was answered with ${answer.status}: ${answer.text}`);
  }
  visitor.cookie = keepCookies(visitor.cookie, answer.cookies);
  return { counts, answer: answer.text };
}

function result(own, stories) {
  const cpu = cpuTimes();
  const priced = own.map(({ name, request, by = "latchkey", chapter, counts }) => ({
    name,
    request,
    counts,
    price: priceOfAMillion(counts, cpu(by, chapter)),
  }));
  const beside = BESIDE.map(([title, , cells]) => ({
    title,
    cells: cells.map(([name, chapter]) => ({
      name,
      counts: stories.get(name).get(chapter),
      price: priceOfAMillion(stories.get(name).get(chapter), cpu(name, chapter)),
    })),
  }));
  return {
    title: "The work of each request, counted",
    command: "npm run bench:work",
    tables: [
      {
        title: "Latchkey, one request with the work that goes on after its answer",
        columns: [
          "request",
          "D1 round trips",
          "statements",
          "rows read",
          "rows written",
          "KV reads",
          "KV writes",
          "KV deletes",
          "limiter calls",
        ],
        rows: own.map(({ name, counts: c }) => [
          name,
          c.roundTrips,
          c.statements,
          c.rowsRead,
          c.rowsWritten,
          c.kvReads,
          c.kvWrites,
          c.kvDeletes,
          c.limiter,
        ]),
        note: "A batch is one round trip. Rows are D1's own figures: an index entry counts as a row written. A mail that has left costs one more round trip, after the answer: its row is deleted.",
      },
      {
        title: "Beside the others",
        columns: [
          "request",
          "by",
          "D1 round trips",
          "rows read",
          "rows written",
          "KV reads",
          "KV writes and deletes",
          "a million",
        ],
        rows: beside.flatMap(({ title, cells }) =>
          cells.map(({ counts: c, price }, i) => [
            title,
            PEERS[i],
            c.roundTrips,
            c.rowsRead,
            c.rowsWritten,
            c.kvReads,
            c.kvWrites + c.kvDeletes,
            money(price.total),
          ]),
        ),
      },
      {
        title: `The price list, in US dollars, read on ${READ_ON}`,
        columns: ["what", "a million", "included", "page, commit"],
        rows: PRICES.map(({ what, aMillion, included, source }) => [what, money(aMillion), included, source]),
        note: "On the Workers Paid plan, $5 a month. The list has no entry for rate limiters. D1 storage: 5 GB, then $0.75 a GB and month.",
      },
      {
        title: "Latchkey, the price of a million, in US dollars",
        columns: ["request", "requests", "CPU", "D1", "KV", "together"],
        rows: priced.map(({ name, price: p }) => [
          name,
          money(p.request),
          money(p.cpu),
          money(p.d1),
          money(p.kv),
          money(p.total),
        ]),
        note: "Beyond the included amounts. CPU is bench:cpu's, which contains the embedded D1 and KV, and not what becomes of a log line; where it is not measured, it is not in the sum.",
      },
    ],
    plots: [
      {
        file: "price",
        title: "The price of a million requests",
        unit: "US dollars, beyond the included amounts",
        bars: beside.map(({ title, cells }) => ({
          label: title,
          values: Object.fromEntries(cells.map(({ price }, i) => [PEERS[i], price.total])),
        })),
      },
      {
        file: "rows-written",
        title: "Rows written to D1 by one request",
        unit: "rows",
        bars: beside.map(({ title, cells }) => ({
          label: title,
          values: Object.fromEntries(cells.map(({ counts }, i) => [PEERS[i], counts.rowsWritten])),
        })),
      },
    ],
    limits: limits(priced),
    data: { own: priced, beside },
  };
}

function limits(priced) {
  return Object.entries(MOST).flatMap(([name, most]) => {
    const { counts, price } = priced.find((row) => row.name === name);
    return Object.entries(most).map(([figure, wanted]) => {
      const found = figure === "price" ? price.total : counts[figure];
      return {
        name: `${name}: ${FIGURES[figure]}`,
        wanted: `at most ${wanted}`,
        found: figure === "price" ? found.toFixed(2) : `${found}`,
        ok: found <= wanted,
      };
    });
  });
}

/**
 * `(contestant, chapter) -> milliseconds of CPU`, or null, from bench:cpu's
 * last result. It contains the embedded D1 and KV, which nobody is billed for:
 * so it is the most that a request costs.
 */
function cpuTimes() {
  const file = join(ROOT, "bench", "results", "cpu.json");
  const found = new Map();
  if (existsSync(file)) {
    const { kinds, passwords } = JSON.parse(readFileSync(file, "utf8")).data;
    const add = (name, chapter, cpu) => found.set(`${name} ${chapter}`, quantile(cpu, 0.5) / CPU_PER);
    for (const [kind, { cells }] of Object.entries(NEAR_KINDS)) {
      for (const [i, [name, chapter]] of cells.entries()) add(name, chapter, kinds[kind][i].cpu);
    }
    for (const { chapter, cells } of passwords) for (const { name, cpu } of cells) add(name, chapter, cpu);
  }
  return (contestant, chapter) => found.get(`${contestant} ${chapter}`) ?? null;
}
