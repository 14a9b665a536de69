/**
 * Every endpoint with a request that succeeds, for the fault matrix: what the
 * request does to D1, and what it is answered when it is sent again after it
 * took effect.
 *
 * Mails are on, and none leaves: what is queued can be seen in the outbox.
 * The clock stands still and the rows are put back between the cells, so that
 * one log-in serves all of them and each cell starts from the same state.
 */
import assert from "node:assert/strict";
import { Client } from "../../harness/client.mjs";
import { NEW_PASSWORD, claims } from "./holders.mjs";
import { MAIL_ROUTES, plantedLinks } from "./mail-scenes.mjs";
import { LOGIN, LOGOUT, PASSWORD, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, logIn, register } from "./people.mjs";
import { assertProblem } from "./problems.mjs";

/**
 * @import { Answer } from "../../harness/client.mjs"
 * @import { Statement } from "../../package/test/faults.mjs"
 * @import { Latchkey, Row } from "../../harness/latchkey.mjs"
 * @import { Person } from "./people.mjs"
 *
 * @typedef {object} Route
 * @property {string} name
 * @property {(scene: Scene) => Promise<Answer>} send
 * @property {number} success
 * @property {number} d1 Round trips of a success, as the next two.
 * @property {number} [kvGet]
 * @property {number} [limiter]
 * @property {boolean} [needsKv] Whether it fails when KV cannot be read.
 * @property {string[]} effect The changed columns, by row, as {@link Scene.changes} has them.
 * @property {number | string} again The answer to a repetition: a status, or a problem's code.
 */

const LOGGED_IN_MS = Date.UTC(2030, 0, 1);
const NOW_MS = LOGGED_IN_MS + 100_000;

let pauses = 0;
/** Moves the clock on to a time that no isolate remembers anything from; for requests without a token. */
function pause(latchkey) {
  pauses += 1;
  return latchkey.control({ nowMs: NOW_MS + (86_400 + 10 * pauses) * 1_000 });
}

/** @type {Route[]} */
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
    name: "GET /.well-known/jwks.json",
    send: ({ nobody }) => nobody.get("/.well-known/jwks.json"),
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
      "mail: password_changed",
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
    name: "GET /api/account/identity?maxStaleSeconds=0",
    send: ({ own }) => own.get("/api/account/identity?maxStaleSeconds=0"),
    success: 200,
    d1: 1,
    limiter: 1,
    effect: [],
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
    name: "GET /api/account/verify",
    send: ({ own }) => own.get("/api/account/verify"),
    success: 204,
    d1: 1,
    kvGet: 1,
    limiter: 1,
    effect: [],
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
  ...MAIL_ROUTES,
  {
    // The last ones: they move the clock.
    name: "GET /",
    send: async ({ latchkey, nobody }) => {
      await pause(latchkey);
      return nobody.get("/");
    },
    success: 200,
    d1: 1,
    kvGet: 1,
    limiter: 1,
    needsKv: true,
    effect: [],
    again: 200,
  },
  {
    name: "GET /ready",
    send: async ({ latchkey, nobody }) => {
      await pause(latchkey);
      return nobody.get("/ready");
    },
    success: 200,
    d1: 1,
    kvGet: 1,
    limiter: 1,
    needsKv: true,
    effect: [],
    again: 200,
  },
];

/** A person with two sessions and a link for each purpose, on a Latchkey behind the chaos entry. */
export class Scene {
  /**
   * The rows at the start, by id.
   *
   * @type {Map<string, Row>}
   */
  before = new Map();
  /**
   * The digests of the links at the start, by purpose.
   *
   * @type {Map<string, string>}
   */
  links = new Map();
  /**
   * The digest of the browser that has asked to log in by mail at the start.
   *
   * @type {unknown}
   */
  browserDigest;

  /**
   * @param {Latchkey} latchkey
   * @param {{ user: Person, jar: Client, otherId: string }} people
   */
  constructor(latchkey, { user, jar, otherId }) {
    this.latchkey = latchkey;
    this.nobody = new Client(latchkey);
    this.user = user;
    this.jar = jar;
    this.otherId = otherId;
    const { tokens, browser, statements } = plantedLinks({ user, sessionId: claims(jar).sid, nowMs: NOW_MS });
    this.tokens = tokens;
    this.browser = browser;
    this.plant = statements;
    this.names = new Map([
      [user.id, "user"],
      [otherId, "other"],
      [claims(jar).sid, "own"],
    ]);
  }

