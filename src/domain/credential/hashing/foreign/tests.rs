use sha2::Sha256;

use super::{Effort, Foreign, HashMemory};

/// No step takes much longer than an own hash. The steps of scrypt and Argon2 are the exception,
/// limited by the bound on their work.
const LONGEST_STEP_MILLIS: u32 = 200;

/// Known answers for `"correct horse"`, each made by the system that its comment names.
const KNOWN: [&str; 7] = [
    // Python's bcrypt 5.0
    "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
    // Django 5.2
    "pbkdf2_sha256$20000$seasalt1234567890abcde$ekB0RdSoHY6Ao17nbZPK3ZmVrkYO0iftP1WvblwBG78=",
    "pbkdf2_sha1$20000$seasalt1234567890abcde$dQ/B5mZ7hXUonlt+VfTCS7cYUi0=",
    // passlib 1.7
    "$pbkdf2-sha256$29000$c29tZXNhbHQtMTZieXRlcw$tgXWCXTSf48ZBVYc8jNbgJk3hFvIPsCx7C8fEz4JUJk",
    "$pbkdf2$13100$c29tZXNhbHQtMTZieXRlcw$NK3DdOmlnZ3HBaRkOb5idNl8B4o",
    "$scrypt$ln=12,r=8,p=1$c29tZXNhbHQtMTZieXRlcw$jRFTFTYl44HQ7uD46BFDahztVnw4yg/jRZrseVjtPAM",
    // Better Auth's parameters, through Node's scrypt
    BETTER_AUTH,
];
const BETTER_AUTH: &str = "00112233445566778899aabbccddeeff:13af89ff6a88bb0fb3277e79ba724c6c0731b15919ca892969d63abd1534b867d110179e3bc8af39995ede0f9b2ac14b2b97573df10ba3802c498dbeb61e4f64";
/// The example in Firebase's own documentation, for `"user1password"`.
const FIREBASE: &str = "$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

fn verify(text: &str, password: &str) -> Option<bool> {
    verify_normalised(text, password, str::to_owned)
}

fn verify_normalised(text: &str, password: &str, normalise: fn(&str) -> String) -> Option<bool> {
    let memory = HashMemory::default();
    let mut comparison = Foreign::read(text)?.begin(password, normalise);
    let mut left = comparison.effort();
    loop {
        assert!(left.step_millis <= LONGEST_STEP_MILLIS, "{text}: {left:?}");
        if let Some(outcome) = comparison.step(&memory).unwrap() {
            return Some(outcome);
        }
        let now = comparison.effort();
        assert!(now.total_millis < left.total_millis, "{text}: {now:?}");
        left = now;
    }
}

/// The effort of a hash that takes too long to be computed here.
fn effort(text: &str) -> Option<Effort> {
    Some(Foreign::read(text)?.begin("x", str::to_owned).effort())
}

#[test]
fn known_answers_verify_and_nothing_else_does() {
    for text in KNOWN {
        assert_eq!(verify(text, "correct horse"), Some(true), "{text}");
        assert_eq!(verify(text, "correct horse "), Some(false), "{text}");
    }
    assert_eq!(verify(FIREBASE, "user1password"), Some(true));
    assert_eq!(verify(FIREBASE, "user2password"), Some(false));
}

#[test]
fn bcrypt_is_read_under_its_three_names() {
    let text = KNOWN[0];
    for name in ["$2a$", "$2b$", "$2y$"] {
        let renamed = text.replace("$2b$", name);
        assert_eq!(verify(&renamed, "correct horse"), Some(true), "{renamed}");
    }
    assert_eq!(verify(&text.replace("$2b$", "$2x$"), "correct horse"), None);
}

/// `"paſséｗｏrd"` with a fullwidth o, which NFKC turns into `"passéword"`.
#[test]
fn better_auth_s_passwords_are_normalised_when_they_are_not_ascii() {
    const TEXT: &str = "00112233445566778899aabbccddeeff:ba65e5f4c9a50d8fc361549f6c5f804b55f39b3853e8c3f1c72562aeb3d281d56ca1791e8fd2bb745d1984d826166d4e24b17b28cc4b87b94cc2285423b6dbf8";
    let normalise: fn(&str) -> String = |_| "pass\u{e9}word".to_owned();
    let verify = |text, password| verify_normalised(text, password, normalise).unwrap();
    assert!(verify(TEXT, "pa\u{17f}s\u{e9}w\u{ff4f}rd"));
    // ASCII is not normalised.
    assert!(!verify(TEXT, "correct horse"));
    assert!(verify(BETTER_AUTH, "correct horse"));
}

