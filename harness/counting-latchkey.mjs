/** The release artefact behind counters, for benchmarks alone. */
import App from "../build/index.js";
import { counting } from "./counting.mjs";

export default counting(App);
