/**
 * Reads CSV (RFC 4180) record by record, so that damage costs its own lines.
 *
 * Written here because a library's parser cannot be resumed inside a record
 * that it gave up, and where reading goes on is a matter of security: people
 * choose their names, and a name may hold line breaks and a whole forged
 * record. So what is well quoted is never cut open, however long it is. Only
 * where the quoting itself is broken, which no exporter's input can bring
 * about, does reading go on at the next line.
 */
import { MAX_RECORD_BYTES, NEWLINE, decode } from "./bytes.mjs";

/**
 * @import { Bytes } from "./bytes.mjs"
 *
 * @typedef {{ line: number, at: number }} Place
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const RETURN = 0x0d;

/**
 * Yields `{line, at, values}`, or `{line, at, damage}`; empty lines are passed over.
 *
 * @param {Bytes} bytes
 * @returns {AsyncGenerator<Place & ({ values: string[], damage?: undefined } | { values?: undefined, damage: string })>}
 */
export async function* csvRecords(bytes) {
  let [at, line] = [bytes.start, 1];
  /** @type {number | undefined} */
  let columns;
  while (at < bytes.size) {
    const scan = await scanRecord(bytes, at);
    const { values, damage } = scan.result();
    columns ??= values?.length;
    // A record over several lines with another number of columns: a quote was lost or added.
    const isTorn = scan.isBroken || (scan.lines > 1 && values && values.length !== columns);
    if (isTorn) yield { line, at, damage: "bad_quotes" };
    else if (damage) yield { line, at, damage };
    else if (values && (values.length > 1 || values[0] !== "")) yield { line, at, values };
    line += isTorn ? 1 : scan.lines;
    at = isTorn ? await bytes.lineAfter(at) : at + scan.length;
  }
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 */
async function scanRecord(bytes, at) {
  const scan = new RecordScan();
  while (!scan.isDone) {
    const part = await bytes.from(at + scan.length);
    if (part.length === 0) scan.end();
    else scan.feed(part);
  }
  return scan;
}

/** Finds where a record ends and where its fields are. */
class RecordScan {
  /** Bytes and line ends that were passed. */
  length = 0;
  lines = 0;
  isDone = false;
  isBroken = false;
  #state = "start";
  /** @type {Buffer[]} */
  #parts = [];
  /** @type {[from: number, to: number][]} */
  #fields = [];
  #fieldAt = 0;
  /** @type {Buffer | null} */
  #whole = null;

  /** @param {Buffer} part */
  feed(part) {
    let used = 0;
    while (used < part.length && !this.isDone) {
      this.#take(part[used], this.length + used);
      used += 1;
    }
    if (this.length + used <= MAX_RECORD_BYTES) this.#parts.push(part.subarray(0, used));
    else this.#parts = [];
    this.length += used;
  }

  /** The file is over. */
  end() {
    this.isDone = true;
    this.lines += 1;
    if (this.#state === "quoted") this.isBroken = true;
    else this.#field(this.length);
  }

  /** @returns {{ values: string[], damage?: undefined } | { values?: undefined, damage: string }} */
  result() {
    if (this.isBroken) return { damage: "bad_quotes" };
    if (this.length > MAX_RECORD_BYTES) return { damage: "too_long" };
    const { text, damage } = decode(Buffer.concat(this.#parts));
    if (damage !== undefined) return { damage };
    return { values: this.#fields.map((field) => unquote(this.#cut(field, text))) };
  }

  /**
   * Fields are cut by bytes; in a text of ASCII bytes and letters are the same.
   *
   * @param {[from: number, to: number]} field
   * @param {string} text
   */
  #cut([from, to], text) {
    if (text.length === this.length) return text.slice(from, to);
    this.#whole ??= Buffer.concat(this.#parts);
    return this.#whole.toString("utf8", from, to);
  }
  /**
   * @param {number} byte
   * @param {number} at
   */
  #take(byte, at) {
    if (byte === NEWLINE) this.lines += 1;
    if (this.#state === "quoted") {
      if (byte === QUOTE) this.#state = "closed";
      return;
    }
    if (byte === NEWLINE) {
      this.#finish(at);
      return;
    }
    if (byte === COMMA && !this.isBroken) {
      this.#field(at);
      this.#fieldAt = at + 1;
      this.#state = "start";
    } else if (byte === QUOTE && this.#state !== "plain") {
      // At the start of a field it opens, after a closing one it is an escaped quote.
      this.#state = "quoted";
    } else if (byte === QUOTE || (this.#state === "closed" && byte !== RETURN)) {
      // The rest of the line is passed over.
      this.isBroken = true;
      this.#state = "plain";
    } else if (this.#state === "start") {
      this.#state = "plain";
    }
  }

  /** @param {number} at */
  #finish(at) {
    this.#field(at);
    this.isDone = true;
  }

  /** @param {number} end */
  #field(end) {
    this.#fields.push([this.#fieldAt, end]);
  }
}

/** @param {string} text */
function unquote(text) {
  const field = text.endsWith("\r") ? text.slice(0, -1) : text;
  return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
}
