//! The batch that begins a session.

use serde::Deserialize;

use super::audit::{audit_rows, record};
use super::rows::{RevokedRow, revoked_columns, revoked_tokens};
use super::{Database, Param, Statement, damaged, rows};
use crate::domain::audit::AuditEvent;
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS};
use crate::ports::{Login, RevokedToken, StoreError};

/// Only while the user is active and the verified password is the current one: a login cannot
/// outrun a change of the password. A repetition finds its own row.
const INSERT_SESSION: &str = "
    INSERT INTO sessions (
               id, user_id, current_jti, created_at, last_used_at,
               idle_expires_at, absolute_expires_at, user_agent, country)
    SELECT ?1, id, ?3, ?4, ?4, ?5, ?6, ?7, ?8
      FROM users
     WHERE id = ?2
       AND is_active = 1
       AND password_version = ?9
        ON CONFLICT (id) DO NOTHING";

const RECORD_LOGIN: &str = audit_rows!(
    "id",
    "?6",
    "NULL",
    "FROM users
    WHERE id = ?7
      AND is_active = 1
      AND password_version = ?8
      AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = ?6)"
);

macro_rules! old_hash {
    ($user:literal, $from:literal, $session:literal) => {
        concat!(
            "id = ",
            $user,
            " AND password_hash = ",
            $from,
            " AND EXISTS (SELECT 1 FROM sessions WHERE id = ",
            $session,
            ")"
        )
    };
}

const REHASH: &str = concat!(
    "UPDATE users
        SET password_hash = ?4
      WHERE ",
    old_hash!("?1", "?2", "?3")
);

const RECORD_REHASH: &str = audit_rows!(
    "id",
    "?8",
    "NULL",
    concat!("FROM users WHERE ", old_hash!("?6", "?7", "?8"))
);

/// The live sessions that the request carried, once the new one has begun.
macro_rules! carried {
    ($new:literal, $first:literal, $second:literal, $now:literal) => {
        concat!(
            "id IN (",
            $first,
            ", ",
            $second,
            ") AND ended_at IS NULL AND idle_expires_at > ",
            $now,
            " AND absolute_expires_at > ",
            $now,
            " AND EXISTS (SELECT 1 FROM sessions WHERE id = ",
            $new,
            ")"
        )
    };
}

const END_CARRIED: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?4,
            end_reason = ?5
      WHERE ",
    carried!("?1", "?2", "?3", "?4"),
    " RETURNING ",
    revoked_columns!()
);

const RECORD_CARRIED: &str = audit_rows!(
    "user_id",
    "id",
    "?9",
    concat!("FROM sessions WHERE ", carried!("?6", "?7", "?8", "?2"))
);

/// All but the new one and the most recently used of the others; of equals the later row stays.
/// (The new one may not look the newest: another location's clock may be ahead.)
macro_rules! evicted {
    ($user:literal, $now:literal, $kept:literal, $new:literal) => {
        concat!(
            "id IN (SELECT id
                      FROM sessions
                     WHERE user_id = ",
            $user,
            " AND id <> ",
            $new,
            " AND ended_at IS NULL
              AND idle_expires_at > ",
            $now,
            " AND absolute_expires_at > ",
            $now,
            " ORDER BY last_used_at DESC, rowid DESC
              LIMIT -1 OFFSET ",
            $kept,
            ") AND EXISTS (SELECT 1 FROM sessions WHERE id = ",
            $new,
            ")"
        )
    };
}

const EVICT: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?2,
            end_reason = ?3
      WHERE ",
    evicted!("?1", "?2", "?4", "?5"),
    " RETURNING ",
    revoked_columns!()
);

const RECORD_EVICTED: &str = audit_rows!(
    "user_id",
    "id",
    "?9",
    concat!("FROM sessions WHERE ", evicted!("?6", "?2", "?7", "?8"))
);

/// A success forgets the failures before it.
const FORGET_ATTEMPTS: &str = "
    DELETE FROM login_attempts
     WHERE key IN (?2, ?3)
       AND EXISTS (SELECT 1 FROM sessions WHERE id = ?1)";

