/**
 * How far a long command is, on standard error: a bar on a terminal, a line
 * for each tenth elsewhere.
 */
const BAR_LETTERS = 30;

export class Progress {
  #total;
  #stream;
  #tenth = 0;

  /**
   * @param {number} total
   * @param {Pick<NodeJS.WriteStream, "write" | "isTTY">} stream
   */
  constructor(total, stream = process.stderr) {
    this.#total = Math.max(total, 1);
    this.#stream = stream;
  }

  /**
   * `done` of the total, and what is counted for people.
   *
   * @param {number} done
   * @param {number} count
   */
  show(done, count) {
    const share = Math.min(done / this.#total, 1);
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    if (this.#stream.isTTY) {
      const bar = "#".repeat(Math.round(share * BAR_LETTERS)).padEnd(BAR_LETTERS, ".");
      this.#stream.write(`\r[${bar}] ${percent} ${count}`);
      return;
    }
    const tenth = Math.floor(share * 10);
    if (tenth > this.#tenth) this.#stream.write(`${percent} ${count}\n`);
    this.#tenth = tenth;
  }

  end() {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }
}
