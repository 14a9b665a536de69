use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};

use hmac::{Hmac, Mac};
use sha2::Sha512;

use super::{InvalidKeyRing, KeyRing, REFRESH_LABEL, derive};

/// A secret that is not a placeholder: thirty-two bytes that count up from the seed.
pub(crate) fn secret(seed: u8) -> [u8; 32] {
    let mut next = seed;
    core::array::from_fn(|_| {
        next = next.wrapping_add(1);
        next
    })
}

/// A private JWK.
pub(crate) fn jwk_of(secret: &[u8; 32], kid: &str) -> String {
    let d = Base64UrlUnpadded::encode_string(secret);
    let public = SigningKey::from_bytes(secret).verifying_key();
    let x = Base64UrlUnpadded::encode_string(public.as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{d}","x":"{x}","kid":"{kid}","alg":"EdDSA"}}"#)
}

/// A private JWK made from a seed.
pub(crate) fn jwk(seed: u8, kid: &str) -> String {
    jwk_of(&secret(seed), kid)
}

fn read(keys: &[String]) -> Result<KeyRing, InvalidKeyRing> {
    KeyRing::from_jwk_set(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

#[test]
fn the_first_key_signs_and_all_verify() {
    let ring = read(&[jwk(1, "new"), jwk(2, "old")]).unwrap();
    assert_eq!(ring.signing_id().as_str(), "new");
    let by = |seed: u8| {
        SigningKey::from_bytes(&secret(seed))
            .sign(b"text")
            .to_bytes()
    };
    assert!(ring.has_signed("new", "text", &by(1)));
    assert!(ring.has_signed("old", "text", &by(2)));
    let mut changed = by(1);
    changed[63] ^= 1;
    for (id, text, signature) in [
        ("new", "text", &by(2)[..]),
        ("old", "text", &by(1)),
        ("new", "texts", &by(1)),
        ("new", "text", &changed),
        ("new", "text", &by(1)[..63]),
        ("new", "text", &[]),
        ("", "text", &by(1)),
        ("../../dev/null", "text", &by(1)),
    ] {
        assert!(!ring.has_signed(id, text, signature), "{id} {text}");
    }
}

#[test]
fn each_key_has_a_secret_of_its_own_for_refresh_tokens() {
    let ring = read(&[jwk(1, "new"), jwk(2, "old")]).unwrap();
    let by = |seed: u8| -> [u8; 64] {
        let secret = derive(REFRESH_LABEL, &SigningKey::from_bytes(&secret(seed)));
        let mac = Hmac::<Sha512>::new_from_slice(&secret).unwrap();
        mac.chain_update("text").finalize().into_bytes().into()
    };
    assert!(ring.has_signed_refresh("new", "text", &by(1)));
    assert!(ring.has_signed_refresh("old", "text", &by(2)));
    for (id, text, tag) in [
        ("new", "text", &by(2)[..]),
        ("old", "text", &by(1)),
        ("new", "texts", &by(1)),
        ("new", "text", &by(1)[..63]),
        ("new", "text", &by(1)[..32]),
        ("new", "text", &[]),
        ("", "text", &by(1)),
    ] {
        assert!(!ring.has_signed_refresh(id, text, tag), "{id} {text}");
    }
    // Neither the public key nor the secrets of other labels verify.
    let public = SigningKey::from_bytes(&secret(1)).verifying_key();
    for wrong in [&public.to_bytes()[..], &ring.derive_secret("x"), &secret(1)] {
        let mac = Hmac::<Sha512>::new_from_slice(wrong).unwrap();
        let tag = mac.chain_update("text").finalize().into_bytes();
        assert!(!ring.has_signed_refresh("new", "text", &tag));
    }
}

#[test]
fn faulty_sets_are_refused_by_position() {
    let cases = [
        (vec![], InvalidKeyRing::WrongNumber),
        (
            (0..9).map(|i| jwk(i * 20, &format!("k{i}"))).collect(),
            InvalidKeyRing::WrongNumber,
        ),
        (vec![jwk(1, "")], InvalidKeyRing::BadKey(0)),
        (vec![jwk(1, "a b")], InvalidKeyRing::BadKey(0)),
        (
            vec![jwk(1, "a"), jwk(2, "b").replace("Ed25519", "X25519")],
            InvalidKeyRing::BadKey(1),
        ),
        (
            vec![jwk(1, "a").replace(r#""x":""#, r#""x":"A"#)],
            InvalidKeyRing::BadKey(0),
        ),
        (vec![jwk_of(&[0; 32], "a")], InvalidKeyRing::WeakKey(0)),
        (vec![jwk(1, "a"), jwk(2, "a")], InvalidKeyRing::Repeated(1)),
        (vec![jwk(1, "a"), jwk(1, "b")], InvalidKeyRing::Repeated(1)),
    ];
    for (keys, fault) in cases {
        assert_eq!(read(&keys).unwrap_err(), fault);
    }
    for text in ["", "changeme", "[]", r#"{"keys":{}}"#] {
        assert_eq!(
            KeyRing::from_jwk_set(text).unwrap_err(),
            InvalidKeyRing::NotAKeySet
        );
    }
}

#[test]
fn a_key_ring_is_redacted_in_debug_output() {
    assert_eq!(format!("{:?}", read(&[jwk(1, "a")])), "Ok(KeyRing(1 keys))");
}

/// A JWK without its private part.
fn public(seed: u8, kid: &str) -> String {
    let whole: serde_json::Value = serde_json::from_str(&jwk(seed, kid)).unwrap();
    let mut members = whole.as_object().unwrap().clone();
    members.remove("d");
    serde_json::to_string(&members).unwrap()
}

#[test]
fn a_key_without_its_private_part_is_published_and_verifies_nothing() {
    let ring = read(&[jwk(1, "own"), public(2, "other")]).unwrap();
    let by_other = SigningKey::from_bytes(&secret(2)).sign(b"text").to_bytes();
    assert!(!ring.has_signed("other", "text", &by_other));
    assert!(!ring.has_signed_refresh("other", "text", &[0; 64]));
    let set: serde_json::Value = serde_json::from_str(&ring.public_jwk_set()).unwrap();
    assert_eq!(set["keys"][0]["kid"], "own");
    assert_eq!(set["keys"][1]["kid"], "other");
    let public: serde_json::Value = serde_json::from_str(&public(2, "other")).unwrap();
    assert_eq!(set["keys"][1]["x"], public["x"]);
}

#[test]
fn the_first_key_must_be_able_to_sign() {
    let fault = read(&[public(1, "own"), jwk(2, "other")]).unwrap_err();
    assert_eq!(fault, InvalidKeyRing::PublicSigner);
    let fault = read(&[jwk(1, "own"), public(1, "same")]).unwrap_err();
    assert_eq!(fault, InvalidKeyRing::Repeated(1));
}

#[test]
fn the_public_set_contains_no_private_part() {
    let ring = read(&[jwk(1, "new"), jwk(2, "old")]).unwrap();
    let text = ring.public_jwk_set();
    for seed in [1, 2] {
        let d = Base64UrlUnpadded::encode_string(&secret(seed));
        assert!(!text.contains(&d) && !text.contains("\"d\""));
    }
}
