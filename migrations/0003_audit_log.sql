-- What happened to accounts, in the order in which it took effect. Contains neither secrets nor
-- plain addresses.
--
-- Triggers write it in the transaction of the change: no statement can forget it, and a repeated
-- statement changes nothing and so records nothing. A row that changes an account contains the
-- trace of the request that changes it (JSON: at, actor, session, country, client, request). If a
-- row changes while its trace stays the same, the change was made by hand, and the log records that
-- (actor `database`). The service writes what has no row (refused passwords, throttled requests).

CREATE TABLE audit_log (
    user_id    TEXT    NOT NULL,           -- whose account; '': unknown. No foreign key: the log outlives its user
    id         INTEGER NOT NULL,           -- counts a user's events from 1, in commit order
    event      TEXT    NOT NULL,           -- src/domain/audit.rs
    session_id TEXT,                       -- the session that the event is about, if any
    reason     TEXT,                       -- for 'session_ended': as in sessions.end_reason
    at         INTEGER NOT NULL,           -- when it happened; of several in a row, the first
    last_at    INTEGER NOT NULL,           -- of several, the last
    count      INTEGER NOT NULL DEFAULT 1, -- more than one for refusals and new names only
    actor      TEXT    NOT NULL,           -- 'user': a request to the service; 'database': by hand
    country    TEXT,                       -- two letters, from the network's edge; of several, of the last
    client     TEXT,                       -- keyed hash of the client's prefix; of several, of the last
    request_id TEXT,                       -- as in the answer and the log lines; of several, of the last
    bucket     TEXT,                       -- of what costs its sender no hash: event, user and hour, which share a row
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- One row an hour, however often a user is refused or takes another name.
CREATE UNIQUE INDEX audit_log_bucket ON audit_log (bucket) WHERE bucket IS NOT NULL;

-- The triggers insert into this table, and one trigger turns that into a row of the log; nothing is
-- stored here. It is not a view: a dump writes views last, and could not restore the trigger of
-- one.
CREATE TABLE events (
    user_id    TEXT,
    event      TEXT,
    session_id TEXT,
    reason     TEXT,
    trace      TEXT,
    bucket     TEXT
) STRICT;

CREATE TRIGGER events_recorded BEFORE INSERT ON events
BEGIN
    INSERT INTO audit_log (user_id, id, event, session_id, reason, at, last_at, actor, country, client, request_id, bucket)
    VALUES (
        NEW.user_id,
        (SELECT coalesce(max(id), 0) + 1 FROM audit_log WHERE user_id = NEW.user_id),
        NEW.event,
        NEW.session_id,
        NEW.reason,
        coalesce(NEW.trace ->> 'at', unixepoch()),
        coalesce(NEW.trace ->> 'at', unixepoch()),
        coalesce(NEW.trace ->> 'actor', 'database'),
        NEW.trace ->> 'country',
        NEW.trace ->> 'client',
        NEW.trace ->> 'request',
        NEW.bucket
    )
        ON CONFLICT (bucket) WHERE bucket IS NOT NULL DO UPDATE
       SET session_id = excluded.session_id,
           last_at = max(last_at, excluded.last_at),
           country = excluded.country,
           client = excluded.client,
           request_id = excluded.request_id,
           count = count + 1;
    SELECT RAISE(IGNORE);
END;

CREATE TRIGGER sessions_begun AFTER INSERT ON sessions
WHEN NEW.ended_at IS NULL
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    VALUES (NEW.user_id, 'logged_in', NEW.id, NEW.trace);
END;

-- A password change ends every session, and is recorded once.
CREATE TRIGGER sessions_ended AFTER UPDATE OF ended_at ON sessions
WHEN OLD.ended_at IS NULL AND NEW.end_reason <> 'password_changed' -- NULL unless it has ended (CHECK)
BEGIN
    INSERT INTO events (user_id, event, session_id, reason, trace)
    VALUES (
        NEW.user_id,
        CASE NEW.end_reason WHEN 'logout' THEN 'logged_out' WHEN 'reuse' THEN 'refresh_reused' ELSE 'session_ended' END,
        NEW.id,
        CASE WHEN NEW.end_reason NOT IN ('logout', 'reuse') THEN NEW.end_reason END,
        CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END
    );
END;

-- Imported users registered elsewhere.
CREATE TRIGGER users_registered AFTER INSERT ON users
WHEN NEW.trace ->> 'actor' IS NOT 'import'
BEGIN
    INSERT INTO events (user_id, event, trace)
    VALUES (NEW.id, 'registered', NEW.trace);
END;

-- A new name costs its sender no hash: those of an hour share a row, except those made by hand.
CREATE TRIGGER users_renamed AFTER UPDATE OF name ON users
WHEN NEW.name IS NOT OLD.name
BEGIN
    INSERT INTO events (user_id, event, session_id, trace, bucket)
    SELECT NEW.id,
           'renamed',
           trace ->> 'session',
           trace,
           'renamed' || ':' || NEW.id || ':' || ((trace ->> 'at') / 3600)
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
END;

-- A hash that the service replaces under the same version is of the same password. A hash that is
-- set by hand is another password: it ends every session, like a change through the service. Sessions
-- that have expired stay as they are, but for those of the last minute: a request that began before
-- may renew them.
CREATE TRIGGER users_password_set AFTER UPDATE OF password_hash, password_version ON users
WHEN NEW.password_hash IS NOT OLD.password_hash OR NEW.password_version <> OLD.password_version
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id,
           CASE
               WHEN NEW.password_hash IS NULL THEN 'password_removed'
               WHEN trace ->> 'via' = 'mail' THEN 'password_reset'
               WHEN NEW.password_version = OLD.password_version AND trace IS NOT NULL THEN 'hash_upgraded'
               ELSE 'password_changed'
           END,
           trace ->> 'session',
           trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
    UPDATE sessions
       SET ended_at = unixepoch(),
           end_reason = 'password_changed'
     WHERE user_id = NEW.id
       AND ended_at IS NULL
       AND idle_expires_at > unixepoch() - 60
       AND (NEW.trace IS OLD.trace OR NEW.trace IS NULL);
END;

-- However an account is deactivated, its live sessions end; reactivation restores none of them.
-- Those that expired in the last minute end as well.
CREATE TRIGGER users_activity_set AFTER UPDATE OF is_active ON users
WHEN NEW.is_active <> OLD.is_active
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id, iif(NEW.is_active, 'reactivated', 'deactivated'), trace ->> 'session', trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
    UPDATE sessions
       SET ended_at = unixepoch(),
           end_reason = 'deactivated',
           trace = CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace ELSE trace END
     WHERE user_id = NEW.id
       AND ended_at IS NULL
       AND idle_expires_at > unixepoch() - 60
       AND NOT NEW.is_active;
END;

CREATE TRIGGER users_role_set AFTER UPDATE OF role_slug, is_superuser ON users
WHEN NEW.role_slug <> OLD.role_slug OR NEW.is_superuser <> OLD.is_superuser
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id, 'role_changed', trace ->> 'session', trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
END;

CREATE TRIGGER users_email_set AFTER UPDATE OF email ON users
WHEN NEW.email <> OLD.email
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id, 'email_changed', trace ->> 'session', trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
END;

CREATE TRIGGER users_deleted AFTER DELETE ON users
BEGIN
    INSERT INTO events (user_id, event) VALUES (OLD.id, 'deleted');
END;

INSERT INTO schema_migrations (name) VALUES ('0003_audit_log');
