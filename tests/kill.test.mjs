/** A short version of soak/kill.test.mjs: what was acknowledged survives workerd's sudden death. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WRITERS, killLoop } from "./support/kill.mjs";

const KILLS = 3;

test(`${KILLS} kills of workerd under ${WRITERS} writers lose nothing`, async (t) => {
  const { acknowledged, cutOff } = await killLoop(KILLS);
  assert.ok(acknowledged > 0 && cutOff > 0, "The kills hit writers at work.");
  t.diagnostic(`${KILLS} kills: ${acknowledged} acknowledged writes, none lost; ${cutOff} cut off, none by half`);
});
