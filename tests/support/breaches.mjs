/**
 * A stand-in for the breach service that speaks its protocol: the range API of
 * Have I Been Pwned, with padding. It keeps all that it was sent, and
 * misbehaves when it is told to.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";

/**
 * @import { IncomingMessage, ServerResponse } from "node:http"
 *
 * @typedef {object} Question
 * @property {string | undefined} method
 * @property {string | undefined} host
 * @property {string | undefined} url
 * @property {string[]} headers
 * @property {string} body
 * @property {Promise<unknown>} closed Resolves when the answer has ended or its connection is gone.
 */

/** The real service pads an answer to 800 lines and more. */
const PADDED_LINES = 800;

/**
 * SHA-1 as the protocol writes it: `{prefix, suffix}`.
 *
 * @param {string} password
 */
export function digest(password) {
  const hex = createHash("sha1").update(password).digest("hex").toUpperCase();
  return { prefix: hex.slice(0, 5), suffix: hex.slice(5) };
}

export class BreachService {
  /**
   * What was asked: `{method, host, url, headers, body, closed}`; `closed` resolves when the answer has ended or its connection is gone.
   *
   * @type {Question[]}
   */
  questions = [];
  /**
   * `(request, response)` in place of the protocol.
   *
   * @type {((request: IncomingMessage, response: ServerResponse) => unknown) | null}
   */
  misbehave = null;
  #lines = new Map();

  /**
   * From now on the password is known, `count` times; 0 is padding.
   *
   * @param {string} password
   * @param {number} count
   */
  add(password, count = 1) {
    const { prefix, suffix } = digest(password);
    this.#lines.set(prefix, [...(this.#lines.get(prefix) ?? []), `${suffix}:${count}`]);
  }

  /**
   * For the harness's `outbound`.
   *
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  answer = async (request, response) => {
    const { method, url, headers, rawHeaders } = request;
    const question = {
      method,
      host: headers.host,
      url,
      headers: rawHeaders,
      body: "",
      closed: once(response, "close"),
    };
    this.questions.push(question);
    for await (const chunk of request) question.body += chunk;
    if (this.misbehave) return this.misbehave(request, response);
    const [, prefix] = /^\/range\/([0-9A-F]{5})$/.exec(url ?? "") ?? [];
    if (method !== "GET" || !prefix) return response.writeHead(400).end("The hash prefix was not in a valid format");
    const body = this.#range(prefix, headers["add-padding"] === "true").join("\r\n");
    response.writeHead(200, { "Content-Type": "text/plain" }).end(body);
  };

  /**
   * @param {string} prefix
   * @param {boolean} isPadded
   */
  #range(prefix, isPadded) {
    const lines = [...(this.#lines.get(prefix) ?? []), stranger(7), stranger(1)];
    while (isPadded && lines.length < PADDED_LINES) lines.push(stranger(0));
    return lines.sort();
  }
}

/**
 * A line that is about nobody's password.
 *
 * @param {number} count
 */
export function stranger(count) {
  return `${randomBytes(18).toString("hex").toUpperCase().slice(0, 35)}:${count}`;
}
