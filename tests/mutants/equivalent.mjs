/**
 * Mutants of SQL that no test can kill, each with the reason: `[the mutant's
 * name, what it changes, why nobody can see it]`. The runner fails when one of
 * them is killed or does not exist.
 */
export const EQUIVALENT = [];
