/**
 * Mutants of SQL that no test can kill, each with the reason: `[the mutant's
 * name, what it changes, why nobody can see it]`. The runner fails when one of
 * them is killed or does not exist.
 */
const PAUSE_IS_OVER =
  "An account that was last tried a pause ago adds a moment that has passed; who is refused is blocked until a later one.";

export const EQUIVALENT = [
  ["judge change", "max(updated_at) > ?1 - ?12  =>  TRUE", PAUSE_IS_OVER],
  ["judge log in", "max(updated_at) > ?1 - ?12  =>  TRUE", PAUSE_IS_OVER],
];
