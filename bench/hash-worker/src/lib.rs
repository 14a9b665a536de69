//! One bare Argon2id hash: the lower bound of a login's cost.

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// One buffer per isolate, reused, as in the service.
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Hashes a password with a salt and returns the tag's first byte, so that nothing is optimised
/// away. `None` when the parameters are rejected.
#[wasm_bindgen]
pub fn hash(password: &str, salt: &[u8], memory_kib: u32, iterations: u32) -> Option<u8> {
    let params = Params::new(memory_kib, iterations, 1, Some(32)).ok()?;
    BLOCKS.with_borrow_mut(|blocks| {
        blocks.resize(params.block_count(), Block::new());
        let mut tag = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.as_bytes(), salt, &mut tag, blocks)
            .ok()?;
        tag.first().copied()
    })
}
