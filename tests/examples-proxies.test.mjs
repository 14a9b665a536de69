/**
 * examples/nginx and examples/caddy, run as they are but for their addresses,
 * in front of the services of examples/node and examples/python. No spelling
 * of a spoofed identity header gets anywhere.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { foreignKey, forge, forgeUnsigned, randomId } from "../harness/tokens.mjs";
import { LOGIN, signUp } from "./support/people.mjs";
import { caddy, freePort, getWithLines, nginx, python, startProgram } from "./support/programs.mjs";
import { SPELLINGS } from "./support/spellings.mjs";

const LISTENING = /http:\/\/127\.0\.0\.1:(\d+)/;
const UPSTREAM = "orders";
const IDENTITY_HEADER = "X-Auth-Identity";
const PLAIN = ["X-User-Id", "X-User-Role", "X-Session-Id"];

const folder = mkdtempSync(join(tmpdir(), "latchkey-proxies-"));
const running = [];
let latchkey;
let attacker;
let victim;
before(async () => {
  latchkey = await startLatchkey({ vars: { UPSTREAMS: `billing,${UPSTREAM}` } });
  [attacker, victim] = [await signUp(latchkey), await signUp(latchkey)];
});
after(async () => {
  for (const stop of running.reverse()) await stop();
  await latchkey.dispose();
  rmSync(folder, { recursive: true });
});

async function start(command, args, options) {
  const { match, stop } = await startProgram(command, args, options);
  running.push(stop);
  return match;
}

/** The services: two that verify the identity, two that show what they got. */
const UPSTREAMS = {
  "Node that verifies": () => [process.execPath, join(ROOT, "examples", "node", "upstream.mjs")],
  "WSGI that verifies": () => [python(), join(ROOT, "examples", "python", "upstream.py")],
  "Node that echoes": () => [process.execPath, join(ROOT, "tests", "support", "echo.mjs")],
  "WSGI that echoes": () => [python(), join(ROOT, "tests", "support", "echo.py")],
};
const started = new Map();
/** The port of a service, started once. */
async function upstream(name) {
  if (!started.has(name)) {
    const [command, file] = UPSTREAMS[name]();
    const KEYS = new URL("/.well-known/jwks.json", latchkey.url).href;
    const env = { PORT: "0", ISSUER: latchkey.origin, UPSTREAM, KEYS };
    started.set(name, Number(await start(command, [file], { env, ready: LISTENING })));
  }
  return started.get(name);
}

/**
 * Each proxy: starts in front of a service, and returns its own port. `edit` changes the example's
 * text, to show what a line in it is for.
 */
const PROXIES = {
  nginx: (service, edit) =>
    proxy(service, "nginx/nginx.conf", edit, (file, cwd) => [nginx(), "-p", cwd, "-c", file, "-e", "stderr"]),
  caddy: (service, edit) =>
    proxy(service, "caddy/Caddyfile", edit, (file) => [caddy(), "run", "--adapter", "caddyfile", "--config", file]),
};
/** The lines of the examples that strip headers. */
const STRIPPING =
  /^\s*(?:request_header -|proxy_set_header X-(?:User|Session)|underscores_in_headers off|ignore_invalid).*$/gm;

async function proxy(service, example, edit = (text) => text, commandLine) {
  const port = await freePort();
  const cwd = mkdtempSync(join(folder, "proxy-"));
  const file = join(cwd, "proxy.conf");
  const text = edit(readFileSync(join(ROOT, "examples", example), "utf8"));
  const addresses = {
    "127.0.0.1:8787": latchkey.url.host,
    "127.0.0.1:8080": `127.0.0.1:${port}`,
    "127.0.0.1:3000": `127.0.0.1:${service}`,
  };
  writeFileSync(
    file,
    Object.entries(addresses).reduce((changed, [from, to]) => {
      assert.ok(changed.includes(from), `${example} has no ${from}`);
      return changed.replaceAll(from, to);
    }, text),
  );
  const [command, ...args] = commandLine(file, cwd);
  await start(command, args, { cwd, env: { HOME: cwd, XDG_DATA_HOME: cwd, XDG_CONFIG_HOME: cwd }, port });
  return port;
}

/** Tokens about the victim that are no identity for this service, though some of the signatures are good. */
function forgeries() {
  const [key] = latchkey.keys.keys;
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg: "EdDSA", typ: "identity+jwt", kid: key.kid };
  const claims = {
    iss: latchkey.origin,
    aud: UPSTREAM,
    sub: victim.id,
    sid: randomId(),
    role: "editor",
    iat: now,
    exp: now + 30,
  };
  return {
    "for another service": forge(key, header, { ...claims, aud: "billing" }),
    "of an hour ago": forge(key, header, { ...claims, iat: now - 3_600, exp: now - 3_570 }),
    "an access token": victim.client.cookies.get("access_token").value,
    "of the type of an access token": forge(key, { ...header, typ: "at+jwt" }, claims),
    "without a type": forge(key, { alg: "EdDSA", kid: key.kid }, claims),
    "of another issuer": forge(key, header, { ...claims, iss: "https://elsewhere.example" }),
    "by an unknown key": forge(foreignKey("unknown"), { ...header, kid: "unknown" }, claims),
    "by another key of the same name": forge(foreignKey(key.kid), header, claims),
    unsigned: forgeUnsigned({ ...header, alg: "none" }, claims),
    "no token": victim.id,
    nothing: "",
  };
}

