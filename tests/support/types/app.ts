/**
 * An app on Workers as its types see it: what has to compile, and what must not,
 * each marked by `@ts-expect-error`, which is an error where nothing is wrong.
 */
import type { Problem, ProblemCode, Refreshed, User, Verified } from "latchkey";

interface Env {
  AUTH: Service<typeof import("latchkey").Auth>;
  SESSIONS: Service<typeof import("latchkey").Sessions>;
  LATCHKEY: Service<typeof import("latchkey").default>;
  /** What `wrangler types` writes: the path of the entry, without its extension. */
  WRITTEN: Service<typeof import("../../../entry").Auth>;
}

export async function right(request: Request, env: Env): Promise<Response> {
  const cookies = request.headers.get("Cookie");
  const { user, session, readAt, problem } = await env.AUTH.verify(cookies);
  if (problem) {
    const status: number = problem.status;
    if (problem.code !== "token_expired") return new Response(problem.detail, { status });
    return renew(cookies, env);
  }
  const email: string = user.email;
  const id: string = session.id;
  const age: number = Date.now() - Date.parse(readAt);
  await env.AUTH.verify(undefined, {});
  await env.WRITTEN.verify(cookies, { maxStaleSeconds: 0 });
  return new Response(`${email} ${id} ${age}`);
}

async function renew(cookies: string | null, env: Env): Promise<Response> {
  const refreshed = await env.SESSIONS.refresh(cookies);
  const headers = new Headers();
  for (const line of refreshed.setCookies) headers.append("Set-Cookie", line);
  if (refreshed.user) return new Response(refreshed.user.name, { headers });
  return env.LATCHKEY.fetch("https://auth.example.org/health");
}

export async function wrong(env: Env): Promise<void> {
  // @ts-expect-error What only reads cannot refresh.
  await env.AUTH.refresh("a=b");
  // @ts-expect-error What changes sessions does not verify.
  await env.SESSIONS.verify("a=b");
  // @ts-expect-error The header is not optional: its absence is null.
  await env.AUTH.verify();
  // @ts-expect-error A request is not a header.
  await env.AUTH.verify(new Request("https://app.example.org"));
  // @ts-expect-error Seconds are a number.
  await env.AUTH.verify(null, { maxStaleSeconds: "0" });
  // @ts-expect-error The unit is in the name.
  await env.AUTH.verify(null, { maxStale: 0 });
  const verified = await env.AUTH.verify(null);
  // @ts-expect-error There may be nobody.
  verified.user.email;
  // @ts-expect-error There may be no problem.
  verified.problem.code;
  if (verified.user) {
    // @ts-expect-error A password is never returned.
    verified.user.passwordHash;
    // @ts-expect-error Where there is a user, there is no problem.
    verified.problem.code;
  }
}

/** The names are there for an app's own functions. */
export type Names = [Problem, ProblemCode, Refreshed, User, Verified];
