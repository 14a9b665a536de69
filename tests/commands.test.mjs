/**
 * `latchkey init` and `latchkey deploy`: what is written into a folder and what
 * never is, and in which order a deployment does things. wrangler is played where
 * it would reach Cloudflare; its dry run is the real one.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { deploy } from "../scripts/deploy.mjs";
import { init } from "../scripts/init.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { QUIET } from "./support/quiet.mjs";

const EXAMPLE = join(ROOT, "package", "wrangler.toml");

/** @param {import("node:test").TestContext} t */
function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-commands-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What is printed. @param {string} project */
function initialise(project) {
  /** @type {string[]} */
  const lines = [];
  init([], { project, example: EXAMPLE, print: (line) => lines.push(line) });
  return lines.join("\n");
}

describe("latchkey init", () => {
  test("writes three files, and prints the next command and no key", (t) => {
    const project = scratch(t);
    mkdirSync(join(project, "node_modules", "latchkey"), { recursive: true });
    const said = initialise(project);
    assert.deepEqual(readdirSync(project).sort(), [".dev.vars", ".gitignore", "node_modules", "wrangler.toml"]);
    assert.equal(readFileSync(join(project, "wrangler.toml"), "utf8"), readFileSync(EXAMPLE, "utf8"));
    const path = join(project, ".dev.vars");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const [, text = ""] =
      /^JWT_KEYS='(.+)'\nISSUER='http:\/\/localhost:8787'\n$/.exec(readFileSync(path, "utf8")) ?? [];
    const [{ d, kid }] = JSON.parse(text).keys;
    assert.ok(d && kid && !said.includes(d));
    assert.match(said, /Next: .*dev\n.*npx wrangler d1 migrations apply DB --local && npx wrangler dev/);
  });

  test("keeps key sets out of git, and so do the folders that are copied", (t) => {
    const project = scratch(t);
    initialise(project);
    for (const path of [project, ROOT, join(ROOT, "deploy")]) {
      const lines = readFileSync(join(path, ".gitignore"), "utf8").split("\n");
      for (const pattern of [".dev.vars*", "*keys.json", "*.part"])
        assert.ok(lines.includes(pattern), `${path} ${pattern}`);
    }
  });

  test("finds the package above, as in a workspace", (t) => {
    const above = scratch(t);
    const project = join(above, "services", "auth");
    mkdirSync(join(above, "node_modules", "latchkey"), { recursive: true });
    mkdirSync(project, { recursive: true });
    initialise(project);
    const text = readFileSync(join(project, "wrangler.toml"), "utf8");
    assert.match(text, /^main = "\.\.\/\.\.\/node_modules\/latchkey\/entry\.mjs"$/m);
    assert.match(text, /^migrations_dir = "\.\.\/\.\.\/node_modules\/latchkey\/migrations"$/m);
  });

  test("replaces nothing", (t) => {
    for (const name of ["wrangler.toml", "wrangler.json", "wrangler.jsonc", ".dev.vars"]) {
      const project = scratch(t);
      writeFileSync(join(project, name), "mine");
      assert.throws(() => initialise(project), /init replaces nothing/, name);
      assert.deepEqual(readdirSync(project), [name]);
    }
    const project = scratch(t);
    writeFileSync(join(project, ".gitignore"), "mine\n");
    assert.match(initialise(project), /Your \.gitignore stays as it is\. See that it has: \.dev\.vars\*/);
    assert.equal(readFileSync(join(project, ".gitignore"), "utf8"), "mine\n");
  });
});

/**
 * A deployment with a wrangler that is played: `{code, steps, printed}`, the
 * steps as they would be typed.
 *
 * @param {string[]} args
 * @param {{ databases?: string, fails?: string, issuer?: string, onStep?: (args: string[]) => void }} [scene]
 */
async function deployment(
  args,
  { databases = "[]", fails, issuer = "https://auth.example.org", onStep = () => {} } = {},
) {
  /** @type {string[]} */
  const steps = [];
  /** @type {string[]} */
  const printed = [];
  const code = await deploy(args, {
    read: async () => ({ issuer, database: { database_name: "latchkey" } }),
    print: (line) => printed.push(line),
    wrangler: async (args) => {
      onStep(args);
      if (args[1] === "list") return { code: 0, out: databases };
      steps.push(args.join(" "));
      return { code: args[0] === fails ? 1 : 0, out: "" };
    },
  });
  return { code, steps, printed: printed.join("\n") };
}

