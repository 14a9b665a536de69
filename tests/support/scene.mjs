/**
 * Every endpoint with a request that succeeds, for the fault matrix: its effect
 * in D1, and its answer when it is repeated after it took effect.
 *
 * The clock is stopped and the rows are restored between the cells, so that one
 * login serves all of them and each cell starts from the same state.
 */
import assert from "node:assert/strict";
import { Client } from "../../harness/client.mjs";
import { NEW_PASSWORD, claims } from "./holders.mjs";
import { LOGIN, LOGOUT, PASSWORD, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, logIn, register } from "./people.mjs";
import { assertProblem } from "./problems.mjs";

const LOGGED_IN_MS = Date.UTC(2030, 0, 1);
const NOW_MS = LOGGED_IN_MS + 100_000;

/**
 * - `d1`, `kvGet`, `limiter`: round trips of a success
 * - `effect`: the changed columns, by row, as {@link Scene.changes} has them
 * - `again`: the answer to a repetition: a status, or a problem's code
 */
export const ROUTES = [
  {
    name: "GET /health",
    send: ({ nobody }) => nobody.get("/health"),
    success: 200,
    d1: 0,
    effect: [],
    again: 200,
  },
  {
    name: "POST /api/account/register",
    send: ({ nobody }) => nobody.post(REGISTER, { json: { email: "newcomer@example.com", password: PASSWORD } }),
    success: 201,
    d1: 1,
    limiter: 1,
    effect: ["newcomer"],
    again: "email_taken",
  },
  {
    name: "POST /api/account/login",
    send: ({ latchkey, user }) =>
      new Client(latchkey).post(LOGIN, { json: { username: user.email, password: PASSWORD } }),
    success: 204,
    d1: 2,
    limiter: 1,
    effect: ["new session"],
    again: 204,
  },
  {
    name: "POST /api/account/refresh",
    send: ({ own }) => own.post(REFRESH),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["own: current_jti idle_expires_at last_used_at previous_jti rotated_at"],
    again: 204,
  },
  {
    name: "POST /api/account/logout",
    send: ({ own }) => own.post(LOGOUT),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["own: end_reason ended_at trace"],
    again: 204,
  },
  {
    name: "PATCH /api/account/password",
    send: ({ own }) => own.patch(PASSWORD_PATH, { json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } }),
    success: 204,
    d1: 2,
    limiter: 1,
    effect: [
      "other: end_reason ended_at trace",
      "own: end_reason ended_at trace",
      "user: password_hash password_version trace updated_at",
    ],
    again: "invalid_token",
  },
  {
    name: "GET /api/account/profile",
    send: ({ own }) => own.get(PROFILE),
    success: 200,
    d1: 1,
    kvGet: 1,
    limiter: 1,
    effect: [],
    again: 200,
  },
  {
    name: "PATCH /api/account/profile",
    send: ({ own }) => own.patch(PROFILE, { json: { name: "Ada" } }),
    success: 200,
    d1: 1,
    limiter: 1,
    effect: ["user: name trace updated_at"],
    again: 200,
  },
  {
    name: "GET /api/account/sessions",
    send: ({ own }) => own.get("/api/account/sessions"),
    success: 200,
    d1: 1,
    limiter: 1,
    effect: [],
    again: 200,
  },
  {
    name: "GET /api/account/activity",
    send: ({ own }) => own.get("/api/account/activity"),
    success: 200,
    d1: 1,
    limiter: 1,
    effect: [],
    again: 200,
  },
  {
    name: "DELETE /api/account/sessions?scope=others",
    send: ({ own }) => own.delete("/api/account/sessions?scope=others"),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["other: end_reason ended_at trace"],
    again: 204,
  },
  {
    name: "DELETE /api/account/sessions?scope=all",
    send: ({ own }) => own.delete("/api/account/sessions?scope=all"),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["other: end_reason ended_at trace", "own: end_reason ended_at trace"],
    again: "invalid_token",
  },
  {
    name: "DELETE /api/account/sessions/{id}",
    send: ({ own, otherId }) => own.delete(`/api/account/sessions/${otherId}`),
    success: 204,
    d1: 1,
    limiter: 1,
    effect: ["other: end_reason ended_at trace"],
    again: "not_found",
  },
];

