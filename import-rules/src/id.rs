//! Ids of users, in whatever spelling a database wrote them.

use latchkey::domain::id::UserId;

/// Digits of a UUID.
const DIGITS: usize = 32;

/// Reads a UUID with hyphens or without, in braces, as a URN, or as a database writes bytes.
pub(crate) fn read(text: &str) -> Option<UserId> {
    let text = text.trim().to_ascii_lowercase();
    let digits = bare(&text)?;
    UserId::parse(digits).ok().or_else(|| {
        let hyphenated = hyphenated(digits)?;
        UserId::parse(&hyphenated).ok()
    })
}

/// The UUID without what is around it.
fn bare(text: &str) -> Option<&str> {
    let prefix_of_bytes = ["0x", "\\x"];
    let prefixes = ["urn:uuid:", "uuid:"];
    if let Some(inside) = text.strip_prefix('{') {
        return inside.strip_suffix('}');
    }
    if let Some(bytes) = prefix_of_bytes
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
    {
        return Some(bytes).filter(|bytes| bytes.len() == DIGITS);
    }
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    Some(rest.unwrap_or(text))
}

fn hyphenated(digits: &str) -> Option<String> {
    let parts = [0..8, 8..12, 12..16, 16..20, 20..DIGITS];
    let groups: Option<Vec<&str>> = parts.into_iter().map(|part| digits.get(part)).collect();
    (digits.len() == DIGITS).then_some(groups?.join("-"))
}

#[cfg(test)]
mod tests {
    use super::read;

    const ID: &str = "0190a0a0-0000-7000-8000-0000000000ab";

    #[test]
    fn every_spelling_is_one_id() {
        let digits = ID.replace('-', "");
        for text in [
            ID,
            &ID.to_uppercase(),
            &format!(" {ID}\n"),
            &format!("{{{ID}}}"),
            &format!("urn:uuid:{ID}"),
            &format!("UUID:{ID}"),
            &digits,
            &format!("{{{digits}}}"),
            &format!("urn:uuid:{digits}"),
            &format!("0x{digits}"),
            &format!("\\x{digits}"),
        ] {
            assert_eq!(
                read(text).map(|id| id.to_string()).as_deref(),
                Some(ID),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "1",
            "{}",
            &ID[1..],
            &format!("{{{ID}"),
            &format!("0x{ID}"),
            &format!("urn:{ID}"),
            &ID.replace('a', "g"),
            &ID.replacen('-', "", 1),
            &"é".repeat(16),
            "65f0a1b2c3d4e5f601020304",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
