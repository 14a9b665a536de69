/** `wrangler types` names the entry by its path, and this is where TypeScript looks for it. */
export { Auth, Sessions, default } from "./latchkey.js";
