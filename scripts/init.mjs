/**
 * `latchkey init`: a `wrangler.toml` whose paths point into the package, and
 * keys for this machine. Replaces no file, and applies nothing.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { Failure, ROOT } from "./lib.mjs";
import { ensureDevKeys } from "./make-keys.mjs";
import { PROJECT } from "./place.mjs";

const CONFIG_NAMES = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"];
/** What git must not see: keys, and the local database. */
const IGNORED = [".dev.vars*", "*keys.json", "*.part", ".wrangler/", "node_modules/"];
/** Counts more than wrangler.toml, whose ISSUER is for the deployment. */
const HERE = "ISSUER='http://localhost:8787'\n";
/** The paths in the example that point into the package. */
const PACKAGE_FOLDER = "node_modules/latchkey/";

/**
 * @param {string[]} args
 * @param {{ project?: string, example?: string, print?: (line: string) => void }} [world]
 */
export function init(
  args,
  { project = PROJECT, example = join(ROOT, "wrangler.toml"), print = (line) => console.log(line) } = {},
) {
  if (args.length > 0) throw new Failure("Usage: npx latchkey init");
  for (const name of [...CONFIG_NAMES, ".dev.vars"]) {
    if (existsSync(join(project, name))) {
      throw new Failure(
        `There is a ${name} here, and init replaces nothing. Make a folder for Latchkey and start there.`,
      );
    }
  }
  const text = readFileSync(example, "utf8").replaceAll(PACKAGE_FOLDER, packageFolder(project));
  writeFileSync(join(project, "wrangler.toml"), text, { flag: "wx" });
  ensureDevKeys(project);
  appendFileSync(join(project, ".dev.vars"), HERE);
  const ignore = join(project, ".gitignore");
  const isIgnoring = existsSync(ignore);
  if (!isIgnoring) writeFileSync(ignore, `${IGNORED.join("\n")}\n`, { flag: "wx" });

  print("Wrote wrangler.toml: Latchkey from node_modules, and everything that it needs.");
  print("Wrote .dev.vars: the signing keys of this machine. A person who has them can log in as any user.");
  if (isIgnoring) print(`Your .gitignore stays as it is. See that it has: ${IGNORED.join(", ")}`);
  else print("Wrote .gitignore, which keeps the keys out of git.");
  print("");
  print("Next: npx latchkey dev");
  print("which is the same as: npx wrangler d1 migrations apply DB --local && npx wrangler dev");
}

/**
 * The package as it is reached from a folder: in the nearest `node_modules` that
 * has it, so that the path is one that others can use too.
 *
 * @param {string} project
 */
function packageFolder(project) {
  for (let folder = project; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", "latchkey");
    if (existsSync(found) || folder === dirname(folder)) {
      const path = relative(project, existsSync(found) ? found : ROOT);
      return `${path.split(sep).join("/")}/`;
    }
  }
}