  /** @param {Latchkey} latchkey */
  static async start(latchkey) {
    await latchkey.control({ reset: true, nowMs: LOGGED_IN_MS });
    const user = await register(latchkey);
    const jar = await logIn(latchkey, user);
    const otherId = claims(await logIn(latchkey, user)).sid;
    const scene = new Scene(latchkey, { user, jar, otherId });
    await latchkey.control({ nowMs: NOW_MS });
    await latchkey.store({ statements: scene.plant });
    scene.before = await scene.rows();
    scene.links = (await scene.mail()).links;
    return scene;
  }

  /** A copy of the jar, for one request. */
  get own() {
    return this.jar.copy();
  }

  /** All rows of people and sessions, by id. */
  async rows() {
    /** @type {Statement[]} */
    const statements = [["SELECT * FROM users"], ["SELECT * FROM sessions"]];
    const [users, sessions] = await this.latchkey.store({ statements });
    return new Map([...users, ...sessions].map((row) => [row.id, row]));
  }

  /** The digests of the links, by purpose and ordinal, and the kinds of the mails in the outbox. */
  async mail() {
    /** @type {Statement[]} */
    const statements = [
      ["SELECT iif(ordinal > 1, purpose || ' ' || ordinal, purpose) AS link, digest FROM one_time_tokens"],
      ["SELECT browser, digest FROM login_requests"],
      ["SELECT kind FROM outbox"],
    ];
    const [links, logins, mails] = await this.latchkey.store({ statements });
    this.browserDigest ??= logins[0]?.browser;
    const named = logins.map(({ browser, digest }) => ({
      link: browser === this.browserDigest ? "login-link" : "login-link of another browser",
      digest,
    }));
    return {
      links: new Map([...links, ...named].map(({ link, digest }) => [link, digest])),
      kinds: mails.map(({ kind }) => kind),
    };
  }

  /**
   * What differs from the start, as "row: columns", or "newcomer" and "new
   * session"; "link purpose: gone", "new" or "replaced"; "mail: kind".
   */
  async changes() {
    const [rows, { links, kinds }] = [await this.rows(), await this.mail()];
    const changes = kinds.map((kind) => `mail: ${kind}`);
    for (const link of new Set([...this.links.keys(), ...links.keys()])) {
      const [before, now] = [this.links.get(link), links.get(link)];
      if (now === before) continue;
      changes.push(`link ${link}: ${now === undefined ? "gone" : before === undefined ? "new" : "replaced"}`);
    }
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
    /**
     * @param {string} table
     * @param {Row} row
     * @returns {Statement}
     */
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
        ["DELETE FROM users"], // and their sessions, links and mails
        ["DELETE FROM attempts"],
        ["DELETE FROM mail_counts"],
        ...rows.filter((row) => "email" in row).map((row) => insert("users", row)),
        ...rows.filter((row) => "user_id" in row).map((row) => insert("sessions", row)),
        ...this.plant,
      ],
    });
  }
}

/**
 * What a route answers within ten seconds, at most.
 *
 * @param {Route} route
 * @param {Scene} scene
 */
export async function answerOf(route, scene) {
  const start = performance.now();
  const answer = await route.send(scene);
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 10, `${route.name} took ${seconds} s`);
  return answer;
}

/**
 * @param {Route} route
 * @param {Scene} scene
 * @param {Answer} answer
 */
export async function assertSuccess(route, scene, answer) {
  assert.equal(answer.status, route.success, answer.text);
  assert.deepEqual(await scene.changes(), route.effect);
}

/**
 * A 503 that says so and has changed nothing.
 *
 * @param {Scene} scene
 * @param {Answer} answer
 */
export async function assertUnavailable(scene, answer) {
  assertProblem(answer, "unavailable");
  assert.deepEqual(await scene.changes(), []);
}

/**
 * The same request a second later, without the fault: it takes effect, or says that it has.
 *
 * @param {Route} route
 * @param {Scene} scene
 * @param {{ tookEffect: boolean }} before
 */
export async function assertWorks(route, scene, { tookEffect }) {
  await scene.latchkey.control({ faults: [], dropWaitUntil: false, nowMs: NOW_MS + 1_000 });
  const answer = await answerOf(route, scene);
  if (!tookEffect) return assertSuccess(route, scene, answer);
  if (typeof route.again === "string") assertProblem(answer, route.again);
  else assert.equal(answer.status, route.again, answer.text);
}
