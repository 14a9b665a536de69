use super::{PasswordFault, PasswordPolicy, PresentedPassword};
use crate::domain::identity::email::Email;

/// NFKC of the few characters that these tests use. The tests against the built Worker use the
/// platform's implementation.
pub(in crate::domain) fn nfkc(text: &str) -> String {
    text.replace("e\u{301}", "\u{e9}")
        .replace('\u{fdfa}', &"\u{635}".repeat(18))
        .chars()
        .map(|letter| match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            other => other,
        })
        .collect()
}

fn policy() -> PasswordPolicy {
    PasswordPolicy::new(8).with_nfkc(nfkc)
}

fn judge(text: &str) -> Result<String, PasswordFault> {
    let email = Email::parse("ada.lovelace@example.org").unwrap();
    policy()
        .judge(text.to_owned(), &email)
        .map(|password| password.expose().to_owned())
}

/// Converts ASCII to the fullwidth letters of East Asian keyboards.
fn fullwidth(text: &str) -> String {
    text.chars()
        .map(|letter| char::from_u32(u32::from(letter) + 0xfee0).unwrap())
        .collect()
}

#[test]
fn length_is_counted_in_code_points() {
    assert_eq!(judge("1234567").unwrap_err(), PasswordFault::TooShort);
    assert_eq!(judge("ééééééé").unwrap_err(), PasswordFault::TooShort);
    assert_eq!(
        judge(&"e\u{301}".repeat(7)).unwrap_err(),
        PasswordFault::TooShort
    );
    assert_eq!(judge("\u{fdfa}").unwrap_err(), PasswordFault::TooShort);
    assert!(judge("zwölf ßß").is_ok());
    let longest: String = (0..128)
        .filter_map(|number| char::from_u32(0x1f400 + number * 7))
        .collect();
    assert_eq!((longest.chars().count(), longest.len()), (128, 512));
    assert!(judge(&longest).is_ok());
    // A letter and its accent count as one character, and so does a ligature.
    let shorter: String = longest.chars().skip(1).collect();
    for letter in ["e\u{301}", "\u{fdfa}"] {
        assert!(judge(&format!("{shorter}{letter}")).is_ok(), "{letter}");
        assert_eq!(
            judge(&format!("{longest}{letter}")).unwrap_err(),
            PasswordFault::TooLong
        );
    }
    assert_eq!(
        judge(&"🔑".repeat(129)).unwrap_err(),
        PasswordFault::TooLong
    );
    assert_eq!(judge(&"a".repeat(129)).unwrap_err(), PasswordFault::TooLong);
}

#[test]
fn nothing_is_trimmed() {
    for text in ["  spaces  ", "nul\0inside", "\tTab\ntab\n"] {
        assert_eq!(judge(text).unwrap(), text);
    }
}

#[test]
fn every_spelling_of_a_password_is_one_password() {
    for text in ["caf\u{e9} noir", "cafe\u{301} noir", "ｃａｆ\u{e9} noir"] {
        assert_eq!(judge(text).unwrap(), "caf\u{e9} noir");
    }
}

#[test]
fn a_new_password_is_unchanged_in_another_spelling_too() {
    let new = policy().judge_unowned("caf\u{e9} noir".to_owned()).unwrap();
    for (current, is_unchanged) in [
        ("caf\u{e9} noir", true),
        ("cafe\u{301} noir", true),
        ("cafe noir", false),
        ("Caf\u{e9} noir", false),
    ] {
        let current = PresentedPassword::parse(current.to_owned()).unwrap();
        assert_eq!(policy().is_unchanged(&current, &new), is_unchanged);
    }
}

#[test]
fn there_are_no_composition_rules() {
    for text in ["kdjfhgsa", "82739104", "🔑🐈🌂🐙🎻🍋🔭🦆"] {
        assert!(judge(text).is_ok(), "{text}");
    }
}

#[test]
fn common_passwords_are_refused_whatever_their_case() {
    for text in ["password1", "PassWord1", "qwertyuiop", "1q2w3e4r"] {
        assert_eq!(judge(text).unwrap_err(), PasswordFault::Common, "{text}");
        let wide = fullwidth(text);
        assert_eq!(judge(&wide).unwrap_err(), PasswordFault::Common, "{wide}");
    }
}

#[test]
fn context_words_are_refused_whatever_their_case() {
    for text in ["ada.lovelace", "Ada.Lovelace@Example.org", "LatchKey"] {
        assert_eq!(judge(text).unwrap_err(), PasswordFault::Guessable, "{text}");
        let wide = fullwidth(text);
        assert_eq!(
            judge(&wide).unwrap_err(),
            PasswordFault::Guessable,
            "{wide}"
        );
    }
    assert!(judge("ada.lovelace1").is_ok());
}

#[test]
fn a_password_is_compared_with_the_address_once_its_owner_is_known() {
    let email = Email::parse("ada.lovelace@example.org").unwrap();
    for text in ["ada.lovelace", "Ada.Lovelace@Example.org"] {
        let unowned = policy().judge_unowned(text.to_owned()).unwrap();
        let fault = unowned.owned_by(&email).unwrap_err();
        assert_eq!(fault, PasswordFault::Guessable, "{text}");
    }
    let unowned = policy().judge_unowned("ada.lovelace1".to_owned()).unwrap();
    assert_eq!(unowned.owned_by(&email).unwrap().expose(), "ada.lovelace1");
    for (text, fault) in [
        ("latchkey", PasswordFault::Guessable),
        ("password1", PasswordFault::Common),
        ("short", PasswordFault::TooShort),
    ] {
        let judged = policy().judge_unowned(text.to_owned());
        assert_eq!(judged.unwrap_err(), fault, "{text}");
    }
}

#[test]
fn a_presented_password_is_not_judged() {
    for text in ["x", "password", &"a".repeat(8_192)] {
        let password = PresentedPassword::parse(text.to_owned()).unwrap();
        assert_eq!(password.expose(), text);
    }
    assert_eq!(
        PresentedPassword::parse(String::new()).unwrap_err(),
        PasswordFault::TooShort
    );
}

#[test]
fn passwords_are_redacted_in_debug_output() {
    let presented = PresentedPassword::parse("hunter22".to_owned()).unwrap();
    assert_eq!(format!("{presented:?}"), "PresentedPassword(…)");
}
