/**
 * A custom section with a number, in front of all others of a wasm module. V8
 * would otherwise take the compiled code of an isolate that is still alive. It
 * knows modules by a hash of what stands before their code, and compares all of
 * two that have the same: in front, the numbers spare it that, which a first
 * isolate does not do either.
 */

/** Magic number and version. */
const PREAMBLE_BYTES = 8;
const NAME_BYTES = 24;
const HEAD = [0, NAME_BYTES + 1, NAME_BYTES];
/** Where the number stands. */
export const NUMBER_AT = PREAMBLE_BYTES + HEAD.length;

/** As many bytes for each number. */
export function numberBytes(number) {
  return new TextEncoder().encode(`n${number}`.padEnd(NAME_BYTES, "."));
}

/** `wasm` with room for a number. */
export function withNumberSection(wasm) {
  return Buffer.concat([
    wasm.subarray(0, PREAMBLE_BYTES),
    Buffer.from(HEAD),
    numberBytes(0),
    wasm.subarray(PREAMBLE_BYTES),
  ]);
}
