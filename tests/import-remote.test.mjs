/**
 * Where `--remote` writes: the account and the database are printed before
 * anything is done, and never guessed. Against a stand-in for Cloudflare's API
 * on this machine, which has no database: it shows the connections, and that
 * there are none when no account is named.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, beforeEach, describe, test } from "node:test";
import { chooseOnTerminal } from "../scripts/users/target.mjs";
import { command } from "./support/import-command.mjs";
import { fileOf, person, scratch } from "./support/imports.mjs";

const ALPHA = { id: "a".repeat(32), name: "Alpha" };
const BETA = { id: "b".repeat(32), name: "Beta" };
const UUIDS = { [ALPHA.id]: "11111111-1111-4111-8111-111111111111", [BETA.id]: "22222222-2222-4222-8222-222222222222" };
const OTHER = { uuid: "33333333-3333-4333-8333-333333333333", name: "another" };

let server;
let accounts;
let isLoggedIn;
let isDeployed;
let paths;

before(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    paths.push(pathname);
    const result = answer(pathname);
    response.writeHead(result ? 200 : isLoggedIn ? 404 : 403, { "Content-Type": "application/json" });
    const count = Array.isArray(result) ? result.length : 1;
    response.end(
      JSON.stringify({
        success: Boolean(result),
        result: result ?? null,
        messages: [],
        errors: result ? [] : [{ code: 10_000, message: "no such thing here" }],
        result_info: { page: 1, per_page: 50, count, total_count: count, total_pages: 1 },
      }),
    );
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
});
after(() => server.close());
beforeEach(() => {
  [accounts, isLoggedIn, isDeployed, paths] = [[ALPHA, BETA], true, true, []];
});

function answer(pathname) {
  if (!isLoggedIn) return undefined;
  const account = /\/accounts\/([^/]+)\/d1\/database$/.exec(pathname)?.[1];
  if (account) return [OTHER, ...(isDeployed ? [{ uuid: UUIDS[account], name: "latchkey" }] : [])];
  if (pathname.endsWith("/accounts")) return accounts;
  if (pathname.endsWith("/memberships"))
    return accounts.map((one) => ({ id: `member-${one.id}`, account: one, status: "accepted" }));
  if (pathname.endsWith("/user")) return { id: "u", email: "operator@example.org" };
  return pathname.endsWith("/user/tokens/verify") ? { id: "t", status: "active" } : undefined;
}

/** Runs a command without a terminal, with a token as its login. */
function remote(name, args, env = {}) {
  const { port } = server.address();
  return command(name, [...args, "--remote"], undefined, {
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
    CLOUDFLARE_API_TOKEN: "token",
    CLOUDFLARE_ACCOUNT_ID: "",
    CF_ACCOUNT_ID: "",
    ...env,
  });
}

