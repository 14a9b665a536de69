/** People with sessions, for the benchmarks to send requests in the name of. */
import { send } from "./load.mjs";
import { newPerson } from "./stories.mjs";

/** `count` visitors `{cookie}`, each signed in, the session read once; strangers where there is nothing to sign in to. */
export async function signedIn({ story }, pool, count) {
  const visitors = [];
  for (let i = 0; i < count; i += 1) {
    const visitor = {};
    if (story.login) {
      const person = newPerson();
      await send(pool, story.register(person), {});
      await send(pool, story.login(person), visitor);
      await send(pool, story.read(), visitor);
    }
    visitors.push(visitor);
  }
  return visitors;
}
