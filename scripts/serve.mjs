/**
 * Applies the migrations to the local database and serves until Ctrl-C: what
 * `npm start` and `latchkey dev` share.
 *
 * Extra arguments reach `wrangler dev`:
 *
 *     npm start -- --port 9000 --persist-to DIR --var NAME:VALUE
 *     npx latchkey dev --app app/wrangler.toml
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { option, value } from "./arguments.mjs";
import { Failure, messageOf, run, say } from "./lib.mjs";
import { CONFIG, PROJECT, WRANGLER } from "./place.mjs";

/** How long the server may take to stop before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

/** wrangler's own port. */
const DEFAULT_PORT = 8787;
/** How long `/health` may take after the server has said that it is ready. */
const HEALTH_TIMEOUT_MS = 30_000;
/** The binding of mails, and the page of wrangler that shows what it has sent. */
const EMAIL = "EMAIL";
const MAIL_PAGE = "/cdn-cgi/local/explorer/email/sending";
/** The sender of mails that never leave this machine. */
const LOCAL_SENDER = "Latchkey <latchkey@localhost.invalid>";
/** Of `wrangler dev`, for Latchkey alone. */
const STATE = join(PROJECT, ".wrangler", "state");

/**
 * Answers with the exit code. With `--app CONFIG` an app is in front and
 * Latchkey beside it, on one database, whatever wrangler would choose.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
export async function migrateAndServe(args, env) {
  const app = value(args, "--app");
  const given = args.filter((arg) => !option(args, "--app").includes(arg));
  if (app !== undefined && !existsSync(app)) throw new Failure(`There is no ${app}.`);
  const rest = app !== undefined && !value(given, "--persist-to") ? [...given, "--persist-to", STATE] : given;
  const own = option(rest, "--config", "-c");
  const chosen = [...(own.length > 0 ? own : ["--config", CONFIG]), ...option(rest, "--env", "-e")];
  say("Applying migrations to the local database ...");
  const migrations = ["d1", "migrations", "apply", "DB", "--local", ...option(rest, "--persist-to"), ...chosen];
  await run("node", ["--no-warnings", WRANGLER, ...migrations], { env: { ...env, CI: "true" }, cwd: PROJECT });
  const here = await onThisMachine(rest);
  if (app === undefined) return serve([...rest, ...here], env);
  const others = rest.filter((arg) => !own.includes(arg));
  return serve(["--config", app, "--config", value(own, "--config", "-c") ?? CONFIG, ...others, ...here], env, {
    isApp: true,
  });
}

/**
 * What makes a configuration that is meant for a deployment work here, unless
 * the arguments say it themselves. A route or `dev.host` would give requests
 * the deployed host over plain http, which the service refuses; `ISSUER` names
 * an address that is not this machine; and bindings with `remote = true` are
 * for production data.
 *
 * @param {string[]} args
 */
async function onThisMachine(args) {
  // It takes a second to load, and is not there before the set-up.
  const { unstable_readConfig } = await import("wrangler");
  const config = unstable_readConfig(
    { config: value(args, "--config", "-c") ?? CONFIG, env: value(args, "--env", "-e") },
    { hideWarnings: true },
  );
  const given = (/** @type {string[]} */ ...names) => option(args, ...names).length > 0;
  const protocol = value(args, "--local-protocol") ?? config.dev?.local_protocol ?? "http";
  const port = value(args, "--port") ?? config.dev?.port ?? DEFAULT_PORT;
  const added = [];
  if (!given("--infer-origin-from-routes")) added.push("--infer-origin-from-routes=false");
  if (!given("--upstream-protocol")) added.push(`--upstream-protocol=${protocol}`);
  if (config.dev?.host && !given("--local-upstream", "--host")) added.push(`--local-upstream=localhost:${port}`);
  if (!given("--local", "-l", "--remote", "-r")) added.push("--local");
  const isSet = (/** @type {string} */ name) =>
    args.some((arg) => arg.includes(`${name}:`)) ||
    new RegExp(`^\\s*(export\\s+)?${name}\\s*=`, "m").test(devVars(args));
  if (!isSet("ISSUER") && !isHere(String(config.vars?.ISSUER), protocol, port))
    added.push("--var", `ISSUER:${protocol}://localhost:${port}`);
  // Over http the cookies have no domain; over https localhost lies outside of it.
  for (const name of ["COOKIE_DOMAIN", "FORMER_COOKIE_DOMAINS"]) {
    if (protocol === "https" && config.vars?.[name] && !isSet(name)) added.push("--var", `${name}:`);
  }
  // Mails stay on this machine, whoever delivers them in production.
  const isBound = config.send_email.some((/** @type {{ name: string }} */ { name }) => name === EMAIL);
  if (isBound && !isSet("MAIL")) {
    added.push("--var", "MAIL:binding");
    if (!isSet("MAIL_FROM") && !config.vars?.MAIL_FROM) added.push("--var", `MAIL_FROM:${LOCAL_SENDER}`);
  }
  return added;
}

