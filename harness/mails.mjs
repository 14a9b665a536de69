/**
 * The inboxes of tests: what Latchkey mails, read as its recipient reads it.
 *
 *     const provider = new MailProvider();
 *     const latchkey = await startLatchkey({ vars: MAIL_BY_PROVIDER, outbound: provider.answer });
 *     const [mail] = provider.mailsTo("ada@example.org");
 *     mail.purpose, mail.token; // of the link
 *
 * `MailProvider` stands in for an HTTP provider and for the operator's own
 * sender, `captured` reads the mails that left by the binding.
 */
import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";

/**
 * @import { IncomingMessage, ServerResponse } from "node:http"
 * @import { Reachable } from "./client.mjs"
 *
 * @typedef {object} Mail
 * @property {string} to
 * @property {string} from
 * @property {string | undefined} replyTo
 * @property {string} subject
 * @property {string} text
 * @property {string} html
 * @property {Record<string, string>} headers Those that Latchkey adds to the mail.
 * @property {string | undefined} link The only line of the text that is a URL.
 * @property {string | undefined} purpose The link's fragment, up to the `=`.
 * @property {string | undefined} token The link's fragment, after the `=`.
 *
 * @typedef {object} Received A request that arrived.
 * @property {string | undefined} method
 * @property {string} url
 * @property {Record<string, string | string[] | undefined>} headers
 * @property {string} body
 *
 * @typedef {(response: ServerResponse, accept: () => void) => unknown} Misbehaviour
 */

const FROM = "Acme, Inc. <no-reply@example.org>";
/** Vars with which mails leave by the binding. */
export const MAIL_BY_BINDING = { MAIL: "binding", MAIL_FROM: FROM, PRODUCT_NAME: "Acme", MAIL_LOGIN: "link" };
/** Vars and secrets with which mails leave by a provider in Resend's form. */
export const MAIL_BY_PROVIDER = { ...MAIL_BY_BINDING, MAIL: "provider", MAIL_PROVIDER_KEY: "re_test_12345678" };
/** Vars with which mails leave by signed webhooks. */
export const MAIL_BY_WEBHOOK = { ...MAIL_BY_BINDING, MAIL: "webhook", MAIL_WEBHOOK_URL: "https://mailer.test/hook" };

const EXPLORER = "/cdn-cgi/local/explorer/api/local/email/sending";
const PAGE_SIZE = 100;

/**
 * A provider that accepts each mail once: the same idempotency key with the
 * same body is answered as before, and with another one refused (409), as
 * Resend does. A webhook's `webhook-id` counts as its key; each try of one is
 * signed anew.
 */
export class MailProvider {
  /**
   * Every request that arrived.
   *
   * @type {Received[]}
   */
  requests = [];
  /**
   * The mails that were accepted, by their idempotency key.
   *
   * @type {Map<string, Mail>}
   */
  accepted = new Map();
  /**
   * In place of accepting and a 200: `(response, accept)`.
   *
   * @type {Misbehaviour | null}
   */
  misbehave = null;
  /** @type {Map<string, string>} */
  #bodies = new Map();

  /**
   * For the harness's `outbound`.
   *
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  answer = async (request, response) => {
    const { method, headers } = request;
    let body = "";
    for await (const chunk of request) body += chunk;
    this.requests.push({ method, url: `https://${headers.host}${request.url}`, headers, body });
    const key = String(headers["idempotency-key"] ?? headers["webhook-id"]);
    const isWebhook = headers["webhook-id"] !== undefined;
    if (!isWebhook && this.#bodies.has(key) && this.#bodies.get(key) !== body) {
      return response.writeHead(409).end('{"name":"invalid_idempotent_request"}');
    }
    const accept = () => {
      this.#bodies.set(key, body);
      const mail = JSON.parse(body);
      this.accepted.set(key, isWebhook ? read({ headers: {}, ...mail.data }) : read(mail));
    };
    if (this.misbehave) return this.misbehave(response, accept);
    accept();
    return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ id: key }));
  };

  /**
   * The accepted mails to an address, the oldest first.
   *
   * @param {string} address
   */
  mailsTo(address) {
    return [...this.accepted.values()].filter(({ to }) => to === address);
  }

  /** Forgets everything. */
  clear() {
    this.requests.length = 0;
    this.accepted.clear();
    this.#bodies.clear();
    this.misbehave = null;
  }
}

/** Ways to misbehave, for {@link MailProvider.misbehave}. */
export const MISBEHAVIOUR = {
  /** Accepts the mail, and loses the answer. @type {Misbehaviour} */
  loseAnswer: (response, accept) => {
    accept();
    response.destroy();
  },
  /** Accepts the mail, and answers when nobody listens any more. @type {Misbehaviour} */
  neverAnswer: async (response, accept) => {
    accept();
    await once(response, "close");
  },
  /**
   * Accepts nothing, and answers with this status.
   *
   * @param {number} status
   * @param {Record<string, string>} [headers]
   * @returns {Misbehaviour}
   */
  status: (status, headers) => (response) => response.writeHead(status, headers).end(),
};

/**
 * The mails to an address that left by the binding, the oldest first.
 *
 * @param {Reachable} latchkey Started with {@link MAIL_BY_BINDING}.
 * @param {string} address
 * @returns {Promise<Mail[]>}
 */
export async function captured(latchkey, address) {
  const found = [];
  let cursor = "";
  do {
    const page = await ask(latchkey, `per_page=${PAGE_SIZE}${cursor}`);
    found.push(...page.result.filter((/** @type {any} */ { to }) => to.includes(address)));
    cursor = page.result_info.has_more ? `&cursor=${encodeURIComponent(page.result_info.cursor)}` : "";
  } while (cursor !== "");
  const mails = await Promise.all(
    found.map(async ({ messageId }) => (await ask(latchkey, `email_id=${encodeURIComponent(messageId)}`)).result),
  );
  return mails
    .sort((one, other) => one.sentAt.localeCompare(other.sentAt))
    .map((mail) => read({ ...mail, to: mail.to[0] }));
}

/**
 * Whether one of the published keys has signed a webhook, as Standard Webhooks
 * checks it.
 *
 * @param {Received} request
 * @param {{ keys: JsonWebKey[] }} keySet The body of `/.well-known/jwks.json`.
 */
export function isSigned({ headers, body }, keySet) {
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  const signatures = String(headers["webhook-signature"])
    .split(" ")
    .filter((one) => one.startsWith("v1a,"));
  return signatures.some((signature) =>
    keySet.keys.some((jwk) => {
      const key = createPublicKey({ key: /** @type {any} */ (jwk), format: "jwk" });
      return verify(null, signed, key, Buffer.from(signature.slice(4), "base64"));
    }),
  );
}

/**
 * @param {Reachable} latchkey
 * @param {string} query
 */
async function ask(latchkey, query) {
  const response = await latchkey.fetch(`${EXPLORER}?${query}`);
  const body = /** @type {any} */ (await response.json());
  if (!response.ok) throw new Error(JSON.stringify(body));
  return body;
}

/**
 * @param {Record<string, any>} mail
 * @returns {Mail}
 */
function read({ to, from, replyTo, reply_to, subject, text, html, headers }) {
  /** @type {string[]} */
  const lines = text.split("\n").map((/** @type {string} */ line) => line.trim());
  const link = lines.find((line) => /^https?:\/\/\S+$/.test(line));
  const [purpose, token] = (link?.split("#")[1] ?? "").split("=");
  return {
    to,
    from,
    replyTo: replyTo ?? reply_to,
    subject,
    text,
    html,
    headers,
    link,
    purpose: purpose || undefined,
    token,
  };
}
