/**
 * Requests as bytes on a socket, for what no HTTP client would send.
 */
import { connect } from "node:net";

/**
 * Sends a request whose first line, further header lines and body are exactly
 * these texts (bytes as latin1), and returns everything up to the server's
 * close: `{text, statuses}`, one status for each response in it.
 *
 * The Worker sees the URL of `path`, as Node's `URL` writes it; with `url: null`
 * the one that workerd makes of the first line.
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
    // A server that refuses may close before everything is written.
    socket.on("error", (error) => (["ECONNRESET", "EPIPE"].includes(error.code) ? undefined : fail(error)));
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      done({ text, statuses: [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status)) });
    });
  });
}
