/**
 * docs/security.md names tests as its evidence: each must exist.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const document = readFileSync(at("docs/security.md"), "utf8");
/** `file` › words of the test's name, up to the end of the cell or an aside. */
const EVIDENCE = /`([^`]+\.(?:mjs|rs))` › ([^|;(\n]+)/g;

test("every test that the security document names exists", () => {
  const named = [...document.matchAll(EVIDENCE)].map(([, file, name]) => [
    file.startsWith("src/") ? file : `tests/${file}`,
    name.trim(),
  ]);
  assert.ok(named.length > 100, `${named.length} references`);
  for (const [file, name] of named) {
    const source = readFileSync(at(file), "utf8");
    const found = file.endsWith(".rs")
      ? source.includes(`fn ${name}(`)
      : source.split("\n").some((line) => /\b(test|describe|family)\(/.test(line) && line.includes(name));
    assert.ok(found, `${file} has no test "${name}"`);
  }
});

test("every requirement of V6, V7 and V9 at levels 1 and 2 has its line", () => {
  const required = [
    "6.1.1",
    "6.1.2",
    "6.1.3",
    "6.2.1",
    "6.2.2",
    "6.2.3",
    "6.2.4",
    "6.2.5",
    "6.2.8",
    "6.2.9",
    "6.2.10",
    "6.2.11",
    "6.2.12",
    "6.3.1",
    "6.3.2",
    "6.3.3",
    "6.3.4",
    "6.4.2",
    "6.4.3",
  ]
    .concat([
      "7.1.1",
      "7.1.2",
      "7.2.1",
      "7.2.2",
      "7.2.3",
      "7.2.4",
      "7.3.1",
      "7.3.2",
      "7.4.1",
      "7.4.2",
      "7.4.3",
      "7.4.5",
      "7.5.1",
      "7.5.2",
      "7.6.2",
    ])
    .concat(["9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4"]);
  const lines = document
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split("|")[1]);
  for (const id of required)
    assert.ok(
      lines.some((ids) => ids.split(/[ ,(]+/).includes(id)),
      id,
    );
});
