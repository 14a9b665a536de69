/**
 * `latchkey keys`, with a clock that is moved: each stage, how long it has to
 * last, what is refused before, and what force costs. Where the keys are kept,
 * what stays as it was, and that no private part is ever printed.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startLatchkey } from "../harness/latchkey.mjs";
import { keys } from "../scripts/keys/keys.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { PROFILE, REFRESH, signUp } from "./support/people.mjs";
import { QUIET } from "./support/quiet.mjs";

const START = Date.parse("2026-11-01T12:00:00Z");
const MINUTE = 60;
const DAY = 86_400;
/** Ten minutes for caches of the key set, five for isolates. */
const PUBLISHED = 15 * MINUTE;
/** The defaults: a refresh token's life, an access token's, and isolates. */
const KEPT = 7 * DAY + 10 * MINUTE + 5 * MINUTE;

/**
 * A folder of its own with a clock that is moved: `at(seconds).run("add")`.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ config?: string, put?: (text: string, options: object) => Promise<void> }} [world]
 */
function operator(t, { config, put } = {}) {
  const project = mkdtempSync(join(tmpdir(), "latchkey-keys-"));
  t.after(() => rmSync(project, { recursive: true, force: true }));
  const file = join(project, "keys.json");
  const toml = join(project, "wrangler.toml");
  if (config !== undefined) writeFileSync(toml, config);
  /** @type {{ text: string, options: object }[]} */
  const placed = [];
  let seconds = 0;
  const self = {
    project,
    file,
    placed,
    /** @param {number} since The start. */
    at(since) {
      seconds = since;
      return self;
    },
    /** What is printed, as one text. @param {string[]} args */
    async run(...args) {
      /** @type {string[]} */
      const lines = [];
      await keys(args, {
        now: () => new Date(START + seconds * 1000),
        project,
        config: toml,
        print: (line) => lines.push(line),
        put: put ?? (async (text, options) => void placed.push({ text, options })),
      });
      const out = lines.join("\n");
      for (const key of self.set.keys) assert.ok(key.d === undefined || !out.includes(key.d), "a private part");
      return out;
    },
    /** With the file. @param {string[]} args */
    remote: (...args) => self.run(...args, "--file", file),
    /** @returns {{ keys: any[] }} */
    get set() {
      if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
      const path = join(project, ".dev.vars");
      const [, text = '{"keys":[]}'] =
        (existsSync(path) && /^JWT_KEYS='(.*)'$/m.exec(readFileSync(path, "utf8"))) || [];
      return JSON.parse(text);
    },
    get ids() {
      return self.set.keys.map(({ kid }) => kid);
    },
  };
  return self;
}

