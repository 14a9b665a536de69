use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::super::SessionKey;
use super::{AccessClaims, Issuance, RefreshClaims, Rejection, Tokens};
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::keys::KeyRing;
use crate::domain::session::keys::tests::{jwk, secret};
use crate::domain::time::{Seconds, UnixSeconds};

const NOW: i64 = 1_795_251_600;

fn tokens() -> Tokens {
    let keys = format!(r#"{{"keys":[{},{}]}}"#, jwk(1, "k1"), jwk(2, "k2"));
    Tokens::new(
        KeyRing::from_jwk_set(&keys).unwrap(),
        Issuance {
            issuer: "https://auth.example.org".to_owned(),
            audience: "app".to_owned(),
            access_lifetime: Seconds::new(600),
            refresh_lifetime: Seconds::new(604_800),
        },
    )
}

fn access() -> AccessClaims {
    AccessClaims {
        session: SessionKey {
            user: UserId::new(1_795_251_600_000, &[9; 10]),
            id: SessionId::from_random([5; 16]),
        },
        role: "application-access".to_owned(),
        issued_at: UnixSeconds::new(NOW),
        expires_at: UnixSeconds::new(NOW + 600),
        id: TokenId::from_random([6; 16]),
    }
}

fn refresh() -> RefreshClaims {
    RefreshClaims {
        session: access().session,
        issued_at: UnixSeconds::new(NOW),
        expires_at: UnixSeconds::new(NOW + 604_800),
        id: TokenId::from_random([7; 16]),
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"})
}

fn body() -> Value {
    json!({
        "iss": "https://auth.example.org", "aud": "app", "sub": access().session.user,
        "sid": access().session.id, "role": "r", "iat": NOW, "exp": NOW + 600, "jti": access().id
    })
}

fn encode(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

/// Signs any header and body with the right key, so that only the remaining checks can refuse it.
fn forge(header: &str, body: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(body));
    let key = SigningKey::from_bytes(&secret(1));
    let signature = Base64UrlUnpadded::encode_string(&key.sign(signed.as_bytes()).to_bytes());
    format!("{signed}.{signature}")
}

fn verify(token: &str) -> Result<AccessClaims, Rejection<AccessClaims>> {
    tokens().verify_access(token, UnixSeconds::new(NOW))
}

#[test]
fn a_signed_token_verifies_and_carries_exactly_the_contract_s_members() {
    let tokens = tokens();
    let token = tokens.sign_access(&access()).unwrap();
    assert_eq!(verify(token.expose()), Ok(access()));
    let part = |index: usize| -> Value {
        let text = token.expose().split('.').nth(index).unwrap();
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(text).unwrap()).unwrap()
    };
    assert_eq!(part(0), header());
    let mut expected = body();
    expected["role"] = json!("application-access");
    assert_eq!(part(1), expected);

    let token = tokens.sign_refresh(&refresh()).unwrap();
    assert_eq!(
        tokens.verify_refresh(token.expose(), UnixSeconds::new(NOW)),
        Ok(refresh())
    );
}

/// The cookie determines the kind, and the kind determines algorithm and key: a key for one kind's
/// signature, or the public key, does not help to forge the other kind.
#[test]
fn a_refresh_token_is_an_hmac_and_nothing_else() {
    let tokens = tokens();
    let now = UnixSeconds::new(NOW);
    let good = tokens.sign_refresh(&refresh()).unwrap();
    let (signed, _) = good.expose().rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decoded = Base64UrlUnpadded::decode_vec(header).unwrap();
    let header: Value = serde_json::from_slice(&decoded).unwrap();
    assert_eq!(
        header,
        json!({"alg": "HS512", "typ": "rt+jwt", "kid": "k1"})
    );
    let claims = Base64UrlUnpadded::decode_vec(claims).unwrap();
    let claims = String::from_utf8(claims).unwrap();
    // With the right Ed25519 key, under either algorithm's name.
    for alg in ["HS512", "EdDSA"] {
        let header = json!({"alg": alg, "typ": "rt+jwt", "kid": "k1"});
        let forged = forge(&header.to_string(), &claims);
        assert_eq!(
            tokens.verify_refresh(&forged, now),
            Err(Rejection::Invalid),
            "{alg}"
        );
    }
}

#[test]
fn the_control_of_the_forgeries_is_accepted() {
    assert!(verify(&forge(&header().to_string(), &body().to_string())).is_ok());
}

#[test]
fn the_same_claims_give_the_same_bytes() {
    assert_eq!(
        tokens().sign_refresh(&refresh()),
        tokens().sign_refresh(&refresh())
    );
}

#[test]
fn one_kind_is_never_taken_for_the_other() {
    let tokens = tokens();
    let now = UnixSeconds::new(NOW);
    let access = tokens.sign_access(&access()).unwrap();
    let refresh = tokens.sign_refresh(&refresh()).unwrap();
    assert_eq!(
        tokens.verify_refresh(access.expose(), now),
        Err(Rejection::Invalid)
    );
    assert_eq!(
        tokens.verify_access(refresh.expose(), now),
        Err(Rejection::Invalid)
    );
}

#[test]
fn a_header_that_is_not_exactly_ours_is_refused() {
    let mut faulty = Vec::new();
    for (member, values) in [
        (
            "alg",
            vec![
                json!("none"),
                json!("EDDSA"),
                json!("Ed25519"),
                json!("HS256"),
                json!("HS512"),
                json!(1),
            ],
        ),
        (
            "typ",
            vec![json!("JWT"), json!("AT+JWT"), json!("rt+jwt"), json!(null)],
        ),
        (
            "kid",
            vec![
                json!("k2"),
                json!("k3"),
                json!(""),
                json!("../k1"),
                json!(["k1"]),
            ],
        ),
        ("jwk", vec![json!({})]),
        ("jku", vec![json!("https://evil.example")]),
        ("crit", vec![json!([])]),
        ("cty", vec![json!("json")]),
    ] {
        for value in values {
            let mut header = header();
            header[member] = value;
            faulty.push(header.to_string());
        }
        if header().get(member).is_some() {
            let mut header = header();
            header.as_object_mut().unwrap().remove(member);
            faulty.push(header.to_string());
        }
    }
    faulty.push(r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#.to_owned());
    faulty.push("[]".to_owned());
    // serde also accepts an array of the values for a struct.
    faulty.push(r#"["EdDSA","at+jwt","k1"]"#.to_owned());
    faulty.push(format!(" {}", header()));
    for header in faulty {
        let token = forge(&header, &body().to_string());
        assert_eq!(verify(&token), Err(Rejection::Invalid), "{header}");
    }
}

#[test]
fn claims_in_a_list_are_refused() {
    let body = body();
    let members = ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"];
    let list: Vec<_> = members.iter().map(|member| &body[member]).collect();
    let token = forge(&header().to_string(), &json!(list).to_string());
    assert_eq!(verify(&token), Err(Rejection::Invalid));
}

#[test]
fn claims_that_are_not_exactly_ours_are_refused() {
    let mut faulty = Vec::new();
    for (claim, values) in [
        (
            "iss",
            vec![
                json!("https://evil.example"),
                json!(["https://auth.example.org"]),
            ],
        ),
        (
            "aud",
            vec![
                json!("other"),
                json!(["app"]),
                json!("https://auth.example.org"),
            ],
        ),
        (
            "sub",
            vec![
                json!(1),
                json!("x"),
                json!(access().session.user.to_string().to_uppercase()),
            ],
        ),
        ("sid", vec![json!(null), json!("short")]),
        ("role", vec![json!(null), json!(["r"])]),
        (
            "iat",
            vec![
                json!("1795251600"),
                json!(1.5),
                json!(-1),
                json!(NOW + 6),
                json!(1e30),
            ],
        ),
        (
            "exp",
            vec![
                json!("1795252200"),
                json!(1_795_252_200.0),
                json!(-1),
                json!(NOW + 601),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(NOW),
                json!(null),
            ],
        ),
        ("jti", vec![json!(7), json!("")]),
        ("nbf", vec![json!(NOW)]),
        ("email", vec![json!("a@b.co")]),
    ] {
        for value in values {
            let mut body = body();
            body[claim] = value;
            faulty.push(body.to_string());
        }
        if body().get(claim).is_some() {
            let mut body = body();
            body.as_object_mut().unwrap().remove(claim);
            faulty.push(body.to_string());
        }
    }
    let twice = body().to_string().replacen('{', r#"{"role":"r","#, 1);
    faulty.push(twice);
    faulty.push(format!("{}x", body()));
    faulty.push(String::new());
    for body in faulty {
        let token = forge(&header().to_string(), &body);
        assert_eq!(verify(&token), Err(Rejection::Invalid), "{body}");
    }
}

#[test]
fn structure_and_encoding_have_one_form() {
    let good = forge(&header().to_string(), &body().to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other_last = if signature.ends_with('A') { "Q" } else { "A" };
    for token in [
        String::new(),
        "..".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replace('-', "+").replace('_', "/") + "=",
        format!("{signed}.{}{other_last}", &signature[..signature.len() - 1]),
        format!("{signed}.{}", &signature[..signature.len() - 4]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{signature}", parts[1], parts[0]),
        format!("{}.{}.{}", parts[0], encode(&"x".repeat(3_000)), signature),
        r#"{"payload":"","signatures":[]}"#.to_owned(),
    ] {
        assert_eq!(verify(&token), Err(Rejection::Invalid), "{token}");
    }
}

#[test]
fn every_flipped_character_is_noticed() {
    let good = forge(&header().to_string(), &body().to_string());
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
        let token = String::from_utf8(bytes).unwrap();
        assert!(verify(&token).is_err(), "position {position}");
    }
}

#[test]
fn a_token_over_2048_bytes_is_refused_although_its_signature_holds() {
    let mut body = body();
    body["role"] = json!("r".repeat(1_400));
    assert_eq!(
        verify(&forge(&header().to_string(), &body.to_string())),
        Err(Rejection::Invalid)
    );
}

#[test]
fn expiry_has_no_leeway_and_issuance_has_five_seconds() {
    let tokens = tokens();
    let token = tokens.sign_access(&access()).unwrap();
    let at = |seconds| tokens.verify_access(token.expose(), UnixSeconds::new(NOW + seconds));
    assert_eq!(at(-6), Err(Rejection::Invalid));
    assert_eq!(at(-5), Ok(access()));
    assert_eq!(at(599), Ok(access()));
    assert_eq!(at(600), Err(Rejection::Expired(access())));
}

#[test]
fn a_token_of_a_retired_key_is_invalid() {
    let token = tokens().sign_access(&access()).unwrap();
    let keys = format!(r#"{{"keys":[{}]}}"#, jwk(2, "k2"));
    let later = Tokens::new(KeyRing::from_jwk_set(&keys).unwrap(), tokens().issuance);
    assert_eq!(
        later.verify_access(token.expose(), UnixSeconds::new(NOW)),
        Err(Rejection::Invalid)
    );
}
