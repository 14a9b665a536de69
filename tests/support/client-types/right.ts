/** An app that uses the client as it is meant to be used. It compiles. */
import {
  type Client,
  type Problem,
  type SessionState,
  type User,
  type UserAuth,
  LatchkeyError,
  createClient,
} from "@latchkey/client";
import { useSession } from "@latchkey/client/react";
import { useSession as useSessionRef } from "@latchkey/client/vue";

const latchkey: Client = createClient({ url: "https://auth.example.org" });

export async function register(email: string, password: string): Promise<User | string> {
  const { data, problem } = await latchkey.register({ email, password, name: null });
  if (!problem) return data ?? "A mail is on its way.";
  switch (problem.code) {
    case "email_taken":
      return "There is an account with this address.";
    case "validation_failed":
      return problem.errors.map(({ field, message }) => `${field} ${message}`).join(", ");
    case "too_many_requests":
      return `Try again in ${problem.retryAfter} seconds.`;
    case "no_answer":
      return "You are offline.";
    default:
      return problem.message;
  }
}

/** Every code of a login has its text: a new one in the contract does not compile. */
const LOGIN_TEXTS: Record<NonNullable<Awaited<ReturnType<Client["login"]>>["problem"]>["code"], string> = {
  body_too_large: "Too long.",
  cross_origin: "Not from here.",
  https_required: "Not without https.",
  internal: "Our fault.",
  invalid_credentials: "Wrong address or password.",
  malformed_request: "Our fault.",
  misconfigured: "Our fault.",
  no_answer: "You are offline.",
  request_timeout: "Too slow.",
  too_many_requests: "Too often.",
  unavailable: "Try again.",
  unsupported_media_type: "Our fault.",
  validation_failed: "Something is missing.",
};

export async function login(username: string, password: string): Promise<string> {
  const { problem } = await latchkey.login({ username, password }, { signal: AbortSignal.timeout(5_000) });
  return problem ? LOGIN_TEXTS[problem.code] : "";
}

export async function account(): Promise<readonly (string | null)[]> {
  const sessions = await latchkey.sessions();
  const activity = await latchkey.activity({ limit: 10 });
  await latchkey.activity();
  if (sessions.problem) throw sessions.problem;
  if (activity.problem) throw activity.problem;
  const { events, nextCursor } = activity.data;
  return [...sessions.data.map(({ userAgent }) => userAgent), ...events.map(({ at }) => at), nextCursor];
}

export function title(state: SessionState): string {
  switch (state.status) {
    case "unknown":
      return "…";
    case "signed_in":
      return state.user.name ?? state.user.email;
    case "signed_out":
      return "Log in";
  }
}

export function codeOf(error: unknown): string {
  return error instanceof LatchkeyError ? error.code : "unknown";
}

export const status: 409 = (null as unknown as Problem<"email_taken">).status;
export const inReact: () => SessionState = () => useSession(latchkey);
export const inVue: () => UserAuth | null = () => useSessionRef(latchkey).value.user;
export const inSvelte: { subscribe(run: (state: SessionState) => void): () => void } = latchkey.session;
export const ownApi: Promise<Response> = latchkey.fetch("/api/orders", { method: "POST", body: "{}" });
