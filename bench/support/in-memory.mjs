/** The unchanged artefact, with limiters that count in memory, and without a console. */
import "./log-sink.mjs";

export { default } from "./limited.mjs";
