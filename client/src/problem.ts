/** Refusals as typed values: one `code` of the contract each, and what comes with it. */
import type { Code, FieldError, Statuses } from "./contract.js";

/**
 * The code of this client itself: the service has not answered. The network is gone, an answer was lost, or
 * something in between has answered in its place. Whether the request took effect is not known.
 */
export type NoAnswer = "no_answer";

/**
 * A refusal or a failure, as an `Error` that can be thrown. The `code` says which; the other texts are for people
 * and may change.
 */
export class LatchkeyError extends Error {
  override readonly name = "LatchkeyError";
  /** The status of the answer; 0 where there is none. */
  readonly status: number;
  /** The stable part: a code of the contract, or `no_answer`. */
  readonly code: string;
  /** The request's id, for the service's log. */
  readonly requestId: string | undefined;
  /** With `validation_failed`: which fields, and why. */
  readonly errors: readonly FieldError[] | undefined;
  /** Seconds after which the same request may succeed, where the service says so. */
  readonly retryAfter: number | undefined;

  constructor(answer: Response | undefined, document: Partial<Document>, cause?: unknown) {
    super(document.detail ?? "The service does not answer", { cause });
    this.status = answer?.status ?? 0;
    this.code = document.code ?? "no_answer";
    this.requestId = document.requestId;
    this.errors = document.errors;
    this.retryAfter = answer && retryAfterOf(answer);
  }
}

interface Document {
  code: string;
  detail: string;
  requestId: string;
  errors: FieldError[];
}

interface StatusOf extends Statuses {
  no_answer: number;
}

/** The problem with this code, or with one of these: a union that `code` discriminates. */
export type Problem<C extends Code | NoAnswer = Code | NoAnswer> = C extends unknown
  ? LatchkeyError & { readonly code: C; readonly status: StatusOf[C] } & (C extends "validation_failed"
        ? { readonly errors: readonly FieldError[] }
        : unknown) &
      (C extends "too_many_requests" ? { readonly retryAfter: number } : unknown)
  : never;

/** The codes that mean "no access token that counts": a refresh may help. A login's 401 has another. */
const LAPSED = ["not_authenticated", "invalid_token", "token_expired"];

/** Whether an answer means that a refresh may help. One of your own endpoints need not say why it refuses. */
export async function isLapsed(answer: Response): Promise<boolean> {
  if (answer.status !== 401) return false;
  const { code } = await documentOf(answer.clone());
  return code === undefined || LAPSED.includes(code);
}

/** Whether the service itself has refused for want of a token. A 401 of something in between is no log-out. */
export const isRefusal = ({ status, code }: LatchkeyError): boolean => status === 401 && LAPSED.includes(code);

export async function problemOf(answer: Response): Promise<LatchkeyError> {
  return new LatchkeyError(answer, await documentOf(answer));
}

/** The refusal of a change by one user, which would be a change of another who has signed in meanwhile. */
export const anotherUser = (): LatchkeyError =>
  new LatchkeyError(new Response(null, { status: 401 }), {
    code: "not_authenticated",
    detail: "Another user has signed in",
  });

/** Seconds, or undefined. */
export function retryAfterOf({ headers }: Response): number | undefined {
  const seconds = Number(headers.get("Retry-After") ?? Number.NaN);
  return seconds >= 0 ? seconds : undefined;
}

/** The body of a refusal; empty where it is none of the service's. */
async function documentOf(answer: Response): Promise<Partial<Document>> {
  return (await answer.json().catch(() => null)) ?? {};
}
