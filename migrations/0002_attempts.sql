-- Guesses of secrets, counted before they cost a hash: one row for each account and guesser.

CREATE TABLE attempts (
    account       TEXT    NOT NULL, -- keyed hash of the account whose secret is guessed, and of the kind of secret
    client        TEXT    NOT NULL, -- keyed hash of the guesser: a client prefix, a device or a session
    failures      INTEGER NOT NULL, -- in a row; an attempt counts from its admission until a success
    counted       INTEGER NOT NULL, -- those since the account's last success from any client
    blocked_until INTEGER NOT NULL, -- no attempt of this client is admitted before then
    attempt       TEXT    NOT NULL, -- the last admitted attempt: a random id, so that a repeated write counts once
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (account, client)
) STRICT, WITHOUT ROWID;

-- Where the clean-up of each table continues. It reads the tables by key, in bounded steps.
CREATE TABLE sweeps (
    swept    TEXT NOT NULL PRIMARY KEY, -- the table
    position TEXT NOT NULL              -- JSON: the last key that was read
) STRICT, WITHOUT ROWID;

INSERT INTO schema_migrations (name) VALUES ('0002_attempts');
