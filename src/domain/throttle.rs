//! Throttling of password guesses, before a guess costs a hash: the limits and the keys.
//! `store::attempts` does the counting.
//!
//! Accounts and clients are identified by keyed hashes only. An address that is not registered is
//! throttled like any other.

use core::net::{IpAddr, Ipv6Addr};

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha512;

use super::id::{SessionId, UserId};
use super::identity::email::Email;
use super::session::SessionKey;
use super::time::Seconds;

/// Failures of one account from one client before delays begin.
///
/// An attempt counts until it has succeeded, so this is also how many correct logins of one user
/// may be in flight at once. It equals the number of requests that the platform's limiter lets one
/// client send in a minute.
pub const FREE_FAILURES: u32 = 10;
/// The longest delay for one account and one client. The delays are 1, 2, 4 … s.
pub const MAX_DELAY: Seconds = Seconds::new(900);
/// Consecutive failures of one account from all clients (NIST SP 800-63B-4, 3.2.2: at most 100).
pub const MAX_FAILURES_IN_A_ROW: u32 = 100;
/// The pause between attempts once an account has [`MAX_FAILURES_IN_A_ROW`]: slow, but never a
/// lock-out.
pub const PAUSE_AFTER_MAX: Seconds = Seconds::new(60);
/// How long after the last attempt the clean-up deletes an account's failures.
pub const ATTEMPTS_KEPT: Seconds = Seconds::new(86_400);

/// The origin of a request, as coarse as is useful: an IPv4 address, or the IPv6 /64 that any IPv6
/// customer controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPrefix(Option<IpAddr>);

impl ClientPrefix {
    /// Parses the address from the network's edge (`CF-Connecting-IP`).
    ///
    /// All spellings of an address yield one prefix, and an IPv4-mapped IPv6 address yields the
    /// IPv4 prefix. Everything that is not an address shares one prefix.
    #[must_use]
    pub fn parse(address: Option<&str>) -> Self {
        let address = address.and_then(|text| text.trim().parse::<IpAddr>().ok());
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    /// Returns whether a text is an IP address, in any spelling.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        Self::parse(Some(text)).0.is_some()
    }

    /// Returns the IPv6 /48 that contains the prefix, because one customer may control all of its
    /// /64s. `None` for anything else, which is counted by the prefix itself.
    #[must_use]
    pub fn network(self) -> Option<Self> {
        match self.0? {
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Some(Self(Some(IpAddr::V6(Ipv6Addr::new(
                    a, b, c, 0, 0, 0, 0, 0,
                )))))
            }
            IpAddr::V4(_) => None,
        }
    }

    fn text(self) -> String {
        self.0
            .map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }
}

/// A keyed hash that identifies an account, a client, a session or a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleKey(String);

impl ThrottleKey {
    /// Wraps a key from the database.
    #[must_use]
    pub const fn from_database(text: String) -> Self {
        Self(text)
    }

    /// Returns the key: a letter for its kind, then 22 characters of base64url.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Computes the keyed hashes of a deployment.
pub struct ThrottleKeys([u8; 32]);

/// The counter of attempts at a secret: one row for each account and client. The sum of an
/// account's rows is the number of its failures from all clients.
#[derive(Clone, Debug)]
pub struct AttemptKeys {
    /// The account whose secret is guessed, and the kind of secret.
    pub account: ThrottleKey,
    /// The client that guesses.
    pub client: ThrottleKey,
}

impl ThrottleKeys {
    /// Creates keys that are hashed under `secret`.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Returns the key of a client.
    #[must_use]
    pub fn of_client(&self, client: ClientPrefix) -> ThrottleKey {
        self.hash('c', &[&client.text()])
    }

    /// Returns the key of a session.
    #[must_use]
    pub fn of_session(&self, session: SessionId) -> ThrottleKey {
        self.hash('s', &[&session.to_string()])
    }

    /// Returns the key of a known device, which has its own counter: one with a live session of the
    /// account.
    #[must_use]
    pub fn of_device(&self, session: SessionId) -> ThrottleKey {
        self.hash('d', &[&session.to_string()])
    }

