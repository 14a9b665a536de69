/**
 * Load, over loopback, bounded in time, that counts only answers which are
 * what was asked for: one wrong answer ends the benchmark.
 *
 * - closed: each connection sends its next request when the last one is
 *   answered; what is found is throughput
 * - open: requests arrive at a fixed rate whether or not the last ones are
 *   answered, and each one's time counts from when it should have started, so
 *   that a stall is not left out; what is found is latency
 *
 * A request is as stories.mjs describes it. A visitor is one browser:
 * `{contestant, cookie}`.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { BENCH } from "./build.mjs";
import { ORIGIN, keepCookies } from "./stories.mjs";

const { Pool } = createRequire(join(BENCH, "package.json"))("undici");

const ANSWER_TIMEOUT_MS = 30_000;
/** Of a load that is bounded by its requests. */
const MAX_SECONDS = 120;
/** As a browser that talks to the service would. */
const HEADERS = {
  host: new URL(ORIGIN).host,
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "*/*",
};

/** A way to one contestant. Close it before the contestant. */
export function openPool(contestant, connections) {
  const options = { connections, pipelining: 1, headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS };
  return new Pool(contestant.url, options);
}

/**
 * Sends one request with the visitor's cookies and keeps the answer's; a stranger, without, stays one.
 *
 * @param {import("undici").Pool} pool
 * @param {import("./stories.mjs").Chapter} request
 * @param {{ cookie?: string | null }} [visitor]
 */
export async function send(pool, request, visitor) {
  const answer = await dispatch(pool, request, visitor?.cookie);
  check(request, answer);
  if (visitor && answer.setCookies.length > 0) visitor.cookie = keepCookies(visitor.cookie, answer.setCookies);
}

/**
 * Closed load for `seconds`, or until `requests` are begun: one visitor a
 * connection, each with its own chain of requests. Answers `{perSecond,
 * latencies}`, the latencies in ms, sorted.
 */
export async function closedLoad(
  pool,
  makeRequest,
  { visitors, seconds = MAX_SECONDS, requests = Number.POSITIVE_INFINITY },
) {
  const latencies = [];
  let left = requests;
  const request = makeRequest();
  const start = performance.now();
  const end = start + seconds * 1_000;
  await Promise.all(
    visitors.map(async (visitor) => {
      for (let begun = performance.now(); begun < end && left > 0; ) {
        left -= 1;
        await send(pool, request, visitor);
        const now = performance.now();
        latencies.push(now - begun);
        begun = now;
      }
    }),
  );
  const taken = (performance.now() - start) / 1_000;
  return { perSecond: latencies.length / taken, latencies: latencies.sort((a, b) => a - b) };
}

/** Open load: `perSecond` arrivals for `seconds`, in the visitors' turn. Answers `{latencies}`. */
export async function openLoad(pool, makeRequest, { visitors, seconds, perSecond }) {
  const latencies = [];
  const request = makeRequest();
  const free = [...visitors];
  const waiting = [];
  const total = Math.floor(perSecond * seconds);
  const start = performance.now();
  const due = (i) => start + (i * 1_000) / perSecond;
  const serve = async (visitor, i) => {
    await send(pool, request, visitor);
    latencies.push(performance.now() - due(i));
    const next = waiting.shift();
    if (next === undefined) free.push(visitor);
    else await serve(visitor, next);
  };
  const running = [];
  for (let i = 0; i < total; ) {
    while (i < total && performance.now() >= due(i)) {
      const visitor = free.shift();
      if (visitor) running.push(serve(visitor, i));
      else waiting.push(i);
      i += 1;
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(running);
  return { latencies: latencies.sort((a, b) => a - b) };
}

/** One request after the other; the times in ms, as they came. */
export async function oneByOne(pool, requests) {
  const latencies = [];
  for (const { request, visitor } of requests) {
    const begun = performance.now();
    await send(pool, request, visitor);
    latencies.push(performance.now() - begun);
  }
  return latencies;
}

export function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** undici's lowest level: its `request` would cost the machine as much as some contestants do. */
function dispatch(pool, { method, path, headers, body }, cookie) {
  const all = cookie ? { ...HEADERS, ...headers, cookie } : { ...HEADERS, ...headers };
  return new Promise((done, fail) => {
    /** @type {{ status: number, setCookies: string[], chunks: Buffer[] }} */
    const answer = { status: 0, setCookies: [], chunks: [] };
    pool.dispatch(
      { method, path, headers: all, body },
      {
        onConnect() {},
        onHeaders(status, raw) {
          answer.status = status;
          for (let i = 0; i < raw.length; i += 2) {
            if (raw[i].length === 10 && raw[i].toString("latin1").toLowerCase() === "set-cookie")
              answer.setCookies.push(raw[i + 1].toString("latin1"));
          }
          return true;
        },
        onData: (chunk) => {
          answer.chunks.push(chunk);
          return true;
        },
        onComplete: () => done(answer),
        onError: fail,
      },
    );
  });
}

/**
 * @param {import("./stories.mjs").Chapter} request
 * @param {{ status: number, setCookies: string[], chunks: Buffer[] }} answer
 */
function check({ method, path, status, contains, sets = false }, answer) {
  const body = answer.chunks.length === 1 ? answer.chunks[0] : Buffer.concat(answer.chunks);
  const good =
    answer.status === status &&
    (contains === undefined || body.includes(contains)) &&
    (!sets || answer.setCookies.length > 0);
  if (!good)
    throw new Error(
      `${method} ${path}: answered with ${answer.status}, not as expected: ${body.toString("utf8").slice(0, 300)}`,
    );
}
