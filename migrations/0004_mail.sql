-- Mail: proven addresses, one-time tokens, and the outbox.

-- When the user last proved that the address reaches them. NULL: never.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;
-- The language of mails (src/domain/mail). NULL: unknown.
ALTER TABLE users ADD COLUMN language TEXT;

-- The links in mails. A user has at most one of each purpose, so the newest replaces the one before
-- it; only of undo-email there is one for each address that the user has given up. A row is deleted in
-- the transaction of the effect, so a link works once.
CREATE TABLE one_time_tokens (
    user_id          TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose          TEXT    NOT NULL, -- src/domain/credential/one_time.rs
    ordinal          INTEGER NOT NULL DEFAULT 0, -- for undo-email: 1, 2 … as the addresses were given up
    digest           TEXT    NOT NULL, -- SHA-256 of the purpose and the token
    email            TEXT    NOT NULL, -- the user's address when it was issued
    new_email        TEXT,             -- for a change of the address: the new one
    password_version INTEGER,          -- the version when it was issued; NULL: works with any
    session_id       TEXT,             -- the session that asked for it, or that it is about
    account          TEXT,             -- the user's key in `attempts`, which a reset clears
    is_proven        INTEGER NOT NULL DEFAULT 0, -- whether the user had proven `email`
    issued_at        INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose, ordinal)
) STRICT, WITHOUT ROWID;

-- Requests to log in by mail. Each belongs to the browser that made it: a stranger's request replaces
-- nobody else's.
CREATE TABLE login_requests (
    browser          TEXT    NOT NULL, -- SHA-256 of the browser's secret
    digest           TEXT    NOT NULL, -- SHA-256 of the purpose, the link's secret or the code, and the browser's secret
    user_id          TEXT    REFERENCES users (id) ON DELETE CASCADE, -- NULL: nobody has the address, and no mail was sent
    email            TEXT    NOT NULL, -- the address that was asked for
    password_version INTEGER,          -- the version when it was made
    tries            INTEGER NOT NULL DEFAULT 0,
    last_try         TEXT,             -- random, so that a repetition is not counted again
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (browser, digest)
) STRICT, WITHOUT ROWID;

-- Mails that have been decided and not yet delivered. A row is written in the transaction of the
-- change that the mail is about, and deleted once a transport has accepted it.
--
-- It does not contain the link's token: the service derives that from `nonce` with a key that the
-- database does not have.
CREATE TABLE outbox (
    id          TEXT    NOT NULL PRIMARY KEY, -- UUIDv7: the idempotency key
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind        TEXT    NOT NULL,             -- src/domain/mail
    email       TEXT    NOT NULL,             -- the recipient
    language    TEXT    NOT NULL,
    nonce       TEXT,                         -- 256 random bits, base64url; NULL: no link
    key_id      TEXT,                         -- the signing key from which the token's key derives
    facts       TEXT    NOT NULL,             -- JSON: what the text contains besides the link
    created_at  INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,             -- nobody else sends it before then
    tries       INTEGER NOT NULL,
    given_up_at INTEGER,                      -- it is not tried any more
    trace       TEXT                          -- JSON: the request, for the audit log (0003)
) STRICT, WITHOUT ROWID;

-- Mails that strangers may cause, by recipient and by client: the times of the last hour, by mail.
CREATE TABLE mail_counts (
    kind       TEXT    NOT NULL, -- 'address', 'client' or 'notice'
    counted    TEXT    NOT NULL, -- keyed hash; for a notice, the user
    mails      TEXT    NOT NULL, -- JSON: {id: time}
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (kind, counted)
) STRICT, WITHOUT ROWID;

-- Addresses that a user has given up, which nobody else can have while an undo is possible.
CREATE TABLE resting_addresses (
    email   TEXT    NOT NULL,
    user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    until   INTEGER NOT NULL,
    PRIMARY KEY (email, user_id)
) STRICT, WITHOUT ROWID;

-- The devices and countries from which a user has logged in: a login from another one is told.
CREATE TABLE seen_logins (
    user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device  TEXT    NOT NULL, -- JSON: [label, country]
    seen_at INTEGER NOT NULL, -- to the day
    PRIMARY KEY (user_id, device)
) STRICT, WITHOUT ROWID;

-- A request for another address is not told by its mail: whether there is one shows whether somebody
-- has the address.
CREATE TRIGGER outbox_queued AFTER INSERT ON outbox
WHEN NEW.kind <> 'confirm_email'
BEGIN
    INSERT INTO events (user_id, event, reason, trace)
    VALUES (NEW.user_id, 'mail_queued', NEW.kind, NEW.trace);
END;

CREATE TRIGGER users_email_verified AFTER UPDATE OF email_verified_at ON users
WHEN NEW.email_verified_at IS NOT NULL AND OLD.email_verified_at IS NULL AND NEW.email = OLD.email
BEGIN
    INSERT INTO events (user_id, event, trace)
    SELECT NEW.id, 'email_verified', CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END;
END;

-- An address that is set by hand has not been proven by anyone.
CREATE TRIGGER users_email_unproven AFTER UPDATE OF email ON users
WHEN NEW.email <> OLD.email AND NEW.email_verified_at IS NOT NULL AND (NEW.trace IS OLD.trace OR NEW.trace IS NULL)
BEGIN
    UPDATE users SET email_verified_at = NULL WHERE id = NEW.id;
END;

-- An address or a password that is set by hand outlives every link that was mailed before. Without a
-- link that takes a change back, no address rests.
CREATE TRIGGER users_links_spent AFTER UPDATE OF email, password_hash ON users
WHEN (NEW.email <> OLD.email OR NEW.password_hash IS NOT OLD.password_hash) AND (NEW.trace IS OLD.trace OR NEW.trace IS NULL)
BEGIN
    DELETE FROM one_time_tokens WHERE user_id = NEW.id;
    DELETE FROM resting_addresses WHERE user_id = NEW.id;
    DELETE FROM login_requests WHERE user_id = NEW.id;
    DELETE FROM outbox WHERE user_id = NEW.id;
END;

INSERT INTO schema_migrations (name) VALUES ('0004_mail');
