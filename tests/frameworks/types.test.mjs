/** An app in TypeScript compiles against each middleware and its framework's own types, and its mistakes do not. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/lib.mjs";
import { prepared } from "./prepared.mjs";

const SETTINGS = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "dom", "dom.iterable"],
    module: "esnext",
    moduleResolution: "bundler",
    types: [],
    noEmit: true,
    strict: true,
    skipLibCheck: true,
  },
  files: ["app.ts"],
};

for (const framework of ["hono", "sveltekit", "react-router", "astro", "next"]) {
  test(framework, () => {
    // Where the framework and the client are found, and nothing else is built.
    const folder = join(prepared(framework), "node_modules", ".latchkey-types");
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(ROOT, "tests", "frameworks", "types", `${framework}.ts`), join(folder, "app.ts"));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(SETTINGS));
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    const { status, stdout } = spawnSync(tsc, ["--project", folder], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
}
