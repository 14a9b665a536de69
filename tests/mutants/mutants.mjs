/**
 * Deliberately broken variants of the service, each with the tests that must
 * turn red. `npm run test:mutants` builds and runs them.
 *
 * - `edits`: `[file, find, replace]`; the text to be found appears there once
 * - `native`: the filter of `cargo test`, for a rule in Rust
 * - `node`: `[file, test-name pattern]`, for a rule that depends on the
 *   platform; needs the Worker to be built
 */
const ATTEMPTS = "src/store/attempts.rs";
const LOG_IN = "src/store/log_in.rs";
const PASSWORDS = "src/store/passwords.rs";
const ROTATE = "src/store/rotate.rs";
const SESSIONS = "src/store/sessions.rs";
const D1 = "src/platform/d1.rs";
const PROFILE_CACHE = "src/service/profile_cache.rs";

const AUDIT_LOG = "migrations/0003_audit_log.sql";

const FAULTS = "tests/faults.test.mjs";
const RESTORE = "tests/restore.test.mjs";

export const MUTANTS = [
  {
    name: "a rotation that reads first and then writes",
    edits: [
      [
        ROTATE,
        "    let rotation = first(database, ROTATE, &params, read).await?;",
        `    let held = Statement::new(
        "/* look first */ SELECT current_jti FROM sessions WHERE user_id = ?2 AND id = ?3 AND ended_at IS NULL",
    );
    if first(database, held, &params, |row| row.text("current_jti")).await?.is_none() {
        return Ok(Rotation::Dead);
    }
    let unchecked = Statement::new(
        "/* rotate */ UPDATE sessions SET previous_jti = ?5, current_jti = ?6, rotated_at = ?1 WHERE user_id = ?2 AND id = ?3
         RETURNING user_id, current_jti, rotated_at, idle_expires_at, ended_at, 'r' AS role_slug",
    );
    let rotation = first(database, unchecked, &params, read).await?;`,
      ],
    ],
    native: "store::tests::rotations",
  },
  {
    name: "what the rotation has left is ignored: everybody gets the successor they proposed",
    edits: [
      [
        ROTATE,
        "    let rotation = first(database, ROTATE, &params, read).await?;",
        `    let rotation = first(database, ROTATE, &params, |row| {
        read(row).map(|rotation| match rotation {
            Rotation::Rotated(rotated) => Rotation::Rotated(Grant {
                refresh_id: request.successor,
                ..rotated
            }),
            other => other,
        })
    })
    .await?;`,
      ],
    ],
    native: "store::tests::conditions",
  },
  {
    name: "the affected rows of a password change are ignored",
    edits: [[PASSWORDS, "if result(&results, 0)?.is_empty() {", "if result(&results, 0)?.len() > 1 {"]],
    native: "store::tests",
  },
  {
    name: "the grace holds for any generation",
    edits: [[ROTATE, "previous_jti IS ?5 AND", "previous_jti IS NOT NULL AND"]],
    native: "server::tests::sessions",
  },
  {
    name: "reuse is refused, but not punished",
    edits: [
      [ROTATE, '", ended_at, ?1),', '", ended_at, NULL),'],
      [ROTATE, '", end_reason, ?9),', '", end_reason, NULL),'],
    ],
    native: "store::tests::rotations",
  },
  {
    name: "an ended session that is presented again lives again",
    edits: [
      [ROTATE, '", ended_at, ?1),', '", NULL, ?1),'],
      [ROTATE, '", end_reason, ?9),', '", NULL, ?9),'],
    ],
    native: "store::tests::rotations",
  },
  {
    name: "a revocation goes to KV only",
    edits: [
      [
        SESSIONS,
        `SET ended_at = ?1,
            end_reason = ?5,
            trace = ?4
      WHERE user_id = ?2
        AND id = ?3`,
        `SET trace = ?4
      WHERE user_id = ?2
        AND id = ?3
        AND ?5 = ?5`,
      ],
    ],
    native: "store::tests",
  },
  {
    name: "sessions survive a change of the password",
    edits: [
      [PASSWORDS, "vec![REPLACE, END_EVERY, FORGET_FAILURES]", "vec![REPLACE, FORGET_FAILURES, FORGET_FAILURES]"],
      [PASSWORDS, "const END_EVERY", '#[expect(dead_code, reason = "a mutant")]\nconst END_EVERY'],
    ],
    native: "store::tests",
  },
  {
    name: "a login without the user's activity",
    edits: [[LOG_IN, "AND is_active = 1", ""]],
    native: "store::tests::conditions",
  },
  {
    name: "a login does not look at the password's version again when it writes",
    edits: [[LOG_IN, '"password_version = ?19 AND', '"?19 = ?19 AND']],
    native: "store::tests::conditions",
  },
  {
    name: "any number of sessions may live",
    edits: [[LOG_IN, "LIMIT -1 OFFSET ?27", "LIMIT 0 OFFSET ?27"]],
    native: "store::tests::conditions",
  },
  {
    name: "a refused login forgets the failures",
    edits: [[LOG_IN, 'forget!("forget failures", has_begun!())', 'forget!("forget failures", "TRUE")']],
    native: "store::tests::logins",
  },
  {
    name: "a superseded token makes a known device",
    edits: [[ATTEMPTS, "AND device.current_jti = ?4", "AND ?4 IN (device.current_jti, device.previous_jti)"]],
    native: "store::tests::throttle",
  },
  {
    name: "tries from an ended session are counted",
    edits: [[ATTEMPTS, 'concat!(caller_is_live!(), " AND NOT ", is_slowed!())', 'concat!("NOT ", is_slowed!())']],
    native: "store::tests::conditions",
  },
  {
    name: "a password changes from a session that ended meanwhile",
    edits: [[PASSWORDS, "    caller_is_live!(),", '    "TRUE",']],
    native: "store::tests::conditions",
  },
  {
    name: "an import leaves `registered`",
    edits: [[AUDIT_LOG, "WHEN NEW.trace ->> 'actor' IS NOT 'import'\n", ""]],
    native: "store::tests::triggers",
  },
  {
    name: "a repeated log-out is recorded again",
    edits: [[AUDIT_LOG, "WHEN OLD.ended_at IS NULL AND NEW", "WHEN NEW"]],
    native: "store::tests",
  },
  {
    name: "events are told to a view, whose trigger no dump restores",
    edits: [
      [
        AUDIT_LOG,
        `CREATE TABLE events (
    user_id    TEXT,
    event      TEXT,
    session_id TEXT,
    reason     TEXT,
    trace      TEXT,
    bucket     TEXT
) STRICT;`,
        `CREATE VIEW events AS
SELECT NULL AS user_id, NULL AS event, NULL AS session_id, NULL AS reason, NULL AS trace, NULL AS bucket;`,
      ],
      [AUDIT_LOG, "events_recorded BEFORE INSERT ON", "events_recorded INSTEAD OF INSERT ON"],
    ],
    node: [RESTORE, "a dump restores the same rows"],
  },
  {
    name: "every new name is a row of its own",
    edits: [[AUDIT_LOG, "((trace ->> 'at') / 3600)", "(trace ->> 'at')"]],
    native: "store::tests::told",
  },
  {
    name: "every refusal is a row of its own",
    edits: [
      [
        "src/domain/audit.rs",
        `format!("{}:{user}:{window}", event.as_str())`,
        `format!("{}:{user}:{window}:{}", event.as_str(), at.get())`,
      ],
    ],
    native: "domain::audit",
  },
  {
    name: "every error of D1 is tried again, overload too",
    edits: [[D1, "RETRYABLE.iter().any(|message| cause.contains(message))", "!cause.is_empty()"]],
    node: [FAULTS, "D1 fails with each of its messages"],
  },
  {
    name: "no error of D1 is tried again",
    edits: [[D1, "const MAX_RETRIES: u32 = 2;", "const MAX_RETRIES: u32 = 0;"]],
    node: [FAULTS, "as if the connection were lost"],
  },
  {
    name: "a database that hangs is waited for",
    edits: [[D1, "Delay::from(CALL_TIMEOUT)).await", "Delay::from(CALL_TIMEOUT * 4)).await"]],
    node: [FAULTS, "D1 hangs"],
  },
  {
    name: "the clean-up removes ended sessions at once",
    edits: [["src/store/sweep.rs", "horizon.now.minus(ENDED_KEPT)", "horizon.now"]],
    native: "store::tests::sweeping",
  },
  {
    name: "copies of profiles do not expire",
    edits: [
      [
        PROFILE_CACHE,
        "&& now < copy.read_at.plus(self.bounds.from_read)",
        "&& (now < copy.read_at.plus(self.bounds.from_read) || now.get() > 0)",
      ],
    ],
    native: "server::tests::profile",
  },
  {
    name: "copies from before a change count after it",
    edits: [[PROFILE_CACHE, "&& copy.read_at >= claims.issued_at", ""]],
    native: "server::tests::devices",
  },
  {
    name: "an inactive user's access token is accepted",
    edits: [["src/service/policy.rs", "account.user.is_active && account.live_sessions", "account.live_sessions"]],
    native: "server::tests::sessions",
  },
  {
    name: "no dummy hash for an unknown address",
    edits: [
      [
        "src/domain/credential/hashing/judging.rs",
        `                hasher.tag(
                    self.password.expose(),
                    &DUMMY_SALT,
                    Recipe {
                        setting: &setting,
                        pepper: &[],
                    },
                )?;`,
        "                let _ = (&setting, &DUMMY_SALT);",
      ],
    ],
    native: "server::tests::account",
  },
  {
    name: "the signature is not compared",
    edits: [
      [
        "src/domain/session/token.rs",
        "Kind::Access | Kind::Identity => self.keys.has_signed(&header.kid, signed, &signature),",
        `Kind::Access | Kind::Identity => {
                self.keys.has_signed(&header.kid, signed, &signature) || !signature.is_empty()
            }`,
      ],
    ],
    native: "domain::session::token",
  },
  {
    name: "a token may be lists of values",
    edits: [["src/domain/session/token/wire.rs", "if bytes.first() != Some(&b'{') {", "if bytes.is_empty() {"]],
    native: "domain::session::token",
  },
  {
    name: "typ is not checked",
    edits: [["src/domain/session/token.rs", "|| header.typ != kind.typ()", "|| header.typ.is_empty()"]],
    native: "domain::session::token",
  },
  {
    name: "padding counts as a breached password",
    edits: [
      [
        "src/domain/credential/breach.rs",
        "is_among |= !is_padding && suffix",
        "is_among |= (is_padding || !suffix.is_empty()) && suffix",
      ],
    ],
    native: "breach",
  },
  {
    name: "a 503 deletes the cookies",
    edits: [
      [
        "src/web/problem.rs",
        "                Self::retry_after(Code::Unavailable, 2, Some(cause))",
        `                Self {
                    delete_cookies: true,
                    ..Self::retry_after(Code::Unavailable, 2, Some(cause))
                }`,
      ],
    ],
    native: "server::tests::sessions",
  },
  {
    name: "a busy session never ends",
    edits: [[ROTATE, ", min(?1 + ?7, absolute_expires_at), idle_expires_at),", ", ?1 + ?7, idle_expires_at),"]],
    native: "store::tests::conditions",
  },
  {
    name: "letters: what logs in works in every browser",
    edits: [
      [
        "src/domain/credential/mailed_login.rs",
        'Mailed::Link(secret) => digest(&[purpose, b"\\n", &secret.0, &self.0]),',
        'Mailed::Link(secret) => digest(&[purpose, b"\\n", &secret.0]),',
      ],
    ],
    native: "mailed_login",
  },
  {
    name: "a pause that the other line has filled counts as one",
    edits: [["src/service/hash_queue.rs", "turns == queue.turns.get() || has_given_way", "turns <= queue.turns.get()"]],
    native: "hash_queue",
  },
  {
    name: "the rest of costly hashes never ends by itself",
    edits: [["src/service/hash_queue.rs", "queue.end_rest(timer.now());", ""]],
    native: "hash_queue",
  },
  {
    name: "a run of the clean-up has no end but the tables'",
    edits: [["src/service/clean_up.rs", "steps == budget.steps || ports.now() >= deadline", "steps > 1_000_000_000"]],
    native: "clean_up",
  },
  {
    name: "letters: of two requests in one browser the first counts",
    edits: [
      [
        "src/service/policy/visitor.rs",
        "            [value] => BrowserSecret::parse(value),",
        "            [value, ..] => BrowserSecret::parse(value),",
      ],
    ],
    native: "recovery::mail_login",
  },
  {
    name: "letters: one that did not leave counts as delivered",
    edits: [
      [
        "src/service/outbox.rs",
        `            log(ports, "mail.failure", mail, &cause);
            Ok(())`,
        `            log(ports, "mail.failure", mail, &cause);
            outbox::delivered(ports, &mail.id).await`,
      ],
    ],
    native: "recovery::mails",
  },
  {
    name: "letters: all kinds are counted together",
    edits: [
      [
        "src/domain/throttle.rs",
        "self.hash('m', &[email.as_str(), kind])",
        "self.hash('m', &[email.as_str(), &kind[..0]])",
      ],
    ],
    native: "recovery::",
  },
  {
    name: "letters: a link for one purpose is one for another",
    edits: [
      [
        "src/domain/credential/one_time.rs",
        '        digest(&[purpose.as_str().as_bytes(), b"\\n", &self.0])',
        '        let _ = purpose;\n        digest(&[b"\\n", &self.0])',
      ],
    ],
    native: "one_time",
  },
  {
    name: "letters: a login before the proof of the address begins a session",
    edits: [
      [
        "src/api/account/log_in.rs",
        "ctx.config().verification == EmailVerification::Required",
        "ctx.config().verification == EmailVerification::Off",
      ],
    ],
    native: "server::tests::recovery::",
  },
];
