//! The memory of password hashing: one buffer per isolate, and its bounds.
//!
//! The memory of a wasm instance never shrinks, and a freed region may be too small for the next
//! hash. So every algorithm uses one buffer, which is never freed, and is replaced at most once, by
//! one that fits all accepted hashes.

use core::cell::{RefCell, RefMut};

use argon2::Block;

use super::HashError;

/// The most memory that one hash may require, in KiB: the default of argon2-cffi and node-argon2,
/// and of passlib's scrypt.
pub(super) const MOST_KIB: u32 = 65_536;
/// If the first hash requires more than this, the buffer gets [`MOST_KIB`] at once.
const MOST_FIRST_KIB: u32 = 32_768;
/// The memory of both buffers, after the second has replaced the first. An isolate has 128 MiB for
/// this, the rest of the service (below 8 MiB) and the runtime's own heap.
const BUDGET_KIB: u32 = 98_304;
const _: () = assert!(MOST_FIRST_KIB + MOST_KIB <= BUDGET_KIB);
const _: () = assert!(*super::MEMORY_KIB.end() <= MOST_KIB);

/// The buffer, in blocks of 1 KiB. Empty until the first hash.
#[derive(Default)]
pub struct HashMemory(RefCell<Vec<Block>>);

impl HashMemory {
    /// Returns at least this many blocks, with arbitrary contents.
    pub(super) fn blocks(&self, wanted: u32) -> Result<RefMut<'_, Vec<Block>>, HashError> {
        if wanted > MOST_KIB {
            return Err(HashError::Refused);
        }
        let mut blocks = self.0.borrow_mut();
        if blocks.len() < wanted as usize {
            let is_first = blocks.is_empty() && wanted <= MOST_FIRST_KIB;
            let size = if is_first { wanted } else { MOST_KIB } as usize;
            // Freed before the larger one is allocated: a resize would hold both.
            *blocks = Vec::new();
            blocks
                .try_reserve_exact(size)
                .map_err(|_| HashError::OutOfMemory)?;
            blocks.resize(size, Block::new());
        }
        Ok(blocks)
    }

    #[cfg(test)]
    pub(super) fn kib(&self) -> usize {
        self.0.borrow().len()
    }
}
