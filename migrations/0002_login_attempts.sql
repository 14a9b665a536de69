-- Failed logins in a row, for the delays before the next try.

CREATE TABLE login_attempts (
    key           TEXT    NOT NULL PRIMARY KEY, -- keyed hash of an account, or of an account and a client prefix
    failures      INTEGER NOT NULL,             -- in a row; an attempt counts until a login succeeds
    blocked_until INTEGER NOT NULL,             -- no attempt counts, or is made, before then
    attempt       TEXT    NOT NULL,             -- the last attempt that was let through: random, so that a repeated write counts once
    updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The clean-up removes what nobody has tried for a day.
CREATE INDEX login_attempts_updated_at ON login_attempts (updated_at);
