/** The client of a page whose visitor logs in by mail. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leaveTabs, tab } from "./support/client-tab.mjs";
import { startMailing } from "./support/mailing.mjs";

let mailing;
before(async () => (mailing = await startMailing({ MAIL_LOGIN: "link" })));
after(async () => {
  leaveTabs();
  await mailing.dispose();
});

test("a page that confirms a login shows the user, also where another one was signed in", async () => {
  const [ada, eve] = [await mailing.person(), await mailing.person()];
  const { client } = tab(mailing.latchkey, mailing.visitor());
  await client.session.load();
  for (const { email } of [ada, eve]) {
    const before = client.session.get();
    assert.deepEqual(await client.requestLogin({ email }), { data: undefined });
    const { problem } = await client.confirmLogin({ token: "000000" });
    assert.equal(problem?.code, "invalid_link");
    assert.deepEqual(client.session.get(), before, "Nothing has changed yet.");
    const token = await mailing.tokenTo(email, "login-link");
    assert.deepEqual(await client.confirmLogin({ token }), { data: undefined });
    const state = client.session.get();
    assert.deepEqual([state.status, state.user?.email], ["signed_in", email]);
  }
});
