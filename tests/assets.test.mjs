/**
 * The static files: the OpenAPI document and the page that shows it, and the
 * page of links in mails, with no foreign host and no inline script; and the API behind them, which answers as
 * if they were not there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startLatchkey } from "../harness/latchkey.mjs";
import { ROOT } from "../scripts/lib.mjs";
import { makeKeys } from "../scripts/make-keys.mjs";
import { PATHS } from "./support/routes.mjs";

const POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const LINK_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

let latchkey;
let bare;
before(async () => {
  const secrets = { JWT_KEYS: makeKeys() };
  latchkey = await startLatchkey({ assets: true, secrets });
  bare = await startLatchkey({ secrets });
});
after(async () => {
  await latchkey.dispose();
  await bare.dispose();
});

async function ask(path, init) {
  const response = await latchkey.fetch(path, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function assertGuarded({ headers }, policy) {
  assert.equal(headers.get("Content-Security-Policy"), policy);
  assert.equal(headers.get("X-Content-Type-Options"), "nosniff");
  assert.equal(headers.get("Referrer-Policy"), "no-referrer");
  assert.equal(headers.get("Cross-Origin-Resource-Policy"), "same-origin");
}

describe("the static files", () => {
  test("/openapi.json is the repository's document", async () => {
    const answer = await ask("/openapi.json");
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("Content-Type") ?? "", /^application\/json/);
    assert.deepEqual(JSON.parse(answer.text), JSON.parse(readFileSync(join(ROOT, "docs", "openapi.json"), "utf8")));
    assertGuarded(answer, POLICY);
  });

  test("/docs is a page whose every file is the service's own", async () => {
    const page = await ask("/docs");
    assert.equal(page.status, 200);
    assert.match(page.headers.get("Content-Type") ?? "", /^text\/html/);
    assertGuarded(page, PAGE_POLICY);
    assert.doesNotMatch(page.text, /<style|\son\w+=|\sstyle=|<script>|https?:|"\/\//);
    const named = [...page.text.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path);
    assert.deepEqual(named, ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/page.mjs", "/openapi.json"]);
    for (const path of named) {
      const file = await ask(path);
      assert.equal(file.status, 200, path);
      assertGuarded(file, POLICY);
      const kind = { css: /^text\/css/, js: /^text\/javascript/, mjs: /^text\/javascript/, json: /^application\/json/ };
      assert.match(file.headers.get("Content-Type") ?? "", kind[path.split(".").at(-1) ?? ""], path);
    }
    assert.match((await ask("/docs/page.mjs")).text, /validatorUrl: null/);
  });

  test("/link is a page whose every file is the service's own", async () => {
    const page = await ask("/link");
    assert.equal(page.status, 200);
    assertGuarded(page, LINK_POLICY);
    assert.doesNotMatch(page.text, /<style|\son\w+=|\sstyle=|<script>|https?:|"\/\//);
    const named = [...page.text.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path);
    assert.deepEqual(named, ["/link/page.css", "/link/page.mjs"]);
    for (const path of [...named, "/link/words.mjs"]) {
      const file = await ask(path);
      assert.equal(file.status, 200, path);
      assertGuarded(file, POLICY);
    }
  });

  test("are read, never written, and have one spelling", async () => {
    for (const path of ["/docs", "/link", "/openapi.json"]) {
      const head = await ask(path, { method: "HEAD" });
      assert.deepEqual([head.status, head.text], [200, ""], path);
      for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await ask(path, { method })).status, 405, method);
    }
    for (const path of ["/docs/", "/docs.html"]) {
      const { status, headers } = await ask(path);
      assert.ok([307, 404].includes(status), `${path}: ${status}`);
      if (status === 307) assert.equal(headers.get("Location"), "/docs", path);
    }
  });

  test("come with nothing else of the build", async () => {
    for (const path of ["/_headers", "/index.js", "/build/index.js", "/docs/swagger-ui.js", "/docs/../_headers"]) {
      assert.equal((await ask(path)).status, 404, path);
    }
  });
});

describe("the API answers as without static files", () => {
  /** What an answer shows, but for what differs from request to request. */
  async function shown(service, path, method) {
    const answer = await service.raw(path, { method, headers: [["Sec-Fetch-Site", "same-origin"]] });
    const headers = answer.headers
      .map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => !["x-request-id", "date"].includes(name))
      .sort();
    const text = answer.body.toString().replace(/"requestId":"[^"]*"/, "");
    return { status: answer.status, headers, text };
  }
  const paths = PATHS.map(([path]) => path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA"));
  const unknown = [
    "/",
    "/docsx",
    "/openapi.json/",
    "/openapi.jsonx",
    "/favicon.ico",
    "/api",
    "/health/",
    "/index.html",
  ];
  for (const path of [...paths, ...unknown]) {
    test(path, async () => {
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        assert.deepEqual(await shown(latchkey, path, method), await shown(bare, path, method), method);
      }
    });
  }
});
