/**
 * Somebody who registers, logs in, refreshes, changes the password or logs out
 * without a pause, remembers what was acknowledged, and checks that it holds.
 * Of a request that was never answered both outcomes are possible, but each
 * only as a whole.
 */
import assert from "node:assert/strict";
import { Client } from "../../harness/client.mjs";
import { assertRefused } from "./holders.mjs";
import { LOGIN, LOGOUT, PASSWORD, PASSWORD_PATH, PROFILE, REFRESH, REGISTER, newEmail } from "./people.mjs";

/**
 * @import { Answer } from "../../harness/client.mjs"
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 *
 * @typedef {object} Life What is known of a person.
 * @property {string} email
 * @property {string | null} password
 * @property {string | null} newPassword Where a change was cut off, it is one of the two.
 * @property {Client | null} client
 * @property {string} session
 */

/** Thrown instead of a request when the process has been killed meanwhile. */
const GONE = new Error("The process is gone.");

export class Writer {
  /** Requests that were answered. */
  acknowledged = 0;
  /** Requests that were not. */
  cutOff = 0;
  /** @type {Life[]} */
  #lives = [];
  /** @type {() => boolean} */
  #isGone = () => true;
  /** @type {Latchkey | undefined} */
  #latchkey;

  /**
   * Writes until the process is gone.
   *
   * @param {Latchkey} latchkey
   * @param {() => boolean} isGone
   */
  async run(latchkey, isGone) {
    [this.#latchkey, this.#isGone] = [latchkey, isGone];
    try {
      for (;;) await this.#live();
    } catch (error) {
      if (error === GONE) return;
      if (error instanceof assert.AssertionError || !isGone()) throw error;
      this.cutOff += 1;
    }
  }

  /** What is known of a person: `password`, or the two between which a change was cut off; `session`. */
  async #live() {
    const latchkey = /** @type {Latchkey} */ (this.#latchkey);
    const number = this.#lives.length;
    /** @type {Life} */
    const person = { email: newEmail(), password: null, newPassword: null, client: null, session: "none" };
    this.#lives.push(person);
    await this.#send(201, new Client(latchkey), (client) =>
      client.post(REGISTER, { json: { email: person.email, password: PASSWORD } }),
    );
    person.password = PASSWORD;

    const client = new Client(latchkey);
    await this.#send(204, client, () => client.post(LOGIN, { json: { username: person.email, password: PASSWORD } }));
    Object.assign(person, { client, session: "live" });
    for (let i = 0; i < 3; i += 1) await this.#send(204, client, () => client.post(REFRESH));

    // The jar forgets its cookies when it is told to; the holder of a copy does not.
    person.client = client.copy();
    if (number % 2 === 0) {
      person.session = "logging out";
      await this.#send(204, client, () => client.post(LOGOUT));
    } else {
      person.newPassword = `${PASSWORD} ${number}`;
      person.session = "changing";
      const json = { currentPassword: PASSWORD, newPassword: person.newPassword };
      await this.#send(204, client, () => client.patch(PASSWORD_PATH, { json }));
      [person.password, person.newPassword] = [person.newPassword, null];
    }
    person.session = "ended";
  }

  /**
   * @param {number} status
   * @param {Client} client
   * @param {(client: Client) => Promise<Answer>} request
   */
  async #send(status, client, request) {
    if (this.#isGone()) throw GONE;
    const answer = await request(client);
    assert.equal(answer.status, status, answer.text);
    this.acknowledged += 1;
  }

  /**
   * Everything that was acknowledged since the last check holds.
   *
   * @param {Latchkey} latchkey
   */
  async check(latchkey) {
    for (const person of this.#lives) await checkOne(latchkey, person);
    this.#lives = [];
  }
}

/**
 * @param {Latchkey} latchkey
 * @param {Life} life
 */
async function checkOne(latchkey, { email, password, newPassword, client, session }) {
  /** @param {string} password */
  const opens = async (password) => {
    const answer = await new Client(latchkey).post(LOGIN, { json: { username: email, password } });
    assert.ok([204, 401].includes(answer.status), answer.text);
    return answer.status === 204;
  };
  const isChanged = newPassword !== null && (await opens(newPassword));
  if (password !== null) assert.equal(await opens(password), !isChanged, `the password of ${email}`);
  if (client === null) return;

  const holder = client.copy();
  holder.latchkey = latchkey;
  const refreshed = await holder.copy().post(REFRESH);
  const profile = await holder.get(PROFILE);
  // A last refresh that was cut off may have taken effect: within the grace its token is good.
  const isLive = { live: true, ended: false, changing: !isChanged }[session] ?? refreshed.status === 204;
  if (isLive) assert.deepEqual([refreshed.status, profile.status], [204, 200], `the session of ${email}`);
  else for (const answer of [refreshed, profile]) assertRefused(answer);
}
