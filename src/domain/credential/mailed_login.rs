//! Logging in by mail: the secret of the browser that asks, and what the mail contains. Both are
//! needed, so a mail is of no use in another browser, and a code cannot be guessed from anywhere
//! else.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::one_time::{Nonce, OneTimeSecret, OneTimeToken, Purpose, digest, parse_256_bits};

/// What a mail contains that logs a person in: a link ("magic link") or a code ("one-time code").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMeans {
    /// A link.
    Link,
    /// A code to type.
    Code,
}

/// A code that a person types: six digits. It is guessable, so each issuance has few tries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LoginCode(u32);

impl LoginCode {
    /// How many codes there are.
    const COUNT: u32 = 1_000_000;

    /// Derives the code of an issuance.
    #[must_use]
    pub fn derive(nonce: Nonce, key: &[u8; 32]) -> Self {
        let OneTimeSecret(secret) = nonce.secret(key, Purpose::LoginCode);
        // 256 bits leave no code likelier than another by more than 2^-236.
        Self(
            secret
                .into_iter()
                .fold(0, |rest, byte| (rest * 256 + u32::from(byte)) % Self::COUNT),
        )
    }

    /// Parses six ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_code = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_code).map(Self)
    }

    /// Returns the six digits, for a mail and nothing else.
    #[must_use]
    pub fn expose(self) -> String {
        format!("{:06}", self.0)
    }
}

/// The secret of the browser that asked to log in by mail: 256 random bits in a cookie. What the
/// mail contains is of use in that browser alone.
#[derive(Clone, Copy)]
pub struct BrowserSecret([u8; 32]);

impl BrowserSecret {
    /// Wraps 32 bytes from a cryptographic source.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses the one spelling that [`BrowserSecret::expose`] returns.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_256_bits(text).map(Self)
    }

    /// Returns the value of the cookie: 43 characters of base64url.
    #[must_use]
    pub fn expose(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// Returns the digest by which the database finds the request of this browser.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&[b"login-request\n", &self.0])
    }

    /// Returns the digest that the database stores of what a mail contains. A reader of the database
    /// cannot guess the code by it without the browser's secret.
    #[must_use]
    pub fn bind(&self, mailed: &Mailed) -> String {
        let purpose = mailed.purpose().as_str().as_bytes();
        match mailed {
            Mailed::Link(secret) => digest(&[purpose, b"\n", &secret.0, &self.0]),
            Mailed::Code(code) => digest(&[purpose, b"\n", code.expose().as_bytes(), &self.0]),
        }
    }
}

/// What a mail contains that logs a person in.
#[derive(Clone, Copy, Debug)]
pub enum Mailed {
    /// The secret of a link's token.
    Link(OneTimeSecret),
    /// A code.
    Code(LoginCode),
}

impl Mailed {
    /// Derives what the mail with this nonce contains. `None` for a purpose that is not a login.
    #[must_use]
    pub fn derive(nonce: Nonce, key: &[u8; 32], purpose: Purpose) -> Option<Self> {
        match purpose {
            Purpose::LoginLink => Some(Self::Link(nonce.secret(key, purpose))),
            Purpose::LoginCode => Some(Self::Code(LoginCode::derive(nonce, key))),
            Purpose::ResetPassword
            | Purpose::VerifyEmail
            | Purpose::ConfirmEmail
            | Purpose::UndoEmail
            | Purpose::DisownLogin => None,
        }
    }

    /// Parses the token of a link, or a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match LoginCode::parse(text) {
            Some(code) => Some(Self::Code(code)),
            None => OneTimeToken::parse(text).map(|token| Self::Link(token.secret)),
        }
    }

    const fn purpose(&self) -> Purpose {
        match self {
            Self::Link(_) => Purpose::LoginLink,
            Self::Code(_) => Purpose::LoginCode,
        }
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

impl fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{BrowserSecret, LoginCode, Mailed};
    use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
    use crate::domain::id::UserId;

    const KEY: [u8; 32] = [3; 32];

    #[test]
    fn a_code_is_six_digits_in_one_spelling() {
        for text in ["000000", "000042", "999999"] {
            assert_eq!(LoginCode::parse(text).unwrap().expose(), text);
        }
        for text in [
            "",
            "42",
            "1234567",
            "+12345",
            "12345 ",
            "１２３４５６",
            "12345a",
        ] {
            assert!(LoginCode::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn codes_are_spread_over_all_numbers() {
        let codes: HashSet<u32> = (0..200)
            .map(|byte| LoginCode::derive(Nonce::from_random([byte; 32]), &KEY).0)
            .collect();
        assert!(codes.len() > 190);
        for tenth in 0..10 {
            assert!(codes.iter().any(|code| code / 100_000 == tenth), "{tenth}");
        }
        let nonce = Nonce::from_random([5; 32]);
        assert_ne!(
            LoginCode::derive(nonce, &KEY),
            LoginCode::derive(nonce, &[4; 32])
        );
    }

    #[test]
    fn what_is_mailed_is_bound_to_one_browser_and_one_purpose() {
        let nonce = Nonce::from_random([5; 32]);
        let [one, other] = [1, 2].map(|byte| BrowserSecret::from_random([byte; 32]));
        let bound: HashSet<String> = [one, other]
            .into_iter()
            .flat_map(|browser| {
                [Purpose::LoginLink, Purpose::LoginCode]
                    .map(|purpose| browser.bind(&Mailed::derive(nonce, &KEY, purpose).unwrap()))
            })
            .chain([one.digest(), other.digest()])
            .collect();
        assert_eq!(bound.len(), 6);
        assert!(Mailed::derive(nonce, &KEY, Purpose::ResetPassword).is_none());
    }

    #[test]
    fn a_token_and_a_code_are_told_apart() {
        let user = UserId::new(1, &[9; 10]);
        let secret = Nonce::from_random([5; 32]).secret(&KEY, Purpose::LoginLink);
        let token = OneTimeToken { user, secret }.expose();
        assert!(matches!(Mailed::parse(&token), Some(Mailed::Link(_))));
        assert!(matches!(Mailed::parse("123456"), Some(Mailed::Code(_))));
        for wrong in ["", "12345", &token[1..]] {
            assert!(Mailed::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_browsers_secret_has_one_spelling_and_is_not_shown() {
        let browser = BrowserSecret::from_random([1; 32]);
        let text = browser.expose();
        assert_eq!(text.len(), 43);
        assert_eq!(BrowserSecret::parse(&text).unwrap().expose(), text);
        for wrong in ["", &text[1..], &format!("{text}="), &format!("{text}A")] {
            assert!(BrowserSecret::parse(wrong).is_none(), "{wrong}");
        }
        let code = LoginCode::parse("123456").unwrap();
        assert!(!format!("{browser:?} {code:?}").contains("123456"));
    }
}