const HAS_BEGUN: &str = "SELECT id FROM sessions WHERE id = ?1";

#[derive(Deserialize)]
struct HasBegunRow {
    #[expect(dead_code, reason = "the row's presence is the answer")]
    id: String,
}

impl Database {
    /// `SessionStore::begin`.
    #[expect(
        clippy::too_many_lines,
        reason = "one batch: its statements in their order, with their parameters"
    )]
    pub(super) async fn begin_session(
        &self,
        login: &Login,
    ) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        let Login { session, trace, .. } = login;
        let now = || Param::Int(trace.at.get());
        let id = session.id.to_string();
        let user = session.user.to_string();
        let token = session.generation.current.to_string();
        let carried = login
            .carried
            .map(|session| session.map(|session| session.to_string()));
        let kept = i64::try_from(MAX_LIVE_SESSIONS - 1).unwrap_or(i64::MAX);
        let mut statements = vec![
            record(
                RECORD_LOGIN,
                (AuditEvent::LoggedIn, trace),
                [
                    Param::Text(&id),
                    Param::Text(&user),
                    Param::Int(login.verified.0),
                ],
            ),
            Statement {
                sql: INSERT_SESSION,
                params: vec![
                    Param::Text(&id),
                    Param::Text(&user),
                    Param::Text(&token),
                    now(),
                    Param::Int(session.idle_expires_at.get()),
                    Param::Int(session.absolute_expires_at.get()),
                    Param::optional(session.device.user_agent.as_deref()),
                    Param::optional(session.device.country.as_deref()),
                    Param::Int(login.verified.0),
                ],
            },
            Statement {
                sql: HAS_BEGUN,
                params: vec![Param::Text(&id)],
            },
            Statement {
                sql: FORGET_ATTEMPTS,
                params: vec![
                    Param::Text(&id),
                    Param::Text(login.attempts.pair.as_str()),
                    Param::Text(login.attempts.account.as_str()),
                ],
            },
        ];
        if let Some(rehash) = &login.rehash {
            let from = rehash.from.expose();
            let old = || [Param::Text(&user), Param::Text(from), Param::Text(&id)];
            statements.push(record(
                RECORD_REHASH,
                (AuditEvent::HashUpgraded, trace),
                old(),
            ));
            let mut params = Vec::from(old());
            params.push(Param::Text(rehash.to.expose()));
            statements.push(Statement {
                sql: REHASH,
                params,
            });
        }
        // Those that the request carried end first: they do not count among the others.
        if let [first, second] = &carried
            && (first.is_some() || second.is_some())
        {
            let carried = || {
                [
                    Param::Text(&id),
                    Param::optional(first.as_deref()),
                    Param::optional(second.as_deref()),
                ]
            };
            let reason = || Param::Text(EndReason::Replaced.as_str());
            let event = (AuditEvent::SessionEnded, trace);
            let named = carried().into_iter().chain([reason()]);
            statements.push(record(RECORD_CARRIED, event, named));
            statements.push(Statement {
                sql: END_CARRIED,
                params: carried().into_iter().chain([now(), reason()]).collect(),
            });
        }
        let reason = || Param::Text(EndReason::Evicted.as_str());
        statements.push(record(
            RECORD_EVICTED,
            (AuditEvent::SessionEnded, trace),
            [
                Param::Text(&user),
                Param::Int(kept),
                Param::Text(&id),
                reason(),
            ],
        ));
        statements.push(Statement {
            sql: EVICT,
            params: vec![
                Param::Text(&user),
                now(),
                reason(),
                Param::Int(kept),
                Param::Text(&id),
            ],
        });

        let results = self.batch_all(&statements).await?;
        let [_, _, begun, .., before, _, evicted] = results.as_slice() else {
            return Err(damaged("a batch", "has another number of results"));
        };
        if rows::<HasBegunRow>(begun)?.is_empty() {
            return Ok(None);
        }
        let mut ended = rows::<RevokedRow>(evicted)?;
        if carried.iter().any(Option::is_some) {
            ended.extend(rows::<RevokedRow>(before)?);
        }
        revoked_tokens(ended).map(Some)
    }
}
