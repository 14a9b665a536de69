/** The unchanged artefact, with limiters that count in memory and log lines that stay there. */
import "./log-sink.mjs";
import App from "contestant";
import { withLimitersInMemory } from "./memory-limiters.mjs";

export default class InMemory extends App {
  constructor(ctx, env) {
    super(ctx, withLimitersInMemory(env));
  }
}
