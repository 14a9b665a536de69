//! Signatures of webhooks, by the key that signs access tokens: receivers find its public part in
//! the key set.

use base64ct::{Base64, Encoding};
use ed25519_dalek::Signer;

use super::Tokens;
use crate::domain::time::UnixSeconds;

impl Tokens {
    /// Signs a webhook as Standard Webhooks defines for asymmetric keys: `v1a,` and the signature of
    /// `id.timestamp.body` in base64 (RFC 4648, section 4).
    ///
    /// No webhook is a token and no token is a webhook: the signed part of a token contains exactly
    /// one dot (RFC 7515, section 7.1), and that of a webhook contains two or more.
    #[must_use]
    pub fn sign_webhook(&self, id: &str, at: UnixSeconds, body: &str) -> String {
        let signed = format!("{id}.{}.{body}", at.get());
        let signature = self.keys.signing().sign(signed.as_bytes());
        format!("v1a,{}", Base64::encode_string(&signature.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use ed25519_dalek::{Signature, Verifier};

    use crate::domain::session::keys::KeyRing;
    use crate::domain::session::keys::tests::jwk;
    use crate::domain::session::token::{Issuance, Tokens};
    use crate::domain::time::{Seconds, UnixSeconds};

    #[test]
    fn the_public_key_verifies_exactly_the_signed_webhook() {
        let keys = format!(r#"{{"keys":[{},{}]}}"#, jwk(1, "k1"), jwk(2, "k2"));
        let ring = || KeyRing::from_jwk_set(&keys).unwrap();
        let issuance = Issuance {
            issuer: "https://auth.example.org".to_owned(),
            audience: "app".to_owned(),
            access_lifetime: Seconds::new(600),
            refresh_lifetime: Seconds::new(3_600),
        };
        let tokens = Tokens::new(ring(), issuance);
        let signed = tokens.sign_webhook("id-1", UnixSeconds::new(1_795_251_600), "{\"a\":1}");
        let signature = signed.strip_prefix("v1a,").unwrap();
        let bytes: [u8; 64] = Base64::decode_vec(signature).unwrap().try_into().unwrap();
        let signature = Signature::from_bytes(&bytes);
        let key = ring().signing().verifying_key();
        assert!(key.verify(b"id-1.1795251600.{\"a\":1}", &signature).is_ok());
        for other in [
            "id-2.1795251600.{\"a\":1}",
            "id-1.1795251601.{\"a\":1}",
            "id-1.1795251600.{\"a\":2}",
        ] {
            assert!(key.verify(other.as_bytes(), &signature).is_err(), "{other}");
        }
    }
}
