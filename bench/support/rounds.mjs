/**
 * Rounds in which the contestants take turns (A B C, B C A, …), so that
 * whatever else the machine does falls on all of them alike, and what is said
 * about many rounds: the median, and how far they spread.
 */
import { quantile } from "../../harness/report.mjs";

/** Time for the work that goes on after the last answer. */
const PAUSE_MS = 100;

/**
 * `measure(one, round)` for each of `all`, `rounds` times. Answers
 * `Map(one -> [result of each round])`.
 */
export async function inTurns(all, rounds, measure) {
  const results = new Map(all.map((one) => [one, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % all.length;
    for (const one of [...all.slice(first), ...all.slice(0, first)]) {
      results.get(one).push(await measure(one, round));
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }
  return results;
}

/** The median with the extremes. */
export function spread(numbers) {
  return { median: quantile(numbers, 0.5), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** `spread` of what two contestants' rounds make of each other, each round by itself. */
export function ratios(ours, theirs) {
  return spread(ours.map((value, round) => value / theirs[round]));
}

/**
 * @param {{ median: number, min: number, max: number }} figures
 * @param {number} digits
 */
export function written({ median, min, max }, digits = 2) {
  const [middle, low, high] = [median, min, max].map((number) => number.toFixed(digits));
  return `${middle} (${low} to ${high})`;
}
