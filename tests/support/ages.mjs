/**
 * Random schedules of changes and of questions who is calling, over two points
 * of presence whose KV is stale and loses writes. Every change makes a new
 * version of a user, so an answer shows when its data was read.
 */
import assert from "node:assert/strict";
import { forge, randomId } from "../../harness/tokens.mjs";

/**
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 * @import { Statement } from "../../package/test/faults.mjs"
 */

export const IDENTITY = "/api/account/identity";
/** USER_CACHE_TTL_SECONDS: no copy is older, whatever the caller accepts. */
const BOUND_SECONDS = 60;
const TICKS = 8;
const LONGEST_STEP_SECONDS = 25;
/** What callers accept; null: whatever the service does. */
const ACCEPTED = [null, 0, 1, 5, 10, 30, 60, 300];
const STALE_KV_MS = [0, 30_000, 60_000, 300_000];
/** The token of a round is good for all of its ticks. */
const TOKEN_SECONDS = 600;

/** Numbers between 0 and 1 that a seed decides (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Runs a schedule for each of `users` people at once. Answers how many questions were answered,
 * refused, and answered from a copy.
 *
 * @param {Latchkey} latchkey With `entry: CHAOS` and two points of presence.
 */
export async function round(latchkey, users, seed) {
  const random = randomNumbers(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  let now = Math.floor(Date.now() / 1_000);
  for (const pop of [0, 1]) {
    const settings = { nowMs: now * 1_000, kvStaleMs: pick(STALE_KV_MS), dropWaitUntil: random() < 0.3 };
    await latchkey.control({ reset: true, ...settings }, { pop });
  }
  const people = Array.from({ length: users }, () => newPerson(latchkey, now));
  await latchkey.store({ statements: people.flatMap(({ rows }) => rows) });

  const counts = newCounts();
  for (let tick = 0; tick < TICKS; tick += 1) {
    now += Math.floor(random() * LONGEST_STEP_SECONDS);
    await latchkey.control({ nowMs: now * 1_000 });
    // Questions that overlap with changes may see them or not.
    const isRace = random() < 0.3;
    const changes = change(
      latchkey,
      people.filter(() => random() < 0.5),
      now,
      random,
    );
    if (!isRace) await changes;
    const asked = Promise.all([0, 1].map((pop) => question(latchkey, people, pop, pick, random)));
    const [all] = await Promise.all([asked, changes]);
    for (const { person, accepted, answer, pop } of all.flat()) {
      check(
        person,
        accepted,
        answer,
        now,
        isRace,
        counts,
        `seed ${seed}, tick ${tick}, pop ${pop}, accepts ${accepted}`,
      );
    }
  }
  return counts;
}

export const newCounts = () => ({ answered: 0, refused: 0, copies: 0 });

/** One person with one session, as rows and as a token. `versions`: `{at, name, isLive}`, oldest first. */
function newPerson(latchkey, now) {
  const [key] = latchkey.keys.keys;
  const hex = Buffer.from(randomId(), "base64url").toString("hex");
  const id = `0190a0a0-${hex.slice(0, 4)}-7${hex.slice(4, 7)}-8${hex.slice(7, 10)}-${hex.slice(10, 22)}`;
  const [sid, jti] = [randomId(), randomId()];
  const token = forge(
    key,
    { alg: "EdDSA", typ: "at+jwt", kid: key.kid },
    {
      iss: latchkey.origin,
      aud: "latchkey",
      sub: id,
      sid,
      role: "application-access",
      iat: now,
      exp: now + TOKEN_SECONDS,
      jti: randomId(),
    },
  );
  /** @type {Statement[]} */
  const rows = [
    [
      "INSERT INTO users (id, email, name, role_slug, created_at, updated_at) VALUES (?1, ?2, '0', 'application-access', ?3, ?3)",
      id,
      `${hex}@example.com`,
      now,
    ],
    [
      `INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)
       VALUES (?1, ?2, ?3, ?4, ?4, ?4 + 86400, ?4 + 86400)`,
      id,
      sid,
      jti,
      now,
    ],
  ];
  return { id, sid, rows, cookie: `access_token=${token}`, versions: [{ at: now, name: "0", isLive: true }] };
}

/** A new version of each of these people: through the service where the session is live, or by hand. */
async function change(latchkey, people, now, random) {
  /** @type {Statement[]} */
  const statements = [];
  /** @type {Parameters<Latchkey["ask"]>[0][]} */
  const requests = [[], []];
  for (const person of people) {
    const last = person.versions.at(-1);
    const next = { at: now, name: String(person.versions.length), isLive: random() < (last.isLive ? 0.85 : 0.5) };
    person.versions.push(next);
    const headers = { Cookie: person.cookie };
    const isByService = last.isLive && random() < 0.5;
    if (isByService && next.isLive) {
      const body = JSON.stringify({ name: next.name });
      const json = { "Content-Type": "application/json", ...headers };
      requests[random() < 0.5 ? 0 : 1].push({ path: "/api/account/profile", method: "PATCH", headers: json, body });
      continue;
    }
    if (isByService) requests[random() < 0.5 ? 0 : 1].push({ path: "/api/account/logout", method: "POST", headers });
    statements.push(["UPDATE users SET name = ?2 WHERE id = ?1", person.id, next.name]);
    if (!isByService) {
      const endedAt = next.isLive ? null : now;
      const reason = next.isLive ? null : "revoked";
      statements.push([
        "UPDATE sessions SET ended_at = ?3, end_reason = ?4 WHERE user_id = ?1 AND id = ?2",
        person.id,
        person.sid,
        endedAt,
        reason,
      ]);
    }
  }
  const answers = await Promise.all(requests.map((some, pop) => latchkey.ask(some, { pop })));
  for (const { status, text } of answers.flat()) assert.ok(status < 300, `${status} ${text}`);
  if (statements.length > 0) await latchkey.store({ statements });
}

async function question(latchkey, people, pop, pick, random) {
  const asked = people.filter(() => random() < 0.6).map((person) => ({ person, accepted: pick(ACCEPTED), pop }));
  const answers = await latchkey.ask(
    asked.map(({ person, accepted }) => ({
      path: accepted === null ? IDENTITY : `${IDENTITY}?maxStaleSeconds=${accepted}`,
      headers: { Cookie: person.cookie },
    })),
    { pop },
  );
  return asked.map((one, i) => ({ ...one, answer: answers[i] }));
}

/** What an answer may say: nothing older than it claims, and it claims no more than is accepted. */
export function check({ versions }, accepted, { status, text }, now, isRace, counts, told) {
  const body = JSON.parse(text);
  const mayBeNow = isRace ? versions.slice(-2) : versions.slice(-1);
  if (status === 401) {
    counts.refused += 1;
    assert.equal(body.code, "invalid_token", told);
    assert.ok(
      mayBeNow.some(({ isLive }) => !isLive),
      `${told}: a live session is refused`,
    );
    return;
  }
  assert.equal(status, 200, `${told}: ${text}`);
  counts.answered += 1;
  const readAt = Date.parse(body.readAt) / 1_000;
  const age = now - readAt;
  assert.ok(age >= 0 && (age === 0 || age < BOUND_SECONDS), `${told}: ${age} s old`);
  if (accepted !== null) assert.ok(age === 0 || age < accepted, `${told}: ${age} s old`);
  if (age > 0) counts.copies += 1;

  const shown = versions.findIndex(({ name }) => name === body.user.name);
  assert.ok(shown >= 0, told);
  // The version was replaced at `replacedAt`: the read was before that, so the claim must not be later.
  const replacedAt = versions[shown + 1]?.at ?? Number.POSITIVE_INFINITY;
  assert.ok(readAt <= replacedAt, `${told}: claims a read at ${readAt}, and shows what was replaced at ${replacedAt}`);
  if (accepted === 0) assert.ok(mayBeNow.includes(versions[shown]), `${told}: asks the database`);
  assert.ok(versions[shown].isLive, `${told}: the session had ended`);
}
