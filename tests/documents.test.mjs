/**
 * What the documents refer to exists: files and headings of links, and paths in
 * backticks. The tables of endpoints and codes are complete.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/lib.mjs";
import { PROBLEMS, ROUTES } from "./support/routes.mjs";

const read = (path) => readFileSync(join(ROOT, path), "utf8");
const DOCUMENTS = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(ROOT, path)));
/** `[text](target)` and `![text](target)`. */
const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
/** A path of the repository in backticks: of a file, or of a folder when it ends with a slash. */
const PATH =
  /`((?:src|docs|scripts|tests|bench|harness|migrations|package|examples)\/[\w./-]+|(?:README|ARCHITECTURE|CHANGELOG|Cargo|wrangler|deny|clippy)\.(?:md|toml))`/g;

/** The text without its fenced blocks, which are not Markdown. */
function prose(text) {
  return text.replaceAll(/^```[\s\S]*?^```/gm, "");
}

/** The anchors that GitHub creates for a document's headings. */
function anchors(path) {
  const seen = new Map();
  return [...prose(read(path)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

describe("every link within the repository leads somewhere", () => {
  for (const path of DOCUMENTS) {
    test(path, () => {
      for (const [, link] of prose(read(path)).matchAll(LINK)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file, anchor] = link.split("#");
        const target = file === "" ? path : normalize(join(dirname(path), file));
        assert.ok(existsSync(join(ROOT, target)), `${path}: ${link}`);
        if (anchor !== undefined) assert.ok(anchors(target).includes(anchor), `${path}: ${link}`);
      }
    });
  }
});

describe("every path in backticks exists", () => {
  for (const path of DOCUMENTS) {
    test(path, () => {
      for (const [, named] of prose(read(path)).matchAll(PATH)) {
        assert.ok(existsSync(join(ROOT, named)), `${path}: ${named}`);
      }
    });
  }
});

test("every decision is in the index, and has its four parts", () => {
  const index = read("docs/decisions/README.md");
  const pages = DOCUMENTS.filter((path) => /^docs\/decisions\/\d/.test(path));
  assert.ok(pages.length > 40);
  for (const path of pages) {
    const text = read(path);
    assert.deepEqual(
      [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
      ["Context", "Decision", "Consequences", "Code"],
      path,
    );
    const [, number, title] = /^# (\d+)\. (.+)\n/.exec(text) ?? [];
    assert.equal(Number(number), Number(path.slice("docs/decisions/".length).slice(0, 4)), path);
    assert.ok(index.includes(`[${number}. ${title}](${path.slice("docs/decisions/".length)})`), path);
  }
});

/** `| \`operation\` | \`METHOD /path\` …`. */
const ENDPOINT = /^\| `(\w+)` \| `([A-Z]+) ([^`]+)`/gm;

for (const path of ["README.md", "docs/http.md"]) {
  test(`${path} lists every endpoint with its method and path`, () => {
    const listed = [...read(path).matchAll(ENDPOINT)].map(([, ...cells]) => cells.join(" "));
    const known = ROUTES.map(({ operation, method, path }) => `${operation} ${method} ${path}`);
    assert.deepEqual(listed.sort(), known.sort());
  });
}

test("docs/http.md lists every code with its status", () => {
  const section = read("docs/http.md").split("\n## 4. Errors\n")[1].split("\n## ")[0];
  const listed = [...section.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(
    ([, code, status]) => `${code} ${status}`,
  );
  assert.deepEqual(
    listed.sort(),
    Object.entries(PROBLEMS)
      .map(([code, status]) => `${code} ${status}`)
      .sort(),
  );
});
