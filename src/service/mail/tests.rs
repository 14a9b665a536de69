use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Verifier};
use serde_json::{Value, json};

use super::{Envelope, hand_over};
use crate::domain::mail::{Brand, Colour, Language, Letter, MailKind};
use crate::domain::session::keys::KeyRing;
use crate::domain::session::keys::tests::jwk;
use crate::domain::time::UnixSeconds;
use crate::ports::NotSent;
use crate::service::Service;
use crate::service::config::tests::configure;
use crate::testing::{Fate, MemoryPorts};

const NOW: UnixSeconds = UnixSeconds::new(1_795_251_600);
const ID: &str = "01a2b3c4-0000-7000-8000-000000000001";
const TO: &str = "ada@example.org";
const LINK: &str = "https://auth.example.org/account/reset#token=secret-token";
const FROM: (&str, &str) = ("MAIL_FROM", "Acme <no-reply@example.org>");
const REPLY_TO: (&str, &str) = ("MAIL_REPLY_TO", "help@example.org");

fn binding() -> Service {
    service(&[("MAIL", "binding"), ("EMAIL", "bound"), FROM, REPLY_TO])
}

fn provider() -> Service {
    let key = ("MAIL_PROVIDER_KEY", "re_12345678");
    service(&[("MAIL", "provider"), key, FROM, REPLY_TO])
}

fn webhook() -> Service {
    let url = ("MAIL_WEBHOOK_URL", "https://mail.example.org/in");
    service(&[("MAIL", "webhook"), url, FROM])
}

fn service(settings: &[(&str, &str)]) -> Service {
    configure(settings).map_err(drop).unwrap()
}

/// Hands over a mail whose link is this one.
fn hand_over_link(
    ports: &MemoryPorts,
    service: &Service,
    link: Option<&str>,
) -> Result<(), NotSent> {
    let brand = Brand {
        product: "Acme".to_owned(),
        colour: Colour::parse("#1f4e8c").unwrap(),
    };
    let envelope = Envelope {
        id: ID,
        to: TO,
        letter: Letter {
            kind: MailKind::ResetPassword,
            code: None,
            language: Language::German,
            brand: &brand,
            link,
            minutes: Some(30),
            new_email: None,
            at: None,
            country: None,
            device: None,
        },
    };
    pollster::block_on(hand_over(ports, service, NOW, &envelope))
}

fn hand_over_one(ports: &MemoryPorts, service: &Service) -> Result<(), NotSent> {
    hand_over_link(ports, service, Some(LINK))
}

#[test]
fn the_binding_takes_the_whole_mail() {
    let ports = MemoryPorts::default();
    hand_over_one(&ports, &binding()).unwrap();
    let sent = ports.mailer.sent.borrow();
    let [mail] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(mail.id, ID);
    assert_eq!(mail.from, "\"Acme\" <no-reply@example.org>");
    assert_eq!(mail.reply_to.as_deref(), Some("help@example.org"));
    assert_eq!(mail.to, TO);
    assert_eq!(mail.subject, "Ihr Passwort bei Acme zurücksetzen");
    assert!(mail.text.contains(LINK) && mail.html.contains(LINK));
    assert!(ports.mailer.posted.borrow().is_empty());
}

#[test]
fn a_provider_gets_resends_request_under_the_id() {
    let ports = MemoryPorts::default();
    hand_over_one(&ports, &provider()).unwrap();
    let posted = ports.mailer.posted.borrow();
    let [request] = posted.as_slice() else {
        panic!("{posted:?}");
    };
    assert_eq!(request.url, "https://api.resend.com/emails");
    let headers = [
        ("Authorization", "Bearer re_12345678".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("Idempotency-Key", ID.to_owned()),
    ];
    assert_eq!(request.headers, headers);
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(text.contains(LINK) && body["html"].as_str().unwrap().contains(LINK));
    let expected = json!({
        "from": "\"Acme\" <no-reply@example.org>",
        "to": TO,
        "reply_to": "help@example.org",
        "subject": "Ihr Passwort bei Acme zurücksetzen",
        "text": body["text"],
        "html": body["html"],
        "headers": { "Auto-Submitted": "auto-generated" },
    });
    assert_eq!(body, expected);
}

/// An idempotency key is for one body: a provider refuses the key with another one.
#[test]
fn every_try_at_a_provider_is_the_same() {
    let ports = MemoryPorts::default();
    let service = provider();
    ports.mailer.then(Fate::AnswerLost);
    assert_eq!(
        hand_over_one(&ports, &service),
        Err(NotSent::Later("timed out".to_owned()))
    );
    hand_over_one(&ports, &service).unwrap();
    let posted = ports.mailer.posted.borrow();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0], posted[1]);
}

