//! Planned features need only `CREATE TABLE` and `ADD COLUMN`: drafts of their migrations, which
//! are not shipped.

use super::World;

/// A draft, and its purpose.
const DRAFTS: [(&str, &str); 4] = [
    (
        "permissions",
        "CREATE TABLE role_permissions (
            role_slug  TEXT NOT NULL REFERENCES roles (slug) ON DELETE CASCADE,
            permission TEXT NOT NULL,
            PRIMARY KEY (role_slug, permission)
        ) STRICT, WITHOUT ROWID",
    ),
    (
        "second factors",
        "CREATE TABLE factors (
            user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            id      TEXT NOT NULL,
            kind    TEXT NOT NULL,
            secret  TEXT NOT NULL,
            PRIMARY KEY (user_id, id)
        ) STRICT, WITHOUT ROWID",
    ),
    (
        "the age and the means of a login",
        "ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER;
         ALTER TABLE sessions ADD COLUMN amr TEXT",
    ),
    (
        "invitations",
        "CREATE TABLE invitations (
            email      TEXT    NOT NULL PRIMARY KEY,
            role_slug  TEXT    NOT NULL REFERENCES roles (slug),
            digest     TEXT    NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
    ),
];

#[test]
fn what_comes_next_rebuilds_no_table() {
    let mut world = World::default();
    let ada = world.register(super::ADA);
    let caller = world.log_in(ada, 1);
    for (name, draft) in DRAFTS {
        let statements = draft.split(';').map(str::trim);
        for statement in statements {
            let is_additive = statement.starts_with("CREATE TABLE")
                || (statement.starts_with("ALTER TABLE") && statement.contains("ADD COLUMN"));
            assert!(is_additive, "{name}: {statement}");
        }
        world.database.execute(draft);
    }
    // Other words, and users without a password, need no migration.
    world.database.execute(
        "UPDATE sessions SET ended_at = 1, end_reason = 'a_new_reason';
         INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('someone', 'someone@example.org', 'application-access', 1, 1);
         INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
         VALUES ('o: a one-time code', 'c: a client', 1, 1, 0, 'x', 1)",
    );
    // The service continues with what it knows.
    assert!(world.end(caller).is_none());
    world.passed += 1;
    world.log_in(ada, 2);
}
