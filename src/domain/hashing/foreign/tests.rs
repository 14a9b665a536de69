use super::Foreign;

/// Known answers, each made by the system that its comment names, for `"correct horse"`.
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
/// The example of Firebase's own documentation, for `"user1password"`.
const FIREBASE: &str = "$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

fn verify(text: &str, password: &str) -> Option<bool> {
    Some(Foreign::read(text)?.verify(password, str::to_owned))
}

#[test]
fn known_answers_verify_and_nothing_else_does() {
    for text in KNOWN {
        assert_eq!(verify(text, "correct horse"), Some(true), "{text}");
        for wrong in ["correct horsE", "correct horse ", ""] {
            assert_eq!(verify(text, wrong), Some(false), "{text}");
        }
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
    let foreign = Foreign::read(TEXT).unwrap();
    assert!(foreign.verify("pa\u{17f}s\u{e9}w\u{ff4f}rd", normalise));
    // ASCII needs no normalising, and is not handed out for it.
    assert!(!foreign.verify("correct horse", normalise));
    let foreign = Foreign::read(BETTER_AUTH).unwrap();
    assert!(foreign.verify("correct horse", normalise));
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
