/**
 * A gzipped tar whose bytes follow from the files' names, contents and modes
 * alone: no times, no owners, no order of a file system. Written here because
 * `npm pack` makes what its own version makes, and runs scripts on the way.
 *
 * The format is POSIX.1-1988 "ustar", which every npm reads.
 */
import { gzipSync } from "node:zlib";

const BLOCK = 512;
const NAME_BYTES = 100;
/** npm's own time for everything, 1985-10-26T08:15:00Z: before 1980 some programs complain. */
const TIME_SECONDS = 499_162_500;
/** Where gzip says on which system it was made: unknown. */
const [OS_AT, OS_UNKNOWN] = [9, 255];

/**
 * @param {{ name: string, bytes: Buffer, isProgram?: boolean }[]} files
 * @returns {Buffer}
 */
export function tarball(files) {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = sorted.flatMap((file) => [header(file), file.bytes, Buffer.alloc(-file.bytes.length & (BLOCK - 1))]);
  const zipped = gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]), { level: 9 });
  zipped[OS_AT] = OS_UNKNOWN;
  return zipped;
}

/** @param {{ name: string, bytes: Buffer, isProgram?: boolean }} file */
function header({ name, bytes, isProgram = false }) {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new RangeError(`${name} is too long a name for this tar.`);
  const block = Buffer.alloc(BLOCK);
  const octal = (/** @type {number} */ value, /** @type {number} */ digits) => value.toString(8).padStart(digits, "0");
  block.write(name, 0);
  block.write(octal(isProgram ? 0o755 : 0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes.length, 11), 124);
  block.write(octal(TIME_SECONDS, 11), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\u000000", 257);
  // The sum of the block, with spaces in its own place.
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\u0000 `,
    148,
  );
  return block;
}
