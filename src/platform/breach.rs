//! The range API of Have I Been Pwned.
//!
//! It is a third-party service, so everything about its answer is bounded: one second up to the
//! last byte, a maximum size, one status. Redirects are not followed.

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{AbortController, AbortSignal, Delay};

use super::bindings::WorkerPorts;
use super::whole_reader::WholeReader;
use crate::domain::credential::breach::RangePrefix;
use crate::ports::{BreachedPasswords, NoRange};

/// The address, up to the prefix.
const RANGE_URL: &str = "https://api.pwnedpasswords.com/range/";
/// The name that the service requires of its callers.
const USER_AGENT: &str = "latchkey";
/// The maximum duration of an answer, including its body.
const RANGE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest answer that is read, in bytes: about 6,000 lines. With a thousand million hashes, a
/// prefix has about a thousand.
const MAX_RANGE_BYTES: usize = 262_144;
/// The only accepted status: every prefix has hashes.
const OK: u16 = 200;

impl BreachedPasswords for WorkerPorts {
    async fn breached_range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let outcome = match select(pin!(ask(prefix, &signal)), Delay::from(RANGE_TIMEOUT)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(NoRange::TimedOut),
        };
        // The rest is not needed, and would keep the connection open.
        controller.abort();
        outcome
    }
}

async fn ask(prefix: &RangePrefix, signal: &AbortSignal) -> Result<Vec<u8>, NoRange> {
    let response = fetch(prefix, signal)
        .await
        .map_err(|_| NoRange::Unreachable)?;
    if response.status() != OK {
        return Err(NoRange::Status(response.status()));
    }
    let Some(body) = response.body() else {
        return Ok(Vec::new());
    };
    // In one read, however small its chunks.
    let reader = WholeReader::of(&body).map_err(|_| NoRange::Unreachable)?;
    let range = reader.read(MAX_RANGE_BYTES).await;
    let range = range.map_err(|_| NoRange::Unreachable)?;
    if range.len() > MAX_RANGE_BYTES {
        return Err(NoRange::TooLong);
    }
    Ok(range)
}

/// Sends the request. Padding hides the prefix from an observer who counts bytes.
///
/// `worker`'s own `Fetch` and `RequestInit` add support for images and caches, 7 kB of compressed
/// wasm, which `web_sys` does not.
async fn fetch(prefix: &RangePrefix, signal: &AbortSignal) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("Add-Padding", "true")?;
    headers.set("User-Agent", USER_AGENT)?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(signal));
    let url = format!("{RANGE_URL}{}", prefix.as_str());
    let global: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(global.fetch_with_str_and_init(&url, &init)).await?;
    Ok(response.unchecked_into())
}
