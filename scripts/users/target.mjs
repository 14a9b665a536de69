/**
 * Which deployed database `--remote` means: the account, found among those that
 * the login can see and never guessed, and the database in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Failure, output } from "../lib.mjs";
import { TYPED_WRANGLER, WRANGLER } from "../place.mjs";

/**
 * @import { Readable, Writable } from "node:stream"
 *
 * @typedef {{ account_id?: string }} Account As wrangler.toml has it.
 *
 * @typedef {{ database_id?: string, database_name?: string }} Database As wrangler.toml has it.
 *
 * @typedef {{ id: string, name: string | null }} VisibleAccount
 *
 * @typedef {{ account: VisibleAccount, database: { uuid: string, name: string } }} Target
 */

/**
 * `{account: {id, name}, database: {uuid, name}}`. `asked`: the account that
 * was named on the command line, by its id or its name; `config`:
 * wrangler.toml's `account_id` and the database's entry.
 *
 * @param {{ asked?: string, config: Account & { name?: string, compatibility_date?: string }, database: Database }} wanted
 * @param {{ env?: NodeJS.ProcessEnv, choose?: (choices: string[]) => Promise<number | undefined> }} how
 * @returns {Promise<Target>}
 */
export async function remoteTarget({ asked, config, database }, { env = process.env, choose = chooseOnTerminal } = {}) {
  const accounts = visibleAccounts(env);
  const named = asked ?? (config.account_id || env.CLOUDFLARE_ACCOUNT_ID || env.CF_ACCOUNT_ID || undefined);
  const account = named === undefined ? await onlyOne(accounts, choose) : known(accounts, named);
  return { account, database: databaseIn(account, database, { config, env }) };
}

/**
 * For people: what is about to be read or written.
 *
 * @param {Target} target
 */
export function describeTarget({ account, database }) {
  return `the database "${database.name}" (${database.uuid}) of the account ${describeAccount(account)}`;
}

/** @param {VisibleAccount} account */
function describeAccount({ id, name }) {
  return name ? `"${name}" (${id})` : id;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {VisibleAccount[]}
 */
function visibleAccounts(env) {
  const answer = json(output("node", ["--no-warnings", WRANGLER, "whoami", "--json"], { env, cwd: tmpdir() }));
  if (!Array.isArray(answer?.accounts)) {
    throw new Failure(`Cloudflare did not say whose login this is. Log in: ${TYPED_WRANGLER} login`);
  }
  return answer.accounts;
}

/**
 * @param {VisibleAccount[]} accounts
 * @param {string} named
 * @returns {VisibleAccount}
 */
function known(accounts, named) {
  const found = accounts.find(({ id, name }) => id === named || name === named);
  if (found) return found;
  // A token may be let into one account's databases without being let see the account.
  if (accounts.length === 0) return { id: named, name: null };
  throw new Failure(`The login cannot see the account "${named}". It sees: ${list(accounts)}.`);
}

/**
 * @param {VisibleAccount[]} accounts
 * @param {(choices: string[]) => Promise<number | undefined>} choose
 */
async function onlyOne(accounts, choose) {
  if (accounts.length === 1) return accounts[0];
  if (accounts.length === 0) throw new Failure("The login can see no account. Say which: --account ID");
  const chosen = await choose(accounts.map(describeAccount));
  if (chosen === undefined) {
    throw new Failure(`The login can see several accounts: ${list(accounts)}. Say which: --account ID`);
  }
  return accounts[chosen];
}

/** @param {VisibleAccount[]} accounts */
function list(accounts) {
  return accounts.map(describeAccount).join(", ");
}

/**
 * The first deploy creates the database under its name; wrangler.toml need not know the id.
 *
 * @param {VisibleAccount} account
 * @param {Database} database
 * @param {{ config: { name?: string, compatibility_date?: string }, env: NodeJS.ProcessEnv }} how
 * @returns {Target["database"]}
 */
function databaseIn(account, { database_id, database_name }, { config, env }) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-account-"));
  try {
    // In a folder of its own: wrangler.toml's account would come before the chosen one.
    const path = join(folder, "wrangler.json");
    writeFileSync(
      path,
      JSON.stringify({ name: config.name, account_id: account.id, compatibility_date: config.compatibility_date }),
    );
    const found = json(
      output("node", ["--no-warnings", WRANGLER, "d1", "list", "--json", "--config", path], { env, cwd: folder }),
    );
    if (!Array.isArray(found))
      throw new Failure(`Cloudflare did not list the databases of the account ${describeAccount(account)}.`);
    const one = found.find((/** @type {Target["database"]} */ { uuid, name }) =>
      database_id ? uuid === database_id : name === database_name,
    );
    if (one) return one;
    const named = database_id ? `with the id ${database_id}` : `"${database_name}"`;
    throw new Failure(`There is no database ${named} in the account ${describeAccount(account)}. Deploy first.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Which of the choices, by its place; undefined where nobody can be asked.
 *
 * @param {string[]} choices
 * @param {{ input?: Readable & { isTTY?: boolean }, output?: Writable & { isTTY?: boolean } }} terminal
 */
export async function chooseOnTerminal(choices, { input = process.stdin, output: screen = process.stdout } = {}) {
  if (!input.isTTY || !screen.isTTY) return undefined;
  screen.write(
    `The login can see several accounts:\n${choices.map((choice, i) => `  ${i + 1}  ${choice}\n`).join("")}`,
  );
  const terminal = createInterface({ input, output: screen });
  try {
    const answer = (await terminal.question("Which one? (its number; anything else ends this) ")).trim();
    const place = Number(answer) - 1;
    if (!/^\d+$/.test(answer) || choices[place] === undefined)
      throw new Failure("No account was chosen. Nothing was done.");
    return place;
  } finally {
    terminal.close();
  }
}

/**
 * The JSON that a program printed, or undefined.
 *
 * @param {string | null} text
 */
function json(text) {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
