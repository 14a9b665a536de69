//! Login attempts on D1. The conditions are those of `domain::throttle`; an attempt is counted
//! and judged in one transaction, together with the read of the user that it is about.

use serde::Deserialize;
use worker::D1Result;

use super::{Database, Param, Statement, rows};
use crate::domain::email::Email;
use crate::domain::id::SessionId;
use crate::domain::throttle::{FREE_FAILURES, MAX_DELAY, MAX_FAILURES_IN_A_ROW, PAUSE_AFTER_MAX};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Attempt, StoreError};

/// One more failure of the account from everywhere, unless it is blocked, here or from this
/// client prefix: what is not let through does not count. `attempt` is new each time, so that
/// a repetition of the batch counts once.
///
/// A device that carries a live session of the account passes although it is blocked from
/// everywhere. A try from within a session counts only while that session is live.
const COUNT_ACCOUNT: &str = "
    INSERT INTO login_attempts (key, failures, blocked_until, attempt, updated_at)
    SELECT ?1, 1, 0, ?2, ?3
     WHERE NOT EXISTS (SELECT 1
                         FROM login_attempts
                        WHERE key = ?4
                          AND blocked_until > ?3
                          AND attempt <> ?2)
       AND (?10 IS NULL
            OR EXISTS (SELECT 1
                         FROM sessions
                        WHERE id = ?10
                          AND ended_at IS NULL
                          AND idle_expires_at > ?3
                          AND absolute_expires_at > ?3))
        ON CONFLICT (key) DO UPDATE
       SET failures = failures + 1,
           blocked_until = CASE WHEN failures + 1 < ?5 THEN 0 ELSE ?3 + ?6 END,
           attempt = ?2,
           updated_at = ?3
     WHERE attempt <> ?2
       AND (blocked_until <= ?3
            OR EXISTS (SELECT 1
                         FROM sessions AS s
                         JOIN users AS u ON u.id = s.user_id
                        WHERE s.id IN (?8, ?9)
                          AND u.email = ?7
                          AND s.ended_at IS NULL
                          AND s.idle_expires_at > ?3
                          AND s.absolute_expires_at > ?3))";

/// The same for the account from this client prefix, if the statement before let it through.
const COUNT_PAIR: &str = "
    INSERT INTO login_attempts (key, failures, blocked_until, attempt, updated_at)
    SELECT ?1, 1, 0, ?2, ?3
     WHERE EXISTS (SELECT 1 FROM login_attempts WHERE key = ?6 AND attempt = ?2)
        ON CONFLICT (key) DO UPDATE
       SET failures = failures + 1,
           blocked_until = CASE
               WHEN failures + 1 < ?4 THEN 0
               ELSE ?3 + min(?5, 1 << min(failures + 1 - ?4, 20))
           END,
           attempt = ?2,
           updated_at = ?3
     WHERE blocked_until <= ?3
       AND attempt <> ?2";

const COUNTERS: &str = "
    SELECT blocked_until,
           attempt
      FROM login_attempts
     WHERE key IN (?1, ?2)";

#[derive(Deserialize)]
struct CounterRow {
    blocked_until: i64,
    attempt: String,
}

/// What else decides about an attempt.
#[derive(Default)]
pub(super) struct Circumstances<'a> {
    /// Whose live session, of those carried, lets it pass although the account is slowed.
    pub(super) email: Option<&'a Email>,
    /// The sessions that the request carries.
    pub(super) carried: [Option<SessionId>; 2],
    /// The session from within which the password is tried.
    pub(super) within: Option<SessionId>,
}

impl Database {
    /// Counts the attempt and runs `user` in the same transaction. The pause is how long to
    /// wait when the attempt is not let through.
    pub(super) async fn count_attempt(
        &self,
        attempt: &Attempt,
        circumstances: Circumstances<'_>,
        user: Statement<'_>,
    ) -> Result<(Option<Seconds>, D1Result), StoreError> {
        let id = attempt.id.to_string();
        let now = attempt.now.get();
        let carried = circumstances
            .carried
            .map(|session| session.map(|session| session.to_string()));
        let [first, second] = &carried;
        let within = circumstances.within.map(|session| session.to_string());
        let pair = Statement {
            sql: COUNT_PAIR,
            params: vec![
                Param::Text(attempt.keys.pair.as_str()),
                Param::Text(&id),
                Param::Int(now),
                Param::Int(i64::from(FREE_FAILURES)),
                Param::Int(i64::from(MAX_DELAY.get())),
                Param::Text(attempt.keys.account.as_str()),
            ],
        };
        let account = Statement {
            sql: COUNT_ACCOUNT,
            params: vec![
                Param::Text(attempt.keys.account.as_str()),
                Param::Text(&id),
                Param::Int(now),
                Param::Text(attempt.keys.pair.as_str()),
                Param::Int(i64::from(MAX_FAILURES_IN_A_ROW)),
                Param::Int(i64::from(PAUSE_AFTER_MAX.get())),
                Param::optional(circumstances.email.map(Email::as_str)),
                Param::optional(first.as_deref()),
                Param::optional(second.as_deref()),
                Param::optional(within.as_deref()),
            ],
        };
        let counters = Statement {
            sql: COUNTERS,
            params: vec![
                Param::Text(attempt.keys.pair.as_str()),
                Param::Text(attempt.keys.account.as_str()),
            ],
        };
        let [_, _, counters, user] = self.batch([account, pair, counters, user]).await?;
        let counters = rows::<CounterRow>(&counters)?;
        let pause = counters
            .iter()
            .filter(|counter| counter.attempt != id && counter.blocked_until > now)
            .map(|counter| UnixSeconds::new(counter.blocked_until).left_from(attempt.now))
            .max();
        Ok((pause, user))
    }
}