const connected = () =>
  paths.filter((path) => path.includes("/workers/")).map((path) => /\/accounts\/([^/]+)\//.exec(path)?.[1]);
const line = (verb, { id, name }) =>
  `${verb} the database "latchkey" (${UUIDS[id]}) of the account "${name}" (${id}).\n`;

describe("--remote", () => {
  test("with several accounts and no terminal writes nothing, and names the flag that answers", async (t) => {
    const path = fileOf(scratch(t), "users.jsonl", [person(1)]);
    for (const [name, args] of [
      ["import", [path]],
      ["export", [join(scratch(t), "out.jsonl")]],
      ["end-sessions", []],
    ]) {
      const { code, out } = await remote(name, args);
      assert.equal(code, 1, out);
      assert.match(out, /several accounts: "Alpha" \(a{32}\), "Beta" \(b{32}\)\. Say which: --account ID\n$/);
      assert.doesNotMatch(out, /Writing|Reading|Ending/);
    }
    assert.deepEqual(connected(), []);
    assert.deepEqual(
      paths.filter((path) => path.includes("/d1/")),
      [],
    );
  });

  test("says which account and database before it is connected to, whoever named the account", async (t) => {
    const path = fileOf(scratch(t), "users.jsonl", [person(1)]);
    /** @type {[args: string[], env: NodeJS.ProcessEnv, account: typeof ALPHA, verb: string][]} */
    const cases = [
      [[path, "--account", BETA.id], {}, BETA, "Writing to"],
      [[path, "--account", "Beta", "--dry-run"], { CLOUDFLARE_ACCOUNT_ID: ALPHA.id }, BETA, "Reading"],
      [[path], { CLOUDFLARE_ACCOUNT_ID: ALPHA.id }, ALPHA, "Writing to"],
    ];
    for (const [args, env, account, verb] of cases) {
      paths = [];
      const { code, out } = await remote("import", args, env);
      assert.ok(out.startsWith(line(verb, account)), out);
      // The stand-in has no database.
      assert.equal(code, 1, out);
      assert.match(out, /\nlatchkey: The import failed: [^\n]+\n$/);
      assert.doesNotMatch(out, /\n\s+at /);
      assert.deepEqual([...new Set(connected())], [account.id]);
    }
    accounts = [ALPHA];
    const { out } = await remote("export", [join(scratch(t), "out.jsonl")]);
    assert.ok(out.startsWith(line("Reading", ALPHA)), out);
    const ended = await remote("end-sessions", ["--account", "Alpha"]);
    assert.ok(ended.out.startsWith(line("Ending all sessions in", ALPHA)), ended.out);
    assert.match(ended.out, /\nlatchkey: The sessions were not ended: [^\n]+\n$/);
  });

  test("an account that the login cannot see, no login, no database: said in a line, and nothing is connected to", async (t) => {
    const path = fileOf(scratch(t), "users.jsonl", [person(1)]);
    const strange = await remote("import", [path, "--account", "Gamma"]);
    assert.match(
      strange.out,
      /^latchkey: The login cannot see the account "Gamma"\. It sees: "Alpha" \(a{32}\), "Beta" \(b{32}\)\.\n$/,
    );
    isDeployed = false;
    const empty = await remote("import", [path, "--account", "Beta"]);
    assert.match(
      empty.out,
      /^latchkey: There is no database "latchkey" in the account "Beta" \(b{32}\)\. Deploy first/,
    );
    isLoggedIn = false;
    const stranger = await remote("import", [path]);
    assert.match(
      stranger.out,
      /^latchkey: Cloudflare did not say whose login this is\. Log in: npm run wrangler -- login\n$/,
    );
    for (const { code } of [strange, empty, stranger]) assert.equal(code, 1);
    assert.deepEqual(connected(), []);
  });
});

describe("on a terminal", () => {
  const terminal = (typed) => {
    const [input, output] = [new PassThrough(), new PassThrough()].map((one) => Object.assign(one, { isTTY: true }));
    let shown = "";
    output.on("data", (part) => (shown += part));
    input.write(typed);
    return { input, output, shown: () => shown };
  };

  test("one is chosen by its number", async () => {
    const streams = terminal("2\n");
    assert.equal(await chooseOnTerminal(["one", "two"], streams), 1);
    assert.match(streams.shown(), /several accounts:\n {2}1 {2}one\n {2}2 {2}two\n.*Which one\?/);
  });

  test("anything else ends it", async () => {
    for (const typed of ["\n", "0\n", "3\n", "y\n", "one\n", "1.0\n", "-1\n"]) {
      await assert.rejects(
        chooseOnTerminal(["one", "two"], terminal(typed)),
        /No account was chosen\. Nothing was done\./,
        typed,
      );
    }
  });

  test("nobody is asked where there is none", async () => {
    const { input, output } = terminal("1\n");
    assert.equal(
      await chooseOnTerminal(["one", "two"], { input: Object.assign(input, { isTTY: false }), output }),
      undefined,
    );
  });
});
