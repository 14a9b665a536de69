/** Programs that tests start beside the Worker: proxies, and services behind them. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
/** No request of a test goes through a proxy that the machine has. */
const DIRECT = { NO_PROXY: "127.0.0.1,localhost", no_proxy: "127.0.0.1,localhost" };

/** The path of a program; where it is missing, the test fails and names the Debian package that has it. */
export function program(name, debianPackage, candidates = [name, `/usr/sbin/${name}`], probe = ["version"]) {
  const found = candidates.find((path) => spawnSync(path, probe).status === 0);
  assert.ok(found, `${name} is missing here. Install it: apt-get install ${debianPackage}`);
  return found;
}

export const nginx = () => program("nginx", "nginx-light", ["nginx", "/usr/sbin/nginx"], ["-v"]);
export const caddy = () => program("caddy", "caddy");
/** A Python that has PyJWT and its cryptography. */
export const python = () =>
  program(
    "A Python with PyJWT",
    "python3-jwt python3-cryptography",
    ["python3", "/usr/bin/python3"],
    ["-c", "import jwt, cryptography.hazmat.primitives.asymmetric.ed25519"],
  );

/**
 * Starts a program and waits until it prints `ready`, or until `port` answers: `{match, stop}`.
 * `stop` ends this process alone.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, ready?: RegExp, port?: number }} options
 */
export async function startProgram(command, args, { env = {}, cwd, ready, port }) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...DIRECT, ...env } });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
  const closed = once(child, "close");
  const stop = async () => {
    child.kill("SIGTERM");
    await closed;
  };
  const end = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const match = ready?.exec(out);
    if (match || (port !== undefined && (await isOpen(port)))) return { match: match?.[1] ?? "", stop };
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      assert.fail(`${command} ${args.join(" ")} does not start:\n${out}`);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** Runs a program to its end with these lines as its input: the lines that it prints. */
export async function linesOf(command, args, input) {
  const child = spawn(command, args, { env: { ...process.env, ...DIRECT }, stdio: ["pipe", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (part) => (out += part));
  child.stdin.end(input.join("\n"));
  const [code] = await once(child, "close");
  assert.equal(code, 0, `${command} ${args.join(" ")}`);
  return out.trim().split("\n");
}

/** A port that nothing listens to at this moment. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

function isOpen(port) {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      done(true);
    });
    socket.on("error", () => done(false));
  });
}

/**
 * Sends a `GET /` with exactly these header lines (bytes as latin1): `{status, body}` of the first answer.
 * A server that closes without an answer has refused: status 0.
 */
export function getWithLines(port, lines) {
  const head = ["GET / HTTP/1.1", `Host: 127.0.0.1:${port}`, "Connection: close", ...lines].join("\r\n");
  return new Promise((done, fail) => {
    const parts = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(`${head}\r\n\r\n`, "latin1")));
    socket.setTimeout(START_TIMEOUT_MS, () => socket.destroy(new Error("The server does not answer.")));
    socket.on("data", (part) => parts.push(part));
    socket.on("error", (error) =>
      ["ECONNRESET", "EPIPE"].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? "")
        ? undefined
        : fail(error),
    );
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
      // A chunked body of these tests is one chunk: its JSON is one line.
      done({ status, body: /^[{[].*$/m.exec(text.slice(text.indexOf("\r\n\r\n")))?.[0] ?? "" });
    });
  });
}
