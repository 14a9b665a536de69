//! The statements' parts about one-time tokens: issuing one, and whether one works.
//!
//! Parameters: ?6 digest of the presented token; ?15 digest and ?16 end of an issued one.

/// Issues the token of a link to each user (at most one) that meets a condition. It replaces the
/// user's earlier one of the purpose.
macro_rules! issue {
    ($name:literal, $purpose:literal, { $new_email:literal, $version:literal, $session:literal, $account:literal }, $users:expr) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO one_time_tokens (user_id, purpose, digest, email, new_email, password_version, session_id, account, is_proven, issued_at, expires_at)
             SELECT u.id, '",
            $purpose,
            "', ?15, u.email, ",
            $new_email,
            ", ",
            $version,
            ", ",
            $session,
            ", ",
            $account,
            ", u.email_verified_at IS NOT NULL, ?1, ?16
               FROM ",
            $users,
            "
                 ON CONFLICT (user_id, purpose, ordinal) DO UPDATE
                SET digest = excluded.digest,
                    email = excluded.email,
                    new_email = excluded.new_email,
                    password_version = excluded.password_version,
                    session_id = excluded.session_id,
                    account = coalesce(excluded.account, one_time_tokens.account),
                    is_proven = excluded.is_proven,
                    issued_at = excluded.issued_at,
                    expires_at = excluded.expires_at"
        ))
    };
}
pub(super) use issue;

/// The one-time token `?6` of user `?2` works. Parameters: ?6 digest.
macro_rules! token_works {
    ($purpose:literal) => {
        $crate::store::one_time_tokens::token_works!($purpose, "")
    };
    ($purpose:literal, $condition:literal) => {
        concat!(
            "EXISTS (SELECT 1
                       FROM one_time_tokens AS t
                      WHERE t.user_id = ?2
                        AND t.purpose = '",
            $purpose,
            "'
                        AND t.digest = ?6
                        AND t.expires_at > ?1",
            $condition,
            ")"
        )
    };
}
/// The same, for a link that works only with the password and the address of the time it was issued.
macro_rules! bound_token_works {
    ($purpose:literal) => {
        $crate::store::one_time_tokens::token_works!(
            $purpose,
            "
                        AND t.password_version = users.password_version
                        AND t.email = users.email"
        )
    };
}
pub(super) use {bound_token_works, token_works};

/// The addresses that the user has given up and can still have again.
macro_rules! given_up {
    () => {
        "one_time_tokens AS undo
          WHERE undo.user_id = ?2
            AND undo.purpose = 'undo-email'
            AND undo.expires_at > ?1"
    };
}
pub(super) use given_up;
