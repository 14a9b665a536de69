//! The hash of this crate, compiled for this machine. Prints the CPU time of each of COUNT
//! hashes, in milliseconds, one per line. Linux only.
//!
//!     cargo run --release --example native -- COUNT MEMORY_KIB ITERATIONS

use std::error::Error;
use std::fs::read_to_string;
use std::hint::black_box;

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() -> Result<(), Box<dyn Error>> {
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
    // The first one is not shown: the system has yet to allocate its memory.
    for round in 0..=count {
        let mut tag = [0; 32];
        let before = cpu_ms()?;
        argon2
            .hash_password_into_with_memory(
                b"correct horse",
                b"a salt, 16 bytes",
                &mut tag,
                &mut blocks,
            )
            .map_err(|e| e.to_string())?;
        let taken = cpu_ms()? - before;
        black_box(tag);
        if round > 0 {
            println!("{taken}");
        }
    }
    Ok(())
}

/// The CPU time of this thread so far, according to the kernel.
fn cpu_ms() -> Result<f64, Box<dyn Error>> {
    let stat = read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split(' ').next().ok_or("an empty schedstat")?;
    Ok(nanoseconds.parse::<f64>()? / 1e6)
}
