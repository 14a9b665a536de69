/** A service that returns the header lines that it got, as JSON. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const { rawHeaders } = request;
  const lines = Array.from({ length: rawHeaders.length / 2 }, (_, i) => [rawHeaders[2 * i], rawHeaders[2 * i + 1]]);
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(lines));
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}`);
});
