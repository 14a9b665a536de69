/**
 * `npm start`: sets up, makes development keys, builds, applies the migrations
 * to the local database, and serves until Ctrl-C; `serve.mjs` has the last two.
 */
import { build } from "./build.mjs";
import { main } from "./lib.mjs";
import { ensureDevKeys } from "./make-keys.mjs";
import { migrateAndServe } from "./serve.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const env = await setup();
  ensureDevKeys();
  await build(env);
  return migrateAndServe(args, env);
});
