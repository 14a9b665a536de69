/**
 * Reads a wasm module as far as to say what it consists of.
 *
 * @typedef {{ name: string, bytes: number }} Part A function; without a name it is "".
 */

/** Numbers of sections of a wasm module (WebAssembly core specification, section 5.5.2). */
const SECTIONS = { custom: 0, imports: 2, code: 10, data: 11 };
/** The subsection of functions' names in the custom section "name" (appendix, section 7.4.1). */
const FUNCTION_NAMES = 1;
/** The kind of an import that is a function. */
const FUNCTION = 0;

/**
 * The functions of a module with their names and sizes; the bytes of its data, of its names, and of all the rest.
 *
 * @param {Buffer} wasm
 * @returns {{ functions: Part[], data: number, rest: number, names: number }}
 */
export function partsOf(wasm) {
  const reader = new Reader(wasm, 8);
  /** @type {number[]} */
  const sizes = [];
  /** @type {Map<number, string>} */
  const named = new Map();
  let imported = 0;
  let [data, names] = [0, 0];
  while (!reader.isAtEnd) {
    const start = reader.at;
    const id = reader.byte();
    const section = reader.part();
    const bytes = reader.at - start;
    if (id === SECTIONS.imports) imported = importedFunctions(section);
    else if (id === SECTIONS.code) for (let left = section.number(); left > 0; left -= 1) sizes.push(section.skip());
    else if (id === SECTIONS.data) data += bytes;
    else if (id === SECTIONS.custom && section.text() === "name") {
      names += bytes;
      readNames(section, named);
    }
  }
  const functions = sizes.map((bytes, i) => ({ name: named.get(imported + i) ?? "", bytes }));
  const code = sizes.reduce((sum, bytes) => sum + bytes, 0);
  return { functions, data, names, rest: wasm.length - code - data - names };
}

/** @param {Reader} section */
function importedFunctions(section) {
  let functions = 0;
  for (let left = section.number(); left > 0; left -= 1) {
    section.text();
    section.text();
    const kind = section.byte();
    if (kind === FUNCTION) functions += 1;
    skipType(section, kind);
  }
  return functions;
}

/**
 * What an import says behind its kind: a function its type, a table and a memory their limits, a global its type.
 *
 * @param {Reader} section
 * @param {number} kind
 */
function skipType(section, kind) {
  const limits = () => {
    const hasMost = (section.byte() & 1) === 1;
    section.number();
    if (hasMost) section.number();
  };
  if (kind === FUNCTION) section.number();
  else if (kind === 1) {
    section.byte();
    limits();
  } else if (kind === 2) limits();
  else {
    section.byte();
    section.byte();
  }
}

/**
 * @param {Reader} section
 * @param {Map<number, string>} named
 */
function readNames(section, named) {
  while (!section.isAtEnd) {
    const id = section.byte();
    const part = section.part();
    if (id !== FUNCTION_NAMES) continue;
    for (let left = part.number(); left > 0; left -= 1) named.set(part.number(), part.text());
  }
}

/** Reads bytes from the front to the end. */
class Reader {
  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd() {
    return this.at >= this.bytes.length;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** An unsigned number in LEB128. */
  number() {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
      shift += 7;
    }
  }

  /** What follows its own length. */
  part() {
    const length = this.number();
    this.at += length;
    return new Reader(this.bytes.subarray(this.at - length, this.at));
  }

  text() {
    return this.part().bytes.toString("utf8");
  }

  /** Passes over what follows its own length; answers how many bytes that is, with its length. */
  skip() {
    const start = this.at;
    this.part();
    return this.at - start;
  }
}
