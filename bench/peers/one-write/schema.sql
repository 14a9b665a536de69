CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    generation TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);
