/**
 * Requests as bytes on a socket, for what no HTTP client would send.
 */
import { connect } from "node:net";

/** @import { Latchkey } from "../../harness/latchkey.mjs" */

/**
 * Sends a request whose first line, further header lines and body are exactly
 * these texts (bytes as latin1), and answers all that comes back until the
 * server closes: `{text, statuses}`, one status for each response in it.
 *
 * The Worker sees the URL of `path`, as Node's `URL` writes it; with `url: null`
 * the one that workerd makes of the first line.
 *
 * @param {Latchkey} latchkey
 * @param {string} firstLine
 * @param {{ lines?: string[], body?: string, path?: string, url?: string | null }} more
 * @returns {Promise<{ text: string, statuses: number[] }>}
 */
export function sendBytes(
  latchkey,
  firstLine,
  { lines = [], body = "", path = "/", url = new URL(path, latchkey.origin).href } = {},
) {
  const { hostname, port } = new URL(latchkey.url);
  const original = url === null ? [] : [`MF-Original-URL: ${url}`];
  const ours = ["Host: localhost:8787", ...original, "MF-Route-Override: latchkey", "MF-Disable-Pretty-Error: true"];
  const head = [firstLine, ...ours, ...lines, "Connection: close"].join("\r\n");
  return new Promise((done, fail) => {
    const parts = [];
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(`${head}\r\n\r\n${body}`, "latin1")));
    socket.on("data", (part) => parts.push(part));
    // A server that refuses may close while we still write.
    socket.on("error", (/** @type {NodeJS.ErrnoException} */ error) =>
      ["ECONNRESET", "EPIPE"].includes(error.code ?? "") ? undefined : fail(error),
    );
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      done({ text, statuses: [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status)) });
    });
  });
}
