/**
 * Reads JSON objects one by one: one a line, or as the elements of an array.
 * A damaged one costs itself.
 *
 * In an array reading goes on at the next line that begins as the first
 * element's did. JSON has no line breaks inside texts, so nothing that a
 * person wrote can look like that line.
 */
import { MAX_RECORD_BYTES, NEWLINE, decode } from "./bytes.mjs";

/**
 * @import { Bytes } from "./bytes.mjs"
 * @import { Place } from "./csv.mjs"
 *
 * @typedef {{ object: Record<string, any>, damage?: undefined } | { object?: undefined, damage: string }} Parsed
 */

const [BACKSLASH, QUOTE] = [0x5c, 0x22];
const [OPEN, CLOSE, END] = [0x7b, 0x7d, 0x5d];
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d, 0x2c]); // and commas
/** What stands before the first element: of an array, or of Firebase's document. */
const ARRAY = /^\s*(?:\{\s*"users"\s*:\s*)?\[/;
const HEAD_BYTES = 256;
/** More than this behind the end of an array is not taken for blanks. */
const MAX_BLANKS = 65_536;

/** What ends a whole array, and a whole document of Firebase; behind the bracket, what may follow it. */
const ENDS = { array: { file: /\]\s*$/, rest: /^\s*$/ }, document: { file: /\]\s*\}\s*$/, rest: /^\s*\}\s*$/ } };

/**
 * Yields `{line, at, object}` or `{line, at, damage}`.
 *
 * @param {Bytes} bytes
 * @returns {AsyncGenerator<Place & Parsed>}
 */
export async function* jsonRecords(bytes) {
  const head = (await bytes.from(bytes.start)).subarray(0, HEAD_BYTES).toString("latin1");
  const array = ARRAY.exec(head);
  yield* array ? elements(bytes, bytes.start + array[0].length, array[0]) : lines(bytes);
}

/**
 * @param {Bytes} bytes
 * @returns {AsyncGenerator<Place & Parsed>}
 */
async function* lines(bytes) {
  let line = 0;
  for (let at = bytes.start, next; at < bytes.size; at = next) {
    next = await bytes.lineAfter(at);
    line += 1;
    const record = await slice(bytes, at, next);
    if (record.text?.trim() === "") continue;
    yield { line, at, ...parse(record) };
  }
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 * @param {string} head
 * @returns {AsyncGenerator<Place & Parsed>}
 */
async function* elements(bytes, at, head) {
  const ends = head.includes("{") ? ENDS.document : ENDS.array;
  let line = 1 + head.split("\n").length - 1;
  /** @type {string | undefined} */
  let indent;
  while (at < bytes.size) {
    const [byte] = await bytes.from(at);
    if (byte === END) {
      const { damage, at: from } = await behind(bytes, at + 1, ends);
      if (damage) yield { line, at: from, damage };
      return;
    }
    if (BLANKS.has(byte)) {
      if (byte === NEWLINE) line += 1;
      at += 1;
      continue;
    }
    indent ??= await indentOf(bytes, at);
    const end = byte === OPEN ? await objectEnd(bytes, at) : null;
    if (end === null) {
      yield { line, at, damage: "bad_json" };
      const next = await nextElement(bytes, at, indent);
      line += next.lines;
      at = next.at;
      continue;
    }
    const record = await slice(bytes, at, end);
    yield { line, at, ...parse(record) };
    line += (record.text ?? "").split("\n").length - 1;
    at = end;
  }
  // Where its last element was damaged, the closing bracket was passed over with it.
  if (!ends.file.test(await bytes.tail(HEAD_BYTES))) yield { line, at, damage: "cut_off" };
}

/**
 * Whether the file ends as it should behind the bracket that closes the array.
 *
 * @param {Bytes} bytes
 * @param {number} at
 * @param {{ rest: RegExp }} ends
 * @returns {Promise<{ at: number, damage?: string }>}
 */
async function behind(bytes, at, ends) {
  const length = bytes.size - at;
  const rest = length > MAX_BLANKS ? null : await bytes.tail(length);
  if (rest !== null && ends.rest.test(rest)) return { at };
  return { at, damage: rest?.trim() === "" ? "cut_off" : "trailing_data" };
}

/**
 * Behind the brace that closes the object, or null when there is none where it should be.
 *
 * @param {Bytes} bytes
 * @param {number} from
 */
async function objectEnd(bytes, from) {
  let [depth, inText, escaped] = [0, false, false];
  for (let at = from; at - from <= MAX_RECORD_BYTES; ) {
    const part = await bytes.from(at);
    if (part.length === 0) return null;
    for (const byte of part) {
      at += 1;
      if (inText) {
        if (byte === NEWLINE) return null;
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = true;
      else if (byte === OPEN) depth += 1;
      else if (byte === CLOSE) {
        depth -= 1;
        if (depth === 0) return at;
      }
    }
  }
  return null;
}

/**
 * The text before an element in its line, if it consists of blanks alone.
 *
 * @param {Bytes} bytes
 * @param {number} at
 */
async function indentOf(bytes, at) {
  const from = Math.max(bytes.start, at - HEAD_BYTES);
  const before = (await bytes.from(from)).subarray(0, at - from).toString("latin1");
  return /(?:^|\n)([ \t]*)$/.exec(before)?.[1] ?? "";
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 * @param {string} indent
 */
async function nextElement(bytes, at, indent) {
  const start = Buffer.from(`${indent}{`);
  for (let lines = 1; ; lines += 1) {
    at = await bytes.lineAfter(at);
    if (at >= bytes.size) return { at, lines };
    const { text } = await slice(bytes, at, Math.min(at + start.length, bytes.size));
    if (text === start.toString()) return { at, lines };
  }
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 * @param {number} end
 * @returns {Promise<ReturnType<typeof decode>>}
 */
async function slice(bytes, at, end) {
  if (end - at > MAX_RECORD_BYTES) return { damage: "too_long" };
  const parts = [];
  while (at < end) {
    const part = (await bytes.from(at)).subarray(0, end - at);
    parts.push(part);
    at += part.length;
  }
  return decode(Buffer.concat(parts));
}

/**
 * The parser's message quotes the text, so it is not passed on.
 *
 * @param {ReturnType<typeof decode>} record
 * @returns {Parsed}
 */
function parse({ text, damage }) {
  if (damage !== undefined) return { damage };
  try {
    const object = JSON.parse(text);
    const isObject = typeof object === "object" && object !== null && !Array.isArray(object);
    return isObject ? { object } : { damage: "bad_json" };
  } catch {
    return { damage: "bad_json" };
  }
}
