/**
 * The contract of the service. Made from docs/openapi.json; do not edit:
 *
 *     node scripts/client-contract.mjs
 */

export type UserAuth = {
  readonly id: string;
  readonly name: string | null;
  readonly email: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly roleSlug: string;
};

export type User = {
  readonly id: string;
  readonly name: string | null;
  readonly email: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly roleSlug: string;
  readonly roleName: string;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type Identity = { readonly user: UserAuth; readonly session: { readonly id: string }; readonly readAt: string };

export type Session = {
  readonly id: string;
  readonly current: boolean;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly expiresAt: string;
  readonly device: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
};

export type Activity = { readonly events: readonly ActivityEvent[]; readonly nextCursor: string | null };

export type ActivityEvent = {
  readonly event: string;
  readonly at: string;
  readonly lastAt: string;
  readonly count: number;
  readonly sessionId: string | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly country: string | null;
  readonly requestId: string | null;
};

export type FieldError = { readonly field: string; readonly code: "required" | "too_short"; readonly message: string };

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code:
    | "invalid_credentials"
    | "not_authenticated"
    | "invalid_token"
    | "token_expired"
    | "wrong_current_password"
    | "cross_origin"
    | "https_required"
    | "not_found"
    | "method_not_allowed"
    | "email_taken"
    | "malformed_request"
    | "request_timeout"
    | "body_too_large"
    | "unsupported_media_type"
    | "validation_failed"
    | "too_many_requests"
    | "unavailable"
    | "misconfigured"
    | "internal";
  readonly detail: string;
  readonly requestId: string;
  readonly error?: string;
  readonly errors?: readonly FieldError[];
};

export type KeySet = { readonly keys: readonly { readonly [name: string]: unknown }[] };

export type Status = { readonly status: string };

/** The status of each problem code. */
export interface Statuses {
  body_too_large: 413;
  cross_origin: 403;
  email_taken: 409;
  https_required: 403;
  internal: 500;
  invalid_credentials: 401;
  invalid_token: 401;
  malformed_request: 400;
  misconfigured: 503;
  not_authenticated: 401;
  not_found: 404;
  request_timeout: 408;
  token_expired: 401;
  too_many_requests: 429;
  unavailable: 503;
  unsupported_media_type: 415;
  validation_failed: 422;
  wrong_current_password: 401;
}

/** The code of a problem. */
export type Code = keyof Statuses;

/** What each operation takes and returns, and the codes with which it may be refused. */
export interface Operations {
  /** Health. */
  health: {
    input: Record<never, never>;
    output: Status;
    codes: "https_required" | "misconfigured";
  };
  /** Ready. */
  ready: {
    input: Record<never, never>;
    output: Status;
    codes: "https_required" | "internal" | "misconfigured" | "too_many_requests" | "unavailable";
  };
  /** KeySet. */
  keySet: {
    input: Record<never, never>;
    output: KeySet;
    codes: "https_required" | "misconfigured";
  };
  /** AccountRegister. */
  register: {
    input: { readonly email: string; readonly password: string; readonly name?: string | null };
    output: User;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "email_taken"
      | "https_required"
      | "internal"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };
  /** AccountLogin. */
  login: {
    input: {
      readonly username: string;
      readonly password: string;
      readonly grant_type?: "password";
      readonly scope?: string;
      readonly client_id?: string;
      readonly client_secret?: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_credentials"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };
  /** RefreshAccessToken. */
  refreshAccessToken: {
    input: Record<never, never>;
    output: undefined;
    codes:
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable";
  };
  /** AccountLogout. */
  logout: {
    input: Record<never, never>;
    output: undefined;
    codes:
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "misconfigured"
      | "not_authenticated"
      | "too_many_requests"
      | "unavailable";
  };
  /** AccountUpdatePwd. */
  updatePwd: {
    input: { readonly currentPassword: string; readonly newPassword: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "request_timeout"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed"
      | "wrong_current_password";
  };
  /** AccountProfile. */
  profile: {
    input: Record<never, never>;
    output: UserAuth;
    codes:
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable";
  };
  /** AccountUpdateProfile. */
  updateProfile: {
    input: { readonly name: string | null };
    output: UserAuth;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "request_timeout"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };
  /** AccountIdentity. */
  identity: {
    input: { readonly maxStaleSeconds?: number };
    output: Identity;
    codes:
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "validation_failed";
  };
  /** AccountVerify. */
  verify: {
    input: { readonly aud?: string };
    output: undefined;
    codes:
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "validation_failed";
  };
  /** AccountActivity. */
  activity: {
    input: { readonly limit?: number; readonly cursor?: string };
    output: Activity;
    codes:
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "validation_failed";
  };
  /** AccountSessions. */
  sessions: {
    input: Record<never, never>;
    output: readonly Session[];
    codes:
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable";
  };
  /** AccountEndSessions. */
  endSessions: {
    input: { readonly scope: "others" | "all" };
    output: undefined;
    codes:
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "token_expired"
      | "too_many_requests"
      | "unavailable"
      | "validation_failed";
  };
  /** AccountEndSession. */
  endSession: {
    input: { readonly id: string };
    output: undefined;
    codes:
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "malformed_request"
      | "misconfigured"
      | "not_authenticated"
      | "not_found"
      | "token_expired"
      | "too_many_requests"
      | "unavailable";
  };
}

/** The method and the path of each operation. */
export const OPERATIONS: Readonly<Record<keyof Operations, string>> = {
  health: "GET /health",
  ready: "GET /ready",
  keySet: "GET /.well-known/jwks.json",
  register: "POST /api/account/register",
  login: "POST /api/account/login",
  refreshAccessToken: "POST /api/account/refresh",
  logout: "POST /api/account/logout",
  updatePwd: "PATCH /api/account/password",
  profile: "GET /api/account/profile",
  updateProfile: "PATCH /api/account/profile",
  identity: "GET /api/account/identity",
  verify: "GET /api/account/verify",
  activity: "GET /api/account/activity",
  sessions: "GET /api/account/sessions",
  endSessions: "DELETE /api/account/sessions",
  endSession: "DELETE /api/account/sessions/{id}",
};
