//! Keeps the code of a future apart.
//!
//! Otherwise the compiler would inline every use-case into the poll of the request, as one
//! function. V8 compiles a whole wasm function when it is first called, so each new isolate would
//! compile the whole service before its first answer, even to `/health`.

use core::pin::Pin;

/// Boxes a future, so that its code is compiled when it is first needed.
pub fn apart<'a, T>(future: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}