describe("latchkey deploy", () => {
  const there = JSON.stringify([{ uuid: "1", name: "latchkey" }]);
  const migrate = "d1 migrations apply DB --remote";

  test("migrates a database that is there before it deploys", async () => {
    const { code, steps } = await deployment(["--env", "staging", "--tag", "v1"], { databases: there });
    assert.deepEqual([code, steps], [0, [`${migrate} --env staging`, "deploy --env staging --tag v1"]]);
  });

  test("deploys first where the deployment makes the database", async () => {
    const { steps, printed } = await deployment([], { databases: JSON.stringify([{ uuid: "2", name: "other" }]) });
    assert.deepEqual(steps, ["deploy", migrate]);
    assert.match(printed, /not there yet/);
  });

  test("does nothing more after a step that failed", async () => {
    const { code, steps, printed } = await deployment([], { databases: there, fails: "d1" });
    assert.deepEqual([code, steps], [1, [migrate]]);
    assert.match(printed, /failed; nothing after it was done/);
  });

  test("puts keys in place with the Worker, and leaves no copy of them", async (t) => {
    const folder = scratch(t);
    const file = join(folder, "keys.json");
    writeFileSync(file, makeKeys());
    let path = "";
    const { steps } = await deployment(["--keys", file], {
      onStep: (args) => {
        if (args[0] !== "deploy") return;
        path = args[args.indexOf("--secrets-file") + 1];
        assert.equal(statSync(path).mode & 0o777, 0o600);
        assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), { JWT_KEYS: readFileSync(file, "utf8") });
      },
    });
    assert.deepEqual(steps, [`deploy --secrets-file ${path}`, migrate]);
    assert.equal(existsSync(path), false);
    await assert.rejects(deployment(["--keys", join(folder, "none.json")]), /has no keys\. Make the first one/);
  });

  test("refuses an issuer that is this machine, and a login that sees nothing", async () => {
    for (const issuer of ["http://localhost:8787", "http://127.0.0.1:1", "undefined"]) {
      await assert.rejects(deployment([], { issuer }), /ISSUER in wrangler\.toml/);
    }
    await assert.rejects(deployment([], { databases: "not logged in" }), /Log in: /);
  });

  test("leaves no copy of the keys when it is interrupted", async (t) => {
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
      const folder = scratch(t);
      const file = join(folder, "keys.json");
      writeFileSync(file, makeKeys());
      const script = `
        import { deploy } from ${JSON.stringify(pathToFileURL(join(ROOT, "scripts", "deploy.mjs")).href)};
        setInterval(() => {}, 1000);
        await deploy(["--keys", ${JSON.stringify(file)}], {
          read: async () => ({ issuer: "https://auth.example.org", database: { database_name: "latchkey" } }),
          print: () => {},
          wrangler: async (args) => {
            if (args[1] === "list") return { code: 0, out: "[]" };
            console.log(args[args.indexOf("--secrets-file") + 1]);
            return new Promise(() => {});
          },
        });`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        env: { ...process.env, TMPDIR: folder },
      });
      const [path] = await once(child.stdout, "data");
      assert.ok(existsSync(String(path).trim()));
      child.kill(signal);
      const [code] = await once(child, "close");
      assert.equal(code, { SIGINT: 130, SIGTERM: 143 }[signal]);
      assert.deepEqual(readdirSync(folder), ["keys.json"]);
    }
  });

  test("with --dry-run and --keys leaves the keys alone", async () => {
    for (const keys of [["--keys", "none.json"], ["--keys=none.json"]]) {
      const { steps } = await deployment(["--dry-run", ...keys, "--tag", "none.json"]);
      assert.deepEqual(steps, ["deploy --dry-run --tag none.json"]);
    }
  });

  test("with --dry-run reaches nothing: the built Worker, its bindings, and that is all", async (t) => {
    const { steps } = await deployment(["--dry-run"], { issuer: "http://localhost:8787" });
    assert.deepEqual(steps, ["deploy --dry-run"]);
    const out = join(scratch(t), "out");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, "scripts", "deploy.mjs"), "--dry-run", "--outdir", out],
      { encoding: "utf8", env: { ...process.env, ...QUIET } },
    );
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    for (const binding of ["DB", "KV", "LOGIN_LIMITER", "REGISTER_LIMITER", "NETWORK_LIMITER", "SESSION_LIMITER"]) {
      assert.match(stdout, new RegExp(`env\\.${binding}\\b`));
    }
    assert.match(stdout, /--dry-run: exiting now/);
    assert.match(readFileSync(join(out, "entry.js"), "utf8"), /\bAuth\b[\s\S]*\bSessions\b/);
  });
});