/** A user with two sessions, on a Latchkey with the chaos entry. */
export class Scene {
  static async start(latchkey) {
    await latchkey.control({ reset: true, nowMs: LOGGED_IN_MS });
    const scene = new Scene();
    scene.latchkey = latchkey;
    scene.nobody = new Client(latchkey);
    scene.user = await register(latchkey);
    scene.jar = await logIn(latchkey, scene.user);
    scene.otherId = claims(await logIn(latchkey, scene.user)).sid;
    scene.names = new Map([
      [scene.user.id, "user"],
      [scene.otherId, "other"],
      [claims(scene.jar).sid, "own"],
    ]);
    await latchkey.control({ nowMs: NOW_MS });
    scene.before = await scene.rows();
    return scene;
  }

  /** A copy of the jar, for one request. */
  get own() {
    return this.jar.copy();
  }

  /** All rows of users and sessions, by id. */
  async rows() {
    const statements = [["SELECT * FROM users"], ["SELECT * FROM sessions"]];
    const [users, sessions] = await this.latchkey.store({ statements });
    return new Map([...users, ...sessions].map((row) => [row.id, row]));
  }

  /** What differs from the start, as "row: columns", or "newcomer" and "new session". */
  async changes() {
    const rows = await this.rows();
    const changes = [];
    for (const [id, row] of rows) {
      const before = this.before.get(id);
      const columns = Object.keys(row)
        .filter((column) => row[column] !== before?.[column])
        .sort();
      if (!before) changes.push("email" in row ? "newcomer" : "new session");
      else if (columns.length > 0) changes.push(`${this.names.get(id)}: ${columns.join(" ")}`);
    }
    for (const id of this.before.keys()) if (!rows.has(id)) changes.push(`${this.names.get(id)} is gone`);
    return changes.sort();
  }

  /** Puts the rows back and empties KV; no fault is left. */
  async restore() {
    const insert = (table, row) => {
      const columns = Object.keys(row);
      const marks = columns.map((_, i) => `?${i + 1}`);
      return [`INSERT INTO ${table} (${columns}) VALUES (${marks})`, ...Object.values(row)];
    };
    const rows = [...this.before.values()];
    await this.latchkey.settled();
    await this.latchkey.control({ reset: true, nowMs: NOW_MS });
    await this.latchkey.store({
      emptyKv: true,
      statements: [
        ["DELETE FROM users"], // and their sessions
        ["DELETE FROM attempts"],
        ...rows.filter((row) => "email" in row).map((row) => insert("users", row)),
        ...rows.filter((row) => "user_id" in row).map((row) => insert("sessions", row)),
      ],
    });
  }
}

/** What a route answers within ten seconds, at most. */
export async function answerOf(route, scene) {
  const start = performance.now();
  const answer = await route.send(scene);
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 10, `${route.name} took ${seconds} s`);
  return answer;
}

export async function assertSuccess(route, scene, answer) {
  assert.equal(answer.status, route.success, answer.text);
  assert.deepEqual(await scene.changes(), route.effect);
}

/** A proper 503 that has changed nothing. */
export async function assertUnavailable(scene, answer) {
  assertProblem(answer, "unavailable");
  assert.deepEqual(await scene.changes(), []);
}

/** Repeats the request a second later, without the fault: it takes effect, or answers that it has. */
export async function assertWorks(route, scene, { tookEffect }) {
  await scene.latchkey.control({ faults: [], dropWaitUntil: false, nowMs: NOW_MS + 1_000 });
  const answer = await answerOf(route, scene);
  if (!tookEffect) return assertSuccess(route, scene, answer);
  if (typeof route.again === "string") assertProblem(answer, route.again);
  else assert.equal(answer.status, route.again, answer.text);
}