/** The lines of one request: every identity header in this spelling. */
function spoofed([, spell], token) {
  const values = {
    [IDENTITY_HEADER]: token,
    "X-User-Id": victim.id,
    "X-User-Role": "editor",
    "X-Session-Id": victim.id,
  };
  return Object.entries(values).flatMap(([name, value]) => spell(name, value));
}

/**
 * The spellings of which a service behind this proxy sees a plain header, or another identity than
 * one of the proxy's own; and how many requests came through.
 */
async function whatArrives(port) {
  const [, forged] = Object.entries(forgeries())[0];
  /** @type {string[]} */
  const plain = [];
  /** @type {string[]} */
  const identities = [];
  let came = 0;
  for (const spelling of SPELLINGS) {
    const { status, body } = await getWithLines(port, [cookieLine(attacker), ...spoofed(spelling, forged)]);
    if (status !== 200) continue;
    came += 1;
    const got = JSON.parse(body).map(([header, value]) => [plainName(header), value]);
    const valuesOf = (name) => got.filter(([header]) => header === name.toLowerCase()).map(([, value]) => value);
    if (PLAIN.some((name) => valuesOf(name).join("") !== "")) plain.push(spelling[0]);
    const tokens = valuesOf(IDENTITY_HEADER);
    if (tokens.length > 1 || tokens.join().includes(forged)) identities.push(spelling[0]);
  }
  return { plain, identities, came };
}

const cookieLine = (person) => `Cookie: ${person.client.cookieHeader}`;
/** One name for all that some server takes for the same header. */
const plainName = (name) => name.toLowerCase().replaceAll("_", "-");

test("there are forty spellings, all different", () => {
  assert.equal(SPELLINGS.length, 40);
  assert.equal(new Set(SPELLINGS.map((spelling) => spelling[1]("X-User-Id", "1").join("\n"))).size, 40);
});

for (const name of ["Node that verifies", "WSGI that verifies"]) {
  test(`${name}, reached past every proxy: the real identity passes, no forged one in any spelling`, async () => {
    const port = await upstream(name);
    const asked = await attacker.client.get(`/api/account/verify?aud=${UPSTREAM}`);
    assert.equal(asked.status, 204);
    const good = await getWithLines(port, [`${IDENTITY_HEADER}: ${asked.headers.get(IDENTITY_HEADER)}`]);
    assert.deepEqual([good.status, JSON.parse(good.body || "{}").user], [200, attacker.id]);
    for (const [what, token] of Object.entries(forgeries())) {
      for (const spelling of SPELLINGS) {
        const { status } = await getWithLines(port, spoofed(spelling, token));
        assert.ok([0, 400, 401].includes(status), `${what}, ${spelling[0]}: ${status}`);
      }
    }
  });
}

for (const [proxyName, startProxy] of Object.entries(PROXIES)) {
  describe(`behind ${proxyName}`, () => {
    for (const name of ["Node that verifies", "WSGI that verifies"]) {
      test(`${name}: nobody is the victim`, async () => {
        const port = await startProxy(await upstream(name));
        const honest = await getWithLines(port, [cookieLine(attacker)]);
        assert.deepEqual([honest.status, JSON.parse(honest.body || "{}").user], [200, attacker.id]);
        assert.equal((await getWithLines(port, [])).status, 401);

        const tokens = Object.entries(forgeries());
        let accepted = 0;
        for (const [i, spelling] of SPELLINGS.entries()) {
          const [what, token] = tokens[i % tokens.length];
          const lines = spoofed(spelling, token);
          const told = `${spelling[0]}, ${what}`;
          const stranger = await getWithLines(port, lines);
          assert.ok([0, 400, 401].includes(stranger.status), `${told}: ${stranger.status}`);
          for (const all of [
            [cookieLine(attacker), ...lines],
            [...lines, cookieLine(attacker)],
          ]) {
            const { status, body } = await getWithLines(port, all);
            assert.ok([0, 200, 400, 401].includes(status), `${told}: ${status}`);
            if (status !== 200) continue;
            accepted += 1;
            assert.equal(JSON.parse(body).user, attacker.id, told);
          }
        }
        assert.ok(accepted > SPELLINGS.length, `${accepted} requests came through as the attacker's own`);
      });
    }

    for (const name of ["Node that echoes", "WSGI that echoes"]) {
      test(`${name}: the plain headers are stripped, and one identity arrives`, async () => {
        const { plain, identities, came } = await whatArrives(await startProxy(await upstream(name)));
        assert.deepEqual(plain, []);
        assert.deepEqual(identities, []);
        assert.ok(came > SPELLINGS.length / 2, `${came} requests came through`);
      });

      test(`${name}: without the lines that strip them the plain headers arrive`, async () => {
        const port = await startProxy(await upstream(name), (text) => text.replaceAll(STRIPPING, ""));
        const { plain } = await whatArrives(port);
        assert.ok(plain.includes("as it is") && plain.length > 5, plain.join());
      });
    }

    test("logging in goes to Latchkey, and asking for an identity does not", async () => {
      const port = await startProxy(await upstream("Node that verifies"));
      const body = new URLSearchParams({ username: attacker.email, password: attacker.password });
      const login = await fetch(`http://127.0.0.1:${port}${LOGIN}`, { method: "POST", body });
      assert.equal(login.status, 204, await login.text());
      assert.equal(login.headers.getSetCookie().length, 2);
      const asked = await fetch(`http://127.0.0.1:${port}/api/account/verify?aud=${UPSTREAM}`, {
        headers: { Cookie: attacker.client.cookieHeader },
      });
      assert.deepEqual([asked.status, asked.headers.get(IDENTITY_HEADER)], [404, null]);
      await asked.text();
    });
  });
}
