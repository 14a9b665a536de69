/**
 * The names of what a wasm module imports and exports, read from its binary
 * format. Node would compile the module first, and an older one does not know
 * every type in it.
 */

const [IMPORTS, EXPORTS] = [2, 7];
/** How many bytes come before the first section: the magic number and the version. */
const HEAD = 8;
/** Reference types that name their heap type. */
const TYPED_REFERENCES = [0x63, 0x64];

/**
 * @param {Uint8Array} wasm
 * @returns {{ imports: string[], exports: string[] }}
 */
export function namesOf(wasm) {
  const found = { imports: /** @type {string[]} */ ([]), exports: /** @type {string[]} */ ([]) };
  const reader = new Reader(wasm, HEAD);
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === IMPORTS) found.imports = reader.list(() => reader.imported());
    if (id === EXPORTS) found.exports = reader.list(() => reader.exported());
    reader.at = end;
  }
  return found;
}

class Reader {
  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   */
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    this.at += 1;
    return this.bytes[this.at - 1];
  }

  /** An integer in LEB128. */
  number() {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }

  name() {
    const length = this.number();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }

  /**
   * @template T
   * @param {() => T} item
   */
  list(item) {
    return Array.from({ length: this.number() }, item);
  }

  exported() {
    const name = this.name();
    this.byte();
    this.number();
    return name;
  }

  imported() {
    this.name();
    const name = this.name();
    const skip = [this.function, this.table, this.memory, this.global, this.tag][this.byte()];
    skip.call(this);
    return name;
  }

  function() {
    this.number();
  }

  table() {
    this.type();
    this.memory();
  }

  memory() {
    const hasMost = this.byte() % 2 === 1;
    this.number();
    if (hasMost) this.number();
  }

  global() {
    this.type();
    this.byte();
  }

  tag() {
    this.byte();
    this.number();
  }

  type() {
    if (TYPED_REFERENCES.includes(this.byte())) this.number();
  }
}
