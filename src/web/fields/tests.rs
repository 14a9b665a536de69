use super::{Fields, MAX_FIELDS, Value};
use crate::web::body::Body;

fn json(text: &str) -> Option<Fields> {
    Body::Json(text.as_bytes().to_vec()).fields().ok()
}

fn form(bytes: &[u8]) -> Option<Fields> {
    Body::Form(bytes.to_vec()).fields().ok()
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    match fields.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn json_objects_become_fields() {
    let fields = json(r#" {"a":"x","b":null,"c":1,"d":[{}],"e":{"a":[]},"\u0066":true} "#).unwrap();
    assert_eq!(text(&fields, "a").as_deref(), Some("x"));
    assert!(matches!(fields.get("b"), Some(Value::Null)));
    for name in ["c", "d", "e", "f"] {
        assert!(matches!(fields.get(name), Some(Value::Other)), "{name}");
    }
    assert!(fields.get("g").is_none());
    assert!(fields.has_others_than(&["a", "b"]));
    // Depth costs nothing: a value that is not a text is skipped, not built.
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000));
    assert!(matches!(json(&deep).unwrap().get("a"), Some(Value::Other)));
}

#[test]
fn unreadable_and_ambiguous_json_is_refused() {
    let deep = "[".repeat(1_000);
    for body in [
        "",
        "null",
        "[]",
        "\"a\"",
        "{",
        "{}{}",
        "{} x",
        r#"{"a":"x","a":"x"}"#,
        r#"{"a":"x","\u0061":"y"}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":NaN}"#,
        r#"{"a":1e999}"#,
        "{'a':'x'}",
        "\u{feff}{}",
        &format!(r#"{{"a":{deep}"#),
    ] {
        assert!(json(body).is_none(), "{body}");
    }
    assert!(Body::Json(b"{\"a\":\"\xff\"}".to_vec()).fields().is_err());
}

#[test]
fn forms_become_fields_and_empty_values_count_as_left_out() {
    let fields = form(b"username=ada%40example.org&password=a+b%2Bc%26%3D&scope=&x").unwrap();
    assert_eq!(
        text(&fields, "username").as_deref(),
        Some("ada@example.org")
    );
    assert_eq!(text(&fields, "password").as_deref(), Some("a b+c&="));
    assert!(matches!(fields.get("scope"), Some(Value::Null)));
    assert!(matches!(fields.get("x"), Some(Value::Null)));
    assert!(form(b"").is_some());
    assert_eq!(
        text(&form(b"p=%zz%").unwrap(), "p").as_deref(),
        Some("%zz%")
    );
}

#[test]
fn forms_with_invalid_utf8_or_repeated_names_are_refused() {
    for body in [
        &b"password=%ff%fe"[..],
        b"password=\xff",
        b"%ff=x",
        b"password=%ed%a0%80",
        b"a=1&a=1",
        b"a=1&%61=2",
        b"a=&a=2",
    ] {
        assert!(form(body).is_none(), "{body:?}");
    }
}

#[test]
fn more_fields_than_anybody_needs_are_refused_at_the_first_one_too_many() {
    let names = |count: usize| (0..count).map(|i| format!("f{i}")).collect::<Vec<_>>();
    for (count, is_read) in [(MAX_FIELDS, true), (MAX_FIELDS + 1, false), (2_000, false)] {
        let names = names(count);
        let objects: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
        assert_eq!(
            json(&format!("{{{}}}", objects.join(","))).is_some(),
            is_read
        );
        assert_eq!(form(names.join("&").as_bytes()).is_some(), is_read);
        let query = names.join("&");
        assert_eq!(Fields::from_query(Some(&query)).is_ok(), is_read);
    }
}

#[test]
fn what_is_not_wanted_is_read_over_however_often_it_comes() {
    let known = ["a", "b"];
    let many = "&x=1".repeat(2_000);
    let fields = Body::Form(format!("a=1&remember=0&remember=1{many}&b=2").into_bytes())
        .fields_among(&known)
        .unwrap();
    assert_eq!(text(&fields, "a").as_deref(), Some("1"));
    assert_eq!(text(&fields, "b").as_deref(), Some("2"));
    assert!(!fields.has_others_than(&known));
    let read = |text: &str| Body::Json(text.as_bytes().to_vec()).fields_among(&known);
    let fields = read(r#"{"x":[{}],"a":"1","x":{"a":"2"},"remember":true}"#).unwrap();
    assert_eq!(text(&fields, "a").as_deref(), Some("1"));
    assert!(fields.get("x").is_none());
    // The body must still be well-formed, and a wanted field must appear once.
    for body in [r#"{"a":"1","a":"2"}"#, r#"{"x":"1""#, r#"{"x":NaN}"#] {
        assert!(read(body).is_err(), "{body}");
    }
    for body in [&b"a=1&a=2"[..], b"a=1&%61=1", b"x=%ff", b"%ff=x&a=1"] {
        assert!(Body::Form(body.to_vec()).fields_among(&known).is_err());
    }
}
