/**
 * `latchkey keys`: what a person types about keys, and what they read. The
 * stages themselves are in `key-set.mjs`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, messageOf } from "../lib.mjs";
import { CONFIG, PROJECT, TYPED_WRANGLER, typed } from "../place.mjs";
import { PUBLISHED_SECONDS, add, keptSeconds, promote, publish, retire, states, time } from "./key-set.mjs";
import { devVarsStore, fileStore } from "./key-store.mjs";
import { putSecret } from "./put-secret.mjs";

/**
 * @import { Key, KeySet, Lifetimes } from "./key-set.mjs"
 * @import { Store } from "./key-store.mjs"
 *
 * @typedef {object} World What the command needs of the world; tests replace it.
 * @property {() => Date} now
 * @property {string} project The folder of `.dev.vars`.
 * @property {string} config The path of `wrangler.toml`.
 * @property {(line: string) => void} print
 * @property {(text: string, options: { env?: string, config?: string }) => Promise<void>} put
 *
 * @typedef {ReturnType<typeof parse>} Request
 *
 * @typedef {{ request: Request, set: KeySet, now: Date, lifetimes: Lifetimes }} Asked
 *
 * @typedef {{ set: KeySet, lines: string[], next?: string }} Change
 */

const USAGE = `Usage: ${typed("keys")} list
       ${typed("keys")} add
       ${typed("keys")} promote [KID] [--force]
       ${typed("keys")} retire KID [--force]
  of this machine, in .dev.vars, or of a deployment:
       --file FILE [--remote] [--env NAME] [--config FILE]`;
const STEPS = ["list", "add", "promote", "retire"];
/** The service's own, see docs/settings.md. */
const DEFAULT_IDLE_SECONDS = 604_800;
const DEFAULT_ACCESS_SECONDS = 600;

const LEAKED =
  "All sessions whose tokens this key signed end now: their users log in again. " +
  "A service that has cached the key set accepts the key for up to 10 minutes more.";
const EARLY_RETIREMENT = "Sessions whose tokens this key signed last end now: their users log in again.";
const EARLY_PROMOTION =
  "Services and isolates that do not know the key yet refuse its tokens for up to 15 minutes, and users may have to log in again.";

/** @type {World} */
const THIS_WORLD = {
  now: () => new Date(),
  project: PROJECT,
  config: CONFIG,
  print: (line) => console.log(line),
  put: putSecret,
};

/**
 * @param {string[]} args
 * @param {Partial<World>} [replaced]
 */
export async function keys(args, replaced = {}) {
  const world = { ...THIS_WORLD, ...replaced };
  const request = parse(args);
  if (request.help) return world.print(USAGE);
  const store = storeOf(request, world);
  const lifetimes = await lifetimesOf(request, world);
  /** @param {KeySet | null} found @returns {Asked} */
  const asked = (found) => ({ request, set: found ?? emptySet(request, store), now: world.now(), lifetimes });
  if (request.step === "list") return list(asked(store.read()), store, world);

  const step = { add: added, promote: promoted, retire: retired }[request.step];
  let isFirst = false;
  /** @type {Change | undefined} */
  let change;
  await store.change((found) => {
    const question = asked(found);
    isFirst = question.set.keys.length === 0;
    change = step(question);
    if (!request.isRemote) return { set: change.set };
    const set = publish(change.set, question.now);
    return { set, commit: () => world.put(JSON.stringify(set), request.options) };
  });
  if (!change) return;
  for (const line of change.lines) world.print(line);
  world.print(placed(request, store, isFirst));
  if (change.next) world.print(change.next);
}

/** @param {Asked} asked @returns {Change} */
function added({ request, set, now }) {
  const { set: after, key } = add(set, now);
  if (after.keys.length === 1)
    return { set: after, lines: [`Made the key ${key.kid}. It signs, as it is the only one.`] };
  const from = new Date(now.getTime() + PUBLISHED_SECONDS * 1000);
  return {
    set: after,
    lines: [
      `Added the key ${key.kid}. It verifies, and does not sign yet.`,
      `This stage lasts ${duration(PUBLISHED_SECONDS)} at least: everything that verifies tokens must know the key before it signs.`,
    ],
    next: `From ${time(from)} on: ${next("promote", key.kid, request)}`,
  };
}

