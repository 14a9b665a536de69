//! Property tests of the parsers of untrusted input: none panics, what they accept is canonical,
//! and what is written can be read back.
//!
//! `cargo test` includes a short run. A long one, by hand:
//!
//! ```text
//! PROPTEST_CASES=200000 cargo test --release --test fuzz
//! ```
#![expect(clippy::unwrap_used, reason = "a test: whatever is not there fails it")]

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use http::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use http::Method;
use latchkey::api::Endpoint;
use latchkey::domain::credential::breach::PasswordDigest;
use latchkey::domain::credential::password::{PasswordPolicy, PresentedPassword};
use latchkey::domain::id::{SessionId, TokenId, UserId};
use latchkey::domain::identity::email::Email;
use latchkey::domain::identity::user::UserName;
use latchkey::domain::session::SessionKey;
use latchkey::domain::session::keys::KeyRing;
use latchkey::domain::session::token::{AccessClaims, Issuance, Tokens};
use latchkey::domain::throttle::{ClientPrefix, ThrottleKeys};
use latchkey::domain::time::{Seconds, UnixSeconds};
use latchkey::service::config::CookieSettings;
use latchkey::web::body::BodyKind;
use latchkey::web::body::{Body, MAX_BODY_BYTES, admit};
use latchkey::web::cookies::CookieStyle;
use latchkey::web::fields::Fields;
use latchkey::web::router::{Lookup, find};
use latchkey::web::transport::Transport;
use latchkey::web::value::Value;

const NOW: UnixSeconds = UnixSeconds::new(1_795_251_600);
const ISSUER: &str = "https://auth.example.org";
const SECRET: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";

/// Text that is similar to what a parser accepts, and text that is not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[ -~]{0,80}",
        "[\\x00-\\x7f]{0,40}"
    ]
}

/// SHA-1 of [`chosen_password`], without its prefix.
const CHOSEN_SUFFIX: &str = "3523B62ABC141A2B4D6019D23CBA835DBD0";

fn chosen_password() -> PasswordDigest {
    let policy = PasswordPolicy::new(8);
    let password = policy.judge_unowned("correct horse".to_owned());
    password.ok().unwrap().digest()
}

fn field(fields: &Fields, name: &str) -> Option<String> {
    match fields.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A form as the most careful client writes it: every byte percent-encoded.
fn encode(pairs: &[(String, String)]) -> Vec<u8> {
    let part = |text: &str| text.bytes().fold(String::new(), push_percent);
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", part(name), part(value)))
        .collect();
    pairs.join("&").into_bytes()
}

fn push_percent(mut text: String, byte: u8) -> String {
    for part in [b'%', hex(byte >> 4), hex(byte & 15)] {
        text.push(char::from(part));
    }
    text
}

fn hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}

fn tokens() -> (Tokens, SigningKey) {
    let key = SigningKey::from_bytes(&SECRET);
    let d = Base64UrlUnpadded::encode_string(&SECRET);
    let x = Base64UrlUnpadded::encode_string(key.verifying_key().as_bytes());
    let set =
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "d": d, "x": x, "kid": "k"}]}).to_string();
    let issuance = Issuance {
        issuer: ISSUER.to_owned(),
        audience: "app".to_owned(),
        access_lifetime: Seconds::new(600),
        refresh_lifetime: Seconds::new(604_800),
    };
    (
        Tokens::new(KeyRing::from_jwk_set(&set).unwrap(), issuance),
        key,
    )
}

fn claims(seed: [u8; 16], role: String) -> AccessClaims {
    AccessClaims {
        session: SessionKey {
            user: UserId::new(1_795_251_600_000, &[seed[0]; 10]),
            id: SessionId::from_random(seed),
        },
        role,
        issued_at: NOW,
        expires_at: NOW.plus(Seconds::new(600)),
        id: TokenId::from_random(seed),
    }
}