describe("a key's way", () => {
  test("leads through every stage, and says when the next one begins", async (t) => {
    const { at, remote, file, ...self } = operator(t);
    const ids = () => JSON.parse(readFileSync(file, "utf8")).keys.map((/** @type {any} */ { kid }) => kid);
    assert.ok(self);
    assert.match(await at(0).remote("add"), /Made the key \S+\. It signs, as it is the only one\./);
    const [old] = ids();

    const added = await at(DAY).remote("add");
    const [, fresh] = ids();
    assert.deepEqual(ids(), [old, fresh], "behind the one that signs");
    assert.match(added, new RegExp(`Added the key ${fresh}\\. It verifies, and does not sign yet\\.`));
    assert.match(added, /lasts 15 minutes at least/);
    assert.match(added, new RegExp(`From 2026-11-02T12:15:00Z on: \\S+ .*keys.* promote ${fresh} --file`));

    await assert.rejects(at(DAY + PUBLISHED - 1).remote("promote", fresh), /may sign from 2026-11-02T12:15:00Z on/);
    assert.deepEqual(ids(), [old, fresh], "a refusal changes nothing");
    assert.match(
      await at(DAY + PUBLISHED - 1).remote("list"),
      /waits, added 2026-11-02T12:00:00Z\n.*from .* on: .*promote/,
    );
    assert.match(await at(DAY + PUBLISHED).remote("list"), /ready, added .*\n.*now: .*promote/);

    const promoted = await at(DAY + PUBLISHED).remote("promote", fresh);
    assert.deepEqual(ids(), [fresh, old]);
    assert.match(promoted, new RegExp(`${fresh} signs\\. ${old} verifies only`));
    assert.match(promoted, /lasts 7 days 15 minutes at least/);
    assert.match(promoted, new RegExp(`From 2026-11-09T12:30:00Z on: .* retire ${old} --file`));
    assert.doesNotMatch(promoted, /too early/);

    const early = DAY + PUBLISHED + KEPT - 1;
    await assert.rejects(at(early).remote("retire", old), /It may be retired from 2026-11-09T12:30:00Z on/);
    assert.deepEqual(ids(), [fresh, old]);
    assert.match(await at(early).remote("list"), new RegExp(`${old} {2}replaced, .*\n.*from 2026-11-09T12:30:00Z on`));
    assert.match(await at(early + 1).remote("list"), new RegExp(`${old} {2}gone, .*\n.*now: .*retire`));

    const retired = await at(early + 1).remote("retire", old);
    assert.match(retired, new RegExp(`Removed the key ${old}`));
    assert.doesNotMatch(retired, /log in again/);
    assert.deepEqual(ids(), [fresh]);
  });

  test("is measured by the settings of wrangler.toml", async (t) => {
    const config = 'name = "x"\n[vars]\nREFRESH_IDLE_TTL_SECONDS = "3600"\nACCESS_TOKEN_TTL_SECONDS = 60\n';
    const own = `${config}[env.staging]\nname = "y"\n[env.staging.vars]\nREFRESH_IDLE_TTL_SECONDS = 7200\n`;
    const someone = operator(t, { config: own });
    await someone.at(0).remote("add");
    await someone.remote("add");
    assert.match(await someone.at(DAY).remote("promote"), /lasts 1 hour 6 minutes at least/);
    const [, old] = someone.ids;
    await assert.rejects(someone.at(DAY + 3600 + 360 - 1).remote("retire", old), /It may be retired/);
    await assert.rejects(someone.at(DAY + 7200).remote("retire", old, "--env", "staging"), /It may be retired/);
    await someone.at(DAY + 3600 + 360).remote("retire", old);
  });

  test("goes back: a key that was replaced may sign again, and the other one waits its time", async (t) => {
    const someone = operator(t);
    await someone.at(0).remote("add");
    await someone.remote("add");
    const [one, two] = someone.ids;
    await someone.at(DAY).remote("promote", two);
    await someone.at(2 * DAY).remote("promote", one);
    assert.deepEqual(someone.ids, [one, two]);
    assert.equal(someone.set.keys[0].replaced, undefined);
    await assert.rejects(someone.at(2 * DAY + KEPT - 1).remote("retire", two), /It may be retired/);
    await someone.at(2 * DAY + KEPT).remote("retire", two);
  });

  test("counts with --remote from when the key was put in place", async (t) => {
    const someone = operator(t);
    await someone.at(0).remote("add", "--remote");
    await someone.remote("add");
    const [first, second] = someone.ids;
    assert.deepEqual(
      someone.set.keys.map(({ published }) => published),
      ["2026-11-01T12:00:00Z", undefined],
    );
    await assert.rejects(someone.at(DAY).remote("promote", "--remote"), /added without --remote, .* add --force/);
    assert.deepEqual([someone.ids, someone.placed.length], [[first, second], 1]);
    await someone.remote("add", "--remote");
    await assert.rejects(someone.at(DAY + PUBLISHED - 1).remote("promote", second, "--remote"), /It may sign from/);
    await someone.at(DAY + PUBLISHED).remote("promote", second, "--remote");
    assert.equal(someone.ids[0], second);
  });

  test("may end before it has signed: nobody has a token of it", async (t) => {
    const someone = operator(t);
    await someone.at(0).remote("add");
    await someone.remote("add");
    const [one, two] = someone.ids;
    await someone.remote("retire", two);
    assert.deepEqual(someone.ids, [one]);
  });
});

