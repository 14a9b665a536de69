/** Fifty kills of workerd under eight writers (`npm run test:soak`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WRITERS, killLoop } from "../support/kill.mjs";

const KILLS = 50;

test(`${KILLS} kills of workerd under ${WRITERS} writers lose nothing`, async (t) => {
  const { acknowledged, cutOff } = await killLoop(KILLS);
  assert.ok(acknowledged > KILLS && cutOff > KILLS, "The kills hit writers at work.");
  t.diagnostic(`${KILLS} kills: ${acknowledged} acknowledged writes, none lost; ${cutOff} cut off, none by half`);
});
