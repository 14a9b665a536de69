/**
 * `npm start`: sets up, makes development keys, applies the migrations to the
 * local database, builds, and serves until Ctrl-C.
 *
 * Extra arguments reach `wrangler dev`:
 *
 *     npm start -- --port 9000 --persist-to DIR --var NAME:VALUE
 */
import { spawn } from "node:child_process";
import { build } from "./build.mjs";
import { ROOT, main, run, say } from "./lib.mjs";
import { ensureDevKeys } from "./make-keys.mjs";
import { setup } from "./setup.mjs";
import { WRANGLER } from "./wrangler.mjs";

/** How long the server may take to stop before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

await main(import.meta.url, async (args) => {
  const env = await setup();
  ensureDevKeys();
  await build(env);
  say("Applying migrations to the local database ...");
  const migrations = ["d1", "migrations", "apply", "DB", "--local", ...option(args, "--persist-to")];
  await run("node", ["--no-warnings", WRANGLER, ...migrations], { env: { ...env, CI: "true" } });
  return serve([...args, ...issuer(args)], env);
});

/** The arguments that give an option its value: `--x y` or `--x=y`, or none. */
function option(args, name) {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at === -1) return [];
  return args[at] === name ? args.slice(at, at + 2) : [args[at]];
}

/** On another port the service has another address, unless told which. */
function issuer(args) {
  const port = option(args, "--port").join("=").split("=").at(-1);
  if (!port || args.some((arg) => arg.includes("ISSUER:"))) return [];
  return ["--var", `ISSUER:http://localhost:${port}`];
}

/** Runs `wrangler dev`; answers with the exit code, 0 after a signal. */
function serve(args, env) {
  return new Promise((done) => {
    say("Starting the server ...");
    const server = spawn(
      "node",
      ["--no-warnings", WRANGLER, "dev", "--show-interactive-dev-session=false", ...args],
      { cwd: ROOT, env: { ...env, LATCHKEY_SERVING: "true" }, stdio: ["ignore", "inherit", "inherit", "ipc"] },
    );
    server.on("message", (message) => {
      const { event, ip, port } = parse(message);
      if (event !== "DEV_SERVER_READY") return;
      const host = ["127.0.0.1", "::1", "localhost"].includes(ip) ? "localhost" : ip;
      say(`Latchkey serves at http://${host}:${port} (Ctrl-C stops it).`);
    });
    let stopping = false;
    const stop = () => {
      if (stopping) return;
      stopping = true;
      server.kill("SIGTERM");
      setTimeout(() => server.kill("SIGKILL"), STOP_TIMEOUT_MS).unref();
    };
    process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
    const watch = whenOrphaned(stop);
    server.on("close", (code) => {
      clearInterval(watch);
      if (stopping) say("Stopped.");
      done(stopping ? 0 : (code ?? 1));
    });
  });
}

/** npm can be killed without a word to its child; the server must not outlive it. */
function whenOrphaned(stop) {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return undefined;
  return setInterval(() => process.ppid !== parent && stop(), 1_000).unref();
}

function parse(message) {
  try {
    return JSON.parse(message);
  } catch {
    return {};
  }
}
