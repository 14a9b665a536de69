/**
 * The types of the client: made from today's contract, right for an app that is
 * right, wrong for its mistakes, and a change of the contract breaks an app that
 * relied on what it was.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CONTRACT, DOCUMENT, contract, ownContract } from "../scripts/client-contract.mjs";
import { ROOT } from "../scripts/lib.mjs";

const FIXTURES = join("tests", "support", "client-types");
const document = readFileSync(join(ROOT, DOCUMENT), "utf8");

function compile(project) {
  const { status, stdout } = spawnSync(join(ROOT, "node_modules", ".bin", "tsc"), ["--project", project], {
    encoding: "utf8",
  });
  return { status, stdout };
}

test("the contract of the client is that of the document", () => {
  assert.equal(readFileSync(join(ROOT, CONTRACT), "utf8"), ownContract(), "Run: node scripts/client-contract.mjs");
});

test("every operation of the document is one of the client, pages apart", async () => {
  const { createClient } = await import("../client/dist/index.js");
  const client = createClient();
  const operations = Object.values(JSON.parse(document).paths)
    .flatMap((item) => Object.values(item))
    .filter(({ operationId, responses }) => operationId && !responses["200"]?.content?.["text/html"]);
  assert.ok(operations.length > 15);
  const { session: _, fetch: __, ...functions } = client;
  assert.equal(Object.keys(functions).length, operations.length);
});

test("an app compiles, and its mistakes do not", () => {
  const { status, stdout } = compile(join(ROOT, FIXTURES));
  assert.equal(status, 0, stdout);
});

describe("a change of the contract breaks an app that relied on it", () => {
  /** @type {Record<string, { change: (text: string) => string, broken: RegExp }>} */
  const CHANGES = {
    "a field of an answer has another name": {
      change: (text) => text.replaceAll('"userAgent"', '"browser"'),
      broken: /right\.ts.*Property 'userAgent' does not exist/,
    },
    "a field of a request has another name": {
      change: (text) => text.replaceAll('"username"', '"email"'),
      broken: /right\.ts.*'username' does not exist/,
    },
    "a problem has another code": {
      change: (text) => text.replaceAll('"email_taken"', '"address_taken"'),
      broken: /right\.ts.*"email_taken"/,
    },
    "a problem has another status": {
      change: (text) => text.replaceAll(/(EmailTakenProblem[\s\S]*?"const": )409/g, "$1410"),
      broken: /right\.ts.*Type '410' is not assignable to type '409'/,
    },
    "an operation is gone": {
      change: (text) => text.replaceAll('"AccountActivity"', '"AccountEvents"'),
      broken: /right\.ts.*Property 'activity' does not exist/,
    },
    "a value may be null": {
      change: (text) => {
        const changed = JSON.parse(text);
        changed.components.schemas.UserAuth.properties.email.type = ["string", "null"];
        return JSON.stringify(changed);
      },
      broken: /right\.ts.*Type 'string \| null' is not assignable to type 'string'/,
    },
    "a login has one more code": {
      change: (text) => {
        const changed = JSON.parse(text);
        changed.paths["/api/account/login"].post.responses["404"] = { $ref: "#/components/responses/NotFound" };
        return JSON.stringify(changed);
      },
      broken: /right\.ts.*Property 'not_found' is missing/,
    },
  };

  for (const [name, { change, broken }] of Object.entries(CHANGES)) {
    test(name, (t) => {
      const folder = mkdtempSync(join(tmpdir(), "latchkey-types-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      for (const path of [FIXTURES, join("client", "src")])
        cpSync(join(ROOT, path), join(folder, path), { recursive: true });
      symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
      writeFileSync(join(folder, CONTRACT), contract(JSON.parse(document)));
      assert.equal(compile(join(folder, FIXTURES)).status, 0);
      const changed = change(document);
      assert.notEqual(changed, document);
      writeFileSync(join(folder, CONTRACT), contract(JSON.parse(changed)));
      const { status, stdout } = compile(join(folder, FIXTURES));
      assert.notEqual(status, 0);
      assert.match(stdout, broken);
    });
  }
});