describe("keys without times", () => {
  test("may sign at once: they count as added long ago", async (t) => {
    const someone = operator(t);
    const [one, two] = [makeKeys(), makeKeys()].map((text) => JSON.parse(text).keys[0]);
    writeFileSync(someone.file, JSON.stringify({ keys: [one, two] }));
    const listed = await someone.at(0).remote("list");
    assert.match(
      listed,
      new RegExp(`${one.kid} {2}signs\n *${two.kid} {2}may have signed\n.*now: .* promote ${two.kid}`),
    );
    assert.match(listed, /if it has not signed for 7 days 15 minutes: .* retire .* --force/);
    await someone.remote("promote", two.kid);
    assert.deepEqual(someone.ids, [two.kid, one.kid]);
    await assert.rejects(someone.at(KEPT - 1).remote("retire", one.kid), /It may be retired/);
    await someone.at(KEPT).remote("retire", one.kid);
  });

  test("may have signed, so that none is retired without force before another one is promoted", async (t) => {
    const someone = operator(t);
    const [one, two] = [makeKeys(), makeKeys()].map((text) => JSON.parse(text).keys[0]);
    writeFileSync(someone.file, JSON.stringify({ keys: [one, two] }));
    await assert.rejects(someone.at(0).remote("retire", two.kid), /may have signed, .* not recorded.* --force/);
    assert.deepEqual(someone.ids, [one.kid, two.kid]);
    await someone.remote("add");
    await someone.at(DAY).remote("promote");
    await assert.rejects(someone.at(DAY + KEPT - 1).remote("retire", two.kid), /It may be retired/);
    await someone.at(DAY + KEPT).remote("retire", two.kid);
    assert.equal(someone.ids.length, 2);

    writeFileSync(someone.file, JSON.stringify({ keys: [one, two] }));
    assert.match(await someone.remote("retire", two.kid, "--force"), /users log in again/);
    assert.deepEqual(someone.ids, [one.kid]);
  });

  test("behind a key that was promoted may have signed until then", async (t) => {
    const someone = operator(t);
    const [one, two] = [makeKeys(), makeKeys()].map((text) => JSON.parse(text).keys[0]);
    const promoted = new Date(START).toISOString();
    writeFileSync(someone.file, JSON.stringify({ keys: [{ ...one, promoted }, two] }));
    await assert.rejects(someone.at(KEPT - 1).remote("retire", two.kid), /It may be retired/);
    await someone.at(KEPT).remote("retire", two.kid);
  });

  test("keep members that are not this command's, and keys without a private part never sign", async (t) => {
    const someone = operator(t);
    const [one, { d: _, ...publicOnly }] = [makeKeys(), makeKeys()].map((text) => JSON.parse(text).keys[0]);
    writeFileSync(someone.file, JSON.stringify({ note: "ours", keys: [{ ...one, comment: "first" }, publicOnly] }));
    assert.match(await someone.remote("list"), new RegExp(`${publicOnly.kid} {2}published only`));
    await assert.rejects(someone.remote("promote", publicOnly.kid), /has no private part/);
    await someone.remote("add");
    const { note, keys } = /** @type {any} */ (someone.set);
    assert.deepEqual([note, keys[0].comment, keys.length], ["ours", "first", 3]);
  });
});

test("an id that looks like an option is an id", async (t) => {
  const someone = operator(t);
  const [one, two] = [makeKeys(), makeKeys()].map((text) => JSON.parse(text).keys[0]);
  for (const kid of ["-G", "--abc", "--files"]) {
    writeFileSync(someone.file, JSON.stringify({ keys: [one, { ...two, kid }] }));
    await someone.at(0).remote("promote", kid);
    assert.deepEqual(someone.ids, [kid, one.kid]);
    await someone.remote("retire", kid, "--force");
    assert.deepEqual(someone.ids, [one.kid]);
  }
  await assert.rejects(someone.remote("retire", "--force"), /Usage/);
});

