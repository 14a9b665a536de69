/** Latchkey as in-memory.mjs has it, and its database far away. */
import { keepAway } from "./distant.mjs";
import InMemory from "./in-memory.mjs";

export default class Distant extends InMemory {
  constructor(ctx, env) {
    keepAway(env);
    super(ctx, env);
  }
}
