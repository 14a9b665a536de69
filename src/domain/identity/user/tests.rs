use super::{InvalidName, RoleSlug, UserName};

#[test]
fn a_name_is_trimmed_and_counted_in_code_points() {
    assert_eq!(UserName::parse("  Ada  ").unwrap().as_str(), "Ada");
    assert!(UserName::parse(&"é".repeat(100)).is_ok());
    assert_eq!(UserName::parse(&"é".repeat(101)), Err(InvalidName::TooLong));
    assert_eq!(UserName::parse(" \u{a0} "), Err(InvalidName::Invisible));
}

#[test]
fn a_name_that_nobody_sees_is_none() {
    for text in [
        "",
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "\u{feff}",
        "\u{ad}",
        "\u{301}",
        "\u{e0041}\u{e0042}",
        "\u{200c}\u{200d}",
        "\u{2060}",
        "\u{115f}\u{1160}",
        "\u{ffa0}",
        "\u{34f}",
        "\u{180e}",
        "\u{fe0f}",
        "\u{e0100}",
        "\u{20dd}",
        "\u{488}",
        "\u{200e}\u{200f}\u{61c}",
        "\u{fff9}\u{fffa}\u{fffb}",
        "\u{206a}",
        "\u{1d159}\u{1d173}",
        "\u{13441}",
        "\u{fffc}",
        "\u{e000}",
        "\u{378}",
        "\u{200b} \u{2800}\u{3000}\u{301}",
    ] {
        let parsed = UserName::parse(text);
        assert_eq!(parsed, Err(InvalidName::Invisible), "{text:?}");
    }
}

#[test]
fn a_name_in_any_script_is_one() {
    for text in [
        "A",
        "-",
        "'",
        "\"",
        "\\",
        "O’Hara",
        "Zoë",
        "Zoe\u{308}",
        "Łukasz Żółć",
        "Nguyễn Văn",
        "李",
        "山田　太郎",
        "김민준",
        "\u{1112}\u{1161}\u{11ab}",
        "नेहा",
        "கார்த்திக்",
        "สมชาย",
        "م\u{64f}حمّد",
        "שלמה\u{200f}",
        "می\u{200c}خواهم",
        "👩\u{200d}🚀",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "🇩🇪",
        "1\u{fe0f}\u{20e3}",
        "\u{200b}x",
        "†",
    ] {
        assert_eq!(UserName::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn a_name_does_not_control_the_text_around_it() {
    for text in [
        "Ada\u{1b}[31m",
        "Ada\r\nBob",
        "Ada\tBob",
        "A\u{85}da",
        "A\u{7f}da",
        "A\0da",
        "A\u{2028}da",
        "A\u{2029}da",
        "A\u{202a}da",
        "A\u{202b}da",
        "A\u{202c}da",
        "A\u{202d}da",
        "\u{202e}Ada",
        "Ada\u{2066}",
        "A\u{2067}da",
        "A\u{2068}da",
        "A\u{2069}da",
    ] {
        let parsed = UserName::parse(text);
        assert_eq!(parsed, Err(InvalidName::ControlCharacter), "{text:?}");
    }
}

#[test]
fn a_role_slug_is_lower_case_letters_digits_and_hyphens() {
    assert!(RoleSlug::parse("application-access").is_some());
    assert!(RoleSlug::parse(&"a".repeat(64)).is_some());
    for text in ["", "Admin", "a b", "a_b", "ä", &"a".repeat(65)] {
        assert!(RoleSlug::parse(text).is_none(), "{text}");
    }
}
