/** Better Auth as a Worker, one instance for the isolate. */
import { betterAuth } from "better-auth";
import { options } from "./options.mjs";

let auth;

function instance(env) {
  return betterAuth(
    options({
      database: env.DB,
      baseURL: env.BASE_URL,
      secret: env.SECRET,
      cookieCache: env.COOKIE_CACHE === "on",
      updateAgeSeconds: env.UPDATE_AGE_SECONDS === undefined ? undefined : Number(env.UPDATE_AGE_SECONDS),
    }),
  );
}

export default {
  fetch(request, env) {
    auth ??= instance(env);
    return auth.handler(request);
  },
};
