/**
 * The contract of the service. Made from docs/openapi.json; do not edit:
 *
 *     node scripts/client-contract.mjs
 */

export type Activity = { readonly events: readonly ActivityEvent[]; readonly nextCursor: string | null };

export type ActivityEvent = {
  readonly actor: string;
  readonly at: string;
  readonly count: number;
  readonly country: string | null;
  readonly event: AuditEvent;
  readonly lastAt: string;
  readonly reason: string | null;
  readonly requestId: string | null;
  readonly sessionId: SessionId | null;
};

export type AuditEvent =
  | "registered"
  | "logged_in"
  | "login_failed"
  | "logged_out"
  | "session_ended"
  | "refresh_reused"
  | "password_changed"
  | "wrong_current_password"
  | "hash_upgraded"
  | "throttled"
  | "cross_site_refused"
  | "renamed"
  | "deactivated"
  | "reactivated"
  | "role_changed"
  | "email_changed"
  | "deleted"
  | "email_verified"
  | "mail_queued"
  | "password_reset"
  | "password_removed";

export type FieldError = { readonly code: string; readonly field: string; readonly message: string };

export type Health = { readonly status: string };

export type Identity = { readonly readAt: string; readonly session: IdentitySession; readonly user: UserAuth };

export type IdentitySession = { readonly id: SessionId };

/** A JWK Set (RFC 7517). */
export type KeySet = { readonly keys: readonly PublicKey[] };

/** How the outbox is doing. Waiting mails do not make a deployment unready: logins go on. */
export type Outbox = {
  /** Mails of the last week that were given up. */
  readonly givenUp: number;
  /** Mails whose first try did not succeed. */
  readonly waiting: number;
};

/** An Ed25519 key (RFC 8037). */
export type PublicKey = {
  readonly alg: string;
  readonly crv: string;
  readonly kid: string;
  readonly kty: string;
  readonly use: string;
  readonly x: string;
};

export type Ready = { readonly mail?: Outbox; readonly status: string };

export type Session = {
  readonly country: string | null;
  readonly createdAt: string;
  readonly current: boolean;
  readonly device: string;
  readonly expiresAt: string;
  readonly id: SessionId;
  readonly lastUsedAt: string;
  readonly userAgent: string | null;
};

/** 128 random bits in base64url. */
export type SessionId = string;

/** `User` in docs/http.md. */
export type User = {
  readonly createdAt: string;
  readonly email: string;
  readonly id: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
  readonly name: string | null;
  readonly roleName: string;
  readonly roleSlug: string;
  readonly updatedAt: string;
};

/** The user, as their own client sees them. */
export type UserAuth = {
  /** The canonical address. */
  readonly email: string;
  /** The user's id. */
  readonly id: UserId;
  /** Whether the account is active. */
  readonly isActive: boolean;
  /** Whether the user is a superuser. */
  readonly isSuperuser: boolean;
  /** The display name, or null. */
  readonly name: string | null;
  /** The key of the role. */
  readonly roleSlug: string;
};

/** A UUIDv7 in lower case. */
export type UserId = string;

/** The status of each problem code. */
export interface Statuses {
  body_too_large: 413;
  cross_origin: 403;
  email_taken: 409;
  https_required: 403;
  internal: 500;
  invalid_credentials: 401;
  invalid_link: 410;
  invalid_token: 401;
  mail_off: 501;
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
  /** Returns the public keys that verify access tokens, as a JWK Set (RFC 7517). */
  keySet: {
    input: Record<never, never>;
    output: KeySet;
    codes: "https_required" | "misconfigured";
  };