#[test]
fn monstrous_and_damaged_hashes_are_refused_without_being_computed() {
    let key = "c29tZXNhbHQtMTZieXRlcw";
    for text in [
        String::new(),
        "x".to_owned(),
        "plain:password".to_owned(),
        KNOWN[0].replace("$06$", "$14$"),
        KNOWN[0].replace("$06$", "$03$"),
        KNOWN[0].replace("$06$", "$6$"),
        format!("{}x", KNOWN[0]),
        format!("$scrypt$ln=17,r=8,p=1${key}${key}"),
        format!("$scrypt$ln=63,r=8,p=1${key}${key}"),
        format!("$scrypt$ln=14,r=4294967295,p=1${key}${key}"),
        format!("$scrypt$ln=14,r=8,p=6${key}${key}"),
        format!("$scrypt$ln=14,r=8,p=0${key}${key}"),
        format!("$scrypt$ln=16,r=1,p=1${key}${key}"),
        format!("$scrypt$ln=17,r=4,p=1${key}${key}"),
        format!("$scrypt$ln=16,r=9,p=1${key}${key}"),
        format!("$scrypt$ln=14,r=8${key}${key}"),
        format!("$scrypt$ln=14,r=8,p=1,x=1${key}${key}"),
        format!("$scrypt$ln=14,r=0,p=1${key}${key}"),
        format!("$scrypt$ln=14,r=8,p=1${key}$AA"),
        format!("$scrypt$ln=14,r=8,p=1${}${key}", "A".repeat(400)),
        format!("$pbkdf2-sha256$i=2000001${key}${key}"),
        format!("$pbkdf2-sha256$i=0${key}${key}"),
        format!("$pbkdf2-sha512$i=1000${key}${key}"),
        format!("pbkdf2_sha256$2000001$salt${key}=="),
        format!("pbkdf2_sha256$-1$salt${key}=="),
        format!("pbkdf2_sha256$1000$${key}=="),
        BETTER_AUTH.replace(':', ";"),
        BETTER_AUTH.replace("00112233", "zz112233"),
        format!("{BETTER_AUTH}00"),
        format!("{}\u{e9}", &BETTER_AUTH[..BETTER_AUTH.len() - 1]),
        FIREBASE.replace("ln=14", "ln=24"),
        FIREBASE.replace("lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SA", ""),
    ] {
        assert!(Foreign::read(&text).is_none(), "{text}");
    }
}

#[test]
fn the_longest_accepted_hashes_go_in_short_steps() {
    let key = "c29tZXNhbHQtMTZieXRlcw";
    let long_key = "A".repeat(86);
    for (text, least_millis) in [
        (KNOWN[0].replace("$06$", "$13$"), 300),
        (format!("pbkdf2_sha256$1200000$salt${key}=="), 600),
        (format!("pbkdf2_sha256$2000000$salt${key}=="), 1_000),
        (format!("pbkdf2_sha1$2000000$salt${key}=="), 1_000),
        (format!("$pbkdf2-sha256$i=2000000${key}${long_key}"), 1_000),
        (format!("$scrypt$ln=16,r=8,p=5${key}${key}"), 600),
        (format!("$scrypt$ln=13,r=64,p=5${key}${key}"), 600),
    ] {
        let effort = effort(&text).unwrap();
        assert!(effort.total_millis >= least_millis, "{text}: {effort:?}");
        assert!(
            effort.step_millis <= LONGEST_STEP_MILLIS,
            "{text}: {effort:?}"
        );
    }
}

/// Compares each algorithm with the crate that computes it at once.
#[test]
fn hashes_are_those_of_other_implementations() {
    for (rounds, length) in [(1, 16), (2, 20), (300, 32), (500, 64)] {
        let salt = b"salt of 16 bytes";
        let mut keys = [vec![0; length], vec![0; length]];
        let [sha1, sha256] = &mut keys;
        pbkdf2::pbkdf2_hmac::<sha1::Sha1>(b"correct horse", salt, rounds, sha1);
        pbkdf2::pbkdf2_hmac::<Sha256>(b"correct horse", salt, rounds, sha256);
        for (digest, key) in ["sha1", "sha256"].iter().zip(&keys) {
            let encode = <base64ct::Base64Unpadded as base64ct::Encoding>::encode_string;
            let text = format!(
                "$pbkdf2-{digest}$i={rounds}${}${}",
                encode(salt),
                encode(key)
            );
            assert_eq!(verify(&text, "correct horse"), Some(true), "{text}");
            assert_eq!(verify(&text, "wrong horse"), Some(false), "{text}");
        }
        // A password that is longer than a block is hashed before it is used as the key.
        let long = "p".repeat(65);
        let mut key = vec![0; length];
        pbkdf2::pbkdf2_hmac::<sha1::Sha1>(long.as_bytes(), salt, rounds, &mut key);
        let encode = <base64ct::Base64Unpadded as base64ct::Encoding>::encode_string;
        let text = format!("$pbkdf2$i={rounds}${}${}", encode(salt), encode(&key));
        assert_eq!(verify(&text, &long), Some(true), "{text}");
    }
    // bcrypt uses 72 bytes of a password, and its terminating zero where there is room.
    for password in [
        "",
        "x",
        "nul\0inside",
        "\u{e9}",
        &"p".repeat(71),
        &"p".repeat(72),
        &"p".repeat(73),
    ] {
        let text = bcrypt::hash_with_salt(password, 4, *b"salt of 16 bytes").unwrap();
        let text = text.format_for_version(bcrypt::Version::TwoB);
        assert_eq!(verify(&text, password), Some(true), "{text}");
        assert_eq!(
            verify(&text, &format!("{password}!")),
            Some(password.len() >= 72),
            "{text}"
        );
    }
}

#[test]
fn the_length_of_the_steps_does_not_matter() {
    for most in [1, 7, 99, 100, 1_000] {
        let mut block = super::pbkdf2::Rounds::sha256(b"x", b"salt", 100).unwrap();
        let mut steps = 1;
        while block.step(most).is_none() {
            steps += 1;
        }
        assert_eq!(steps, 99_u32.div_ceil(most));
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(b"x", b"salt", 100, &mut key);
        assert_eq!(block.step(0), Some(key.to_vec()));
    }
    let fields: Vec<&str> = KNOWN[0].split('$').collect();
    let stored = super::bcrypt::Stored::read(fields[2], fields[3]).unwrap();
    for most in [1, 10, 64] {
        let mut bcrypt = super::bcrypt::Bcrypt::begin(&stored, b"correct horse");
        let hash = (0..).find_map(|_| bcrypt.step(most)).unwrap();
        assert_eq!(hash, stored.hash());
    }
}
