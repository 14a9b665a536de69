/** `wrangler secret put JWT_KEYS`, with the set on its standard input: a secret is never an argument. */
import { spawn } from "node:child_process";
import { Failure, codeOf } from "../lib.mjs";
import { PROJECT, WRANGLER } from "../place.mjs";

/**
 * @param {string} text
 * @param {{ env?: string, config?: string }} options
 * @returns {Promise<void>}
 */
export function putSecret(text, { env, config }) {
  const chosen = [...(env === undefined ? [] : ["--env", env]), ...(config === undefined ? [] : ["--config", config])];
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["--no-warnings", WRANGLER, "secret", "put", "JWT_KEYS", ...chosen], {
      cwd: PROJECT,
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.on("error", (error) => fail(new Failure(`wrangler could not be started (${codeOf(error)}).`)));
    child.on("close", (code) => {
      if (code === 0) done();
      else fail(new Failure("wrangler did not put the secret in place, see above. The file is as it was; try again."));
    });
    // If it ends before it has read everything, its exit code says so.
    child.stdin.on("error", () => {});
    child.stdin.end(text);
  });
}
