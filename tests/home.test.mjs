/** `GET /`: a page where it is wanted, which leads somewhere; elsewhere an unknown path. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "../harness/client.mjs";
import { startLatchkey } from "../harness/latchkey.mjs";
import { assertHeaders, assertProblem } from "./support/problems.mjs";

const METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"];

describe("on this machine", () => {
  let latchkey;
  before(async () => (latchkey = await startLatchkey({ assets: true })));
  after(() => latchkey.dispose());

  test("the page says what runs here, without a script, and each of its links leads somewhere", async () => {
    const page = await new Client(latchkey).get("/");
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("Content-Type"), "text/html; charset=utf-8");
    assertHeaders(page);
    assert.match(page.text, /<h1>Latchkey<\/h1>[\s\S]*It is ready/);
    assert.doesNotMatch(page.text, /<script|<style|\sstyle=|\son\w+=/);
    const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, path]) => path);
    assert.deepEqual(links, ["/docs", "/.well-known/jwks.json", "/ready"]);
    for (const path of links) {
      const response = await latchkey.fetch(path);
      await response.text();
      assert.equal(response.status, 200, path);
    }
  });

  test("the path takes GET and HEAD alone", async () => {
    const client = new Client(latchkey);
    for (const method of ["POST", "PATCH", "DELETE", "OPTIONS"]) {
      const answer = await client.fetch("/", { method });
      assertProblem(answer, "method_not_allowed", { message: method });
      assert.equal(answer.headers.get("Allow"), "GET, HEAD");
    }
    const head = await latchkey.fetch("/", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });
});

describe("elsewhere, and with HOME_PAGE=off", () => {
  /** @type {Record<string, import("../harness/latchkey.mjs").Texts>} */
  const settings = {
    "an issuer of another host": { ISSUER: "https://auth.example.org" },
    "this machine, but off": { HOME_PAGE: "off" },
  };
  for (const [name, vars] of Object.entries(settings)) {
    test(`${name}: the path is unknown, whatever the method`, async (t) => {
      const latchkey = await startLatchkey({ vars });
      t.after(() => latchkey.dispose());
      for (const method of METHODS) {
        const response = await latchkey.fetch("/", { method });
        await response.text();
        assert.equal(response.status, 404, method);
      }
    });
  }

  test("another host has it with HOME_PAGE=on", async (t) => {
    const latchkey = await startLatchkey({ vars: { ISSUER: "https://auth.example.org", HOME_PAGE: "on" } });
    t.after(() => latchkey.dispose());
    const response = await latchkey.fetch("https://auth.example.org/");
    assert.match(await response.text(), /<h1>Latchkey<\/h1>/);
    assert.equal(response.status, 200);
  });
});
