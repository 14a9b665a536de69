-- Roles, users and sessions. Forward only. Times are whole Unix seconds (D1 loses integers beyond
-- 2^53).
--
-- No CHECK lists the words of `end_reason`: a new word would then require rebuilding the table. A
-- native test compares them with the enums of `src/domain`.
--
-- WITHOUT ROWID: a row is written once, and not a second time into an index of its key. Each write
-- pays for every index, and a read costs a thousandth of a write, so no index exists only to save
-- reads.

-- The migrations that have been applied, however: `GET /ready` compares them with those that the
-- Worker knows. (wrangler's own list, `d1_migrations`, exists only where wrangler applied them.)
CREATE TABLE schema_migrations (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO schema_migrations (name) VALUES ('0001_accounts_and_sessions');

CREATE TABLE roles (
    slug       TEXT    NOT NULL PRIMARY KEY  -- what tokens, answers and headers contain
                       CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
    name       TEXT    NOT NULL,             -- the display name
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The default of DEFAULT_ROLE.
INSERT INTO roles (slug, name, created_at) VALUES ('application-access', 'Application Access', unixepoch());

CREATE TABLE users (
    id               TEXT    NOT NULL PRIMARY KEY,                       -- UUIDv7, lower case, never reused
    email            TEXT    NOT NULL CHECK (email = lower(email)),      -- canonical: the only form that is stored and compared
    name             TEXT             CHECK (name IS NULL OR name <> ''),
    password_hash    TEXT,                                               -- PHC string or another system's format; NULL: no password
    password_version INTEGER NOT NULL DEFAULT 1,                         -- incremented by each password change, not by a rehash
    role_slug        TEXT    NOT NULL REFERENCES roles (slug),
    is_active        INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),    -- 0: no login; setting it to 0 ends every session (0003)
    is_superuser     INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0, 1)), -- only an operator sets it
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    trace            TEXT                                                -- JSON: the request that made the last change, for the audit log (0003)
) STRICT, WITHOUT ROWID;

-- Logins find users by address, and two registrations of one address race for it.
CREATE UNIQUE INDEX users_email ON users (email);

-- A row is one login on one device, and the family of all its refresh tokens. Every lookup of a
-- session knows its user: the sessions of a user are adjacent, and need no further index.
CREATE TABLE sessions (
    user_id             TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,              -- 128 random bits, base64url; the `sid` of its tokens
    current_jti         TEXT    NOT NULL,              -- the current refresh token, the only one that rotates
    previous_jti        TEXT,                          -- its predecessor, which gets the same pair again within the grace
    rotated_at          INTEGER,                       -- when `current_jti` replaced `previous_jti`
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,              -- login or last rotation
    idle_expires_at     INTEGER NOT NULL,              -- changes with each rotation; the refresh token's `exp`
    absolute_expires_at INTEGER NOT NULL,              -- never changes
    ended_at            INTEGER,                       -- NULL: not ended (it may have expired)
    end_reason          TEXT,                          -- why it ended: src/domain/session/mod.rs
    user_agent          TEXT,                          -- of the login, at most 256 characters
    country             TEXT,                          -- two letters, from the network's edge
    trace               TEXT,                          -- JSON: the request that began or ended it, for the audit log (0003)
    PRIMARY KEY (user_id, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((rotated_at IS NULL) = (previous_jti IS NULL)),
    CHECK (idle_expires_at <= absolute_expires_at)
) STRICT, WITHOUT ROWID;
