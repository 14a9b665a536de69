//! What the service would accept of a user, for `npm run import`.
//!
//! The rules are those of `latchkey::domain`, and stand nowhere else. A question and its answer
//! are JSON in the module's memory:
//!
//! ```text
//! input(bytes) -> address      room for a question; valid until the next call
//! judge() -> bytes             judges the question; the length of the answer
//! output() -> address          the answer; valid until the next call
//! ```
//!
//! Both buffers are kept and used again: an import of a million people takes no more memory than
//! its longest record.

mod hash;
mod id;
mod judge;

use core::cell::RefCell;

use judge::answer;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a question of `bytes` bytes and returns its address.
#[expect(unsafe_code, reason = "the name is the module's interface")]
#[unsafe(no_mangle)]
pub extern "C" fn input(bytes: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.resize(bytes, 0);
        input.as_mut_ptr()
    })
}

/// Judges the question and returns the length of the answer, 0 when it is not a question.
#[expect(unsafe_code, reason = "the name is the module's interface")]
#[unsafe(no_mangle)]
pub extern "C" fn judge() -> usize {
    INPUT.with_borrow(|question| {
        OUTPUT.with_borrow_mut(|output| {
            *output = answer(question).unwrap_or_default();
            output.len()
        })
    })
}

/// The address of the answer.
#[expect(unsafe_code, reason = "the name is the module's interface")]
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(Vec::as_ptr)
}
