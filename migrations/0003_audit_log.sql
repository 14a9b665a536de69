-- What happened to accounts, in the order in which it took effect. No secret and no address in clear.

CREATE TABLE audit_log (
    id         INTEGER NOT NULL PRIMARY KEY, -- in the order of the commits
    event      TEXT    NOT NULL CHECK (event IN (
                   'registered', 'logged_in', 'login_failed', 'logged_out', 'session_ended', 'refresh_reused',
                   'password_changed', 'wrong_current_password', 'hash_upgraded', 'throttled', 'cross_site_refused')),
    user_id    TEXT,                         -- whose account; NULL: nobody's that is known. No foreign key: the log outlives its user
    session_id TEXT,                         -- which session, where one is concerned
    reason     TEXT,                         -- of 'session_ended': as sessions.end_reason
    at         INTEGER NOT NULL,             -- when; of several, the first
    last_at    INTEGER NOT NULL,             -- of several, the last
    count      INTEGER NOT NULL DEFAULT 1,   -- how many; more than one for refusals only
    country    TEXT,                         -- two letters, from the network's edge; of several, the last
    client     TEXT    NOT NULL,             -- keyed hash of the client's prefix; of several, the last
    request_id TEXT    NOT NULL,             -- as in the answer and the log lines; of several, the last
    bucket     TEXT                          -- refusals: event, user and hour, which share a row
) STRICT;

-- A person's own events, newest first; the key behind it breaks ties.
CREATE INDEX audit_log_user_id_at ON audit_log (user_id, at) WHERE user_id IS NOT NULL;
-- However often somebody is refused: one row an hour.
CREATE UNIQUE INDEX audit_log_bucket ON audit_log (bucket) WHERE bucket IS NOT NULL;
-- The clean-up goes by `id`: rows are removed in the order in which they came.
