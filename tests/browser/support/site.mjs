/**
 * A site as a browser meets it: pages, and the built Worker behind
 * `/api/account/`, on one host. What is between them can delay an answer or
 * lose it after the Worker has committed.
 */
import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import { build } from "esbuild";
import { CHAOS, startLatchkey } from "../../../harness/latchkey.mjs";
import { ROOT } from "../../../scripts/lib.mjs";

/**
 * @import { IncomingMessage, ServerResponse } from "node:http"
 *
 * @typedef {{ delayMs?: number, isLost?: boolean }} Disturbance What happens to an answer of the Worker.
 */

const API = "/api/account/";
/** Headers that belong to one connection. */
const HOP = new Set(["connection", "content-length", "host", "keep-alive", "transfer-encoding"]);
const TEN_MINUTES_MS = 600_000;
/** Each rotation in D1, by whatever request. */
const COUNT_ROTATIONS = [
  "CREATE TABLE rotations (jti TEXT)",
  `CREATE TRIGGER rotations_counted AFTER UPDATE OF current_jti ON sessions WHEN NEW.current_jti <> OLD.current_jti
   BEGIN INSERT INTO rotations VALUES (NEW.current_jti); END`,
];

/**
 * Starts the site with a page at every other path, which runs this script.
 *
 * @param {string} script
 */
export async function startSite(script) {
  const html = `<!doctype html><meta charset="utf-8"><title>-</title><body><script type="module">${script}</script>`;
  /** @type {Site} */
  let site;
  const server = createServer((request, response) => {
    if (request.url?.startsWith(API)) site.pass(request, response).catch((error) => response.destroy(error));
    else response.setHeader("Content-Type", "text/html").end(html);
  }).listen(0, "localhost");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://localhost:${port}`;
  const latchkey = await startLatchkey({ entry: CHAOS, vars: { ISSUER: url } });
  for (const statement of COUNT_ROTATIONS) await latchkey.sql(statement);
  site = new Site(url, latchkey, server);
  return site;
}

export class Site {
  /** What was asked of the Worker: "POST refresh". @type {string[]} */
  asked = [];
  /** Decides what happens to an answer. @type {(asked: string) => Disturbance} */
  disturb = () => ({});
  /** Whether answers are lost at all. */
  isLossy = false;
  #offsetMs = 0;
  #agent = new Agent({ keepAlive: true });
  #server;

  /**
   * @param {string} url
   * @param {import("../../../harness/latchkey.mjs").Latchkey} latchkey
   * @param {import("node:http").Server} server
   */
  constructor(url, latchkey, server) {
    this.url = url;
    this.latchkey = latchkey;
    this.#server = server;
  }

  /**
   * Ten minutes later: the access token expires at the Worker, and the browser has dropped its cookie.
   *
   * @param {{ clearCookies(which: { name: string }): Promise<unknown> }} context
   */
  async expire(context) {
    this.#offsetMs += TEN_MINUTES_MS;
    await this.latchkey.control({ clockOffsetMs: this.#offsetMs });
    await context.clearCookies({ name: "access_token" });
  }

  /** How many refreshes the Worker has made. */
  async rotations() {
    const [[{ count }]] = await this.latchkey.store({ statements: [["SELECT count(*) AS count FROM rotations"]] });
    return count;
  }

  /** How often the Worker was asked to refresh. */
  get refreshes() {
    return this.asked.filter((asked) => asked === "POST refresh").length;
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#agent.destroy();
    await this.latchkey.dispose();
  }

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  async pass(request, response) {
    const { method = "GET", url = "/" } = request;
    const parts = [];
    for await (const part of request) parts.push(part);
    const asked = `${method} ${url.slice(API.length)}`;
    this.asked.push(asked);
    const { delayMs = 0, isLost = false } = this.disturb(asked);
    const answer = await this.#ask(request, Buffer.concat(parts));
    if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs));
    if (isLost) return void response.destroy();
    for (const [name, value] of answer.headers) {
      if (!HOP.has(name.toLowerCase())) response.appendHeader(name, value);
    }
    // On a connection that it has used before, a browser itself repeats a request whose answer is lost.
    if (this.isLossy) response.setHeader("Connection", "close");
    response.writeHead(answer.status).end(answer.body.length > 0 ? answer.body : undefined);
  }

  /**
   * @param {IncomingMessage} request
   * @param {Buffer} body
   * @returns {Promise<{ status: number, headers: string[][], body: Buffer }>}
   */
  async #ask({ method, url = "/", rawHeaders }, body) {
    const headers = [
      ["Host", new URL(this.url).host],
      ["MF-Original-URL", new URL(url, this.url).href],
      ["MF-Disable-Pretty-Error", "true"],
      ...pairs(rawHeaders).filter(([name]) => !HOP.has(name.toLowerCase())),
      ...(body.length > 0 ? [["Content-Length", String(body.length)]] : []),
    ];
    const target = new URL(url, this.latchkey.url);
    const [answer] = await once(
      httpRequest(target, { method, headers: headers.flat(), agent: this.#agent }).end(body),
      "response",
    );
    const parts = [];
    for await (const part of answer) parts.push(part);
    return { status: answer.statusCode, headers: pairs(answer.rawHeaders), body: Buffer.concat(parts) };
  }
}

/** @param {string[]} raw @returns {string[][]} */
function pairs(raw) {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i], raw[2 * i + 1]]);
}

/** The script of a page: a module of tests/browser/pages with everything that it imports. @param {string} name */
export async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}/tests/browser/pages/${name}`],
    bundle: true,
    format: "esm",
    target: "es2022",
    // As an app's bundler sets it for what is deployed.
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
  });
  // Within a script element.
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}
