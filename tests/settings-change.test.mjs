/**
 * Settings, secrets and bindings that change under an isolate, as Cloudflare
 * lets them: the next request uses the new ones, and nothing that the isolate
 * remembers outlives the old ones.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { makeKeys } from "../scripts/make-keys.mjs";
import { CHAOS, startLatchkey } from "../harness/latchkey.mjs";
import {
  LOGIN,
  PASSWORD,
  PROFILE,
  REFRESH,
  REGISTER,
  logIn,
  newEmail,
  register,
  signUp,
  tokenOf,
} from "./support/people.mjs";
import { assertProblem } from "./support/problems.mjs";
import { Client } from "../harness/client.mjs";

let latchkey;
before(async () => (latchkey = await startLatchkey({ entry: CHAOS })));
after(() => latchkey.dispose());
beforeEach(() => latchkey.control({ reset: true }));

/** The same isolate continues with these vars and secrets; a null removes one. */
const become = (texts) => latchkey.control({ texts });
const kidOf = (client) =>
  JSON.parse(Buffer.from(tokenOf(client, "access_token").split(".")[0], "base64url").toString()).kid;
const kidOfSet = (set) => JSON.parse(set).keys[0].kid;

describe("a signing key", () => {
  test("that is taken out verifies and signs nothing from the next request on, remembered tokens included", async () => {
    const person = await signUp(latchkey);
    // Twice: the second answer is from what the isolate remembers.
    for (let i = 0; i < 2; i += 1) assert.equal((await person.client.get(PROFILE)).status, 200);
    const fresh = makeKeys();
    await become({ JWT_KEYS: fresh });
    assertProblem(await person.client.copy().get(PROFILE), "invalid_token");
    assertProblem(await person.client.copy().post(REFRESH), "invalid_token", { error: "invalid_grant" });
    const later = await logIn(latchkey, person);
    assert.equal(kidOf(later), kidOfSet(fresh));
    // A rollback in turn.
    await become({});
    assert.equal((await person.client.get(PROFILE)).status, 200);
    assertProblem(await later.get(PROFILE), "invalid_token");
  });

  test("that is put in front signs, and the old one goes on verifying", async () => {
    const person = await signUp(latchkey);
    const fresh = makeKeys();
    const both = JSON.stringify({ keys: [...JSON.parse(fresh).keys, ...latchkey.keys.keys] });
    await become({ JWT_KEYS: both });
    assert.equal((await person.client.get(PROFILE)).status, 200);
    assert.equal((await person.client.post(REFRESH)).status, 204);
    assert.equal(kidOf(person.client), kidOfSet(fresh));
  });
});

describe("a request under way", () => {
  test("ends with the settings that it began with", async () => {
    const person = await register(latchkey);
    await latchkey.control({ resetCounters: true, d1DelayMs: 500 });
    const client = new Client(latchkey);
    const answer = client.post(LOGIN, { form: { username: person.email, password: PASSWORD } });
    while ((await latchkey.counters()).d1 === 0);
    await become({ JWT_KEYS: makeKeys(), AUDIENCE: "another" });
    assert.equal((await answer).status, 204);
    assert.equal(kidOf(client), kidOfSet(JSON.stringify(latchkey.keys)));
    assertProblem(await client.get(PROFILE), "invalid_token");
  });
});

describe("a setting", () => {
  const registering = (password) => new Client(latchkey).post(REGISTER, { json: { email: newEmail(), password } });

  test("that changes counts for the next request, and the one before comes back the same way", async () => {
    const short = "zw8lf-ze1chen";
    assert.equal((await registering(short)).status, 201);
    await become({ PASSWORD_MIN_LENGTH: "20" });
    assertProblem(await registering(short), "validation_failed", { errors: [["password", "too_short"]] });
    await become({});
    assert.equal((await registering(short)).status, 201);
  });

  test("of another type than text counts as well", async () => {
    await become({ PASSWORD_MIN_LENGTH: 20 });
    assertProblem(await registering("zw8lf-ze1chen"), "validation_failed", { errors: [["password", "too_short"]] });
  });

  test("AUDIENCE ends the access tokens, remembered ones included, and a refresh gives new ones", async () => {
    const { client } = await signUp(latchkey);
    assert.equal((await client.get(PROFILE)).status, 200);
    await become({ AUDIENCE: "another" });
    assertProblem(await client.get(PROFILE), "invalid_token");
    assert.equal((await client.post(REFRESH)).status, 204);
    assert.equal((await client.get(PROFILE)).status, 200);
  });

  test("PROFILE_CONSISTENCY is obeyed in spite of the copies in memory", async () => {
    const { client } = await signUp(latchkey);
    for (const d1 of [1, 0]) {
      await latchkey.settled();
      await latchkey.resetCounters();
      assert.equal((await client.get(PROFILE)).status, 200);
      assert.equal((await latchkey.counters()).d1, d1);
    }
    await become({ PROFILE_CONSISTENCY: "strict" });
    await latchkey.resetCounters();
    assert.equal((await client.get(PROFILE)).status, 200);
    assert.equal((await latchkey.counters()).d1, 1);
  });

  test("that is wrong is a 503 on every path, logged once, until it is mended", async () => {
    for (const texts of [{ ISSUER: null }, { JWT_KEYS: "" }, { ARGON2_MEMORY_KIB: "1" }]) {
      const logged = () => latchkey.logs.filter(({ message }) => message.includes("service.misconfigured")).length;
      const before = logged();
      await become(texts);
      for (let i = 0; i < 3; i += 1) assertProblem(await new Client(latchkey).get("/health"), "misconfigured");
      assert.equal(logged(), before + 1, JSON.stringify(texts));
      await become({});
      assert.equal((await latchkey.fetch("/health")).status, 200);
    }
  });
});
