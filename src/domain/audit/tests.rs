use super::{AuditCursor, AuditEntry, AuditEvent, bucket};
use crate::domain::id::UserId;
use crate::domain::time::UnixSeconds;

fn entry(number: i64) -> AuditEntry {
    AuditEntry {
        number,
        event: AuditEvent::LoggedIn,
        session: None,
        reason: None,
        at: UnixSeconds::new(0),
        last_at: UnixSeconds::new(0),
        count: 1,
        actor: String::new(),
        country: None,
        request_id: None,
    }
}

#[test]
fn every_event_has_a_word_of_its_own() {
    for event in AuditEvent::ALL {
        assert_eq!(AuditEvent::parse(event.as_str()), Some(event));
    }
    assert_eq!(AuditEvent::parse("Registered"), None);
}

#[test]
fn refusals_share_a_row_by_kind_user_and_hour() {
    let user = Some(UserId::new(0, &[1; 10]));
    let at = UnixSeconds::new;
    let one = bucket(AuditEvent::LoginFailed, user, at(7_200));
    assert_eq!(one, bucket(AuditEvent::LoginFailed, user, at(10_799)));
    for other in [
        bucket(AuditEvent::LoginFailed, user, at(10_800)),
        bucket(AuditEvent::LoginFailed, user, at(7_199)),
        bucket(AuditEvent::LoginFailed, None, at(7_200)),
        bucket(AuditEvent::Throttled, user, at(7_200)),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_cursor_has_one_spelling() {
    assert_eq!(AuditCursor::parse("42").unwrap().before(), 42);
    for text in [
        "",
        "-",
        "-1",
        "01",
        "+1",
        "1-2",
        " 1",
        "1.0",
        "1e3",
        "4503599627370497",
        "9223372036854775808",
    ] {
        assert_eq!(AuditCursor::parse(text), None, "{text}");
    }
}

#[test]
fn a_page_goes_on_before_its_last_event() {
    let start = AuditCursor::START;
    assert_eq!(start.behind(&[]), start);
    let first = start.behind(&[entry(9), entry(8)]);
    assert_eq!(first.to_string(), "8");
    assert_eq!(first.behind(&[]), first);
}