describe("force", () => {
  test("removes a leaked key at once, puts the next one in its place and says what it costs", async (t) => {
    const someone = operator(t);
    await someone.at(0).remote("add");
    await someone.remote("add");
    const [leaked, next] = someone.ids;
    await assert.rejects(someone.remote("retire", leaked), /signs\. Promote another key first/);
    const said = await someone.remote("retire", leaked, "--force");
    assert.match(said, new RegExp(`${next} signs in its place`));
    assert.match(said, /All sessions whose tokens this key signed end now/);
    assert.deepEqual(someone.ids, [next]);
    assert.equal(someone.set.keys[0].promoted, "2026-11-01T12:00:00Z");
  });

  test("makes a new key where the leaked one was the only one", async (t) => {
    const someone = operator(t);
    await someone.remote("add");
    const [leaked] = someone.ids;
    await someone.remote("retire", leaked, "--force");
    assert.equal(someone.ids.length, 1);
    assert.notEqual(someone.ids[0], leaked);
  });

  test("takes an early step, and says what that costs", async (t) => {
    const someone = operator(t);
    await someone.at(0).remote("add");
    await someone.remote("add");
    assert.match(
      await someone.remote("promote", "--force"),
      /It was too early\..*refuse its tokens for up to 15 minutes/,
    );
    const [, old] = someone.ids;
    assert.match(await someone.remote("retire", old, "--force"), /users log in again/);
    assert.equal(someone.ids.length, 1);
  });
});

describe("where keys are kept", () => {
  test("on this machine: .dev.vars, whose other lines stay, for its owner alone", async (t) => {
    const someone = operator(t);
    const path = join(someone.project, ".dev.vars");
    const { kid, ...rest } = JSON.parse(makeKeys()).keys[0];
    const text = (/** @type {object} */ set) =>
      `# mine\nISSUER="http://localhost:1"\nJWT_KEYS='${JSON.stringify(set)}'\nA=b\n`;
    writeFileSync(path, text({ keys: [{ kid, ...rest }] }));
    chmodSync(path, 0o644);
    await someone.run("add");
    assert.equal(readFileSync(path, "utf8"), text(someone.set));
    assert.equal(someone.set.keys[0].kid, kid);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(someone.placed.length, 0);
  });

  test("of an environment, where it has a file of its own", async (t) => {
    const someone = operator(t);
    await someone.run("add");
    writeFileSync(join(someone.project, ".dev.vars.staging"), `JWT_KEYS='${makeKeys()}'`);
    await someone.run("add", "--env", "staging");
    assert.equal(someone.ids.length, 1);
  });

  test("remote: the operator's file, and the secret, which is put before the file changes", async (t) => {
    const someone = operator(t);
    const said = await someone.at(0).remote("add", "--remote", "--env", "staging");
    assert.match(said, /and the deployed secret JWT_KEYS have the new set/);
    assert.deepEqual(JSON.parse(someone.placed[0].text), someone.set);
    assert.deepEqual(someone.placed[0].options, { env: "staging", config: undefined });
    assert.equal(statSync(someone.file).mode & 0o777, 0o600);
    assert.match(await someone.remote("add"), /Put it in place: .*secret put JWT_KEYS < /);
    rmSync(someone.file);
    assert.match(await someone.remote("add"), /For the first deployment: .*deploy.* --keys /);
    assert.equal(someone.placed.length, 1);
  });

  test("remote: nothing changes where Cloudflare refuses", async (t) => {
    const put = async () => {
      throw new Error("no");
    };
    const someone = operator(t, { put });
    await someone.remote("add");
    const before = readFileSync(someone.file, "utf8");
    await assert.rejects(someone.remote("add", "--remote"), /no/);
    assert.equal(readFileSync(someone.file, "utf8"), before);
    assert.equal(existsSync(`${someone.file}.part`), false);
  });

  test("two runs at once: the second one is refused, and no key is lost", async (t) => {
    /** @type {() => void} */
    let end = () => {};
    const someone = operator(t, { put: () => new Promise((done) => (end = done)) });
    await someone.at(0).remote("add");
    const first = someone.remote("add", "--remote");
    while (!existsSync(`${someone.file}.part`)) await new Promise((done) => setTimeout(done, 5));
    await assert.rejects(someone.remote("add"), /Another run is at work, or one was interrupted: look at .*\.part/);
    end();
    await first;
    await someone.remote("add");
    assert.equal(someone.ids.length, 3);
  });

  test("what an interrupted run has left is never deleted", async (t) => {
    const someone = operator(t);
    const part = `${someone.file}.part`;
    await someone.at(0).remote("add");
    const before = readFileSync(someone.file, "utf8");
    writeFileSync(part, "the next set");
    await assert.rejects(someone.remote("add"), /look at .*\.part/);
    assert.deepEqual([readFileSync(part, "utf8"), readFileSync(someone.file, "utf8")], ["the next set", before]);
  });

  test("remote: an interruption waits for wrangler, and what is not known to be in place stays beside", async (t) => {
    for (const [signal, isPut] of /** @type {const} */ ([
      ["SIGINT", true],
      ["SIGTERM", false],
    ])) {
      const put = async () => {
        process.kill(process.pid, signal);
        await new Promise((done) => setTimeout(done, 50));
        if (!isPut) throw new Error("wrangler was stopped");
      };
      const someone = operator(t, { put });
      const part = `${someone.file}.part`;
      await someone.at(0).remote("add");
      const before = readFileSync(someone.file, "utf8");
      if (isPut) {
        await someone.remote("add", "--remote");
        assert.equal(someone.ids.length, 2);
        assert.equal(existsSync(part), false);
        continue;
      }
      await assert.rejects(someone.remote("add", "--remote"), /Interrupted: .*\.part has the new set/);
      assert.equal(readFileSync(someone.file, "utf8"), before);
      assert.equal(JSON.parse(readFileSync(part, "utf8")).keys.length, 2);
      assert.equal(statSync(part).mode & 0o777, 0o600);
    }
  });

  test("remote without a file is refused: Cloudflare gives no secret back", async (t) => {
    await assert.rejects(operator(t).run("add", "--remote"), /--file FILE/);
  });
});

