-- What happened to accounts, in the order in which it took effect. No secret and no address in clear.
--
-- Triggers write it, in the transaction of the change: no statement can forget it, and a repeated
-- statement changes nothing and so tells nothing. A row that changes an account carries the trace of
-- the request that changes it (JSON: at, actor, session, country, client, request). A row that
-- changes while its trace stays has been changed by hand, and the log says so (actor `database`).
-- What has no row of its own (refused passwords, throttled requests) is written by the service.

CREATE TABLE audit_log (
    user_id    TEXT    NOT NULL,           -- whose account; '': nobody's that is known. No foreign key: the log outlives its user
    id         INTEGER NOT NULL,           -- counts a user's events from 1, in the order of the commits
    event      TEXT    NOT NULL,           -- src/domain/audit.rs
    session_id TEXT,                       -- which session, where one is concerned
    reason     TEXT,                       -- of 'session_ended': as sessions.end_reason
    at         INTEGER NOT NULL,           -- when; of several, the first
    last_at    INTEGER NOT NULL,           -- of several, the last
    count      INTEGER NOT NULL DEFAULT 1, -- how many; more than one for refusals only
    actor      TEXT    NOT NULL,           -- 'user': a request to the service; 'database': by hand
    country    TEXT,                       -- two letters, from the network's edge; of several, the last
    client     TEXT,                       -- keyed hash of the client's prefix; of several, the last
    request_id TEXT,                       -- as in the answer and the log lines; of several, the last
    bucket     TEXT,                       -- refusals: event, user and hour, which share a row
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- However often somebody is refused: one row an hour.
CREATE UNIQUE INDEX audit_log_bucket ON audit_log (bucket) WHERE bucket IS NOT NULL;

-- What the triggers insert into; it becomes a row of the log in one place, and nothing is stored
-- here. It is no view: a dump writes its views last, and a trigger of one could not be restored.
CREATE TABLE events (
    user_id    TEXT,
    event      TEXT,
    session_id TEXT,
    reason     TEXT,
    trace      TEXT
) STRICT;

CREATE TRIGGER events_recorded BEFORE INSERT ON events
BEGIN
    INSERT INTO audit_log (user_id, id, event, session_id, reason, at, last_at, actor, country, client, request_id)
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
        NEW.trace ->> 'request'
    );
    SELECT RAISE(IGNORE);
END;

CREATE TRIGGER sessions_begun AFTER INSERT ON sessions
WHEN NEW.ended_at IS NULL
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    VALUES (NEW.user_id, 'logged_in', NEW.id, NEW.trace);
END;

-- A change of the password ends every session, and is told once.
CREATE TRIGGER sessions_ended AFTER UPDATE OF ended_at ON sessions
WHEN OLD.ended_at IS NULL AND NEW.end_reason <> 'password_changed' -- which it has only if it has ended (CHECK)
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

-- People who were imported registered elsewhere.
CREATE TRIGGER users_registered AFTER INSERT ON users
WHEN NEW.trace ->> 'actor' IS NOT 'import'
BEGIN
    INSERT INTO events (user_id, event, trace)
    VALUES (NEW.id, 'registered', NEW.trace);
END;

CREATE TRIGGER users_renamed AFTER UPDATE OF name ON users
WHEN NEW.name IS NOT OLD.name
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id, 'renamed', trace ->> 'session', trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
END;

-- A hash that the service replaces under the same version is of the same password. Whoever sets a
-- hash by hand sets another password: that ends every session, as a change through the service does.
CREATE TRIGGER users_password_set AFTER UPDATE OF password_hash, password_version ON users
WHEN NEW.password_hash IS NOT OLD.password_hash OR NEW.password_version <> OLD.password_version
BEGIN
    INSERT INTO events (user_id, event, session_id, trace)
    SELECT NEW.id,
           iif(NEW.password_version = OLD.password_version AND trace IS NOT NULL, 'hash_upgraded', 'password_changed'),
           trace ->> 'session',
           trace
      FROM (SELECT CASE WHEN NEW.trace IS NOT OLD.trace THEN NEW.trace END AS trace);
    UPDATE sessions
       SET ended_at = unixepoch(),
           end_reason = 'password_changed'
     WHERE user_id = NEW.id AND ended_at IS NULL AND (NEW.trace IS OLD.trace OR NEW.trace IS NULL);
END;

-- However an account is deactivated, its sessions end: reactivating it brings none of them back.
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
     WHERE user_id = NEW.id AND ended_at IS NULL AND NOT NEW.is_active;
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
