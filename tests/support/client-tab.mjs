/**
 * A tab of a browser, as far as the client needs one: a cookie jar behind its
 * `fetch`, against a Latchkey with `entry: CHAOS`.
 */
import assert from "node:assert/strict";
import { createClient } from "../../client/dist/index.js";
import { Client } from "../../harness/client.mjs";
import { signUp } from "./people.mjs";

const START_MS = Date.UTC(2030, 0, 1);
const LAPSED_MS = START_MS + 700_000;
/** What ends the subscriptions of the tabs. */
const leaves = [];

/** A page that is left asks no more. */
export function leaveTabs() {
  for (const leave of leaves.splice(0)) leave();
}

/** The time at which people sign in; no faults. */
export const begin = (latchkey) => latchkey.control({ reset: true, nowMs: START_MS });

/**
 * A client whose `fetch` has a browser's cookie jar, the requests that it has sent, and each state of its session.
 * `disturb` may answer in the service's place, or throw.
 */
export function tab(latchkey, jar = new Client(latchkey)) {
  const sent = [];
  const tab = { jar, sent, disturb: (_path, send) => send() };
  const fetch = async (
    path,
    /** @type {RequestInit} */ { method = "GET", credentials, body, headers, signal } = {},
  ) => {
    signal?.throwIfAborted();
    assert.equal(credentials, path.startsWith("/api/") ? "include" : "omit");
    sent.push(`${method} ${path.replace("/api/account/", "")}`);
    return tab.disturb(path, async () => {
      const { status, text, headers: answered } = await jar.fetch(path, { method, body, headers });
      return new Response(status === 204 ? null : text, { status, headers: answered });
    });
  };
  const client = createClient({ fetch });
  const states = [];
  leaves.push(client.session.subscribe(({ status }) => states.push(status)));
  return Object.assign(tab, { client, states });
}

/** A tab of a user who is signed in. */
export async function signedIn(latchkey) {
  await begin(latchkey);
  const person = await signUp(latchkey);
  const page = tab(latchkey, person.client);
  assert.equal((await page.client.session.load()).user?.email, person.email);
  page.sent.length = 0;
  return { ...person, ...page, page };
}

/** The same, after the access cookie has lapsed, so that a browser drops it. */
export async function lapsed(latchkey) {
  const person = await signedIn(latchkey);
  await latchkey.control({ nowMs: LAPSED_MS });
  person.jar.cookies.delete("access_token");
  return person;
}