describe("what is refused", () => {
  test("says what is wrong, and never the text", async (t) => {
    const someone = operator(t);
    const { keys } = JSON.parse(makeKeys());
    const [other] = JSON.parse(makeKeys()).keys;
    const zeros = { kty: "OKP", crv: "Ed25519", kid: "zeros", x: "A".repeat(43) };
    const cases = {
      "{": /has no JWK Set/,
      '{"keys": 1}': /has no JWK Set/,
      [JSON.stringify({ keys: [{ ...keys[0], kty: "RSA" }] })]: /Key 1 of .* is not an Ed25519 key/,
      [JSON.stringify({ keys: [{ ...keys[0], d: "AAAA" }] })]: /Key 1 of .* is not an Ed25519 key/,
      [JSON.stringify({ keys: [{ ...keys[0], x: other.x }] })]: /Key 1 of .* is not an Ed25519 key/,
      [JSON.stringify({ keys: [keys[0], zeros] })]: /Key 2 of .* is not an Ed25519 key/,
      [JSON.stringify({ keys: [keys[0], keys[0]] })]: /same kid/,
      [JSON.stringify({ keys: [{ ...keys[0], added: "yesterday" }] })]: /"added" of the key .* is not a time/,
    };
    for (const [text, pattern] of Object.entries(cases)) {
      writeFileSync(someone.file, text);
      await assert.rejects(
        keysOf(someone.file),
        (/** @type {Error} */ error) => pattern.test(error.message) && !error.message.includes(keys[0].d),
        text.slice(0, 30),
      );
    }
  });

  test("a ninth key, an unknown one, one of two, and a step without keys", async (t) => {
    const someone = operator(t);
    await assert.rejects(someone.remote("promote"), /has no keys\. Make the first one/);
    for (let i = 0; i < 8; i += 1) await someone.at(0).remote("add");
    await assert.rejects(someone.remote("add"), /8 keys, and the service takes 8/);
    await assert.rejects(someone.at(DAY).remote("promote"), /More than one key waits/);
    await assert.rejects(someone.remote("promote", "nobody"), /No key has the id nobody/);
    await assert.rejects(someone.remote("promote", someone.ids[0]), /signs already/);
    for (const args of [[], ["rotate"], ["retire"], ["add", "kid"], ["list", "--force"], ["list", "--nope"]]) {
      await assert.rejects(someone.run(...args), /Usage|goes with/);
    }
  });
});

