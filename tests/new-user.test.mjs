/**
 * The package as somebody meets it who has Node and nothing else: an empty
 * folder, an empty npm cache, no Rust on the PATH. Every command is one that a
 * person types, and they are counted; how long they took is printed, and is no
 * condition, because most of it is the registry's.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { pack, packageFiles } from "../scripts/package.mjs";
import { QUIET } from "./support/quiet.mjs";

const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const MAX_COMMANDS = 6;
const TIMEOUT_MS = 120_000;
/** The app of somebody who wants to know who is there: everything else is Latchkey's. */
const APP = {
  "app/index.mjs": `
export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname.startsWith("/api/account/")) return env.LATCHKEY.fetch(request);
    const { user, problem } = await env.AUTH.verify(request.headers.get("Cookie"), { maxStaleSeconds: 0 });
    return problem ? new Response(problem.code, { status: problem.status }) : new Response(\`Hello \${user.email}\`);
  },
};
`,
  "app/wrangler.toml": `
name = "app"
main = "index.mjs"
compatibility_date = "2026-11-01"
services = [
  { binding = "LATCHKEY", service = "latchkey" },
  { binding = "AUTH", service = "latchkey", entrypoint = "Auth" },
]
`,
};

const folder = mkdtempSync(join(tmpdir(), "latchkey-new-user-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const home = join(folder, "home");
const project = join(folder, "project");
const env = {
  ...process.env,
  ...QUIET,
  PATH: [dirname(process.execPath), ...(process.env.PATH ?? "").split(delimiter)]
    .filter((path) => !/cargo|rustup|node_modules/.test(path))
    .join(delimiter),
  npm_config_cache: join(folder, "npm-cache"),
  npm_config_update_notifier: "false",
  WRANGLER_REGISTRY_PATH: join(folder, "registry"),
  XDG_CONFIG_HOME: join(home, "config"),
};
// Of the npm that runs the tests.
for (const name of Object.keys(env)) if (/^npm_(?:package|lifecycle)_/.test(name)) Reflect.deleteProperty(env, name);

/** @type {string[]} */
const typed = [];

/**
 * Runs what a person types, and counts it: its output.
 *
 * @param {string} command
 * @returns {Promise<string>}
 */
function type(command) {
  typed.push(command);
  return run(command);
}

/** @param {string} command @param {string} [cwd] @returns {Promise<string>} */
function run(command, cwd = project) {
  return new Promise((done, fail) => {
    const child = spawn("sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
    child.on("error", fail).on("close", (code) => {
      if (code === 0) done(out);
      else fail(new Error(`${command} ended with ${code}:\n${out}`));
    });
  });
}

/**
 * Types a command that serves until it is stopped.
 *
 * @param {string} command
 */
async function typeServer(command) {
  typed.push(command);
  const child = spawn("sh", ["-c", `exec ${command}`], { cwd: project, env, detached: true });
  const stopped = new Promise((done) => child.on("close", done));
  let out = "";
  await new Promise((done, fail) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part) => {
        out += part;
        if (/serves at http/.test(out)) done(undefined);
      });
    }
    void stopped.then(() => fail(new Error(out)));
    setTimeout(() => fail(new Error(`It does not serve:\n${out}`)), TIMEOUT_MS).unref();
  });
  return async () => {
    // The whole group, as Ctrl-C does.
    process.kill(-Number(child.pid), "SIGINT");
    await stopped;
  };
}

/** @returns {Promise<number>} A port that nobody has. */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => done(port));
    });
  });
}

test("from an empty folder to a greeted user in six commands, without Rust", async (t) => {
  mkdirSync(project, { recursive: true });
  for (const [path, text] of Object.entries(APP)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  const packed = join(folder, `latchkey-${VERSION}.tgz`);
  writeFileSync(packed, pack(packageFiles(ROOT)));
  for (const program of ["cargo", "rustc", "rustup"]) await assert.rejects(run(`command -v ${program}`), program);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const start = performance.now();

  await type(`npm install --no-audit --no-fund ${packed}`);
  const said = await type("npx latchkey init");
  const stop = await typeServer(`npx latchkey dev --app app/wrangler.toml --port ${port}`);
  try {
    const registered = await type(
      `curl -sS -w '%{http_code}' ${origin}/api/account/register -H 'Content-Type: application/json' -d '{"email": "ada@example.org", "password": "correct horse battery"}'`,
    );
    assert.match(registered, /"email":"ada@example\.org".*201$/);
    const login = await type(
      `curl -sS -w '%{http_code}' -c cookies ${origin}/api/account/login -d username=ada@example.org --data-urlencode 'password=correct horse battery'`,
    );
    assert.equal(login, "204");
    assert.equal(await type(`curl -sS -b cookies ${origin}/`), "Hello ada@example.org");
    const seconds = (performance.now() - start) / 1000;
    t.diagnostic(`${typed.length} commands, ${seconds.toFixed(1)} s from the empty folder to the greeting`);
    assert.ok(typed.length <= MAX_COMMANDS, typed.join("\n"));
    assert.equal(await run(`curl -sS ${origin}/`), "not_authenticated");
  } finally {
    await stop();
  }

  const vars = readFileSync(join(project, ".dev.vars"), "utf8");
  assert.equal(statSync(join(project, ".dev.vars")).mode & 0o777, 0o600);
  const [, secret = ""] = /"d":"([^"]+)"/.exec(vars) ?? [];
  assert.ok(secret && !said.includes(secret));

  // What else the package brings, in the same folder.
  assert.match(await run("npx latchkey keys list"), /: 1 key\n {2}\S+ {2}signs/);
  assert.match(await run("npx latchkey keys add"), /Added the key [\s\S]*npx latchkey keys promote/);
  assert.match(await run("npx latchkey export users.jsonl"), /1 users in users\.jsonl/);
  assert.match(await run("npx latchkey import users.jsonl"), /1 read, 0 imported, 1 already there/);
  await assert.rejects(run("npx latchkey import"), /Usage: npx latchkey import FILE/);
  await assert.rejects(run("npx latchkey init"), /init replaces nothing/);
  assert.match(await run("npx latchkey deploy --dry-run"), /env\.SESSION_LIMITER[\s\S]*--dry-run: exiting now/);
  await assert.rejects(run("npx latchkey deploy"), /ISSUER in wrangler\.toml is this machine/);
  await run("npx wrangler types -c app/wrangler.toml -c wrangler.toml types.d.ts --include-runtime=false");
  const types = readFileSync(join(project, "types.d.ts"), "utf8");
  assert.match(types, /AUTH: Service<typeof import\("\.\/node_modules\/latchkey\/entry"\)\.Auth>/);

  // The folder that Cloudflare builds.
  const deployment = join(folder, "deployment");
  cpSync(join(ROOT, "deploy"), deployment, { recursive: true });
  copyFileSync(packed, join(deployment, `latchkey-${VERSION}.tgz`));
  await run("npm install --no-audit --no-fund --prefer-offline", deployment);
  assert.match(await run("npm run deploy -- --dry-run", deployment), /env\.DB[\s\S]*--dry-run: exiting now/);
});
