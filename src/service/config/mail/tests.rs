use super::{MailSettings, Transport};
use crate::service::config::tests::configure;

const FROM: (&str, &str) = ("MAIL_FROM", "Acme <no-reply@example.org>");
const KEY: (&str, &str) = ("MAIL_PROVIDER_KEY", "re_12345678");

fn read(changes: &[(&str, &str)]) -> MailSettings {
    configure(changes).map_err(drop).unwrap().config.mail
}

fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    configure(changes).err().unwrap_or_default()
}

#[test]
fn without_a_setting_no_mail_is_sent() {
    assert!(matches!(read(&[]), MailSettings::Off));
    assert!(matches!(read(&[("MAIL", "off")]), MailSettings::Off));
    // Off is lawful, whatever else is set.
    assert!(matches!(
        read(&[("MAIL", "off"), FROM, KEY]),
        MailSettings::Off
    ));
}

#[test]
fn mails_leave_in_one_of_three_ways() {
    for (changes, expected) in [
        (
            vec![("MAIL", "binding"), ("EMAIL", "bound"), FROM],
            Transport::Binding,
        ),
        (
            vec![
                ("MAIL", "webhook"),
                ("MAIL_WEBHOOK_URL", "https://m.example.org/in?a=1"),
                FROM,
            ],
            Transport::Webhook {
                url: "https://m.example.org/in?a=1".to_owned(),
            },
        ),
    ] {
        let MailSettings::On {
            transport,
            from,
            reply_to,
            brand,
            pages_url,
        } = read(&changes)
        else {
            panic!("mail is off");
        };
        assert_eq!(transport, expected);
        assert_eq!(from.to_string(), "\"Acme\" <no-reply@example.org>");
        assert_eq!(reply_to, None);
        assert_eq!(brand.product, "auth.example.org");
        assert_eq!(brand.colour.to_string(), "#1f4e8c");
        assert_eq!(pages_url, "https://auth.example.org");
    }
    let MailSettings::On {
        transport: Transport::Provider { url, key },
        reply_to,
        brand,
        pages_url,
        ..
    } = read(&[
        ("MAIL", "provider"),
        ("MAIL_REPLY_TO", "help@example.org"),
        ("PRODUCT_NAME", "Acme & Söhne"),
        ("BRAND_COLOUR", "#FFCC00"),
        ("PAGES_URL", "https://app.example.org/account"),
        FROM,
        KEY,
    ])
    else {
        panic!("mail is off");
    };
    assert_eq!(url, "https://api.resend.com/emails");
    assert_eq!(key.expose(), KEY.1);
    assert!(!format!("{key:?}").contains(KEY.1));
    assert_eq!(reply_to.unwrap().to_string(), "help@example.org");
    assert_eq!(brand.product, "Acme & Söhne");
    assert_eq!(brand.colour.to_string(), "#ffcc00");
    assert_eq!(pages_url, "https://app.example.org/account");
}

#[test]
fn half_a_configuration_is_a_problem() {
    for (changes, expected) in [
        (vec![("MAIL", "binding"), FROM], vec!["EMAIL: is not bound"]),
        (
            vec![("MAIL", "provider"), FROM],
            vec!["MAIL_PROVIDER_KEY: is missing"],
        ),
        (
            vec![("MAIL", "webhook"), FROM],
            vec!["MAIL_WEBHOOK_URL: is missing"],
        ),
        (
            vec![("MAIL", "binding"), ("EMAIL", "bound")],
            vec!["MAIL_FROM: is missing"],
        ),
        (
            vec![("MAIL", "provider")],
            vec!["MAIL_PROVIDER_KEY: is missing", "MAIL_FROM: is missing"],
        ),
    ] {
        assert_eq!(problems(&changes), expected, "{changes:?}");
    }
}

#[test]
fn each_setting_has_bounds_even_while_mail_is_off() {
    let long = format!("https://example.org/{}", "a".repeat(1_005));
    for (name, value) in [
        ("MAIL", "smtp"),
        ("MAIL", "OFF"),
        ("MAIL_FROM", "Acme"),
        ("MAIL_FROM", "Acme <a@example.org>\r\nBcc: b@example.org"),
        ("MAIL_REPLY_TO", "a@example.org, b@example.org"),
        ("MAIL_PROVIDER_URL", "http://api.example.org/emails"),
        ("MAIL_PROVIDER_URL", "https://a:b@example.org/"),
        ("MAIL_PROVIDER_URL", "https://example.org/#a"),
        ("MAIL_PROVIDER_URL", "https://example.org?a=1"),
        ("MAIL_PROVIDER_URL", "https://example.org/ a"),
        ("MAIL_PROVIDER_URL", "/emails"),
        ("MAIL_PROVIDER_URL", &long),
        ("MAIL_PROVIDER_KEY", "short"),
        ("MAIL_PROVIDER_KEY", "two words"),
        ("MAIL_PROVIDER_KEY", "line\nbreak"),
        ("MAIL_WEBHOOK_URL", "http://example.org/in"),
        ("PRODUCT_NAME", "Ac\nme"),
        (
            "PRODUCT_NAME",
            "an unreasonably long name of a product, is it",
        ),
        ("BRAND_COLOUR", "red"),
        ("PAGES_URL", "https://app.example.org/"),
        ("PAGES_URL", "https://app.example.org/account/"),
        ("PAGES_URL", "https://app.example.org/?a=1"),
        ("PAGES_URL", "https://app.example.org/#a"),
        ("PAGES_URL", "http://app.example.org"),
        ("PAGES_URL", "//app.example.org"),
        ("MAIL_LOGIN", "on"),
        ("MAIL_LOGIN", "Link"),
        ("MAIL_LOGIN", "link"),
        ("MAIL_LOGIN", "code"),
    ] {
        let found = problems(&[(name, value)]);
        assert_eq!(found.len(), 1, "{name}={value:?}: {found:?}");
        assert!(found[0].starts_with(&format!("{name}: ")), "{found:?}");
        assert!(!found[0].contains(value) || value.len() < 4, "{found:?}");
    }
    for (name, value) in [
        ("MAIL_PROVIDER_URL", "http://127.0.0.1:9000/emails"),
        ("MAIL_WEBHOOK_URL", "http://localhost:9000"),
        ("PAGES_URL", "http://localhost:5173/account"),
        ("PAGES_URL", "https://app.example.org:8443"),
    ] {
        assert!(problems(&[(name, value)]).is_empty(), "{name}={value}");
    }
}
