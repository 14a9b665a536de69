-- Roles, users and sessions. Forward only; times are whole Unix seconds (D1 loses integers past 2^53).
--
-- Words (`end_reason`) are not listed in a CHECK: a new word would rebuild the table. A native test
-- holds them to the enums of `src/domain`.
--
-- WITHOUT ROWID: a row is written once, not once more into an index of its key. An index is paid for
-- with each write and saves reads, which cost a thousandth: there is none that only saves reads.

CREATE TABLE roles (
    slug       TEXT    NOT NULL PRIMARY KEY, -- what tokens and answers carry
    name       TEXT    NOT NULL,             -- what people read
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The role that DEFAULT_ROLE names unless told otherwise.
INSERT INTO roles (slug, name, created_at) VALUES ('application-access', 'Application Access', unixepoch());

CREATE TABLE users (
    id               TEXT    NOT NULL PRIMARY KEY,                       -- UUIDv7, lower case, never reused
    email            TEXT    NOT NULL CHECK (email = lower(email)),      -- canonical: the one form that is stored and compared
    name             TEXT             CHECK (name IS NULL OR name <> ''),
    password_hash    TEXT,                                               -- PHC string; NULL: no password logs this user in
    password_version INTEGER NOT NULL DEFAULT 1,                         -- grows with each change of the password, not with a rehash
    role_slug        TEXT    NOT NULL REFERENCES roles (slug),
    is_active        INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),    -- 0: no login; setting it ends every session (0003)
    is_superuser     INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0, 1)), -- set by an operator only
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    trace            TEXT                                                -- JSON: the request of the last change, for the audit log (0003)
) STRICT, WITHOUT ROWID;

-- Login looks people up by address, and two registrations of one address race for it.
CREATE UNIQUE INDEX users_email ON users (email);

-- A row is one login on one device, and the whole family of its refresh tokens. Whoever asks for a
-- session knows its user: a person's sessions lie side by side, and need no further index.
CREATE TABLE sessions (
    user_id             TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,              -- 128 random bits, base64url; the `sid` of its tokens
    current_jti         TEXT    NOT NULL,              -- the one refresh token that rotates
    previous_jti        TEXT,                          -- its predecessor, answered again within the grace
    rotated_at          INTEGER,                       -- when `current_jti` replaced `previous_jti`
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,              -- login or last rotation
    idle_expires_at     INTEGER NOT NULL,              -- moves with each rotation; the refresh token's `exp`
    absolute_expires_at INTEGER NOT NULL,              -- never moves
    ended_at            INTEGER,                       -- NULL: not ended (it may have expired)
    end_reason          TEXT,                          -- why it ended: src/domain/session.rs
    user_agent          TEXT,                          -- as sent at login, cut to 256 characters
    country             TEXT,                          -- two letters, from the network's edge
    trace               TEXT,                          -- JSON: the request that began or ended it, for the audit log (0003)
    PRIMARY KEY (user_id, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((rotated_at IS NULL) = (previous_jti IS NULL)),
    CHECK (idle_expires_at <= absolute_expires_at)
) STRICT, WITHOUT ROWID;
