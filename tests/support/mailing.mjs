/**
 * A Latchkey that sends mails, with its mailboxes and visitors. Each visitor
 * has an address of their own, because mails are counted by client.
 */
import assert from "node:assert/strict";
import { Client } from "../../harness/client.mjs";
import { CHAOS, startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../../harness/mails.mjs";
import { CHANGE_EMAIL, CONFIRM_EMAIL, FORGOT, RESET, tokenOfMail } from "./links.mjs";
import { LOGIN, PASSWORD, REGISTER, newEmail } from "./people.mjs";

/**
 * @import { Answer } from "../../harness/client.mjs"
 * @import { Latchkey } from "../../harness/latchkey.mjs"
 *
 * @typedef {{ userAgent?: string, pop?: number }} Device
 */

export const ISSUER = "https://auth.example.com";

let visitors = 0;

/**
 * @param {Record<string, string | null>} [vars]
 * @param {{ pops?: number }} [options]
 */
export async function startMailing(vars = {}, { pops = 1 } = {}) {
  const provider = new MailProvider();
  const latchkey = await startLatchkey({
    entry: CHAOS,
    vars: { ...MAIL_BY_PROVIDER, ISSUER, ...vars },
    outbound: provider.answer,
    pops,
  });
  return new Mailing(latchkey, provider);
}

export class Mailing {
  /**
   * @param {Latchkey} latchkey
   * @param {MailProvider} provider
   */
  constructor(latchkey, provider) {
    this.latchkey = latchkey;
    this.provider = provider;
  }

  /**
   * A client at an address that nobody has used.
   *
   * @param {Device} device
   */
  visitor({ userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", pop = 0 } = {}) {
    visitors += 1;
    const address = `10.${visitors >> 16}.${(visitors >> 8) & 255}.${visitors & 255}`;
    return new Client({
      fetch: (path, init) => {
        const headers = new Headers(init.headers);
        headers.set("CF-Connecting-IP", address);
        if (!headers.has("User-Agent")) headers.set("User-Agent", userAgent);
        return this.latchkey.fetch(path, { pop, ...init, headers });
      },
    });
  }

  /**
   * Somebody sends JSON.
   *
   * @param {string} path
   * @param {object} json
   * @returns {Promise<Answer>}
   */
  post(path, json) {
    return this.visitor().post(path, { json });
  }

  /**
   * Registers somebody and logs in: `{email, client}`.
   *
   * @param {string} [email]
   */
  async person(email = newEmail()) {
    const registered = await this.post(REGISTER, { email, password: PASSWORD });
    assert.equal(registered.status, 201, registered.text);
    return { id: /** @type {string} */ (registered.json.id), email, client: await this.loggedIn(email) };
  }

  /**
   * A new client of somebody who logs in.
   *
   * @param {string} email
   * @param {{ password?: string } & Device} [login]
   */
  async loggedIn(email, { password = PASSWORD, ...device } = {}) {
    const client = this.visitor(device);
    const answer = await client.post(LOGIN, { json: { username: email, password } });
    assert.equal(answer.status, 204, answer.text);
    return client;
  }

  /**
   * The answer to a login.
   *
   * @param {string} username
   * @param {string} password
   */
  logIn(username, password) {
    return this.post(LOGIN, { username, password });
  }

  /**
   * The token of the newest link for a purpose that an address has been mailed.
   *
   * @param {string} to
   * @param {string} purpose
   */
  tokenTo(to, purpose) {
    return tokenOfMail(this.latchkey, this.provider, { to, purpose });
  }

  /**
   * Asks for a reset: the token of its link.
   *
   * @param {string} email
   */
  async forgotten(email) {
    const answer = await this.post(FORGOT, { email });
    assert.equal(answer.status, 202, answer.text);
    return this.tokenTo(email, "reset-password");
  }

  /**
   * @param {string} token
   * @param {string} newPassword
   */
  reset(token, newPassword) {
    return this.post(RESET, { token, newPassword });
  }

  /**
   * Asks for another address, as somebody who is logged in: the token of the link.
   *
   * @param {Client} client
   * @param {string} email
   */
  async movingTo(client, email) {
    const answer = await client.post(CHANGE_EMAIL, { json: { email, currentPassword: PASSWORD } });
    assert.equal(answer.status, 202, answer.text);
    return this.tokenTo(email, "confirm-email");
  }

  /**
   * Replaces somebody's address by a new one: the new one.
   *
   * @param {{ email: string, client: Client }} person
   */
  async moved({ email, client }) {
    const to = `new.${email}`;
    const answer = await this.post(CONFIRM_EMAIL, { token: await this.movingTo(client, to) });
    assert.equal(answer.status, 204, answer.text);
    return to;
  }

  /**
   * One value of the database.
   *
   * @param {string} query
   * @param {unknown[]} params
   */
  async value(query, ...params) {
    const [row] = await this.latchkey.sql(query, ...params);
    return row && Object.values(row)[0];
  }

  /**
   * What the audit log has of somebody, as "event" or "event reason", oldest first.
   *
   * @param {string} id
   */
  async events(id) {
    const rows = await this.latchkey.sql("SELECT event, reason FROM audit_log WHERE user_id = ?1 ORDER BY id", id);
    return rows.map(({ event, reason }) => (reason === null ? event : `${event} ${reason}`));
  }

  dispose() {
    return this.latchkey.dispose();
  }
}