/** @param {Asked} asked @returns {Change} */
function promoted({ request, set, now, lifetimes }) {
  const { isForced, isRemote } = request;
  const { set: after, key, former, isEarly } = promote(set, request.kid, { now, isForced, isRemote });
  const seconds = keptSeconds(lifetimes);
  const from = new Date(now.getTime() + seconds * 1000);
  return {
    set: after,
    lines: [
      `${key.kid} signs. ${former.kid} verifies only from now on.`,
      ...(isEarly ? [`It was too early. ${EARLY_PROMOTION}`] : []),
      "The counters that slow down password guessing start afresh.",
      `This stage lasts ${duration(seconds)} at least: until then there are tokens that ${former.kid} signed.`,
    ],
    next: `From ${time(from)} on: ${next("retire", former.kid, request)}`,
  };
}

/** @param {Asked} asked @returns {Change} */
function retired({ request, set, now, lifetimes }) {
  const { kid = "", isForced } = request;
  const { set: after, key, successor, isEarly } = retire(set, kid, { now, isForced, lifetimes });
  return {
    set: after,
    lines: [
      `Removed the key ${key.kid}: nothing that it signed is accepted any more.`,
      ...(successor ? [`${successor.kid} signs in its place.`, LEAKED] : isEarly ? [EARLY_RETIREMENT] : []),
    ],
  };
}

/**
 * @param {Asked} asked
 * @param {Store} store
 * @param {World} world
 */
function list({ set, now, lifetimes, request }, { path }, { print }) {
  print(`${path}: ${set.keys.length} ${set.keys.length === 1 ? "key" : "keys"}`);
  for (const { key, state, next: from } of states(set, lifetimes, now)) {
    const times = /** @type {const} */ (["added", "published", "promoted", "replaced"])
      .filter((name) => key[name] !== undefined)
      .map((name) => `${name} ${key[name]}`);
    print(`  ${key.kid}  ${[state, ...times].join(", ")}`);
    const step = { waits: "promote", ready: "promote", replaced: "retire", gone: "retire" }[String(state)];
    if (step) print(`    ${from && from > now ? `from ${time(from)} on` : "now"}: ${next(step, key.kid, request)}`);
    if (state === "may have signed") {
      print(`    now: ${next("promote", key.kid, request)}`);
      print(
        `    or, if it has not signed for ${duration(keptSeconds(lifetimes))}: ${next("retire", key.kid, request)} --force`,
      );
    }
  }
}

/**
 * Where the set is in place, or how it gets there.
 *
 * @param {Request} request
 * @param {Store} store
 * @param {boolean} isFirst Whether there was no key before.
 */
function placed({ isRemote, file, options }, { path }, isFirst) {
  if (isRemote) return `${path} and the deployed secret JWT_KEYS have the new set.`;
  if (file === undefined) return `${path} has the new set.`;
  if (isFirst) {
    return `${path} has the new set. For the first deployment: ${typed("deploy")} --keys ${file}${flags(options)}`;
  }
  return `${path} has the new set. Put it in place: ${TYPED_WRANGLER} secret put JWT_KEYS${flags(options)} < ${file}`;
}

/**
 * The next command, with the same options.
 *
 * @param {string} step
 * @param {string} kid
 * @param {Request} request
 */
function next(step, kid, { file, isRemote, options }) {
  const kept = `${file === undefined ? "" : ` --file ${file}`}${isRemote ? " --remote" : ""}${flags(options)}`;
  return `${typed("keys")} ${step} ${kid}${kept}`;
}