/// Any JSON as header and claims, signed with the right key.
fn signed(key: &SigningKey, header: &Json, claims: &Json) -> String {
    let part = |json: &Json| Base64UrlUnpadded::encode_string(json.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

/// Any JSON of a few levels.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            btree_map(text(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    // Nothing is written next to the sources: a failure prints its smallest case.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_address_that_is_accepted_is_in_its_one_form(text in prop_oneof![text(), "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~@ -]{0,70}@[A-Za-z0-9.@-]{0,70}"]) {
        if let Ok(email) = Email::parse(&text) {
            let canonical = email.as_str();
            prop_assert!(Email::parse(canonical).unwrap() == email);
            let blanks = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
            prop_assert!(canonical.eq_ignore_ascii_case(text.trim_matches(blanks)));
            prop_assert!(canonical.len() <= 254 && canonical.is_ascii());
            prop_assert_eq!(canonical.to_ascii_lowercase(), canonical);
            prop_assert_eq!(canonical.matches('@').count(), 1);
            prop_assert!(!canonical.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"'));
            prop_assert!((1..=64).contains(&email.local_part().len()));
        }
    }

    #[test]
    fn a_name_that_is_accepted_stays_as_it_is(text in text()) {
        if let Ok(name) = UserName::parse(&text) {
            let again = UserName::parse(name.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), name.as_str());
            prop_assert!(!name.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn a_password_is_taken_exactly_as_sent_or_not_at_all(text in prop_oneof![text(), "\\PC{0,200}"]) {
        if let Ok(password) = PresentedPassword::parse(text.clone()) {
            prop_assert_eq!(password.expose(), text);
        }
    }

    #[test]
    fn an_id_that_is_accepted_is_in_its_one_form(text in prop_oneof![text(), "[0-9a-fA-F-]{36}", "[A-Za-z0-9_-]{20,24}"]) {
        if let Ok(id) = UserId::parse(&text) {
            prop_assert_eq!(id.to_string(), text.clone());
        }
        if let Ok(id) = SessionId::parse(&text) {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn any_bytes_are_a_range_or_malformed(bytes in vec(any::<u8>(), 0..400), text in text()) {
        let digest = chosen_password();
        prop_assert!(digest.is_among(&bytes).is_err());
        let _ = digest.is_among(text.as_bytes());
    }

    #[test]
    fn a_range_has_a_password_exactly_when_its_line_counts(lines in vec(("[0-9A-Fa-f]{35}", 0..1_000_u32), 0..20), at in any::<prop::sample::Index>(), count in 0..3_u32, cut in 0..35_usize) {
        let digest = chosen_password();
        let mut lines: Vec<String> = lines.into_iter().map(|(suffix, count)| format!("{suffix}:{count}")).collect();
        let strangers = lines.join("\r\n");
        prop_assert_eq!(digest.is_among(strangers.as_bytes()).ok(), (!lines.is_empty()).then_some(false));
        lines.insert(at.index(lines.len() + 1), format!("{CHOSEN_SUFFIX}:{count}"));
        let range = lines.join("\r\n");
        prop_assert_eq!(digest.is_among(range.as_bytes()).ok(), Some(count > 0));
        // Cut off within the last hash, or directly after it.
        let last = range.rfind(':').unwrap();
        prop_assert!(digest.is_among(&range.as_bytes()[..last - cut]).is_err());
    }

    #[test]
    fn any_bytes_are_a_body_or_a_refusal(bytes in vec(any::<u8>(), 0..400)) {
        let boundary = "x".to_owned();
        for body in [Body::Json(bytes.clone()), Body::Form(bytes.clone()), Body::Multipart { boundary, bytes: bytes.clone() }] {
            if let Ok(fields) = body.fields() {
                let _ = fields.has_others_than(&[]);
            }
        }
        let _ = Fields::from_query(core::str::from_utf8(&bytes).ok());
    }

    #[test]
    fn json_is_read_as_it_was_written(fields in btree_map(text(), any_json(), 0..6)) {
        let object = Json::Object(fields.clone().into_iter().collect());
        let read = Body::Json(object.to_string().into_bytes()).fields().unwrap();
        for (name, value) in &fields {
            match value {
                Json::String(text) => prop_assert_eq!(field(&read, name).unwrap(), text.clone()),
                Json::Null => prop_assert!(matches!(read.get(name), Some(Value::Null))),
                _ => prop_assert!(matches!(read.get(name), Some(Value::Other))),
            }
        }
        prop_assert!(!read.has_others_than(&fields.keys().map(String::as_str).collect::<Vec<_>>()));
        // The same fields, with one of them repeated.
        if let Some((name, value)) = fields.iter().next() {
            let twice = format!("{{{}:{value},{}", json!(name), &object.to_string()[1..]);
            prop_assert!(Body::Json(twice.into_bytes()).fields().is_err());
        }
    }

    #[test]
    fn forms_are_read_as_they_were_written(fields in btree_map(text(), text(), 0..6)) {
        let mut pairs: Vec<_> = fields.clone().into_iter().collect();
        let bytes = encode(&pairs);
        let read = Body::Form(bytes.clone()).fields().unwrap();
        let query = Fields::from_query(core::str::from_utf8(&bytes).ok()).unwrap();
        for (name, value) in &fields {
            // A parameter without a value is treated as omitted.
            let expected = (!value.is_empty()).then(|| value.clone());
            prop_assert_eq!(field(&read, name), expected.clone());
            prop_assert_eq!(field(&query, name), expected);
        }
        if let Some(first) = pairs.first().cloned() {
            pairs.push(first);
            prop_assert!(Body::Form(encode(&pairs)).fields().is_err());
        }
    }

    #[test]
    fn multipart_forms_are_read_as_they_were_written(fields in btree_map("[a-z_]{1,12}", text(), 0..6), boundary in "[A-Za-z0-9'()+_,./:=?-]{8,70}", at in any::<prop::sample::Index>()) {
        let mut body = Vec::new();
        for (name, value) in &fields {
            let delimiter = format!("--{boundary}");
            prop_assume!(!value.contains(&delimiter));
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let read = Body::Multipart { boundary: boundary.clone(), bytes: body.clone() }.fields().unwrap();
        for (name, value) in &fields {
            prop_assert_eq!(field(&read, name), (!value.is_empty()).then(|| value.clone()));
        }
        // Cut off anywhere before its last delimiter is complete.
        let cut = at.index(body.len() - 2);
        let fields = Body::Multipart { boundary, bytes: body[..cut].to_vec() }.fields();
        prop_assert!(fields.is_err());
    }

    #[test]
    fn a_media_type_is_one_of_two_or_a_refusal(value in prop_oneof!["[ -~]{0,60}", "application/(json|x-www-form-urlencoded)(; ?[a-z]{0,8}=[\"A-Za-z0-9-]{0,10}){0,2}"], length in 0..2 * MAX_BODY_BYTES) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&value).unwrap());
        let incoming = admit(&headers, vec![b' '; length], BodyKind::JsonOrForm);
        let received = incoming.map(|incoming| pollster::block_on(incoming.read()));
        if let Ok(Ok(_)) = received {
            let essence = value.split(';').next().unwrap().trim();
            prop_assert!(["application/json", "application/x-www-form-urlencoded", "multipart/form-data"].iter().any(|known| essence.eq_ignore_ascii_case(known)));
            prop_assert!(length <= MAX_BODY_BYTES);
        }
    }

    #[test]
    fn any_bytes_are_cookies_or_none(lines in vec(vec(any::<u8>(), 0..200), 0..3)) {
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                headers.append(COOKIE, value);
            }
        }
        let shared = CookieSettings { domain: Some("example.org".to_owned()), ..CookieSettings::default() };
        for (transport, settings) in [(Transport::Https, &CookieSettings::default()), (Transport::LocalHttp, &shared), (Transport::Https, &shared)] {
            let read = CookieStyle::of(transport, settings).read(&headers);
            prop_assert!(read.access.values().len() <= 8 && read.refresh.values().len() <= 8);
        }
    }

    #[test]
    fn an_auth_cookie_is_found_among_others_once(others in vec(("[a-z_A-Z-]{1,20}", "[!-+.-:<-~]{0,20}"), 0..6), token in "[A-Za-z0-9._-]{1,60}", at in any::<prop::sample::Index>()) {
        let mut pairs: Vec<String> = others
            .into_iter()
            .filter(|(name, _)| !name.ends_with("_token"))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.insert(at.index(pairs.len() + 1), format!("__Host-access_token={token}"));
        // After a comma it is not an auth cookie, but an attempt to plant one.
        let mut planted = HeaderMap::new();
        planted.insert(COOKIE, HeaderValue::from_str(&format!("theme=1, {}", pairs.join("; "))).unwrap());
        let settings = CookieSettings::default();
        let host = CookieStyle::of(Transport::Https, &settings);
        prop_assert_eq!(host.read(&planted).access.values().is_empty(), pairs[0].starts_with("__Host-access_token="));
        for separator in ["; ", ";"] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(&pairs.join(separator)).unwrap());
            let read = host.read(&headers);
            prop_assert_eq!(read.access.values(), [token.as_str()]);
            prop_assert!(read.refresh.values().is_empty());
            headers.append(COOKIE, HeaderValue::from_static("__Host-access_token=\"!\""));
            let read = host.read(&headers);
            prop_assert_eq!(read.access.values(), [token.as_str(), "!"]);
        }
    }

    #[test]
    fn no_text_is_a_token(text in prop_oneof![text(), "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,90}"]) {
        let (tokens, _) = tokens();
        prop_assert!(tokens.verify_access(&text, NOW).is_err());
        prop_assert!(tokens.verify_refresh(&text, NOW).is_err());
    }

    #[test]
    fn a_token_with_one_byte_changed_is_none(seed in any::<[u8; 16]>(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let (tokens, _) = tokens();
        let token = tokens.sign_access(&claims(seed, "role".to_owned())).ok().unwrap();
        let mut bytes = token.expose().as_bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(tokens.verify_access(&String::from_utf8(bytes).unwrap(), NOW).is_err());
    }

    #[test]
    fn what_is_signed_is_read_back(seed in any::<[u8; 16]>(), role in "[a-z0-9-]{1,64}") {
        let (tokens, _) = tokens();
        let claims = claims(seed, role);
        let token = tokens.sign_access(&claims).ok().unwrap();
        prop_assert_eq!(tokens.verify_access(token.expose(), NOW).ok(), Some(claims));
        prop_assert!(tokens.verify_refresh(token.expose(), NOW).is_err());
    }

    #[test]
    fn rightly_signed_claims_of_another_shape_are_refused(name in prop_oneof!["(iss|aud|sub|sid|role|iat|exp|jti)", text()], value in any_json(), in_header in any::<bool>()) {
        let (tokens, key) = tokens();
        let good = claims([7; 16], "role".to_owned());
        let mut header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"});
        let mut body = json!({
            "iss": ISSUER, "aud": "app", "sub": good.session.user.to_string(), "sid": good.session.id.to_string(),
            "role": "role", "iat": NOW.get(), "exp": good.expires_at.get(), "jti": good.id.to_string(),
        });
        prop_assert_eq!(tokens.verify_access(&signed(&key, &header, &body), NOW).ok(), Some(good));
        let object = if in_header { &mut header } else { &mut body };
        object[name.as_str()] = value;
        // Another role, or other times within the bounds, are as valid as the first ones.
        if let Ok(read) = tokens.verify_access(&signed(&key, &header, &body), NOW) {
            prop_assert!(!in_header && ["role", "iat", "exp"].contains(&name.as_str()));
            let again = tokens.sign_access(&read).ok().unwrap();
            prop_assert_eq!(tokens.verify_access(again.expose(), NOW).ok(), Some(read));
        }
    }

    #[test]
    fn all_spellings_of_a_client_are_one(v4 in any::<[u8; 4]>(), prefix in any::<[u16; 4]>(), host in any::<[u16; 4]>(), text in text()) {
        let keys = ThrottleKeys::new(SECRET);
        let key = |address: &str| keys.of_client(ClientPrefix::parse(Some(address)));
        let [a, b, c, d] = v4;
        prop_assert_eq!(key(&format!("{a}.{b}.{c}.{d}")), key(&format!("::ffff:{a}.{b}.{c}.{d}")));
        let [p, q, r, s] = prefix;
        let [t, u, v, w] = host;
        // ::/64 contains the IPv4 addresses, each a separate client.
        prop_assume!(prefix != [0; 4]);
        let long = format!("{p:04X}:{q:04X}:{r:04X}:{s:04X}:{t:x}:{u:x}:{v:x}:{w:x}");
        prop_assert_eq!(key(&long), key(&format!("{p:x}:{q:x}:{r:x}:{s:x}::")));
        let _ = ClientPrefix::parse(Some(&text));
    }

    #[test]
    fn a_path_leads_to_its_route_alone(path in prop_oneof![text(), "/api/account/[a-z/{}]{0,30}", "/[!-~]{0,40}"]) {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            if let Lookup::Found(found, segments) = find(Endpoint::table(), &method, &path) {
                let mut spelled = found.route().path.to_owned();
                for (name, segment) in segments {
                    spelled = spelled.replace(&format!("{{{name}}}"), segment);
                }
                prop_assert_eq!(spelled, path.clone());
            }
        }
    }
}
