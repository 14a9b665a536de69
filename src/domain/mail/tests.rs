use core::fmt::Write as _;

use super::{Brand, Colour, Content, Incomplete, Language, Letter, MailKind};
use crate::domain::time::UnixSeconds;

const LINK: &str =
    "https://auth.example.org/account/reset#token=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

const CODE: &str = "042137";

fn brand() -> Brand {
    Brand {
        product: "Acme & <Söhne>".to_owned(),
        colour: Colour::parse("#ffcc00").unwrap(),
    }
}

/// A letter with every fact.
fn letter(kind: MailKind, language: Language, brand: &Brand) -> Letter<'_> {
    Letter {
        kind,
        language,
        brand,
        link: Some(LINK),
        code: Some(CODE),
        minutes: Some(30),
        new_email: Some("new.owner@example.com"),
        at: Some(UnixSeconds::new(1_795_251_600)),
        country: Some("DE"),
        device: Some("Firefox on Windows"),
    }
}

fn every() -> impl Iterator<Item = (MailKind, Language)> {
    MailKind::ALL
        .into_iter()
        .flat_map(|kind| Language::ALL.map(|language| (kind, language)))
}

fn render(letter: &Letter<'_>) -> Content {
    letter.render().unwrap()
}

#[test]
fn a_kind_has_one_name() {
    for kind in MailKind::ALL {
        assert_eq!(MailKind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(MailKind::parse("Reset_password"), None);
}

#[test]
fn every_mail_has_its_link_its_validity_and_its_product() {
    let brand = brand();
    for (kind, language) in every() {
        let Content {
            subject,
            text,
            html,
        } = render(&letter(kind, language, &brand));
        let name = format!("{kind:?} {language:?}\n{subject}\n{text}\n{html}");
        let lines = text.lines().filter(|line| *line == LINK).count();
        let has_link = kind != MailKind::LoginCode;
        assert_eq!(
            lines,
            usize::from(has_link),
            "the link is a line of its own: {name}"
        );
        assert_eq!(
            html.contains(&format!("href=\"{LINK}\"")),
            has_link,
            "{name}"
        );
        for content in [&text, &html] {
            assert_eq!(
                content.matches(CODE).count(),
                usize::from(!has_link),
                "{name}"
            );
        }
        let validity = match language {
            Language::English => "valid for 30 minutes",
            Language::German => "30 Minuten gültig",
        };
        let is_stated = kind != MailKind::AlreadyRegistered;
        assert_eq!(text.contains(validity), is_stated, "{name}");
        assert_eq!(html.contains(validity), is_stated, "{name}");
        assert!(subject.contains("Acme & <Söhne>"), "{name}");
        assert!(text.contains("Acme & <Söhne>"), "{name}");
        assert!(html.contains("Acme &#38; &#60;Söhne&#62;"), "{name}");
        assert!(html.contains(&format!("<html lang=\"{}\">", language.as_str())));
        let button = "background:#ffcc00;color:#000000;";
        assert_eq!(html.contains(button), has_link, "{name}");
        for placeholder in ["{product}", "{time}", "{{", "}}"] {
            assert!(!name.contains(placeholder), "{name}");
        }
    }
}

#[test]
fn both_languages_state_the_same_facts() {
    let brand = brand();
    let facts = ["n…@e….com", "2026-11-21, 09:00 UTC", "Windows", ": DE"];
    for kind in MailKind::ALL {
        let stated = |text: &str| facts.map(|fact| text.contains(fact));
        let [english, german] =
            Language::ALL.map(|language| render(&letter(kind, language, &brand)));
        let expected = match kind {
            MailKind::EmailChanged => [true; 4],
            MailKind::PasswordChanged | MailKind::PasswordRemoved | MailKind::NewLogin => {
                [false, true, true, true]
            }
            MailKind::ResetPassword
            | MailKind::VerifyEmail
            | MailKind::AlreadyRegistered
            | MailKind::ConfirmEmail
            | MailKind::LoginLink
            | MailKind::LoginCode => [false; 4],
        };
        for content in [&english.text, &english.html, &german.text, &german.html] {
            assert_eq!(stated(content), expected, "{kind:?}\n{content}");
        }
        let paragraphs = |content: &Content| content.text.matches("\n\n").count();
        assert_eq!(paragraphs(&english), paragraphs(&german), "{kind:?}");
    }
}

#[test]
fn subjects_differ_and_are_one_short_line() {
    let mut brand = brand();
    brand.product = "a".repeat(40);
    let mut seen = std::collections::HashSet::new();
    for (kind, language) in every() {
        let Content { subject, .. } = render(&letter(kind, language, &brand));
        assert!(subject.chars().count() <= 78, "{subject}");
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        assert!(seen.insert(subject.clone()), "{subject}");
    }
}

#[test]
fn every_line_of_the_text_is_bounded() {
    let mut brand = brand();
    brand.product = "a".repeat(40);
    for (kind, language) in every() {
        let Content { text, .. } = render(&letter(kind, language, &brand));
        for line in text.lines().filter(|line| *line != LINK) {
            assert!(line.chars().count() <= 76, "{line}");
            assert!(line.trim_end() == line, "{line:?}");
        }
        assert!(!text.contains("\n\n\n"), "{text}");
        assert!(!text.starts_with('\n') && !text.ends_with("\n\n"), "{text}");
    }
}

/// A mail loads nothing and runs nothing, and each element is closed.
#[test]
fn the_html_is_a_document_without_anything_remote() {
    const ELEMENTS: [&str; 10] = [
        "html", "head", "meta", "title", "body", "div", "p", "a", "br", "!doctype",
    ];
    let brand = brand();
    for (kind, language) in every() {
        let Content { html, .. } = render(&letter(kind, language, &brand));
        let mut open = Vec::new();
        for part in html.split('<').skip(1) {
            let (tag, _) = part.split_once('>').unwrap();
            let name = tag.split(' ').next().unwrap();
            let bare = name.trim_start_matches('/');
            assert!(ELEMENTS.contains(&bare), "{kind:?} <{tag}>");
            assert!(!tag.contains(" on"), "{kind:?} <{tag}>");
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{html}"),
                None if ["meta", "br", "!doctype"].contains(&name) => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?} {html}");
        let lower = html.to_ascii_lowercase();
        for loaded in [
            "src",
            "url(",
            "@import",
            "http-equiv",
            "javascript:",
            "<script",
            "<form",
        ] {
            assert!(!lower.contains(loaded), "{kind:?} {loaded}\n{html}");
        }
        // The link twice: the button, and its address.
        let links = if kind == MailKind::LoginCode { 0 } else { 2 };
        assert_eq!(lower.matches("://").count(), links, "{html}");
    }
}

/// What the caller passes on is escaped in the HTML, and stays on its line in the text.
#[test]
fn nothing_that_is_passed_on_becomes_markup_or_a_line() {
    const HOSTILE: &str = "<b>\"x\"&'\r\n\r\nBcc: a@example.org";
    let brand = Brand {
        product: HOSTILE.to_owned(),
        ..brand()
    };
    let plain = Brand {
        product: "Acme".to_owned(),
        ..brand.clone()
    };
    for (kind, language) in every() {
        let hostile = Letter {
            new_email: Some(HOSTILE),
            device: Some(HOSTILE),
            country: Some("<b"),
            ..letter(kind, language, &plain)
        };
        let Content { text, html, .. } = render(&hostile);
        assert!(!html.contains("<b>") && !html.contains("\"x\""), "{html}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        let named = render(&letter(kind, language, &brand));
        assert!(!named.html.contains("<b>"), "{}", named.html);
    }
}

#[test]
fn a_letter_without_what_it_is_for_is_not_rendered() {
    let brand = brand();
    for (kind, language) in every() {
        let needed = match kind {
            MailKind::AlreadyRegistered
            | MailKind::EmailChanged
            | MailKind::PasswordChanged
            | MailKind::PasswordRemoved
            | MailKind::NewLogin => None,
            MailKind::ResetPassword
            | MailKind::VerifyEmail
            | MailKind::ConfirmEmail
            | MailKind::LoginLink => Some("link"),
            MailKind::LoginCode => Some("code"),
        };
        let bare = Letter {
            link: None,
            code: None,
            ..letter(kind, language, &brand)
        };
        let missing = needed.map(|field| Incomplete { kind, field });
        assert_eq!(bare.render().err(), missing);
        let with_other = match needed {
            Some("link") => Letter {
                code: Some(CODE),
                ..bare
            },
            _ => Letter {
                link: Some(LINK),
                ..bare
            },
        };
        assert_eq!(with_other.render().err(), missing);
    }
}

#[test]
fn a_notice_without_link_and_facts_is_still_a_mail() {
    let brand = brand();
    for kind in [
        MailKind::AlreadyRegistered,
        MailKind::PasswordChanged,
        MailKind::PasswordRemoved,
        MailKind::NewLogin,
    ] {
        let bare = Letter {
            link: None,
            at: None,
            country: Some("XX"),
            device: None,
            ..letter(kind, Language::English, &brand)
        };
        let Content { text, html, .. } = render(&bare);
        assert!(
            !text.contains("valid for") && !text.contains(": "),
            "{text}"
        );
        assert!(!html.contains("<a ") && !html.contains(": "), "{html}");
    }
}

#[test]
fn what_a_mail_contains_is_not_in_debug_output() {
    let brand = brand();
    let letter = letter(MailKind::ConfirmEmail, Language::English, &brand);
    let mut written = format!("{letter:?}");
    write!(written, "{:?}", render(&letter)).unwrap();
    for secret in [LINK, CODE, "new.owner"] {
        assert!(!written.contains(secret), "{written}");
    }
}
