/**
 * Reads a wasm module as far as to say what it consists of.
 *
 * @typedef {{ name: string, bytes: number }} Part A function; without a name it is "".
 */

/** Numbers of sections of a wasm module (WebAssembly core specification, section 5.5.2). */
const SECTIONS = { custom: 0, imports: 2, exports: 7, code: 10, data: 11 };
/** The subsection of functions' names in the custom section "name" (appendix, section 7.4.1). */
const FUNCTION_NAMES = 1;
/** The kinds of an import (section 5.5.5): the last one is an exception's tag. */
const [FUNCTION, TABLE, MEMORY, GLOBAL] = [0, 1, 2, 3];
/** Reference types that name their heap type (section 5.3.4). */
const TYPED_REFERENCES = [0x63, 0x64];

/**
 * The functions of a module with their names and sizes; the bytes of its data, of its names, and of all the rest.
 *
 * @param {Buffer} wasm
 * @returns {{ functions: Part[], data: number, rest: number, names: number }}
 */
export function partsOf(wasm) {
  /** @type {number[]} */
  const sizes = [];
  /** @type {Map<number, string>} */
  const named = new Map();
  let imported = 0;
  let [data, names] = [0, 0];
  for (const { id, section, bytes } of sectionsOf(wasm)) {
    if (id === SECTIONS.imports) imported = importsIn(section).filter(({ kind }) => kind === FUNCTION).length;
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

/**
 * The names of what a module imports and exports. (Node would compile the module first, and an older one does not know
 * every type in it.)
 *
 * @param {Buffer} wasm
 * @returns {{ imports: string[], exports: string[] }}
 */
export function namesOf(wasm) {
  const found = { imports: /** @type {string[]} */ ([]), exports: /** @type {string[]} */ ([]) };
  for (const { id, section } of sectionsOf(wasm)) {
    if (id === SECTIONS.imports) found.imports = importsIn(section).map(({ name }) => name);
    else if (id === SECTIONS.exports) found.exports = exportsIn(section);
  }
  return found;
}

/**
 * The sections of a module, each with the bytes that it takes, its head included.
 *
 * @param {Buffer} wasm
 */
function* sectionsOf(wasm) {
  const reader = new Reader(wasm, 8);
  while (!reader.isAtEnd) {
    const start = reader.at;
    const id = reader.byte();
    const section = reader.part();
    yield { id, section, bytes: reader.at - start };
  }
}

/** @param {Reader} section */
function importsIn(section) {
  return section.list(() => {
    section.text();
    const name = section.text();
    const kind = section.byte();
    skipType(section, kind);
    return { name, kind };
  });
}

/** @param {Reader} section */
function exportsIn(section) {
  return section.list(() => {
    const name = section.text();
    section.byte();
    section.number();
    return name;
  });
}

/**
 * What an import says behind its kind: a function its type, a table and a memory their limits, a global its type.
 *
 * @param {Reader} section
 * @param {number} kind
 */
function skipType(section, kind) {
  const type = () => {
    if (TYPED_REFERENCES.includes(section.byte())) section.number();
  };
  const limits = () => {
    const hasMost = (section.byte() & 1) === 1;
    section.number();
    if (hasMost) section.number();
  };
  if (kind === FUNCTION) section.number();
  else if (kind === TABLE) {
    type();
    limits();
  } else if (kind === MEMORY) limits();
  else if (kind === GLOBAL) {
    type();
    section.byte();
  } else {
    section.byte();
    section.number();
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

  /**
   * Items behind their number.
   *
   * @template T
   * @param {() => T} item
   */
  list(item) {
    return Array.from({ length: this.number() }, item);
  }

  /** Passes over what follows its own length; answers how many bytes that is, with its length. */
  skip() {
    const start = this.at;
    this.part();
    return this.at - start;
  }
}
