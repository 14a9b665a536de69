/** A short version of soak/mail.test.mjs: no mail is lost, sent under two ids, or sent for what did not happen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mailKillLoop } from "./support/mail-kill.mjs";

const CHANGES = 40;

test(`${CHANGES} resets and changes under kills and a provider that loses its answers: each mail leaves under one id`, async (t) => {
  const { tried, acknowledged, rolledBack, mails, tries, kills } = await mailKillLoop(CHANGES);
  assert.ok(acknowledged > 0 && rolledBack > 0 && kills > 0 && tries > mails, "Something went wrong on the way.");
  t.diagnostic(`${tried} changes, ${acknowledged} acknowledged, ${kills} kills: ${mails} mails in ${tries} tries`);
});
