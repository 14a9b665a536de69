/**
 * What every script here uses: where things are, how a line is said, how a
 * program is run, and how an error ends the script.
 *
 * Plain Node 20, nothing installed: these scripts do the installing.
 */
import { spawn, spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Compiled tools, one folder a version, shared by all checkouts. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "latchkey");

/** The Rust toolchain, as `rust-toolchain.toml` has it. */
export const RUST_VERSION = "1.95.0";
export const WASM_TARGET = "wasm32-unknown-unknown";

/** An error whose text is for the person at the terminal; no stack trace. */
export class Failure extends Error {}

/** @param {string} line */
export function say(line) {
  console.log(`latchkey: ${line}`);
}

/**
 * The code of an error of the operating system, such as `ENOENT`.
 *
 * @param {unknown} error
 */
export function codeOf(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/**
 * What an error says.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * `bin` in front of the PATH of `env`.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} bin
 */
export function withPath(env, bin) {
  const rest = (env.PATH ?? "").split(delimiter).filter((dir) => dir !== bin);
  return { ...env, PATH: [bin, ...rest].join(delimiter) };
}

/**
 * Runs a program with its output on the terminal and nothing on its standard
 * input. Fails when the program does.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} options
 */
export async function run(command, args, { env = process.env, cwd = ROOT } = {}) {
  const code = await exitCode(command, args, { env, cwd });
  if (code !== 0) {
    throw new Failure(`"${[command, ...args].join(" ")}" failed (exit code ${code}).`);
  }
}

/**
 * Like {@link run}, but answers with the exit code.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, stdin?: "ignore" | "inherit" }} options
 * @returns {Promise<number>}
 */
export function exitCode(command, args, { env = process.env, cwd = ROOT, stdin = "ignore" } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env, stdio: [stdin, "inherit", "inherit"] });
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on("SIGINT", pass).on("SIGTERM", pass);
    child.on("error", (error) => {
      fail(new Failure(`"${command}" could not be started: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      process.off("SIGINT", pass).off("SIGTERM", pass);
      if (signal) fail(new Failure(`"${command}" was stopped (${signal}).`));
      else done(code ?? 1);
    });
  });
}

/**
 * What a program prints, or null when it fails or does not exist.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} options
 */
export function output(command, args, { env = process.env, cwd = ROOT } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return result.status === 0 ? result.stdout : null;
}

/**
 * Runs `body` if the script at `url` is the one that was started.
 *
 * @param {string} url
 * @param {(args: string[]) => Promise<number | void> | number | void} body
 */
export async function main(url, body) {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`latchkey: ${error.message}`);
    process.exitCode = 1;
  }
}
