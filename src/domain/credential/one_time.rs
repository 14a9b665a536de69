//! One-time tokens: the links in mails.
//!
//! A token is 256 bits that only a mail contains. The database stores a digest of the purpose and
//! the token, so a token of one purpose is never one of another (CVE-2026-114607), and a copy of the
//! database contains no token that works. The mail is composed after the transaction, perhaps on
//! another day, so the token is derived again from the nonce in the outbox, with a key that the
//! database does not have.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::domain::id::UserId;
use crate::domain::time::Seconds;

/// The label of the key that tokens are derived with.
pub const ONE_TIME_LABEL: &str = "latchkey/one-time-token/v1";
/// A user's id, then the secret.
const TOKEN_BYTES: usize = 16 + 32;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Replaces a forgotten password.
    ResetPassword,
    /// Proves the address of the account.
    VerifyEmail,
    /// Proves a new address, which then replaces the account's.
    ConfirmEmail,
    /// Takes back a change of the address.
    UndoEmail,
    /// Ends the sessions of a login that was not the user's.
    DisownLogin,
    /// Begins a session in the browser that asked for the link.
    LoginLink,
    /// As [`Purpose::LoginLink`], with a code to type in place of a link.
    LoginCode,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 7] = [
        Self::ResetPassword,
        Self::VerifyEmail,
        Self::ConfirmEmail,
        Self::UndoEmail,
        Self::DisownLogin,
        Self::LoginLink,
        Self::LoginCode,
    ];

    /// Returns the word that the database stores and a link contains.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset-password",
            Self::VerifyEmail => "verify-email",
            Self::ConfirmEmail => "confirm-email",
            Self::UndoEmail => "undo-email",
            Self::DisownLogin => "disown-login",
            Self::LoginLink => "login-link",
            Self::LoginCode => "login-code",
        }
    }

    /// Returns how long a token works. What logs in works for 10 minutes (ASVS 5.0, 6.5.5). Undoing
    /// and disowning are for people who hear of a theft late: they only take away.
    #[must_use]
    pub const fn lifetime(self) -> Seconds {
        match self {
            // As long as the window in which mails are counted: a stranger who uses up a user's mails
            // leaves a link that works.
            Self::ResetPassword | Self::VerifyEmail => Seconds::new(3_600),
            Self::ConfirmEmail => Seconds::new(1_800),
            Self::UndoEmail | Self::DisownLogin => Seconds::new(7 * 86_400),
            Self::LoginLink | Self::LoginCode => Seconds::new(600),
        }
    }
}

/// The random part of an issuance. The outbox contains it until the mail has left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// Wraps 32 bytes from a cryptographic source.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses what [`Nonce::to_text`] returned.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_256_bits(text).map(Self)
    }

    /// Returns 43 characters of base64url.
    #[must_use]
    pub fn to_text(self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// Derives the secret of a token: HMAC-SHA-512 under `key`, cut to 256 bits.
    #[must_use]
    pub fn secret(self, key: &[u8; 32], purpose: Purpose) -> OneTimeSecret {
        let mut secret = [0; 32];
        // HMAC accepts keys of any length.
        if let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(key) {
            mac.update(purpose.as_str().as_bytes());
            mac.update(&self.0);
            for (to, from) in secret.iter_mut().zip(mac.finalize().into_bytes()) {
                *to = from;
            }
        }
        OneTimeSecret(secret)
    }
}

/// Parses 43 characters of base64url.
pub(super) fn parse_256_bits(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

/// Returns SHA-256 of the parts, as 43 characters of base64url.
pub(super) fn digest(parts: &[&[u8]]) -> String {
    let digest = parts.iter().fold(Sha256::new(), Digest::chain_update);
    Base64UrlUnpadded::encode_string(&digest.finalize())
}

/// The secret part of a token.
#[derive(Clone, Copy)]
pub struct OneTimeSecret(pub(super) [u8; 32]);

impl OneTimeSecret {
    /// Returns the digest that the database stores: SHA-256 of the purpose and the secret, as 43
    /// characters of base64url.
    #[must_use]
    pub fn digest(&self, purpose: Purpose) -> String {
        digest(&[purpose.as_str().as_bytes(), b"\n", &self.0])
    }
}

/// A token as a link contains it: 64 characters of base64url, the user's id and the secret. The id
/// makes the lookup one of a key.
#[derive(Clone, Copy)]
pub struct OneTimeToken {
    /// The user whose token it claims to be.
    pub user: UserId,
    /// The secret, which only the database can confirm.
    pub secret: OneTimeSecret,
}

impl OneTimeToken {
    /// Parses the one spelling that [`OneTimeToken::expose`] returns.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (user, secret) = decoded.split_first_chunk::<16>()?;
        Some(Self {
            user: UserId::from_bytes(*user)?,
            secret: OneTimeSecret(secret.try_into().ok()?),
        })
    }

    /// Returns the text of the token, for a mail and nothing else.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = self.user.to_bytes().to_vec();
        bytes.extend(self.secret.0);
        Base64UrlUnpadded::encode_string(&bytes)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(…)")
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeSecret(…)")
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OneTimeToken({}, …)", self.user)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Nonce, OneTimeToken, Purpose};
    use crate::domain::id::UserId;

    const KEY: [u8; 32] = [3; 32];

    #[test]
    fn incident_1_a_token_of_one_purpose_is_none_of_another() {
        let nonce = Nonce::from_random([5; 32]);
        let secret = nonce.secret(&KEY, Purpose::ResetPassword);
        let digests: HashSet<String> = Purpose::ALL.map(|other| secret.digest(other)).into();
        assert_eq!(digests.len(), Purpose::ALL.len());
        let derived: HashSet<String> = Purpose::ALL
            .map(|other| nonce.secret(&KEY, other).digest(Purpose::ResetPassword))
            .into();
        assert_eq!(derived.len(), Purpose::ALL.len());
    }

    #[test]
    fn a_token_is_derived_again_from_the_nonce_and_the_key_alone() {
        let nonce = Nonce::from_random([5; 32]);
        let again = Nonce::parse(&nonce.to_text()).unwrap();
        let purpose = Purpose::VerifyEmail;
        let digest = nonce.secret(&KEY, purpose).digest(purpose);
        assert_eq!(again.secret(&KEY, purpose).digest(purpose), digest);
        assert_ne!(again.secret(&[4; 32], purpose).digest(purpose), digest);
    }

    #[test]
    fn a_token_has_one_spelling() {
        let user = UserId::new(1, &[9; 10]);
        let secret = Nonce::from_random([5; 32]).secret(&KEY, Purpose::UndoEmail);
        let text = OneTimeToken { user, secret }.expose();
        assert_eq!(text.len(), 64);
        let parsed = OneTimeToken::parse(&text).unwrap();
        assert_eq!((parsed.user, parsed.expose()), (user, text.clone()));
        assert!(!format!("{parsed:?} {secret:?}").contains(&text[22..]));
        for wrong in ["", &text[1..], &format!("{text}="), &format!("{text}AAAA")] {
            assert!(OneTimeToken::parse(wrong).is_none(), "{wrong}");
        }
        // The id is one that the service makes: version 7.
        assert!(OneTimeToken::parse(&"A".repeat(64)).is_none());
    }
}