/**
 * The text of `.dev.vars`, which counts more than `wrangler.toml`.
 *
 * @param {string[]} args
 */
function devVars(args) {
  const config = value(args, "--config", "-c");
  const path = join(config ? dirname(resolve(config)) : PROJECT, ".dev.vars");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/**
 * Whether an issuer is this machine, under the protocol and at the port of the server.
 *
 * @param {string} issuer
 * @param {string} protocol
 * @param {string | number} port
 */
function isHere(issuer, protocol, port) {
  if (!URL.canParse(issuer)) return false;
  const url = new URL(issuer);
  return (
    url.protocol === `${protocol}:` &&
    ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname) &&
    Number(url.port || (protocol === "https" ? 443 : 80)) === Number(port)
  );
}

/**
 * The first request, so that what is wrong with the settings is said now and not to the first visitor.
 *
 * @param {string} origin
 */
async function report(origin) {
  try {
    const answer = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    if (answer.ok) return;
    const { detail } = await answer.json();
    say(`But it answers ${answer.status}: ${detail}. The log above says why.`);
  } catch (error) {
    say(`But ${origin}/health has no answer: ${messageOf(error)}`);
  }
}

/**
 * Runs `wrangler dev`; answers with the exit code, 0 after a signal.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {{ isApp?: boolean }} [what]
 * @returns {Promise<number>}
 */
function serve(args, env, { isApp = false } = {}) {
  const secure = value(args, "--upstream-protocol") === "https";
  const keepsMails = args.includes("MAIL:binding");
  return new Promise((done) => {
    say("Starting the server ...");
    const server = spawn("node", ["--no-warnings", WRANGLER, "dev", "--show-interactive-dev-session=false", ...args], {
      cwd: PROJECT,
      env: { ...env, LATCHKEY_SERVING: "true", ...(keepsMails && { X_LOCAL_EXPLORER: "true" }) },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    server.on("message", (message) => {
      const { event, ip, port } = parse(message);
      if (event !== "DEV_SERVER_READY") return;
      const host = ["127.0.0.1", "::1", "0.0.0.0", "::", "*", "localhost"].includes(ip) ? "localhost" : ip;
      const origin = `${secure ? "https" : "http"}://${host}:${port}`;
      say(`${isApp ? "The app, with Latchkey beside it," : "Latchkey"} serves at ${origin} (Ctrl-C stops it).`);
      if (keepsMails) say(`Its mails are at ${origin}${MAIL_PAGE}`);
      // A development certificate is nobody's to trust; the browser will ask.
      if (!secure && !isApp) void report(origin);
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

/**
 * npm can be killed without a word to its child; the server must not outlive it.
 *
 * @param {() => void} stop
 */
function whenOrphaned(stop) {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return undefined;
  return setInterval(() => process.ppid !== parent && stop(), 1_000).unref();
}

/** @param {unknown} message */
function parse(message) {
  try {
    return JSON.parse(String(message));
  } catch {
    return {};
  }
}
