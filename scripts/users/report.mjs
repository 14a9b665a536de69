/**
 * The report of an import: JSON Lines, for the owner's eyes only. Holds ids,
 * line numbers and reasons; no hash, no address, no name.
 */
import { chmodSync, closeSync, openSync, writeSync } from "node:fs";
import { Failure, codeOf } from "../lib.mjs";

const OWNER_ONLY = 0o600;

export class Report {
  #file;

  /**
   * Replaces the report of an earlier run.
   *
   * @param {string} path
   */
  constructor(path) {
    this.path = path;
    try {
      this.#file = openSync(path, "w", OWNER_ONLY);
      chmodSync(path, OWNER_ONLY);
    } catch (error) {
      throw new Failure(`The report ${path} cannot be written (${codeOf(error)}).`);
    }
  }

  /** @param {object} entry */
  write(entry) {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close() {
    closeSync(this.#file);
  }
}
