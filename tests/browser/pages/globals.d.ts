/** What the pages put into their global scope, for what tests evaluate in them. */
import type { Client } from "../../../client/dist/index.js";

declare global {
  var latchkey: Client;
  var states: string[];
  var times: number[];
  var ask: (afterMs?: number, ...more: string[]) => Promise<string[]>;
  var lifecycle: string[];
  var complaints: string[];
  var unmount: () => void;
  var account: (path: string) => Promise<Response>;
}
