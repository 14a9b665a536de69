//! `multipart/form-data` (RFC 7578), as a browser's `FormData` and HTTP clients write it.
//!
//! The parser is strict and supports only what they send: no preamble, no nested parts, no transfer
//! encodings. Anything else is an error, never a guess.

use super::media_type::{names_utf_8, split};
use super::value::Value;

/// The field of a part.
pub(crate) struct Part {
    pub(crate) name: String,
    /// A text, [`Value::Null`] without content, or [`Value::Other`] for a file.
    pub(crate) value: Value,
}

/// Returns the parts of a body, one after the other. `None` for a malformed part, which is the
/// last.
pub(crate) fn parts<'a>(
    bytes: &'a [u8],
    boundary: &str,
) -> impl Iterator<Item = Option<Part>> + 'a {
    let between = format!("\r\n--{boundary}").into_bytes();
    let first = between.get(2..).unwrap_or_default();
    let mut rest = bytes.strip_prefix(first);
    let mut is_over = false;
    core::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let Some((part, after)) = rest.and_then(|rest| next(rest, &between)) else {
            is_over = true;
            // Two hyphens follow the last delimiter, and at most a line end follows them.
            let is_whole = matches!(rest, Some(b"--" | b"--\r\n"));
            return (!is_whole).then_some(None);
        };
        rest = Some(after);
        let read = read(part);
        is_over = read.is_none();
        Some(read)
    })
}

/// Returns the part after a delimiter, and what follows the next delimiter.
fn next<'a>(rest: &'a [u8], between: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    split_once(rest.strip_prefix(b"\r\n")?, between)
}

fn read(part: &[u8]) -> Option<Part> {
    let (head, content) = split_once(part, b"\r\n\r\n")?;
    let mut disposition = None;
    for line in core::str::from_utf8(head).ok()?.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value),
            "content-disposition" => return None,
            "content-type" if !names_utf_8(value) => return None,
            "content-transfer-encoding" if !is_plain(value.trim()) => return None,
            _ => {}
        }
    }
    let (name, is_file) = field(disposition?)?;
    let value = match content {
        _ if is_file => Value::Other,
        [] => Value::Null,
        text => Value::Text(core::str::from_utf8(text).ok()?.to_owned()),
    };
    Some(Part { name, value })
}

/// Returns the name in `form-data; name="…"`, and whether there is a filename.
fn field(disposition: &str) -> Option<(String, bool)> {
    let mut parameters = split(disposition, ';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut name = None;
    let mut is_file = false;
    for (key, value) in parameters.filter_map(|parameter| parameter.split_once('=')) {
        let key = key.trim_end().to_ascii_lowercase();
        if key == "name" && name.replace(unquoted(value)?).is_some() {
            return None;
        }
        is_file |= key.starts_with("filename");
    }
    Some((name?.to_owned(), is_file))
}

/// Returns a value without its quotation marks. A mark within it is written as `%22`, which no
/// known field contains.
fn unquoted(value: &str) -> Option<&str> {
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}

/// Returns whether a transfer encoding leaves the bytes unchanged.
fn is_plain(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"]
        .iter()
        .any(|plain| plain.eq_ignore_ascii_case(encoding))
}

fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some((
        bytes.get(..at)?,
        bytes.get(at.checked_add(separator.len())?..)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::parts;
    use crate::web::media_type::is_boundary;
    use crate::web::value::Value;

    const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

    fn read(body: &[u8], boundary: &str) -> Option<Vec<(String, Option<String>)>> {
        parts(body, boundary)
            .map(|part| {
                let part = part?;
                let text = match part.value {
                    Value::Text(text) => Some(text),
                    Value::Null | Value::Other => None,
                };
                Some((part.name, text))
            })
            .collect()
    }

    /// A body of one part in Chromium's spelling, with these headers and this content.
    fn one(head: &str, content: &str) -> String {
        format!("--{BOUNDARY}\r\n{head}\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n")
    }

    fn text(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn what_form_data_sends_is_read() {
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nada@example.org\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n a\r\nb--é; \r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"scope\"\r\n\r\n\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n\
             --{BOUNDARY}--\r\n"
        );
        let expected = vec![
            text("username", "ada@example.org"),
            text("password", " a\r\nb--é; "),
            ("scope".to_owned(), None),
            ("f".to_owned(), None),
        ];
        assert_eq!(read(body.as_bytes(), BOUNDARY).unwrap(), expected);
        let without_line_end = body.trim_end();
        assert_eq!(
            read(without_line_end.as_bytes(), BOUNDARY).unwrap(),
            expected
        );
    }

    #[test]
    fn what_other_clients_add_is_read_over() {
        for head in [
            "content-disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data; name=a",
            "Content-Disposition:form-data;name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-8",
            "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 1\r\nContent-Transfer-Encoding: 8bit",
        ] {
            assert_eq!(
                read(one(head, "1").as_bytes(), BOUNDARY),
                Some(vec![text("a", "1")]),
                "{head}"
            );
        }
        assert_eq!(
            read(format!("--{BOUNDARY}--").as_bytes(), BOUNDARY),
            Some(vec![])
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let disposition = "Content-Disposition: form-data; name=\"a\"";
        let good = one(disposition, "1");
        for body in [
            String::new(),
            "a=1".to_owned(),
            format!("preamble\r\n{good}"),
            format!("{good}x"),
            good.replace('\r', ""),
            good.replace("--\r\n", "\r\n"),
            good.replace("\r\n\r\n", "\r\n"),
            good.replace("gW--", "gX--"),
            one("Content-Disposition: form-data", "1"),
            one("Content-Disposition: attachment; name=\"a\"", "1"),
            one(
                "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
                "1",
            ),
            one("Content-Disposition: form-data; name=\"a", "1"),
            one("Content-Disposition: form-data; name*=utf-8''a", "1"),
            one("Content-Type: text/plain", "1"),
            one("X", "1"),
            one(&format!("{disposition}\r\n{disposition}"), "1"),
            one(
                &format!("{disposition}\r\nContent-Type: text/plain; charset=utf-16"),
                "1",
            ),
            one(
                &format!("{disposition}\r\nContent-Transfer-Encoding: base64"),
                "1",
            ),
        ] {
            assert_eq!(read(body.as_bytes(), BOUNDARY), None, "{body}");
        }
        let mut bytes = good.into_bytes();
        let at = bytes.iter().position(|byte| *byte == b'1').unwrap();
        bytes[at] = 0xff;
        assert_eq!(read(&bytes, BOUNDARY), None);
    }

    #[test]
    fn a_boundary_is_short_and_visible() {
        for (text, is_one) in [
            ("x", true),
            (BOUNDARY, true),
            ("----------------------------1234", true),
            (&"x".repeat(70), true),
            (&"x".repeat(71), false),
            ("", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(is_boundary(text), is_one, "{text}");
        }
    }
}
