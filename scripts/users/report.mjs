/**
 * The report of an import: JSON Lines, for the owner's eyes only. Holds ids,
 * line numbers and reasons; no hash, no address, no name.
 */
import { chmodSync, closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { Failure } from "../lib.mjs";

const OWNER_ONLY = 0o600;

export class Report {
  #file;

  /** Replaces the report of an earlier run; `input` is what must not be replaced. */
  constructor(path, input) {
    this.path = path;
    if (resolve(path) === resolve(input)) throw new Failure("The report would replace the file that is imported.");
    try {
      this.#file = openSync(path, "w", OWNER_ONLY);
      chmodSync(path, OWNER_ONLY);
    } catch (error) {
      throw new Failure(`The report ${path} cannot be written (${error.code}).`);
    }
  }

  write(entry) {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close() {
    closeSync(this.#file);
  }
}
