/**
 * What a benchmark found, in four places: tables on the terminal,
 * `bench/results/<name>.json`, plots in `bench/plots/`, and the block between
 * `<!-- bench:<name> -->` and `<!-- /bench:<name> -->` of bench/RESULTS.md.
 *
 *     return report("work", {
 *       title: "Work counted",
 *       command: "npm run bench:work",
 *       tables: [{ title: "D1", columns: ["endpoint", "round trips"], rows: [["login", 2]], note: "…" }],
 *       plots: [{ file: "rows", title: "Rows written", unit: "rows", bars: [{ label: "login", value: 7 }] }],
 *       limits: [{ name: "refresh: round trips", wanted: "1", found: "1", ok: true }],
 *       data: { … },
 *     });
 *
 * Nothing here measures. Everything written is committed: it names the
 * processor, never the machine, its user or its folders.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { Failure, ROOT, RUST_VERSION, output, say } from "../scripts/lib.mjs";
import { plotSvg } from "./plot.mjs";

/**
 * @import { Plot } from "./plot.mjs"
 *
 * @typedef {object} Table
 * @property {string} title
 * @property {string[]} columns
 * @property {(string | number)[][]} rows
 * @property {string} [note]
 *
 * @typedef {object} Limit
 * @property {string} name
 * @property {string} wanted
 * @property {string} found
 * @property {boolean} ok
 *
 * @typedef {object} Findings
 * @property {string} title
 * @property {string} command
 * @property {Table[]} [tables]
 * @property {(Plot & { file: string })[]} [plots]
 * @property {Limit[]} [limits]
 * @property {object} [data]
 * @property {boolean} [save]
 *
 * @typedef {ReturnType<typeof machineFacts>} Machine
 *
 * @typedef {Required<Omit<Findings, "save">> & { machine: Machine }} Result As in its JSON file.
 */

const DOCUMENT = join("bench", "RESULTS.md");
const PLOTS = join("bench", "plots");
const RESULTS = join("bench", "results");

/**
 * Prints and keeps a result. All but the title and the command may be left out:
 *
 * - `tables`: cells are texts or numbers; every column but the first is
 *   aligned to the right; `note` is a sentence below the table
 * - `plots`: see plot.mjs; `file` becomes `bench/plots/<name>-<file>.svg`
 * - `limits`: the required limits, each with the verdict
 * - `data`: the raw figures, for the JSON file only
 * - `save: false`: prints only, for a trial with fewer rounds
 *
 * Returns the exit code, for `main`: 1 when a limit is missed.
 *
 * @param {string} name
 * @param {Findings} findings
 */
export function report(name, { title, command, tables = [], plots = [], limits = [], data = {}, save = true }) {
  const all = limits.length === 0 ? tables : [...tables, limitsTable(limits)];
  const machine = machineFacts();
  console.log(`\n${title}\n${factsLine(command, machine)}`);
  for (const table of all) print(table);
  if (save) keep(name, { title, command, machine, tables: all, plots, limits, data });
  const missed = limits.filter(({ ok }) => !ok);
  for (const { name: limit, wanted, found } of missed) console.error(`\nMissed: ${limit}: ${found}, wanted ${wanted}.`);
  return missed.length === 0 ? 0 : 1;
}

/**
 * The block of the document for a result as in its JSON file.
 *
 * @param {string} name
 * @param {Pick<Result, "command" | "machine" | "tables" | "plots">} result
 */
