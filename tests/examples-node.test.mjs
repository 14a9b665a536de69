/** examples/node/server.mjs, run as it is: a service that verifies access tokens with jose. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { decode, foreignKey, forge } from "../harness/tokens.mjs";
import { LOGOUT, signUp, tokenOf } from "./support/people.mjs";
import { freePort, startProgram } from "./support/programs.mjs";

const FILE = join(ROOT, "examples", "node", "server.mjs");
const LISTENING = /(http:\/\/127\.0\.0\.1:\d+)/;

let latchkey;
let person;
const services = [];
before(async () => {
  latchkey = await startLatchkey();
  person = await signUp(latchkey);
});
after(async () => {
  for (const { stop } of services) await stop();
  await latchkey.dispose();
});

async function service(keys = new URL("/.well-known/jwks.json", latchkey.url).href) {
  const env = { PORT: "0", ISSUER: latchkey.origin, KEYS: keys };
  const started = await startProgram(process.execPath, [FILE], { env, ready: LISTENING });
  services.push(started);
  return async (cookie) => {
    const answer = await fetch(started.match, { headers: { Cookie: cookie } });
    return { status: answer.status, body: await answer.json() };
  };
}

test("who has logged in is known, and nobody else", async () => {
  const ask = await service();
  const token = tokenOf(person.client, "access_token");
  const { header, claims } = decode(token);
  const known = await ask(person.client.cookieHeader);
  assert.deepEqual(known, { status: 200, body: { user: person.id, session: claims.sid, role: claims.role } });
  // Another program's cookie of this name does not matter.
  assert.equal((await ask(`access_token=zqx; ${person.client.cookieHeader}; access_token="zqx"`)).status, 200);
  const [key] = latchkey.keys.keys;
  for (const forged of [
    "",
    "zqx",
    tokenOf(person.client, "refresh_token"),
    forge(foreignKey(key.kid), header, claims),
    forge(key, { ...header, typ: "identity+jwt" }, claims),
    forge(key, header, { ...claims, aud: "another" }),
    forge(key, header, { ...claims, iat: claims.iat - 3_600, exp: claims.iat - 3_000 }),
  ]) {
    assert.equal((await ask(`access_token=${forged}`)).status, 401, forged);
  }
});

test("a session that has ended is accepted until its token expires, as the example says", async () => {
  const ask = await service();
  const { client } = await signUp(latchkey);
  const cookie = client.cookieHeader;
  assert.equal((await client.post(LOGOUT)).status, 204);
  assert.equal((await ask(cookie)).status, 200);
});

test("without the keys nobody is taken for a stranger", async () => {
  const ask = await service(`http://127.0.0.1:${await freePort()}/jwks.json`);
  assert.equal((await ask(person.client.cookieHeader)).status, 503);
  assert.equal((await ask("")).status, 401);
});