  /** Lists the events of the caller's account, the newest first, a page at a time. */
  activity: {
    input: {
      /** The `nextCursor` of the page before. */
      readonly cursor?: string;
      readonly limit?: number;
    };
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

  /** Mails a link to a new address, which replaces the present one when the link is used. The answer does not depend on whether the address is taken. */
  changeEmail: {
    input: {
      readonly currentPassword: string;
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly email: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_token"
      | "mail_off"
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

  /** Replaces the address with the one that the link has proven, and ends the other sessions. */
  confirmEmail: {
    input: { readonly token: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Returns who is calling, and when that was read from the database. */
  identity: {
    input: {
      /** The highest age that the caller accepts. 0 asks the database. */
      readonly maxStaleSeconds?: number;
    };
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

  /** Logs in: begins a session and sets both auth cookies. */
  login: {
    input: {
      readonly client_id?: string | null;
      readonly client_secret?: string | null;
      readonly grant_type?: "password" | null;
      readonly password: string;
      readonly scope?: string | null;
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly username: string;
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

  /** Logs in with what a mail contains: begins a session and sets both auth cookies, in the browser that asked for the mail. */
  confirmLogin: {
    input: { readonly token: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Mails a link or a code that logs in without a password, in this browser alone, if the address has an account. The answer is the same for every address. */
  requestLogin: {
    input: {
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly email: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Logs out: ends the session that the cookies name, and deletes both auth cookies. */
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

  /** Replaces the password, ends every session of the user, and deletes both auth cookies. */
  updatePwd: {
    input: {
      readonly currentPassword: string;
      /** Not a common password, the e-mail address or the service's name. `PASSWORD_MIN_LENGTH` may require more characters, and `BREACH_CHECK` that it is in no known breach. */
      readonly newPassword: string;
    };
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

  /** Returns the caller's profile. */
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

  /** Changes the display name, and sets an access cookie that is newer than every cached profile. */
  updateProfile: {
    input: {
      /** Null removes the name. */
      readonly name: string | null;
    };
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

  /** Trades the refresh token for the next pair of tokens, and sets both auth cookies. */
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

  /** Registers a user. With VERIFICATION=required the answer is a 202 for every address, and a mail contains the link that proves it. */
  register: {
    input: {
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly email: string;
      /** At least one visible character, no control characters, line separators or bidirectional overrides. */
      readonly name?: string | null;
      /** Not a common password, the e-mail address or the service's name. `PASSWORD_MIN_LENGTH` may require more characters, and `BREACH_CHECK` that it is in no known breach. */
      readonly password: string;
    };
    output: User | undefined;
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

  /** Lists the live sessions of the caller's user, the most recently used first. */
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

  /** Ends the caller's other sessions, or all of them. Deletes both auth cookies if the caller's own is among them. */
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

  /** Ends one of the caller's sessions. Deletes both auth cookies if it is the caller's own. */
  endSession: {
    input: { readonly id: SessionId };
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

  /** Tells a proxy who is calling, in the headers of its answer. */
  verify: {
    input: {
      /** The upstream that `X-Auth-Identity` is for: one of the setting `UPSTREAMS`. */
      readonly aud?: string;
    };
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

  /** Proves the address of an account with the token of a link. */
  verifyEmail: {
    input: { readonly token: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Mails the link that proves an address once more, if it has an account that needs it. The answer is the same for every address. */
  resendVerification: {
    input: {
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly email: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Ends a login that was not the user's, with the password and every session, and mails a link that sets a new password. */
  recoveryDisownLogin: {
    input: { readonly token: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Mails a link that replaces a forgotten password, if the address has an account. The answer is the same for every address. */
  recoveryForgot: {
    input: {
      /** An e-mail address, as HTML's grammar has it, in a domain with a dot. */
      readonly email: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Replaces a forgotten password with the token of a link, and ends every session of the user. */
  recoveryReset: {
    input: {
      /** Not a common password, the e-mail address or the service's name. `PASSWORD_MIN_LENGTH` may require more characters, and `BREACH_CHECK` that it is in no known breach. */
      readonly newPassword: string;
      readonly token: string;
    };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Takes a change of the address back, with the password and every session, and mails a link that sets a new password. */
  recoveryUndoEmail: {
    input: { readonly token: string };
    output: undefined;
    codes:
      | "body_too_large"
      | "cross_origin"
      | "https_required"
      | "internal"
      | "invalid_link"
      | "mail_off"
      | "malformed_request"
      | "misconfigured"
      | "request_timeout"
      | "too_many_requests"
      | "unavailable"
      | "unsupported_media_type"
      | "validation_failed";
  };

  /** Returns whether the service answers, without asking anything else. */
  health: {
    input: Record<never, never>;
    output: Health;
    codes: "https_required" | "misconfigured";
  };

  /** Returns whether the service can serve requests: its database and KV answer, and all migrations are applied. With a trusted front end's key, and where mails are sent, the answer counts those that have not left. */
  ready: {
    input: Record<never, never>;
    output: Ready;
    codes: "https_required" | "misconfigured" | "too_many_requests" | "unavailable";
  };
}

/** The method and the path of each operation. */
export const OPERATIONS: Readonly<Record<keyof Operations, string>> = {
  keySet: "GET /.well-known/jwks.json",
  activity: "GET /api/account/activity",
  changeEmail: "POST /api/account/email",
  confirmEmail: "POST /api/account/email/confirm",
  identity: "GET /api/account/identity",
  login: "POST /api/account/login",
  confirmLogin: "POST /api/account/login/confirm",
  requestLogin: "POST /api/account/login/mail",
  logout: "POST /api/account/logout",
  updatePwd: "PATCH /api/account/password",
  profile: "GET /api/account/profile",
  updateProfile: "PATCH /api/account/profile",
  refreshAccessToken: "POST /api/account/refresh",
  register: "POST /api/account/register",
  sessions: "GET /api/account/sessions",
  endSessions: "DELETE /api/account/sessions",
  endSession: "DELETE /api/account/sessions/{id}",
  verify: "GET /api/account/verify",
  verifyEmail: "POST /api/account/verify-email",
  resendVerification: "POST /api/account/verify-email/resend",
  recoveryDisownLogin: "POST /api/recovery/disown-login",
  recoveryForgot: "POST /api/recovery/forgot",
  recoveryReset: "POST /api/recovery/reset",
  recoveryUndoEmail: "POST /api/recovery/undo-email",
  health: "GET /health",
  ready: "GET /ready",
};
