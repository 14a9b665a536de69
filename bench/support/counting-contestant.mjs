/** A contestant behind counters: the `entry` for `startContestant`. */
import contestant from "contestant";
import { counting } from "../../harness/counting.mjs";

export default counting(contestant);
