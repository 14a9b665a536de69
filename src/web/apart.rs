//! Keeps a future's code apart.
//!
//! The compiler would make one function of the whole service: every use-case inlined into the
//! poll of the request. V8 compiles a wasm function whole when it is first called, so each new
//! isolate would compile all of them before its first answer, even to `/health`.

use core::pin::Pin;

/// The future behind a pointer, so that its code is compiled when it is first needed.
pub fn apart<'a, T>(future: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(future)
}
