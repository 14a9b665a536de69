//! Measures the check for common passwords, and how many others are refused with them:
//!
//! ```text
//! npm run bench:common                 random passphrases pass, and how long a lookup takes
//! npm run bench:common -- LIST         and how many of the first 3,000 lines of a list are refused
//! ```
//!
//! `LIST` contains one password per line, the most frequent first. Fails when one of its first
//! 3,000 with eight code points or more passes, when a passphrase is refused, when more than one in
//! 2,000 random words of eight letters is refused, or when a lookup takes 20 µs or longer.

use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use latchkey::domain::credential::common_passwords::is_common;

const MOST_FREQUENT: usize = 3_000;
const MIN_CODE_POINTS: usize = 8;
const PASSPHRASES: u64 = 10_000;
/// Words of eight random letters: 38 bits, and the shortest that the rules may treat as a walk.
const WORDS: u64 = 1_000_000;
const MOST_WORDS_REFUSED: usize = 500;
const LOOKS: u64 = 1_000_000;
const LIMIT: Duration = Duration::from_micros(20);
const SYLLABLES: [&str; 16] = [
    "ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "zy",
];

/// Four words of four syllables: 64 bits, spread over the number by a linear congruence.
fn passphrase(number: u64) -> String {
    let bits = number
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let syllables = (0..16).map(|place| {
        let index = usize::try_from((bits >> (place * 4)) & 15).unwrap_or_default();
        let space = if place % 4 == 0 && place > 0 { " " } else { "" };
        format!("{space}{}", SYLLABLES.get(index).unwrap_or(&"xo"))
    });
    syllables.collect()
}

/// Eight letters, from the same congruence.
fn word(number: u64) -> String {
    let mut bits = number
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        >> 20;
    (0..8)
        .map(|_| {
            let letter = u8::try_from(bits % 26).unwrap_or_default();
            bits /= 26;
            char::from(b'a' + letter)
        })
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, on a machine with a clock"
)]
fn main() -> ExitCode {
    let mut is_held = true;
    if let Some(path) = env::args().nth(1) {
        let Ok(text) = fs::read_to_string(&path) else {
            println!("cannot read {path}");
            return ExitCode::FAILURE;
        };
        let listed: Vec<&str> = text
            .lines()
            .filter(|line| line.chars().count() >= MIN_CODE_POINTS)
            .take(MOST_FREQUENT)
            .collect();
        let refused = listed.iter().filter(|password| is_common(password)).count();
        println!(
            "most frequent passwords refused   {refused} of {}",
            listed.len()
        );
        is_held &= refused == MOST_FREQUENT;
    }
    let refused = (0..PASSPHRASES)
        .filter(|number| is_common(&passphrase(*number)))
        .count();
    println!("random passphrases refused        {refused} of {PASSPHRASES}");
    is_held &= refused == 0;

    let words = (0..WORDS)
        .filter(|number| is_common(&word(*number)))
        .count();
    println!("random 8-letter words refused     {words} of {WORDS}");
    is_held &= words <= MOST_WORDS_REFUSED;

    let phrases: Vec<String> = (0..1_000).map(passphrase).collect();
    let begun = Instant::now();
    let found = (0..LOOKS)
        .zip(phrases.iter().cycle())
        .filter(|(_, phrase)| is_common(phrase))
        .count();
    let each = begun.elapsed() / u32::try_from(LOOKS).unwrap_or(u32::MAX);
    println!(
        "one look, natively                {:.2} µs",
        each.as_secs_f64() * 1e6
    );
    is_held &= each < LIMIT && found == 0;
    if is_held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
