-- Guesses of secrets, counted before they cost a hash: a row for each account and guesser.

CREATE TABLE attempts (
    account       TEXT    NOT NULL, -- keyed hash of what is guessed: whose secret, and of which kind
    client        TEXT    NOT NULL, -- keyed hash of who guesses: a client prefix, a device or a session
    failures      INTEGER NOT NULL, -- in a row; an attempt counts from the moment it is let through until a success
    counted       INTEGER NOT NULL, -- of them, those since the account's last success from anywhere
    blocked_until INTEGER NOT NULL, -- no attempt of this client is let through before then
    attempt       TEXT    NOT NULL, -- the last attempt that was let through: random, so that a repeated write counts once
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (account, client)
) STRICT, WITHOUT ROWID;

-- Where the clean-up of each table goes on: it reads the tables by key, in bounded steps.
CREATE TABLE sweeps (
    swept    TEXT NOT NULL PRIMARY KEY, -- the table
    position TEXT NOT NULL              -- JSON: the last key that was looked at
) STRICT, WITHOUT ROWID;
