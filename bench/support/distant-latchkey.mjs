/** Latchkey with its limiters in memory and its database far away. */
import { keepAway } from "./distant.mjs";
import Limited from "./limiters.mjs";

export default class Distant extends Limited {
  constructor(ctx, env) {
    keepAway(env);
    super(ctx, env);
  }
}
