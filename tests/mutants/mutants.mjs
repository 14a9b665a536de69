/**
 * Deliberately broken variants of the service, each with the tests that must
 * turn red. `npm run test:mutants` builds and runs them.
 *
 * - `edits`: `[file, find, replace]`; the text to be found stands there once
 * - `native`: the filter of `cargo test`, for a rule that lives in Rust
 * - `node`: `[file, test-name pattern]`, for a rule that lives in D1's statements
 *   or in what the platform does; needs the Worker to be built
 */
const SESSIONS = "src/platform/d1/sessions.rs";
const LOG_IN_BATCH = "src/platform/d1/log_in.rs";
const REFRESH_BATCH = "src/platform/d1/refresh.rs";
const USERS = "src/platform/d1/users.rs";
const D1 = "src/platform/d1/mod.rs";
const AUTHENTICATE = "src/app/authenticate.rs";

const REFRESH_TESTS = "tests/refresh.test.mjs";
const REVOCATION_TESTS = "tests/revocation.test.mjs";
const RACES = "tests/races.test.mjs";
const FAULTS = "tests/faults.test.mjs";

export const MUTANTS = [
  {
    name: "a rotation that reads first and then writes",
    edits: [
      [REFRESH_BATCH, "/// The token is neither the current one", `const ROTATE_UNCHECKED: &str = "
    UPDATE sessions
       SET previous_jti = ?3, current_jti = ?4, rotated_at = ?5, last_used_at = ?5,
           idle_expires_at = min(?5 + ?6, absolute_expires_at)
     WHERE id = ?1 AND user_id = ?2 AND ?7 = ?7
 RETURNING current_jti, rotated_at, idle_expires_at, (SELECT role_slug FROM users WHERE id = ?2) AS role_slug";

/// The token is neither the current one`],
      [REFRESH_BATCH, "        let rotate = statement(ROTATE,", `        let held: Option<RotatedRow> = self
            .first(Statement {
                sql: "SELECT current_jti, 0 AS rotated_at, 0 AS idle_expires_at, '' AS role_slug
                        FROM sessions WHERE id = ?1 AND current_jti = ?2",
                params: vec![Param::Text(&session), Param::Text(&presented)],
            })
            .await?;
        let sql = if held.is_some() { ROTATE_UNCHECKED } else { ROTATE };
        let rotate = statement(sql,`],
    ],
    node: [REFRESH_TESTS, "converge"],
  },
  {
    name: "what the rotation has left is ignored: everybody gets the successor they proposed",
    edits: [[REFRESH_BATCH, "return row.into_rotated().map(Rotation::Rotated);", `return row.into_rotated().map(|rotated| {
                Rotation::Rotated(RotatedSession { refresh_id: request.successor, ..rotated })
            });`]],
    node: [REFRESH_TESTS, "converge"],
  },
  {
    name: "the affected rows of a password change are ignored",
    edits: [[USERS, "if changes(&replaced)? == 0 {", "if changes(&replaced)? > 1 {"]],
    node: [RACES, "two changes of the password"],
  },
  {
    name: "the grace holds for any generation",
    edits: [
      [REFRESH_BATCH, " AND NOT (previous_jti IS ", " AND NOT (previous_jti IS previous_jti OR previous_jti IS "],
      [REFRESH_BATCH, "(previous_jti = ?3 AND", "(previous_jti IS NOT NULL AND"],
    ],
    node: [REFRESH_TESTS, "two generations old"],
  },
  {
    name: "reuse is refused, but not punished",
    edits: [[REFRESH_BATCH, " AND current_jti <> ", " AND 0 AND current_jti <> "]],
    node: [REFRESH_TESTS, "after the grace"],
  },
  {
    name: "a revocation goes to KV only",
    edits: [[SESSIONS, `SET ended_at = ?3,
            end_reason = ?4
      WHERE id = ?1`, `SET ended_at = nullif(?3, ?3),
            end_reason = nullif(?4, ?4)
      WHERE id = ?1`]],
    node: [REVOCATION_TESTS, "it logs out, KV is down"],
  },
  {
    name: "a revocation waits for waitUntil",
    edits: [
      ["src/ports.rs", "type Sessions: SessionStore;", "type Sessions: SessionStore + Clone + 'static;"],
      ["src/app/log_out.rs", "use crate::ports::{Ports, SessionStore};", "use crate::ports::{Background, Ports, SessionStore};"],
      ["src/app/log_out.rs", `    let ended = ctx
        .ports
        .sessions()
        .end(holder.session, holder.user, EndReason::Logout, &ctx.trace())
        .await?;
    account_changed(ctx, holder.user, ended);`, `    let (sessions, trace) = (ctx.ports.sessions().clone(), ctx.trace());
    ctx.ports.background().run(async move {
        let _ = sessions.end(holder.session, holder.user, EndReason::Logout, &trace).await;
    });
    account_changed(ctx, holder.user, Vec::new());`],
    ],
    node: [REVOCATION_TESTS, "it logs out, waitUntil is dropped"],
  },
  {
    name: "the predecessor of an inactive user's token is punished within the grace",
    edits: [[REFRESH_BATCH, '" - rotated_at <= ",', '" - rotated_at < 0 * ",']],
    node: ["tests/sessions.test.mjs", "is refused to an inactive user"],
  },
  {
    name: "an inactive user goes on refreshing",
    edits: [[REFRESH_BATCH, "AND EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1)", ""]],
    node: [REVOCATION_TESTS, "the user is deactivated"],
  },
  {
    name: "sessions survive a change of the password",
    edits: [[USERS, "AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?2)\n  RETURNING ", "AND ?2 IS NULL\n  RETURNING "]],
    node: [REVOCATION_TESTS, "the password changes"],
  },
  {
    name: "a login does not look at the hash again when it writes",
    edits: [[LOG_IN_BATCH, "AND password_version = ?9", "AND ?9 > 0"]],
    node: [RACES, "leaves no session behind"],
  },
  {
    name: "any number of sessions may live",
    edits: [[LOG_IN_BATCH, "LIMIT -1 OFFSET ", "LIMIT 0 OFFSET "]],
    node: ["tests/devices.test.mjs", "times"],
  },
  {
    name: "a repeated log-out is recorded again",
    edits: [[SESSIONS, "AND user_id = ?7\n      AND ended_at IS NULL", "AND user_id = ?7"]],
    node: ["tests/audit.test.mjs", "once"],
  },
  {
    name: "every refusal is a row of its own",
    edits: [["src/domain/audit.rs", `format!("{}:{user}:{window}", event.as_str())`, `format!("{}:{user}:{window}:{}", event.as_str(), at.get())`]],
    native: "domain::audit",
  },
  {
    name: "every error of D1 is tried again, overload too",
    edits: [[D1, "RETRYABLE.iter().any(|message| cause.contains(message))", "!cause.is_empty()"]],
    node: [FAULTS, "D1 fails with each of its messages"],
  },
  {
    name: "no error of D1 is tried again",
    edits: [[D1, "const MAX_RETRIES: u32 = 2;", "const MAX_RETRIES: u32 = 0;"]],
    node: [FAULTS, "as if the connection were lost"],
  },
  {
    name: "a database that hangs is waited for",
    edits: [[D1, "Delay::from(CALL_TIMEOUT)).await", "Delay::from(CALL_TIMEOUT * 4)).await"]],
    node: [FAULTS, "D1 hangs"],
  },
  {
    name: "the clean-up removes ended sessions at once",
    edits: [["src/platform/d1/housekeeping.rs", "AND ended_at <= ?1 - ?2", "AND ended_at <= ?1 AND ?2 > 0"]],
    node: ["tests/cleanup.test.mjs", "sessions"],
  },
  {
    name: "copies of profiles do not expire",
    edits: [[AUTHENTICATE, "&& now < copy.read_at.plus(bound)", "&& (now < copy.read_at.plus(bound) || bound.get() > 0)"]],
    native: "web::tests::profile",
  },
  {
    name: "copies from before a change count after it",
    edits: [[AUTHENTICATE, "&& copy.read_at >= claims.issued_at", ""]],
    native: "web::tests::devices",
  },
  {
    name: "an inactive user's access token is accepted",
    edits: [[AUTHENTICATE, "account.user.is_active && account.live_sessions", "account.live_sessions"]],
    native: "web::tests::sessions",
  },
  {
    name: "no dummy hash for an unknown address",
    edits: [["src/domain/hashing/judging.rs", "hasher.tag(self.password.expose(), &DUMMY_SALT, (&setting, &[]))?;", "let _ = (&setting, &DUMMY_SALT);"]],
    native: "web::tests::account",
  },
  {
    name: "the signature is not compared",
    edits: [["src/domain/token.rs", "if !self.keys.has_signed(&header.kid, signed, &signature) {", "if !self.keys.has_signed(&header.kid, signed, &signature) && signature.is_empty() {"]],
    native: "domain::token",
  },
  {
    name: "a token may be lists of values",
    edits: [["src/domain/token.rs", "if bytes.first() != Some(&b'{') {", "if bytes.is_empty() {"]],
    native: "domain::token",
  },
  {
    name: "typ is not checked",
    edits: [["src/domain/token.rs", "|| header.typ != kind", "|| header.typ.is_empty() || kind.is_empty()"]],
    native: "domain::token",
  },
  {
    name: "padding counts as a breached password",
    edits: [["src/domain/breach.rs", "is_among |= !is_padding && suffix", "is_among |= (is_padding || !suffix.is_empty()) && suffix"]],
    native: "breach",
  },
  {
    name: "a 503 deletes the cookies",
    edits: [["src/web/problem.rs", "AppError::Unavailable(cause) => Self::retry_after(Code::Unavailable, 2, Some(cause)),", `AppError::Unavailable(cause) => Self {
                delete_cookies: true,
                ..Self::retry_after(Code::Unavailable, 2, Some(cause))
            },`]],
    native: "web::tests::sessions",
  },
  {
    name: "a busy session never ends",
    edits: [
      ["src/domain/session.rs", "self.idle_expires_at = now.plus(idle).min(self.absolute_expires_at);", "self.idle_expires_at = now.plus(idle);"],
      ["src/domain/session.rs", "&& now < self.idle_expires_at && now < self.absolute_expires_at", "&& now < self.idle_expires_at"],
    ],
    native: "domain::session",
  },
];
