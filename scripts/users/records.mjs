/**
 * A file of users as records, whatever its form: `{line, at, row}` with the
 * fields by name, or `{line, at, damage}`. The first line of a CSV file names
 * its columns, except where a source says otherwise.
 */
import { extname } from "node:path";
import { Failure } from "../lib.mjs";
import { csvRecords } from "./csv.mjs";
import { jsonRecords } from "./json.mjs";

/**
 * @import { Bytes } from "./bytes.mjs"
 * @import { Fields, Source } from "./sources.mjs"
 *
 * @typedef {{ line: number, at: number } & (
 *   | { row: Fields, damage?: undefined }
 *   | { row?: undefined, damage: string }
 * )} FileRecord
 *
 * @typedef {object} Columns Of a CSV file.
 * @property {Record<number, string>} names By index.
 * @property {number} least
 * @property {number | null} count Of every line; null: any.
 */

/** How programs write that there is no value, in any case; and in the spelling in which nobody is called. */
const NO_VALUE = new Set([
  "null",
  "\\n",
  "none",
  "nil",
  "undefined",
  "nan",
  "nat",
  "na",
  "n/a",
  "(null)",
  "<null>",
  "[null]",
  "<na>",
]);
const NO_NAME = new Set(["NULL", "null", "\\N", "None", "(null)", "(NULL)", "<null>", "<NULL>", "[NULL]"]);
/** Columns in which people write what they like. */
const NAMES = new Set(["name", "displayName", "full_name", "first_name", "last_name"]);

/** @type {Record<string, string>} */
const FORMATS = { ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl" };

/**
 * `csv` or `jsonl`; by the file's name, unless told.
 *
 * @param {string} path
 * @param {string} [told]
 */
export function formatOf(path, told) {
  if (told !== undefined && !["csv", "jsonl"].includes(told))
    throw new Failure(`--format is csv or jsonl, not "${told}".`);
  const format = told ?? FORMATS[extname(path).toLowerCase()];
  if (!format) throw new Failure(`Say what ${path} is: --format csv or --format jsonl.`);
  return format;
}

/**
 * @param {Bytes} bytes
 * @param {string} format
 * @param {Source} source
 * @returns {AsyncGenerator<FileRecord>}
 */
export async function* records(bytes, format, source) {
  if (format === "jsonl") {
    for await (const { line, at, object, damage } of jsonRecords(bytes)) {
      if (object) yield { line, at, row: object };
      else yield { line, at, damage };
    }
    return;
  }
  /** @type {Columns | null} */
  let columns = source.columns ? { ...source.columns, count: null } : null;
  for await (const { line, at, values, damage } of csvRecords(bytes)) {
    if (damage && !columns) throw new Failure(`The first line, which names the columns, is damaged (${damage}).`);
    if (damage !== undefined) yield { line, at, damage };
    else if (!columns) columns = header(values, source.required ?? []);
    else if (values.length < columns.least || values.length !== (columns.count ?? values.length))
      yield { line, at, damage: "wrong_column_count" };
    else
      yield {
        line,
        at,
        row: Object.fromEntries(
          Object.entries(columns.names).map(([index, name]) => [name, cellValue(name, values[Number(index)])]),
        ),
      };
  }
}

/**
 * CSV has no NULL: an empty field is no value, and so is one in which a program has written it out.
 *
 * @param {string} column
 * @param {string} text
 */
function cellValue(column, text) {
  const word = text.trim();
  const isNone = NAMES.has(column) ? NO_NAME.has(word) : NO_VALUE.has(word.toLowerCase());
  return isNone ? "" : text;
}

/**
 * Columns by index.
 *
 * @param {string[]} values
 * @param {string[]} required
 * @returns {Columns}
 */
function header(values, required) {
  const names = values.map((name) => name.trim());
  const isTwice = new Set(names).size < names.length;
  if (isTwice) throw new Failure("The first line names a column twice.");
  const missing = required.filter((name) => !names.includes(name));
  // The first line of a file without a header holds data: it is not repeated here.
  if (missing.length > 0) throw new Failure(`The first line must name the columns; missing: ${missing.join(", ")}.`);
  return { names: { ...names }, least: names.length, count: names.length };
}
