//! Passwords that an attacker generates instead of looking up: repeats, runs and keyboard walks.
//! The lists do not contain them, because their authors also detect them by rule.

/// The fewest keys in a piece: a shorter one is not evidence of a rule.
const LEAST_PIECE: usize = 3;
/// The most keys outside of all pieces: `1234567a` is as easy to guess as `12345678`.
const MOST_LEFTOVERS: usize = 2;
/// The largest step between two neighbours of a run: `2468` is one.
const WIDEST_STEP: i64 = 2;
/// The length below which a block could not be a password, so that neither can its repetition.
pub(super) const SHORT_BLOCK: usize = 8;

/// Walks over common keyboards, each used in both directions: rows, shifted digits, columns,
/// zigzags between two rows, and the number pad.
const WALKS: [&str; 26] = [
    "1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
    "0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qawsedrftgyhujikolp",
    "azsxdcfvgbhnjmk",
    "741852963",
    "147258369",
];

/// Returns whether the password consists of pieces of three keys or more, each a repeat, a run or a
/// walk, and of at most two other keys.
pub(super) fn is_predictable(keys: &[char]) -> bool {
    // The fewest leftovers before each position.
    let mut leftovers = vec![usize::MAX; keys.len() + 1];
    if let Some(first) = leftovers.first_mut() {
        *first = 0;
    }
    for (at, rest) in (0..keys.len()).filter_map(|at| Some((at, keys.get(at..)?))) {
        let here = leftovers.get(at).copied().unwrap_or(usize::MAX);
        if here > MOST_LEFTOVERS {
            continue;
        }
        let longest = run(rest).max(walk(rest));
        let pieces = (LEAST_PIECE..=longest).map(|piece| (piece, here));
        for (length, count) in pieces.chain([(1, here + 1)]) {
            if let Some(there) = leftovers.get_mut(at + length) {
                *there = count.min(*there);
            }
        }
    }
    leftovers
        .last()
        .is_some_and(|count| *count <= MOST_LEFTOVERS)
}

/// Returns the shortest block that the password repeats at least once. The last repetition may be
/// partial.
pub(super) fn repeated_block(keys: &[char]) -> Option<&[char]> {
    let period = (1..=keys.len() / 2)
        .find(|period| keys.get(*period..) == keys.get(..keys.len() - period))?;
    keys.get(..period)
}

/// Returns how many keys at the beginning are equal, or ascend or descend by the same small step.
fn run(keys: &[char]) -> usize {
    let step = |pair: &[char]| match pair {
        [one, other] => i64::from(u32::from(*other)) - i64::from(u32::from(*one)),
        _ => i64::MAX,
    };
    let mut steps = keys.windows(2).map(step);
    match steps.next() {
        Some(first) if first.abs() <= WIDEST_STEP => {
            2 + steps.take_while(|step| *step == first).count()
        }
        _ => 1,
    }
}

/// Returns how many keys at the beginning follow one walk, in either direction.
fn walk(keys: &[char]) -> usize {
    let Some(first) = keys.first() else {
        return 0;
    };
    let common = |way: &mut dyn Iterator<Item = char>| {
        way.zip(keys)
            .take_while(|(on_way, key)| on_way == *key)
            .count()
    };
    WALKS
        .iter()
        .filter_map(|walk| {
            let at = walk.chars().position(|key| key == *first)?;
            let forwards = common(&mut walk.chars().skip(at));
            let backwards = common(&mut walk.chars().rev().skip(walk.chars().count() - 1 - at));
            Some(forwards.max(backwards))
        })
        .max()
        .unwrap_or(0)
}
