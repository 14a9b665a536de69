-- Roles, users and sessions. Forward only; times are whole Unix seconds (D1 loses integers past 2^53).

CREATE TABLE roles (
    slug       TEXT    NOT NULL PRIMARY KEY, -- what tokens and answers carry
    name       TEXT    NOT NULL,             -- what people read
    created_at INTEGER NOT NULL
) STRICT;

-- The role that DEFAULT_ROLE names unless told otherwise.
INSERT INTO roles (slug, name, created_at) VALUES ('application-access', 'Application Access', unixepoch());

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,                          -- UUIDv7, lower case, never reused
    email         TEXT    NOT NULL CHECK (email = lower(email)),         -- canonical: the one form that is stored and compared
    name          TEXT             CHECK (name IS NULL OR name <> ''),
    password_hash TEXT    NOT NULL,                                      -- PHC string
    password_version INTEGER NOT NULL DEFAULT 1,                         -- grows with each change of the password, not with a rehash
    role_slug     TEXT    NOT NULL REFERENCES roles (slug),
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),    -- 0: no login, no refresh, no request
    is_superuser  INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0, 1)), -- set by an operator only
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- Login looks people up by address, and two registrations of one address race for it.
CREATE UNIQUE INDEX users_email ON users (email);
-- For the foreign key: deleting a role must not scan the users.
CREATE INDEX users_role_slug ON users (role_slug);

-- A row is one login on one device, and the whole family of its refresh tokens.
CREATE TABLE sessions (
    id                  TEXT    NOT NULL PRIMARY KEY,  -- 128 random bits, base64url; the `sid` of its tokens
    user_id             TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    current_jti         TEXT    NOT NULL,              -- the one refresh token that rotates
    previous_jti        TEXT,                          -- its predecessor, answered again within the grace
    rotated_at          INTEGER,                       -- when `current_jti` replaced `previous_jti`
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,              -- login or last rotation
    idle_expires_at     INTEGER NOT NULL,              -- moves with each rotation; the refresh token's `exp`
    absolute_expires_at INTEGER NOT NULL,              -- never moves
    ended_at            INTEGER,                       -- NULL: not ended (it may have expired)
    end_reason          TEXT CHECK (end_reason IN ('logout', 'replaced', 'evicted', 'password_changed', 'reuse', 'revoked')),
    user_agent          TEXT,                          -- as sent at login, cut to 256 characters
    country             TEXT,                          -- two letters, from the network's edge
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((rotated_at IS NULL) = (previous_jti IS NULL)),
    CHECK (idle_expires_at <= absolute_expires_at)
) STRICT;

-- For the foreign key: deleting a user must not scan the sessions.
CREATE INDEX sessions_user_id ON sessions (user_id);
-- A user's sessions that are not ended: the profile's list, the cap, ending them all.
-- Partial, and without a column that rotation changes: a refresh writes one row and no index.
CREATE INDEX sessions_live_by_user ON sessions (user_id) WHERE ended_at IS NULL;
-- Created after sessions_user_id: of two indexes that fit, SQLite takes the later one.
-- The clean-up: rows that are over, by the two times that no rotation changes.
CREATE INDEX sessions_absolute_expires_at ON sessions (absolute_expires_at);
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL;
