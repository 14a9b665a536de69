use crate::domain::mail::Language;

#[test]
fn placeholder() {
    assert_eq!(Language::default(), Language::English);
}
