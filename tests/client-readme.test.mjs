/**
 * Every snippet of client/README.md and of the pages for front ends compiles,
 * and the table of operations is complete.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compile } from "svelte/compiler";
import { createClient } from "../client/dist/index.js";
import { ROOT } from "../scripts/lib.mjs";

const README = "client/README.md";
const DOCUMENTS = [README, "docs/front-end.md", "docs/moving-clients.md"];
const BLOCK = /^```(tsx?|svelte)\n([\s\S]+?)^```/gm;
/** The first line of a module that others import. */
const NAMED = /^\/\/ (\S+\.ts)\n/;

const read = (path) => readFileSync(join(ROOT, path), "utf8");
const blocksOf = (path) => [...read(path).matchAll(BLOCK)].map(([, language, code]) => ({ language, code }));

describe("the snippets compile", () => {
  for (const path of DOCUMENTS) {
    test(path, (t) => {
      const folder = mkdtempSync(join(tmpdir(), "latchkey-readme-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      mkdirSync(join(folder, "node_modules", "@latchkey"), { recursive: true });
      symlinkSync(join(ROOT, "client"), join(folder, "node_modules", "@latchkey", "client"));
      for (const name of ["react", "vue", "@types"]) {
        symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
      }
      const [client] = blocksOf(README);
      writeFileSync(join(folder, "latchkey.ts"), client.code);
      const blocks = blocksOf(path).filter(({ language }) => language !== "svelte");
      assert.ok(blocks.length > 0);
      for (const [i, { language, code }] of blocks.entries()) {
        const [, name = `snippet-${i + 1}.${language}`] = NAMED.exec(code) ?? [];
        writeFileSync(join(folder, name), code);
      }
      const options = {
        compilerOptions: {
          strict: true,
          noEmit: true,
          target: "es2022",
          lib: ["es2022", "dom"],
          module: "esnext",
          moduleResolution: "bundler",
          jsx: "react-jsx",
          types: [],
          skipLibCheck: true,
        },
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
      const tsc = join(ROOT, "node_modules", ".bin", "tsc");
      const { status, stdout } = spawnSync(tsc, ["--project", folder], { encoding: "utf8" });
      assert.equal(status, 0, stdout);
    });
  }

  test("Svelte's", () => {
    const [{ code }] = blocksOf(README).filter(({ language }) => language === "svelte");
    assert.deepEqual(compile(code, { filename: "Greeting.svelte" }).warnings, []);
  });
});

test("client/README.md lists every operation", () => {
  const section = read(README).split("## Operations")[1].split("\n| `code`")[0];
  const rows = [...section.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, names]) => names.match(/\w+/g));
  const { session: _, fetch: __, ...operations } = createClient();
  assert.deepEqual(rows.sort(), Object.keys(operations).sort());
});
