/**
 * A stand-in for the breach service with its protocol: the range API of Have I
 * Been Pwned, with padding. It records all requests, and misbehaves on demand.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";

/** The real service pads an answer to 800 lines and more. */
const PADDED_LINES = 800;

/** SHA-1 in the form of the protocol: `{prefix, suffix}`. */
export function digest(password) {
  const hex = createHash("sha1").update(password).digest("hex").toUpperCase();
  return { prefix: hex.slice(0, 5), suffix: hex.slice(5) };
}

export class BreachService {
  /** The requests: `{method, host, url, headers, body, closed}`; `closed` resolves when the answer has ended or its connection is gone. */
  questions = [];
  /** `(request, response)` in place of the protocol. */
  misbehave = null;
  #lines = new Map();

  /** From now on the password is known, `count` times; 0 is padding. */
  add(password, count = 1) {
    const { prefix, suffix } = digest(password);
    this.#lines.set(prefix, [...(this.#lines.get(prefix) ?? []), `${suffix}:${count}`]);
  }

  /** For the harness's `outbound`. */
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
    const [, prefix] = /^\/range\/([0-9A-F]{5})$/.exec(url) ?? [];
    if (method !== "GET" || !prefix) return response.writeHead(400).end("The hash prefix was not in a valid format");
    const body = this.#range(prefix, headers["add-padding"] === "true").join("\r\n");
    response.writeHead(200, { "Content-Type": "text/plain" }).end(body);
  };

  #range(prefix, isPadded) {
    const lines = [...(this.#lines.get(prefix) ?? []), stranger(7), stranger(1)];
    while (isPadded && lines.length < PADDED_LINES) lines.push(stranger(0));
    return lines.sort();
  }
}

/** A line that matches no password. */
export function stranger(count) {
  return `${randomBytes(18).toString("hex").toUpperCase().slice(0, 35)}:${count}`;
}
