#!/usr/bin/env node
/**
 * `latchkey`, the command of the package: `npx latchkey help`.
 *
 * In a checkout the same is `npm run keys`, `npm run import` and so on.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, ROOT, exitCode, main } from "./lib.mjs";

const HELP = `npx latchkey <command>

  init         write wrangler.toml and keys for this machine into this folder
  dev          apply the migrations here, and serve with wrangler dev;
               --app CONFIG puts an app in front of it
  deploy       apply the migrations at Cloudflare, and deploy
  keys         list, add, promote and retire signing keys
  import       read users of another system, or of an export
  export       write all users as JSON Lines
  end-sessions end every session of every user

Most commands say more with --help. Extra arguments of dev and deploy reach wrangler.`;

/**
 * Loaded when they are asked for: most of them need wrangler, and help does not.
 *
 * @type {Record<string, (args: string[]) => Promise<number | void>>}
 */
const COMMANDS = {
  init: async (args) => (await import("./init.mjs")).init(args),
  dev: async (args) => (await import("./serve.mjs")).migrateAndServe(args, process.env),
  deploy: async (args) => (await import("./deploy.mjs")).deploy(args),
  keys: async (args) => (await import("./keys/keys.mjs")).keys(args),
  import: (args) => users("import", args),
  export: (args) => users("export", args),
  "end-sessions": (args) => users("end-sessions", args),
};

await main(import.meta.url, async ([name = "help", ...args]) => {
  if (["help", "--help", "-h"].includes(name)) return console.log(HELP);
  if (["version", "--version", "-v"].includes(name)) return console.log(version());
  if (!Object.hasOwn(COMMANDS, name)) throw new Failure(`"${name}" is not a command.\n\n${HELP}`);
  return COMMANDS[name](args);
});

/**
 * One of the commands about users, in a process of its own: it decides there what a signal does.
 *
 * @param {string} name
 * @param {string[]} args
 */
function users(name, args) {
  const program = join(ROOT, "scripts", "users", `${name}.mjs`);
  return exitCode(process.execPath, ["--no-warnings", program, ...args], { cwd: process.cwd(), stdin: "inherit" });
}

function version() {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
}