/** @param {string} file */
const keysOf = (file) => keys(["list", "--file", file], { print: () => {}, config: "none" });

test("the service takes such a set, times included, and sessions outlive each stage", async (t) => {
  const someone = operator(t);
  await someone.at(0).remote("add");
  const stages = [JSON.stringify(someone.set)];
  await someone.remote("add");
  stages.push(JSON.stringify(someone.set));
  await someone.at(DAY).remote("promote");
  stages.push(JSON.stringify(someone.set));
  const persist = join(someone.project, "state");
  /** @type {any} */
  let ada;
  for (const JWT_KEYS of stages) {
    const latchkey = await startLatchkey({ persist, secrets: { JWT_KEYS } });
    try {
      if (ada) ada.client.latchkey = latchkey;
      else ada = await signUp(latchkey);
      assert.equal((await ada.client.get(PROFILE)).status, 200);
      assert.equal((await ada.client.post(REFRESH)).status, 204);
    } finally {
      await latchkey.dispose();
    }
  }
});

test("--remote sends the set to Cloudflare as the secret, and keeps the file when it is refused", async (t) => {
  /** @type {{ path: string, body: any }[]} */
  const received = [];
  let isRefusing = false;
  const cloudflare = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const path = `${request.method} ${new URL(String(request.url), "http://localhost").pathname}`;
    const isSecret = path.startsWith("PUT ") && path.endsWith("/workers/scripts/latchkey/secrets");
    if (isSecret && !isRefusing) received.push({ path, body: JSON.parse(Buffer.concat(parts).toString()) });
    const isRefused = isSecret && isRefusing;
    response.writeHead(isRefused ? 500 : 200, { "Content-Type": "application/json" });
    const errors = isRefused ? [{ code: 10_000, message: "no" }] : [];
    response.end(JSON.stringify({ success: !isRefused, result: isSecret ? {} : [], messages: [], errors }));
  }).listen(0, "127.0.0.1");
  await once(cloudflare, "listening");
  t.after(() => cloudflare.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (cloudflare.address());
  const { file } = operator(t);
  const env = {
    ...process.env,
    ...QUIET,
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
    CLOUDFLARE_API_TOKEN: "token",
    CLOUDFLARE_ACCOUNT_ID: "a".repeat(32),
  };
  const add = async () => {
    const program = join(ROOT, "scripts", "cli.mjs");
    const child = spawn(process.execPath, ["--no-warnings", program, "keys", "add", "--file", file, "--remote"], {
      env,
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
    const [code] = await once(child, "close");
    return { code, out };
  };

  const first = await add();
  assert.equal(first.code, 0, first.out);
  const before = readFileSync(file, "utf8");
  const [{ path, body }] = received;
  assert.equal(path, `PUT /client/v4/accounts/${"a".repeat(32)}/workers/scripts/latchkey/secrets`);
  assert.deepEqual([body.name, JSON.parse(body.text)], ["JWT_KEYS", JSON.parse(before)]);
  const [{ d }] = JSON.parse(before).keys;
  assert.ok(!first.out.includes(d));

  isRefusing = true;
  const second = await add();
  assert.equal(second.code, 1, second.out);
  assert.match(second.out, /wrangler did not put the secret in place/);
  assert.equal(readFileSync(file, "utf8"), before);
});
