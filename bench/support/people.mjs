/** Contestants with people in them: ready to be measured. */
import { startContestant } from "./contestants.mjs";
import { openPool, send } from "./load.mjs";
import { newPerson } from "./stories.mjs";

/**
 * Starts every contestant of `kinds` (see kinds.mjs) with `connections` signed-in people
 * each, calls `work` with `Map(name -> {contestant, pool, visitors})`, and
 * ends them all.
 */
export async function withStage(connections, kinds, work) {
  const stage = new Map();
  try {
    for (const name of new Set(Object.values(kinds).flatMap(({ cells }) => cells.map(([name]) => name)))) {
      const contestant = await startContestant(name);
      const pool = openPool(contestant, connections);
      stage.set(name, { contestant, pool, visitors: [] });
      stage.get(name).visitors.push(...(await signedIn(contestant, pool, connections)));
    }
    return await work(stage);
  } finally {
    for (const { pool, contestant } of stage.values()) {
      await pool.destroy();
      await contestant.dispose();
    }
  }
}

/**
 * What one row of a kind is measured with.
 *
 * @param {Map<string, any>} stage
 * @param {string[]} cell
 */
export function cellOf(stage, [name, chapter, label]) {
  const { contestant, pool, visitors } = stage.get(name);
  return {
    name,
    chapter,
    label: label ?? contestant.title,
    contestant,
    pool,
    visitors,
    request: contestant.story[chapter],
  };
}

/** `count` visitors `{cookie}`, each signed in, the session read once; strangers where there is nothing to sign in to. */
async function signedIn({ story }, pool, count) {
  const visitors = [];
  for (let i = 0; i < count; i += 1) {
    const visitor = {};
    if (story.login) {
      const person = newPerson();
      await send(pool, story.register(person));
      await send(pool, story.login(person), visitor);
      await send(pool, story.read(), visitor);
    }
    visitors.push(visitor);
  }
  return visitors;
}
