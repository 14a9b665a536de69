/**
 * An endpoint that nobody has told the tests and the benchmarks of: each route
 * of the inventory (docs/routes.json) has its scene in the fault matrix, and
 * its work is counted. The stories of tests/queries.test.mjs and
 * tests/canaries.test.mjs look for themselves whether they send every route,
 * and tests/documents.test.mjs whether the documents name it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { assertListed } from "./support/problems.mjs";
import { missingFrom, ROUTES, routeOf } from "./support/routes.mjs";
import { ROUTES as SCENES } from "./support/scene.mjs";

describe("every route of the inventory", () => {
  test("is found by its method and path, and by nothing else", () => {
    for (const route of ROUTES) {
      assert.equal(routeOf(route.method, route.path), route);
      assert.equal(routeOf(route.method, `${route.path.replace("{id}", "x")}?y=/z`), route);
      assert.equal(routeOf(route.method, `https://auth.example.com${route.path}`), route);
    }
    assert.equal(routeOf("HEAD", "/health"), routeOf("GET", "/health"));
    for (const [method, path] of [
      ["PUT", "/health"],
      ["GET", "/health/x"],
      ["GET", "/healthy"],
      ["DELETE", "/api/account/sessions/x/y"],
    ])
      assert.equal(routeOf(method, path), undefined, path);
    assert.equal(missingFrom([]).length, ROUTES.length);
  });

  test("is held to its list of problems by every test that sees a refusal", () => {
    assertListed(["DELETE", "/api/account/sessions/x"], "not_found");
    assertListed(["GET", "/nowhere"], "not_found");
    assert.throws(() => assertListed(["GET", "/api/account/profile"], "not_found"), /not_found/);
    assert.throws(() => assertListed(["GET", "/nowhere"], "invalid_token"), /invalid_token/);
  });

  test("has a scene of the fault matrix (tests/support/scene.mjs)", () => {
    assert.deepEqual(missingFrom(SCENES.map(({ name }) => name.split(" "))), []);
  });

  test("has its work counted (bench/work.mjs, by its last result)", () => {
    const { data } = JSON.parse(readFileSync(join(ROOT, "bench", "results", "work.json"), "utf8"));
    assert.deepEqual(missingFrom(data.own.map(({ request }) => request.split(" "))), []);
  });
});
