//! The words in the database are those of the enums. No `CHECK` lists them, because a new word
//! would then require rebuilding a table.

use std::collections::BTreeSet;

use crate::domain::audit::AuditEvent;
use crate::domain::mail::MailKind;
use crate::domain::session::EndReason;
use crate::testing::sqlite::migrations;

/// The texts in single quotes in the triggers of the migrations.
fn words_of_triggers() -> BTreeSet<String> {
    let sql = migrations().concat();
    let triggers = sql.split("CREATE TRIGGER").skip(1);
    let code = triggers.flat_map(|trigger| {
        let (body, _) = trigger.split_once("\nEND;").unwrap();
        body.split('\'')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    code.collect()
}

#[test]
fn the_triggers_know_the_words_of_the_enums_and_no_others() {
    let members = [
        "at", "actor", "via", "session", "country", "client", "request",
    ];
    // Who made the change, or how the proof arrived.
    let actors = ["database", "import", "mail"];
    let mut known: BTreeSet<&str> = members.into_iter().chain(actors).collect();
    // Between the parts of a bucket.
    known.insert(":");
    known.extend(MailKind::ALL.map(MailKind::as_str));
    known.extend(AuditEvent::ALL.map(AuditEvent::as_str));
    known.extend(EndReason::ALL.map(EndReason::as_str));
    let words = words_of_triggers();
    assert!(words.len() > 20, "{words:?}");
    for word in &words {
        assert!(known.contains(word.as_str()), "{word}");
    }
    // Every event is written by a trigger, or as a refusal by the service.
    let refusals = [
        "login_failed",
        "wrong_current_password",
        "throttled",
        "cross_site_refused",
    ];
    for event in AuditEvent::ALL {
        let is_refusal = refusals.contains(&event.as_str());
        assert_eq!(words.contains(event.as_str()), !is_refusal, "{event:?}");
    }
}

#[test]
fn every_word_is_one_of_its_own() {
    let reasons: BTreeSet<&str> = EndReason::ALL.map(EndReason::as_str).into();
    assert_eq!(reasons.len(), EndReason::ALL.len());
}
