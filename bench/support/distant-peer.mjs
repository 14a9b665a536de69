/** A peer whose database is far away. */
import contestant from "contestant";
import { keepAway } from "./distant.mjs";

export default {
  fetch(request, env, ctx) {
    keepAway(env);
    return contestant.fetch(request, env, ctx);
  },
};
