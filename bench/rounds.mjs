/**
 * Measures the built Worker and the bare hash in one workerd, over loopback,
 * from the client's side: inside a Worker the clock stands still while it
 * computes. Started by `hash.mjs`.
 *
 * The kinds of request take turns, so that whatever else the machine does
 * falls on all of them alike. The minimum is the cost without disturbance; the
 * median says how it usually is here.
 */
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";

/** The defaults of ARGON2_MEMORY_KIB and ARGON2_ITERATIONS. */
const COST = { memoryKib: 19_456, iterations: 2 };
const PASSWORD = "correct horse battery staple";
const BARE = "bare Argon2id hash";
const LOGIN = "login";

/** V8 compiles hot code again while it runs: these rounds are not counted. */
const WARM_UP_ROUNDS = 10;
const HASH_ROUNDS = 100;
const CHEAP_ROUNDS = 200;
/** Each kind of round ends here, however slow the machine. */
const HASH_SECONDS = 35;
const CHEAP_SECONDS = 15;
/** What a login may cost, in bare hashes. */
const LIMIT = 1.15;
/** Time for the work that goes on after an answer. */
const PAUSE_MS = 10;

const latchkey = await startLatchkey({ entry: "bench/entry.mjs" });
try {
  await warmUp();
  const hashing = await measure(hashRound, { rounds: HASH_ROUNDS, seconds: HASH_SECONDS });
  print("One password hash each", hashing);
  const cheap = await measure(cheapRound(), { rounds: CHEAP_ROUNDS, seconds: CHEAP_SECONDS });
  print("No password hash", cheap);
  judge(hashing);
} finally {
  await latchkey.dispose();
}

async function warmUp() {
  const cheap = cheapRound();
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    for (const one of [hashRound, cheap]) for (const { act } of await one(`warm-${round}`)) await act();
  }
}

/** The requests of a round that hash; each person is used once, so that nobody is throttled. */
async function hashRound(round) {
  const email = `${round}@example.org`;
  const client = new Client(latchkey);
  const login = (username, password) => ({ form: { username, password } });
  return [
    request(BARE, 204, () => client.post("/__bench/hash", { json: { password: PASSWORD, ...COST } })),
    request("registration", 201, () => client.post("/api/account/register", { json: { email, password: PASSWORD } })),
    request(LOGIN, 204, () => client.post("/api/account/login", login(email, PASSWORD))),
    request("login refused, wrong password", 401, () =>
      new Client(latchkey).post("/api/account/login", login(email, `${PASSWORD}?`)),
    ),
    request("login refused, unknown address", 401, () =>
      new Client(latchkey).post("/api/account/login", login(`nobody-${round}@example.org`, PASSWORD)),
    ),
  ];
}

/** The requests of one signed-in person that do not hash. */
function cheapRound() {
  const email = `cheap-${crypto.randomUUID()}@example.org`;
  const client = new Client(latchkey);
  /** @type {Promise<void> | undefined} */
  let ready;
  return async () => {
    ready ??= (async () => {
      await client.post("/api/account/register", { json: { email, password: PASSWORD } });
      await client.post("/api/account/login", { form: { username: email, password: PASSWORD } });
    })();
    await ready;
    return [
      request("health: nothing but the way there", 200, () => client.get("/health")),
      request("profile: the isolate's copy", 200, () => client.get("/api/account/profile")),
      request("refresh: verify, D1, sign", 204, () => client.post("/api/account/refresh")),
    ];
  };
}

function request(name, status, send) {
  const act = async () => {
    const { status: found } = await send();
    if (found !== status) throw new Error(`${name}: answered with ${found}, not ${status}.`);
  };
  return { name, act };
}

/** The milliseconds of each kind of request: `Map(name -> sorted numbers)`. */
async function measure(makeRound, { rounds, seconds }) {
  const samples = new Map();
  const end = performance.now() + seconds * 1_000;
  for (let round = 0; round < rounds && performance.now() < end; round += 1) {
    for (const { name, act } of await makeRound(round)) {
      await new Promise((done) => setTimeout(done, PAUSE_MS));
      const start = performance.now();
      await act();
      const taken = performance.now() - start;
      samples.set(name, [...(samples.get(name) ?? []), taken]);
    }
  }
  return new Map([...samples].map(([name, taken]) => [name, taken.sort((a, b) => a - b)]));
}

function print(title, samples) {
  const rows = [...samples];
  const [, base] = rows[0];
  const width = Math.max(title.length, ...rows.map(([name]) => name.length));
  const line = (name, ...cells) =>
    console.log([name.padEnd(width), ...cells.map((cell) => cell.padStart(10))].join(" "));
  console.log("");
  line(title, "minimum", "median", "min ratio", "med ratio", "rounds");
  for (const [name, taken] of rows) {
    line(
      name,
      ms(taken[0]),
      ms(median(taken)),
      ratio(taken[0] / base[0]),
      ratio(median(taken) / median(base)),
      `${taken.length}`,
    );
  }
}

/**
 * Fails when either ratio is too high. On a busy machine one of them may be:
 * the median because a longer request is disturbed more often, the minimum
 * because one lucky round decides it.
 */
function judge(samples) {
  const [bare, login] = [BARE, LOGIN].map((name) => samples.get(name));
  const [least, usual] = [login[0] / bare[0], median(login) / median(bare)];
  console.log(
    `\nA login costs ${ratio(least)} (minimum) and ${ratio(usual)} (median) bare hashes; the limit is ${LIMIT}.`,
  );
  if (Math.max(least, usual) > LIMIT) process.exitCode = 1;
}

function median(sorted) {
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

function ms(number) {
  return `${number.toFixed(2)} ms`;
}

function ratio(number) {
  return number.toFixed(2);
}
