/**
 * How the Better Auth peer is set up: e-mail and password, sessions in D1.
 * Everything that is not named here is its default. Shared by the Worker and
 * by the migrations.
 *
 * @param {{ database: unknown, baseURL: string, secret: string, cookieCache: boolean, updateAgeSeconds?: number }} setting
 */
export function options({ database, baseURL, secret, cookieCache, updateAgeSeconds }) {
  return {
    database,
    baseURL,
    secret,
    emailAndPassword: { enabled: true, autoSignIn: false },
    session: {
      cookieCache: { enabled: cookieCache, maxAge: 300 },
      // Left out, it is a day.
      ...(updateAgeSeconds === undefined ? {} : { updateAge: updateAgeSeconds }),
    },
    // Off for all contestants: what is measured is the work, not the refusals.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  };
}
