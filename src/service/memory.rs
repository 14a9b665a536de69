//! The short-lived memory of an isolate, which saves a busy client's requests a signature check and
//! a read each. Losing it costs time only.

use core::cell::RefCell;

use crate::domain::id::UserId;
use crate::domain::session::token::{AccessClaims, TokenDigest};

/// The number of places in a memory. With about 200 bytes for a token and 600 for a copy, both
/// memories stay below 1 MiB.
const PLACES: usize = 1_024;

/// A key whose last bytes are practically random.
pub(super) trait Spread: Copy + PartialEq {
    fn last_bytes(self) -> [u8; 2];
}

/// A memory of fixed size. Each key has one place, and a later key with the same place replaces it.
pub(super) struct Places<K, V>(RefCell<Vec<Option<(K, V)>>>);

impl<K: Spread, V: Clone> Places<K, V> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    fn place(key: K) -> usize {
        usize::from(u16::from_be_bytes(key.last_bytes())) % PLACES
    }

    pub(super) fn get(&self, key: K) -> Option<V> {
        let places = self.0.borrow();
        let (own, value) = places.get(Self::place(key))?.as_ref()?;
        (*own == key).then(|| value.clone())
    }

    pub(super) fn set(&self, key: K, value: Option<V>) {
        let mut places = self.0.borrow_mut();
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        if let Some(place) = places.get_mut(Self::place(key)) {
            *place = value.map(|value| (key, value));
        }
    }
}

impl Spread for TokenDigest {
    fn last_bytes(self) -> [u8; 2] {
        self.last_bytes()
    }
}

impl Spread for UserId {
    fn last_bytes(self) -> [u8; 2] {
        self.last_bytes()
    }
}

/// Access tokens that this isolate has found authentic. Other keys or settings create another
/// service with a new memory, so an authentic token stays authentic. Its times are checked at each
/// use.
pub struct VerifiedTokens(Places<TokenDigest, AccessClaims>);

impl VerifiedTokens {
    /// Creates an empty memory.
    #[must_use]
    pub const fn new() -> Self {
        Self(Places::new())
    }

    /// Returns the claims of exactly this token, if it was found authentic before.
    pub fn find(&self, token: TokenDigest) -> Option<AccessClaims> {
        self.0.get(token)
    }

    /// Remembers an authentic token.
    pub fn keep(&self, token: TokenDigest, claims: AccessClaims) {
        self.0.set(token, Some(claims));
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Places};
    use crate::domain::id::UserId;

    /// The user with this number. Numbers that differ by [`PLACES`] share a place.
    fn user(number: usize) -> UserId {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&(number as u64).to_be_bytes());
        UserId::new(0, &random)
    }

    #[test]
    fn the_memory_is_bounded_and_never_answers_for_another_key() {
        let memory = Places::new();
        for number in 0..10 * PLACES {
            memory.set(user(number), Some(number));
            assert_eq!(memory.get(user(number)), Some(number));
            assert_eq!(memory.get(user(number + PLACES)), None);
        }
        assert_eq!(memory.0.borrow().len(), PLACES);
        assert_eq!(memory.get(user(0)), None);
        assert_eq!(memory.get(user(9 * PLACES)), Some(9 * PLACES));
    }

    #[test]
    fn what_is_removed_is_gone() {
        let memory = Places::new();
        memory.set(user(1), Some(()));
        memory.set(user(1), None);
        assert_eq!(memory.get(user(1)), None);
    }
}
