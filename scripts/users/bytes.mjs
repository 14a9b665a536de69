/**
 * A file's bytes from any offset, through a window that moves forward: what
 * both readers stand on. Knows nothing of lines or records.
 */
import { open, stat } from "node:fs/promises";
import { Failure, codeOf } from "../lib.mjs";

const WINDOW_BYTES = 1024 * 1024;
/** The most that a record may take; what is longer is read past, not kept. */
export const MAX_RECORD_BYTES = 1024 * 1024;
export const NEWLINE = 0x0a;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Bytes {
  /** @type {import("node:fs/promises").FileHandle | undefined} */
  #handle;
  #window = Buffer.alloc(0);
  #windowAt = 0;
  /** Bytes in the file. */
  size = 0;
  /** Where its content begins, behind a byte-order mark. */
  start = 0;

  /** @param {string} path */
  static async open(path) {
    const bytes = new Bytes();
    try {
      // Looked at before it is opened: opening a pipe waits for somebody to write.
      const kind = await stat(path);
      if (kind.isDirectory()) throw new Failure(`${path} is a folder. Name a file.`);
      if (!kind.isFile())
        throw new Failure(
          `${path} is no file but a pipe or a device, which cannot be read twice. Write the export to a file first.`,
        );
      if (kind.size === 0) throw new Failure(`${path} is empty.`);
      bytes.#handle = await open(path, "r");
      bytes.size = (await bytes.#handle.stat()).size;
      bytes.start = await bytes.#mark();
      return bytes;
    } catch (error) {
      await bytes.close();
      if (error instanceof Failure) throw error;
      throw new Failure(`${path} cannot be read (${codeOf(error)}).`);
    }
  }

  /**
   * The bytes at `at`, as many as are at hand: none only at the end.
   *
   * @param {number} at
   */
  async from(at) {
    if (at < this.#windowAt || at >= this.#windowAt + this.#window.length) {
      const window = Buffer.allocUnsafe(WINDOW_BYTES);
      const { bytesRead } = await this.#opened.read(window, 0, WINDOW_BYTES, at);
      if (bytesRead === 0 && at < this.size)
        throw new Failure("The file was cut off while it was read. Run the same command again.");
      this.#window = window.subarray(0, bytesRead);
      this.#windowAt = at;
    }
    return this.#window.subarray(at - this.#windowAt);
  }

  /**
   * The offset of the line that follows the one at `at`.
   *
   * @param {number} at
   */
  async lineAfter(at) {
    for (;;) {
      const part = await this.from(at);
      const newline = part.indexOf(NEWLINE);
      if (newline !== -1) return at + newline + 1;
      if (part.length === 0) return at;
      at += part.length;
    }
  }

  /**
   * Its last bytes, at most `length`, as Latin letters.
   *
   * @param {number} length
   */
  async tail(length) {
    const at = Math.max(this.start, this.size - length);
    let text = "";
    for (let from = at; from < this.size; ) {
      const part = (await this.from(from)).subarray(0, this.size - from);
      text += part.toString("latin1");
      from += part.length;
    }
    return text;
  }

  async close() {
    await this.#handle?.close();
  }

  get #opened() {
    if (!this.#handle) throw new Error("The file is not open.");
    return this.#handle;
  }

  async #mark() {
    const head = (await this.from(0)).subarray(0, 3).toString("hex");
    if (/^(fffe|feff)/.test(head)) throw new Failure("The file is UTF-16. Save it as UTF-8 and try again.");
    return head === "efbbbf" ? 3 : 0;
  }
}

/**
 * `{text}`, or `{damage}` when the bytes are no text.
 *
 * @param {Buffer} buffer
 * @returns {{ text: string, damage?: undefined } | { text?: undefined, damage: string }}
 */
export function decode(buffer) {
  if (buffer.includes(0)) return { damage: "nul_byte" };
  try {
    return { text: strictUtf8.decode(buffer) };
  } catch {
    return { damage: "invalid_utf8" };
  }
}