export function block(name, { command, machine, tables, plots }) {
  const parts = [
    `${factsLine(`\`${command}\``, machine)}`,
    ...tables.map(markdownTable),
    ...plots.map(({ file, title }) => `![${title}](plots/${name}-${file}.svg)`),
  ];
  return [opening(name), ...parts, closing(name)].join("\n\n");
}

/**
 * Milliseconds with their significant digits.
 *
 * @param {number} number
 */
export function ms(number) {
  return `${number.toFixed(number < 10 ? 2 : 1)} ms`;
}

/** @param {number} number */
export function ratio(number) {
  return number.toFixed(2);
}

/**
 * `quantile(numbers, 0.5)`: the smallest number that at least half of them do not exceed.
 *
 * @param {number[]} numbers
 * @param {number} share
 */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/**
 * @param {string} name
 * @param {Result} result
 */
function keep(name, result) {
  // The raw figures first: they are what cannot be had again in a minute.
  write(RESULTS, `${name}.json`, `${JSON.stringify(result, null, 2)}\n`);
  publish(name, result);
}

/**
 * Plots and the document's block, for a result as in its JSON file.
 *
 * @param {string} name
 * @param {Result} result
 */
export function publish(name, result) {
  for (const plot of result.plots) write(PLOTS, `${name}-${plot.file}.svg`, plotSvg(plot));
  const path = join(ROOT, DOCUMENT);
  const text = readFileSync(path, "utf8");
  const [start, end] = [text.indexOf(opening(name)), text.indexOf(closing(name))];
  if (start === -1 || end < start)
    throw new Failure(`${DOCUMENT} has no block for "${name}": add "${opening(name)}" and "${closing(name)}".`);
  writeFileSync(path, text.slice(0, start) + block(name, result) + text.slice(end + closing(name).length));
  say(`Written: the block "${name}" of ${DOCUMENT}, ${result.plots.length} plots.`);
}

/**
 * @param {string} folder
 * @param {string} file
 * @param {string} text
 */
function write(folder, file, text) {
  mkdirSync(join(ROOT, folder), { recursive: true });
  writeFileSync(join(ROOT, folder, file), text);
}

/** @param {string} name */
function opening(name) {
  return `<!-- bench:${name} -->`;
}

/** @param {string} name */
function closing(name) {
  return `<!-- /bench:${name} -->`;
}

/**
 * @param {Limit[]} limits
 * @returns {Table}
 */
function limitsTable(limits) {
  return {
    title: "Limits",
    columns: ["limit", "wanted", "found", "verdict"],
    rows: limits.map(({ name, wanted, found, ok }) => [name, wanted, found, ok ? "held" : "missed"]),
  };
}

/** What else decides about a figure. */
function machineFacts() {
  const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules", "workerd", "package.json"), "utf8"));
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    processor: cpus()[0]?.model.trim() || "unknown",
    cores: cpus().length,
    node: process.versions.node,
    workerd: version,
    rust: RUST_VERSION,
  };
}

/** What a benchmark itself writes does not make the code another one. */
function commit() {
  const head = output("git", ["rev-parse", "--short", "HEAD"]);
  if (head === null) return "unknown";
  const unchanged =
    output("git", ["diff", "--quiet", "HEAD", "--", ".", `:!${DOCUMENT}`, ":!bench/plots", ":!bench/results"]) !== null;
  return unchanged ? head.trim() : `${head.trim()} and changes`;
}

/**
 * @param {string} command
 * @param {Machine} machine
 */
function factsLine(command, { date, commit, processor, cores, node, workerd, rust }) {
  return `${command}, ${date}, commit ${commit}: ${processor}, ${cores} cores, Node ${node}, workerd ${workerd}, Rust ${rust}.`;
}

/** @param {Table} table */
function print({ title, columns, rows, note }) {
  const lines = [columns, ...rows].map((cells) => cells.map(String));
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => cells[i].length)));
  console.log(`\n${title}`);
  for (const cells of lines) {
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
  if (note) console.log(note);
}

/** @param {Table} table */
function markdownTable({ title, columns, rows, note }) {
  /** @param {(string | number)[]} cells */
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = `|${columns.map((_, i) => (i === 0 ? "---" : "---:")).join("|")}|`;
  return [`**${title}**`, "", line(columns), rule, ...rows.map(line), ...(note ? ["", note] : [])].join("\n");
}
