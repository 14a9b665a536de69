//! The same hash, compiled for this machine: how long each of some is, in milliseconds, a line each.
//!
//!     cargo run --release --example native -- COUNT MEMORY_KIB ITERATIONS

use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};

#[expect(
    clippy::disallowed_methods,
    reason = "the clock is banned for the Worker's target, where it panics"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<u32> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let [count, memory_kib, iterations] = numbers[..] else {
        return Err("three numbers, please: how many hashes, KiB, passes".into());
    };
    let params = Params::new(memory_kib, iterations, 1, Some(32)).map_err(|e| e.to_string())?;
    let mut blocks = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    // The first one, whose memory the system has yet to hand over, is not shown.
    for round in 0..=count {
        let mut tag = [0; 32];
        let start = Instant::now();
        argon2
            .hash_password_into_with_memory(
                b"correct horse",
                b"a salt, 16 bytes",
                &mut tag,
                &mut blocks,
            )
            .map_err(|e| e.to_string())?;
        let taken = start.elapsed();
        if round > 0 {
            std::hint::black_box(tag);
            println!("{}", taken.as_secs_f64() * 1e3);
        }
    }
    Ok(())
}
