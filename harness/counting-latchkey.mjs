/** The release artefact wrapped by counters, for benchmarks only. */
import App from "../build/index.js";
import { counting } from "./counting.mjs";

export default counting(App);
