//! The `Content-Type` of a body (RFC 9110, section 8.3.1).
//!
//! Types are compared exactly. `charset` is the only parameter that can make a body unacceptable,
//! and only with an encoding that is not UTF-8: the bytes are checked to be UTF-8 anyway. Clients
//! add parameters that the type does not define, and according to RFC 8259 (section 11) `charset`
//! has no effect on JSON at all.

use http::header::{CONTENT_TYPE, HeaderMap};

/// The longest boundary (RFC 2046, section 5.1.1), in bytes.
const MAX_BOUNDARY_BYTES: usize = 70;

/// The names of UTF-8 and its subset ASCII: the labels of the Encoding standard, and the names
/// registered with IANA that clients send.
const UTF_8: [&str; 19] = [
    "utf-8",
    "utf8",
    "utf_8",
    "csutf8",
    "unicode-1-1-utf-8",
    "unicode11utf8",
    "unicode20utf8",
    "x-unicode20utf8",
    "us-ascii",
    "ascii",
    "iso646-us",
    "iso-ir-6",
    "ansi_x3.4-1968",
    "ansi_x3.4-1986",
    "iso_646.irv:1991",
    "us",
    "ibm367",
    "cp367",
    "csascii",
];

/// The media types that endpoints read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`, with its boundary.
    Multipart(String),
    /// None, any other, one that is not UTF-8, or several.
    Other,
}

impl MediaType {
    /// Returns the media type of a request's body.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        match (values.next().map(|value| value.to_str()), values.next()) {
            (Some(Ok(text)), None) => Self::parse(text),
            _ => Self::Other,
        }
    }

    fn parse(text: &str) -> Self {
        // The platform joins two lines with a comma, so there are two media types.
        if split(text, ',').nth(1).is_some() || !names_utf_8(text) {
            return Self::Other;
        }
        let mut parts = split(text, ';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Form
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            boundary(parts).map_or(Self::Other, Self::Multipart)
        } else {
            Self::Other
        }
    }
}

/// Returns whether the charset of a media type is UTF-8 or not given.
pub(crate) fn names_utf_8(media_type: &str) -> bool {
    split(media_type, ';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim_matches([' ', '\t', '"', '\'']))
        .all(|label| {
            label.is_empty() || UTF_8.iter().any(|known| known.eq_ignore_ascii_case(label))
        })
}

/// Splits a text at the separators outside of quoted strings.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        let is_separator = character == separator && !is_quoted;
        is_quoted ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && is_quoted && !is_escaped;
        is_separator
    })
}

/// Returns the only boundary among the parameters of a multipart type.
fn boundary<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut boundaries = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim_end().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim_matches([' ', '\t', '"']));
    match (boundaries.next(), boundaries.next()) {
        (Some(boundary), None) => is_boundary(boundary).then(|| boundary.to_owned()),
        _ => None,
    }
}

/// Returns whether a text is a valid boundary.
pub(crate) fn is_boundary(text: &str) -> bool {
    (1..=MAX_BOUNDARY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

    use super::MediaType;

    #[test]
    fn parameters_do_not_matter_unless_they_name_another_encoding() {
        for parameters in [
            "",
            ";",
            " ;",
            ";;",
            "; charset=utf-8",
            ";charset=UTF-8",
            " ; charset=utf8;",
            "; charset=\"utf-8\"",
            "; charset=\"UTF8\" ; version=1",
            "; Charset=Utf-8",
            "; charset='utf-8'",
            "; charset=us-ascii",
            "; charset=ASCII",
            "; charset=ANSI_X3.4-1986",
            "; charset=ISO_646.irv:1991",
            "; charset=us",
            "; charset=IBM367",
            "; charset=cp367",
            "; charset=unicode-1-1-utf-8",
            "; charset = utf-8",
            "; charset=utf-8; charset=utf-8",
            "; charset=",
            "; charset",
            "; boundary=x",
            "; odata.metadata=minimal;IEEE754Compatible=true",
            "; profile=\"https://example.org/a;charset=utf-16,b\"",
            "; profile=https://example.org/a",
            "; q=\"a\\\";charset=utf-16\"",
            "; x=\"never closed; charset=utf-16",
        ] {
            let json = format!("application/json{parameters}");
            assert_eq!(MediaType::parse(&json), MediaType::Json, "{json}");
            let form = format!("Application/X-WWW-Form-URLencoded{parameters}");
            assert_eq!(MediaType::parse(&form), MediaType::Form, "{form}");
        }
    }

    #[test]
    fn a_multipart_form_has_one_boundary() {
        for (parameters, boundary) in [
            ("; boundary=x", Some("x")),
            ("; boundary=\"x:y\"", Some("x:y")),
            (";charset=utf-8;Boundary=x", Some("x")),
            ("", None),
            ("; boundary=", None),
            ("; boundary=x; boundary=y", None),
            ("; boundary=x; charset=utf-16", None),
        ] {
            let text = format!("multipart/form-data{parameters}");
            let expected = boundary.map_or(MediaType::Other, |boundary| {
                MediaType::Multipart(boundary.to_owned())
            });
            assert_eq!(MediaType::parse(&text), expected, "{text}");
        }
    }

    #[test]
    fn another_type_or_encoding_is_another() {
        for text in [
            "",
            ";charset=utf-8",
            "json",
            "text/json",
            "multipart/mixed; boundary=x",
            "text/plain",
            "text/plain; application/json",
            "application/jsonp",
            "application/problem+json",
            "application/json/x",
            "application /json",
            "application/json charset=utf-8",
            "application/json, text/plain",
            "application/json; x=1, text/plain",
            "application/json; charset=utf-8, application/json",
            "application/json; charset=utf-16",
            "application/json; charset=utf-7",
            "application/json; charset=iso-8859-1",
            "application/json; charset=\"windows-1252\"",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset=utf-8x",
            "application/json; charset=utf-8 utf-16",
        ] {
            assert_eq!(MediaType::parse(text), MediaType::Other, "{text}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(MediaType::of(&headers), MediaType::Other);
        for line in ["application/json", "application/json"] {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(line));
        }
        assert_eq!(MediaType::of(&headers), MediaType::Other);
    }
}
