//! Slowing down whoever guesses passwords, before a guess costs a hash.
//!
//! An attempt counts as a failure from the moment it is let through until a login succeeds,
//! so that parallel guesses cannot outrun the count. The conditions run as SQL in one
//! transaction (`platform::d1::attempts`); [`Attempts`] is the same rule in Rust.
//!
//! Who is slowed is known by keyed hashes only, and an address that nobody has registered is
//! slowed like any other.

use core::net::{IpAddr, Ipv6Addr};

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha512;

use super::email::Email;
use super::id::UserId;
use super::time::{Seconds, UnixSeconds};

/// Failures of one account from one client prefix before delays begin.
pub const FREE_FAILURES: u32 = 5;
/// The longest delay for one account from one client prefix: the delays are 1, 2, 4 … s.
pub const MAX_DELAY: Seconds = Seconds::new(900);
/// Failures in a row of one account from everywhere (NIST SP 800-63B-4, 3.2.2: at most 100).
pub const MAX_FAILURES_IN_A_ROW: u32 = 100;
/// The pause between tries of such an account: slow, but never a lock-out.
pub const PAUSE_AFTER_MAX: Seconds = Seconds::new(60);
/// After this long without a try the clean-up forgets an account's failures.
pub const ATTEMPTS_KEPT: Seconds = Seconds::new(86_400);

/// Where a request came from, as coarse as it is useful: an IPv4 address, or the /64 that one
/// IPv6 customer has for the asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPrefix(Option<IpAddr>);

impl ClientPrefix {
    /// Reads the address that the network's edge gives (`CF-Connecting-IP`); all spellings of
    /// one address are one prefix, and IPv4 written as IPv6 is IPv4. Whatever cannot be read
    /// shares one prefix.
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

    /// Whether a text is an address, in any spelling.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        Self::parse(Some(text)).0.is_some()
    }

    fn text(self) -> String {
        self.0
            .map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }
}

/// A keyed hash that stands for an account, a client, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleKey(String);

impl ThrottleKey {
    /// 22 characters of base64url behind a letter for the kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes the keyed hashes of a deployment.
pub struct ThrottleKeys([u8; 32]);

/// The two counters that a try of a password moves.
#[derive(Clone, Debug)]
pub struct AttemptKeys {
    /// The account, from this client prefix.
    pub pair: ThrottleKey,
    /// The account, from everywhere.
    pub account: ThrottleKey,
}

impl ThrottleKeys {
    /// Hashes under `secret`.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The client alone.
    #[must_use]
    pub fn of_client(&self, client: ClientPrefix) -> ThrottleKey {
        self.hash('c', &[&client.text()])
    }

    /// The counters of an account that somebody tries to log in to from a client prefix.
    #[must_use]
    pub fn of_login(&self, email: &Email, client: ClientPrefix) -> AttemptKeys {
        self.of_account(email.as_str(), client)
    }

    /// The counters of a user whose current password somebody tries from within a session.
    #[must_use]
    pub fn of_password_change(&self, user: UserId, client: ClientPrefix) -> AttemptKeys {
        self.of_account(&user.to_string(), client)
    }

    fn of_account(&self, account: &str, client: ClientPrefix) -> AttemptKeys {
        AttemptKeys {
            pair: self.hash('p', &[account, &client.text()]),
            account: self.hash('a', &[account]),
        }
    }

    fn hash(&self, kind: char, parts: &[&str]) -> ThrottleKey {
        // A 32-byte key is never refused: HMAC takes any length.
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

/// How a counter answers its failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// 1, 2, 4 … s from the fifth failure on.
    Doubling,
    /// One try a minute from the hundredth failure on.
    OneAMinute,
}

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Failures in a row.
    pub failures: u32,
    /// No attempt before then.
    pub blocked_until: UnixSeconds,
}

impl Attempts {
    /// Nobody has tried.
    pub const NONE: Self = Self {
        failures: 0,
        blocked_until: UnixSeconds::new(0),
    };

    /// The counter with one more attempt, or `None` while attempts are blocked.
    #[must_use]
    pub fn count(self, pace: Pace, now: UnixSeconds) -> Option<Self> {
        if now < self.blocked_until {
            return None;
        }
        let failures = self.failures.saturating_add(1);
        let pause = match pace {
            Pace::Doubling => failures.checked_sub(FREE_FAILURES).map(|over| {
                // 2^20 s is far beyond the bound: nothing is lost by stopping there.
                Seconds::new(1 << over.min(20)).min(MAX_DELAY)
            }),
            Pace::OneAMinute => (failures >= MAX_FAILURES_IN_A_ROW).then_some(PAUSE_AFTER_MAX),
        };
        Some(Self {
            failures,
            blocked_until: pause.map_or(UnixSeconds::new(0), |pause| now.plus(pause)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, ClientPrefix, Pace, ThrottleKeys};
    use crate::domain::email::Email;
    use crate::domain::time::UnixSeconds;

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
        assert_ne!(one.pair, other.pair);
        assert_ne!(one.account, other.account);
        assert_ne!(one.pair.as_str()[1..], one.account.as_str()[1..]);
        assert_eq!(one.pair.as_str().len(), 23);
    }

    #[test]
    fn delays_double_from_the_fifth_failure_on_up_to_a_quarter_of_an_hour() {
        let mut attempts = Attempts::NONE;
        let mut now = 1_000;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            attempts = attempts
                .count(Pace::Doubling, UnixSeconds::new(now))
                .unwrap();
            let pause = (attempts.blocked_until.get() - now).max(0);
            pauses.push(pause);
            if pause > 0 {
                let too_early = UnixSeconds::new(now + pause - 1);
                assert_eq!(attempts.count(Pace::Doubling, too_early), None);
            }
            now += pause;
        }
        assert_eq!(
            pauses,
            [
                0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900, 900
            ]
        );
    }

    #[test]
    fn an_account_takes_a_hundred_failures_and_then_one_try_a_minute() {
        let now = UnixSeconds::new(1_000);
        let mut attempts = Attempts::NONE;
        for _ in 0..100 {
            attempts = attempts.count(Pace::OneAMinute, now).unwrap();
        }
        assert_eq!(
            attempts.count(Pace::OneAMinute, UnixSeconds::new(1_059)),
            None
        );
        let again = attempts
            .count(Pace::OneAMinute, UnixSeconds::new(1_060))
            .unwrap();
        assert_eq!(again.blocked_until, UnixSeconds::new(1_120));
    }
}