#[test]
fn a_webhook_is_signed_by_a_key_of_the_key_set() {
    let ports = MemoryPorts::default();
    let service = webhook();
    hand_over_one(&ports, &service).unwrap();
    let posted = ports.mailer.posted.borrow();
    let [request] = posted.as_slice() else {
        panic!("{posted:?}");
    };
    assert_eq!(request.url, "https://mail.example.org/in");
    let [content_type, id, timestamp, signature] = request.headers.as_slice() else {
        panic!("{:?}", request.headers);
    };
    assert_eq!(content_type.1, "application/json");
    assert_eq!(id, &("webhook-id", ID.to_owned()));
    assert_eq!(timestamp, &("webhook-timestamp", "1795251600".to_owned()));
    assert_eq!(signature.0, "webhook-signature");
    let signed = format!("{ID}.1795251600.{}", request.body);
    let bytes = Base64::decode_vec(signature.1.strip_prefix("v1a,").unwrap()).unwrap();
    let ring = KeyRing::from_jwk_set(&format!(r#"{{"keys":[{}]}}"#, jwk(1, "k1"))).unwrap();
    let key = ring.signing().verifying_key();
    let signature = Signature::from_slice(&bytes).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();

    let body: Value = serde_json::from_str(&request.body).unwrap();
    let data = &body["data"];
    let expected = json!({
        "type": "mail",
        "timestamp": "2026-11-21T09:00:00Z",
        "data": {
            "id": ID,
            "kind": "reset_password",
            "language": "de",
            "to": TO,
            "from": "\"Acme\" <no-reply@example.org>",
            "subject": "Ihr Passwort bei Acme zurücksetzen",
            "text": data["text"],
            "html": data["html"],
            "headers": { "Auto-Submitted": "auto-generated" },
        },
    });
    assert_eq!(body, expected);
    assert!(data["text"].as_str().unwrap().contains(LINK));
}

#[test]
fn the_status_decides_whether_another_try_is_worth_it() {
    let refused = [400, 413, 422, 451];
    let ports = MemoryPorts::default();
    for service in [provider(), webhook()] {
        for status in 100..600 {
            ports.mailer.then(Fate::Status(status));
            let outcome = hand_over_one(&ports, &service);
            let cause = format!("status {status}");
            let expected = match status {
                200..300 => Ok(()),
                _ if refused.contains(&status) => Err(NotSent::Refused(cause)),
                _ => Err(NotSent::Later(cause)),
            };
            assert_eq!(outcome, expected, "{status}");
        }
    }
}

#[test]
fn a_failure_is_passed_on_and_names_nobody() {
    for service in [binding(), provider(), webhook()] {
        for failure in [
            NotSent::Refused("E_RECIPIENT_SUPPRESSED".to_owned()),
            NotSent::Later("unreachable".to_owned()),
        ] {
            let ports = MemoryPorts::default();
            ports.mailer.then(Fate::Fails(failure.clone()));
            let outcome = hand_over_one(&ports, &service).unwrap_err();
            assert_eq!(outcome, failure);
            assert!(ports.mailer.sent.borrow().is_empty());
            assert!(ports.mailer.posted.borrow().is_empty());
        }
    }
}

#[test]
fn what_cannot_be_composed_never_leaves() {
    let ports = MemoryPorts::default();
    let refused = hand_over_link(&ports, &provider(), None);
    let cause = "reset_password has no link".to_owned();
    assert_eq!(refused, Err(NotSent::Refused(cause)));
    // It waits until mail is on again.
    let off = hand_over_one(&ports, &service(&[("MAIL", "off")]));
    assert_eq!(off, Err(NotSent::Later("mail is off".to_owned())));
    assert!(ports.mailer.sent.borrow().is_empty());
    assert!(ports.mailer.posted.borrow().is_empty());
}

#[test]
fn nothing_is_logged_here() {
    let ports = MemoryPorts::default();
    for service in [binding(), provider(), webhook()] {
        ports.mailer.then(Fate::Status(500));
        drop(hand_over_one(&ports, &service));
        drop(hand_over_one(&ports, &service));
    }
    assert!(ports.log.0.borrow().is_empty());
}