/** @param {Request["options"]} options */
function flags({ env, config }) {
  return `${env === undefined ? "" : ` --env ${env}`}${config === undefined ? "" : ` --config ${config}`}`;
}

/**
 * @param {Request} request
 * @param {World} world
 * @returns {Store}
 */
function storeOf({ file, options }, { project }) {
  if (file !== undefined) return fileStore(file);
  const named = join(project, `.dev.vars.${options.env}`);
  return devVarsStore(options.env !== undefined && existsSync(named) ? named : join(project, ".dev.vars"));
}

/**
 * Where there is no set, only `add` has something to do.
 *
 * @param {Request} request
 * @param {Store} store
 * @returns {KeySet}
 */
function emptySet({ step }, { path }) {
  if (step !== "add") throw new Failure(`${path} has no keys. Make the first one: ${typed("keys")} add`);
  return { keys: [] };
}

/**
 * The lifetimes of `wrangler.toml`, or the service's own where it names none.
 *
 * @param {Request} request
 * @param {World} world
 * @returns {Promise<Lifetimes>}
 */
async function lifetimesOf({ options }, { config }) {
  const path = options.config ?? config;
  if (options.config !== undefined && !existsSync(path)) throw new Failure(`There is no ${path}.`);
  /** @type {Record<string, unknown>} */
  let vars = {};
  if (existsSync(path)) {
    // It takes a second to load.
    const { unstable_readConfig } = await import("wrangler");
    vars = unstable_readConfig({ config: path, env: options.env }, { hideWarnings: true }).vars ?? {};
  }
  return {
    idleSeconds: Number(vars.REFRESH_IDLE_TTL_SECONDS || DEFAULT_IDLE_SECONDS),
    accessSeconds: Number(vars.ACCESS_TOKEN_TTL_SECONDS || DEFAULT_ACCESS_SECONDS),
  };
}

/** @param {string[]} args */
function parse(args) {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const text = /** @type {const} */ ({ type: "string" });
  const options = { file: text, env: text, config: text, remote: flag, force: flag, help: flag };
  // An id is base64url and may begin with a hyphen: right behind its step it is no option.
  const [, second = "--"] = args;
  const isOption = Object.keys(options).some((name) => second === `--${name}` || second.startsWith(`--${name}=`));
  const ids = ["promote", "retire"].includes(args[0]) && second !== "--" && !isOption ? [second] : [];
  const others = ids.length > 0 ? [args[0], ...args.slice(2)] : args;
  let parsed;
  try {
    parsed = parseArgs({ args: others, options, allowPositionals: true });
  } catch (error) {
    throw new Failure(`${messageOf(error).split(". ")[0]}.\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  const [step, kid, ...more] = [positionals[0], ...ids, ...positionals.slice(1)];
  const takesKid = step === "promote" || step === "retire";
  const isClear =
    STEPS.includes(step) &&
    more.length === 0 &&
    (kid === undefined || takesKid) &&
    (step !== "retire" || kid !== undefined);
  if (!values.help && !isClear) throw new Failure(USAGE);
  if (values.force && !takesKid) throw new Failure("--force goes with promote and retire.");
  if (values.remote && values.file === undefined) {
    throw new Failure(
      "Cloudflare does not give secrets back, so --remote needs the file where you keep the set: --file FILE",
    );
  }
  if (values.remote && step === "list") throw new Failure("list reads the file. Leave --remote out.");
  return {
    step: /** @type {"list" | "add" | "promote" | "retire"} */ (step),
    kid,
    file: values.file,
    isRemote: values.remote,
    isForced: values.force,
    help: values.help,
    options: { env: values.env, config: values.config },
  };
}

/**
 * Days, hours and minutes, as a person reads them.
 *
 * @param {number} seconds
 */
function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  /** @type {[number, string][]} */
  const parts = [
    [Math.floor(minutes / 1440), "day"],
    [Math.floor(minutes / 60) % 24, "hour"],
    [minutes % 60, "minute"],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`)
    .join(" ");
}
