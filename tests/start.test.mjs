/**
 * `npm start` with a `wrangler.toml` that is meant for a deployment: it still
 * serves this machine. And it names what it refuses.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { captured } from "../harness/mails.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PASSWORD = "correct horse battery staple";
const ID = "0123456789abcdef0123456789abcdef";

/** An unused port. */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => done(port));
    });
  });
}

/** The repository's `wrangler.toml` with these texts replaced and lines added, in a new folder. */
function configured(folder, replaced, appended) {
  let text = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const here = {
    '"entry.mjs"': JSON.stringify(join(ROOT, "entry.mjs")),
    '"build/assets"': JSON.stringify(join(ROOT, "build", "assets")),
    '"migrations"': JSON.stringify(join(ROOT, "migrations")),
  };
  for (const [from, to] of Object.entries({ ...here, ...replaced })) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  const path = join(folder, "wrangler.toml");
  writeFileSync(path, `${text}\n${appended}\n`);
  writeFileSync(join(folder, ".dev.vars"), `JWT_KEYS='${makeKeys()}'\n`);
  return path;
}

/** Starts it and waits for the line with its address. Returns `{origin, lines, stop}`. */
function start(args) {
  const child = spawn("node", [join(ROOT, "scripts", "start.mjs"), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = [];
  const stopped = new Promise((done) => child.on("close", done));
  const stop = async () => {
    child.kill("SIGTERM");
    return stopped;
  };
  const origin = new Promise((done, fail) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const [, found] = /serves at (\S+)/.exec(line) ?? [];
        if (found) done(found);
      });
    }
    void stopped.then((code) => fail(new Error(`It ended (${code}):\n${lines.join("\n")}`)));
  });
  return origin.then((origin) => ({ origin, lines, stop }));
}

/**
 * The status and body of a request whose `Host` may be anything.
 *
 * @param {string} origin
 * @param {string} path
 * @param {import("node:http").RequestOptions & { host?: string, headers?: Record<string, string>, body?: string }} options
 */
function ask(origin, path, { host, ...options } = {}) {
  return new Promise((done, fail) => {
    const headers = { ...options.headers, ...(host ? { Host: host } : {}) };
    const sent = request(new URL(path, origin), { ...options, headers, agent: false }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      done({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
    });
    sent.on("error", fail).end(options.body);
  });
}

const CASES = {
  "a custom domain, an https issuer, a cookie domain and remote bindings": {
    replaced: {
      'compatibility_date = "2026-11-01"': `compatibility_date = "2026-11-01"\nroutes = [{ pattern = "auth.example.org", custom_domain = true }, "app.example.org/api/account/*"]`,
      'binding = "DB"': 'binding = "DB"\ndatabase_id = "0a1b2c3d-0000-4000-8000-000000000000"\nremote = true',
      'binding = "KV"': `binding = "KV"\nid = "${ID}"\nremote = true`,
      'ISSUER = "http://localhost:8787"':
        'ISSUER = "https://auth.example.org"\nCOOKIE_DOMAIN = "example.org"\nMAIL = "provider"\nMAIL_FROM = "Acme <no-reply@example.org>"',
    },
    appended: "",
    args: (port) => ["--port", String(port)],
  },
  "settings for wrangler dev itself, and an environment": {
    replaced: { 'ISSUER = "http://localhost:8787"': 'ISSUER = "https://auth.example.org"' },
    appended: (port) =>
      `[dev]\nhost = "auth.example.org"\nport = ${port}\nupstream_protocol = "https"\n\n[env.staging]\nname = "staging"\nroute = "auth.example.org/*"\n`,
    args: () => [],
  },
};

for (const [what, { replaced, appended, args }] of Object.entries(CASES)) {
  describe(`npm start with ${what}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-start-"));
    let server;
    before(async () => {
      const port = await freePort();
      const config = configured(folder, replaced, typeof appended === "function" ? appended(port) : appended);
      server = await start(["--config", config, "--persist-to", join(folder, "state"), ...args(port)]);
      assert.equal(server.origin, `http://localhost:${port}`);
    });
    after(async () => {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("serves at the address that it prints, as the issuer", async () => {
      assert.equal((await ask(server.origin, "/health")).status, 200);
      const body = JSON.stringify({ email: "ada@example.org", password: PASSWORD });
      const registered = await ask(server.origin, "/api/account/register", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      assert.equal(registered.status, 201, registered.text);
      const form = `${new URLSearchParams({ username: "ada@example.org", password: PASSWORD })}`;
      const login = await ask(server.origin, "/api/account/login", {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: form,
      });
      assert.equal(login.status, 204, login.text);
      const [access] = login.headers["set-cookie"];
      const claims = JSON.parse(Buffer.from(access.split(".")[1], "base64url").toString());
      assert.equal(claims.iss, server.origin);
      const cookie = login.headers["set-cookie"].map((line) => line.split(";")[0]).join("; ");
      assert.equal((await ask(server.origin, "/api/account/profile", { headers: { Cookie: cookie } })).status, 200);
    });

    test("shows the mails that it sends on wrangler's page, and prints its address", async () => {
      const email = "grace@example.org";
      for (const [path, fields] of Object.entries({
        "/api/account/register": { email, password: PASSWORD },
        "/api/recovery/forgot": { email },
      })) {
        const body = JSON.stringify(fields);
        const headers = { "Content-Type": "application/json" };
        const { status, text } = await ask(server.origin, path, { method: "POST", headers, body });
        assert.ok([201, 202].includes(status), text);
      }
      const [, page] = /Its mails are at (\S+)/.exec(server.lines.join("\n")) ?? [];
      const { status, headers } = await ask(page, "");
      assert.deepEqual([status, headers["content-type"]?.startsWith("text/html")], [200, true], page);
      const latchkey = { fetch: (/** @type {string} */ path) => fetch(new URL(path, server.origin)) };
      const mails = async () => captured(/** @type {any} */ (latchkey), email);
      while ((await mails()).length === 0) await new Promise((done) => setTimeout(done, 50));
      const [{ link, from }] = await mails();
      assert.ok(link?.startsWith(`${server.origin}/`), link);
      assert.match(from, /<(?:latchkey@localhost\.invalid|no-reply@example\.org)>/);
    });

    if (what.startsWith("a custom domain")) {
      test("names the host when something in front of it passes on another one", async () => {
        for (const host of ["192.168.1.20:5173", "auth.example.org", "random-words.trycloudflare.com"]) {
          const refused = await ask(server.origin, "/health", { host });
          assert.equal(refused.status, 403);
          assert.ok(JSON.parse(refused.text).detail.endsWith(` ${host.split(":")[0]}`), refused.text);
        }
        const { port } = new URL(server.origin);
        for (const host of [`localhost:${port}`, `127.0.0.1:${port}`]) {
          assert.equal((await ask(server.origin, "/health", { host })).status, 200, host);
        }
      });
    }
  });
}
