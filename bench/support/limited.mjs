/** The unchanged artefact, with limiters that count in memory. */
import App from "contestant";
import { withLimitersInMemory } from "./memory-limiters.mjs";

export default class Limited extends App {
  constructor(ctx, env) {
    super(ctx, withLimitersInMemory(env));
  }
}
