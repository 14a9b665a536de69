/** A page of an app: the client, and every state that its session has had. */
import { createClient } from "../../../client/dist/index.js";

const latchkey = createClient();
const states = [];
/** When each of them came. */
const times = [];
latchkey.session.subscribe(({ status, user }) => {
  states.push(user ? `${status} ${user.email}` : status);
  times.push(Date.now());
});

/** Asks for the profile and `more` after a while; answers the codes of the problems. */
async function ask(afterMs = 0, ...more) {
  await new Promise((done) => setTimeout(done, afterMs));
  const answers = await Promise.all(["profile", ...more].map((operation) => latchkey[operation]()));
  return answers.flatMap(({ problem }) => problem?.code ?? []);
}

const lifecycle = [];
for (const event of ["freeze", "resume"]) document.addEventListener(event, () => lifecycle.push(event));

Object.assign(globalThis, { latchkey, states, times, ask, lifecycle });