    /// Returns the keys of logins to the account with this address, from a client prefix.
    #[must_use]
    pub fn of_login(&self, email: &Email, client: ClientPrefix) -> AttemptKeys {
        AttemptKeys {
            account: self.hash('a', &[email.as_str()]),
            client: self.of_client(client),
        }
    }

    /// Returns the keys of attempts at a user's current password from within a session. Each
    /// session has its own counter: an attacker who holds one does not slow down the owner's
    /// others.
    #[must_use]
    pub fn of_password_change(&self, session: SessionKey) -> AttemptKeys {
        AttemptKeys {
            account: self.of_user(session.user),
            client: self.of_session(session.id),
        }
    }

    /// Returns the key of attempts at a user's current password from all sessions.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> ThrottleKey {
        self.hash('u', &[&user.to_string()])
    }

    /// Returns the key of an address that receives mails of this kind. Each kind is counted apart:
    /// mails of one kind must not keep a user from those of another.
    #[must_use]
    pub fn of_recipient(&self, email: &Email, kind: &str) -> ThrottleKey {
        self.hash('m', &[email.as_str(), kind])
    }

    fn hash(&self, kind: char, parts: &[&str]) -> ThrottleKey {
        // HMAC accepts keys of any length.
        let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(&self.0) else {
            return ThrottleKey(kind.to_string());
        };
        mac.update(&[kind as u8]);
        for part in parts {
            // Neither addresses nor prefixes contain a line break.
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        let tag = mac.finalize().into_bytes();
        let short: Vec<u8> = tag.into_iter().take(16).collect();
        ThrottleKey(format!(
            "{kind}{}",
            Base64UrlUnpadded::encode_string(&short)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientPrefix, ThrottleKeys};
    use crate::domain::id::{SessionId, UserId};
    use crate::domain::identity::email::Email;
    use crate::domain::session::SessionKey;

    #[test]
    fn all_spellings_of_an_address_are_one_client() {
        let keys = ThrottleKeys::new([1; 32]);
        let key = |text: &str| keys.of_client(ClientPrefix::parse(Some(text)));
        for spellings in [
            &[
                "192.0.2.1",
                "::ffff:192.0.2.1",
                "::FFFF:C000:0201",
                "0:0:0:0:0:ffff:192.0.2.1",
            ][..],
            &[
                "2001:db8:1:2::1",
                "2001:DB8:1:2::1",
                "2001:0db8:0001:0002:ffff::1",
                "2001:db8:1:2::",
            ],
        ] {
            for spelling in spellings {
                assert_eq!(key(spelling), key(spellings[0]), "{spelling}");
            }
        }
        for (one, other) in [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            ("192.0.2.1", "2001:db8:1:2::1"),
        ] {
            assert_ne!(key(one), key(other));
        }
        let network = |text: &str| ClientPrefix::parse(Some(text)).network();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:2:2::1"));
        assert_eq!(network("192.0.2.1"), None);
        assert_eq!(network("::ffff:192.0.2.1"), None);
        let unknown = keys.of_client(ClientPrefix::parse(None));
        for text in ["", "192.0.2.1, 192.0.2.2", "localhost", "192.0.2.1:80"] {
            assert_eq!(key(text), unknown, "{text}");
        }
    }

    #[test]
    fn keys_are_hashes_that_depend_on_the_secret_and_the_kind() {
        let email = Email::parse("ada@example.org").unwrap();
        let client = ClientPrefix::parse(Some("192.0.2.1"));
        let one = ThrottleKeys::new([1; 32]).of_login(&email, client);
        let other = ThrottleKeys::new([2; 32]).of_login(&email, client);
        assert_ne!(one.client, other.client);
        assert_ne!(one.account, other.account);
        assert_eq!(one.client.as_str().len(), 23);
    }

    #[test]
    fn a_password_change_is_counted_by_session_and_a_device_apart_from_both() {
        let keys = ThrottleKeys::new([1; 32]);
        let user = UserId::new(0, &[0; 10]);
        let [one, other] = [1, 2].map(|byte| SessionId::from_random([byte; 16]));
        let [a, b] = [one, other].map(|id| keys.of_password_change(SessionKey { user, id }));
        assert_eq!(a.account, b.account);
        assert_ne!(a.client, b.client);
        assert_ne!(a.client, keys.of_device(one));
        assert_ne!(keys.of_device(one), keys.of_device(other));
    }
}
