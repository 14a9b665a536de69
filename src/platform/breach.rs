//! Have I Been Pwned's range API: the only request that leaves the Worker.
//!
//! The service is somebody else's, so everything about its answer is bounded: one second from
//! the question to the last byte, a size, one status. Redirects are not followed.

use core::pin::pin;
use core::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{AbortController, AbortSignal, ByteStream, Delay};

use super::bindings::WorkerPorts;
use crate::domain::credential::breach::RangePrefix;
use crate::ports::{BreachedPasswords, NoRange};

/// The address, up to the prefix.
const RANGE_URL: &str = "https://api.pwnedpasswords.com/range/";
/// What the service asks its callers to name.
const USER_AGENT: &str = "latchkey";
/// How long an answer may take, its body included.
const RANGE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest answer that is read, in bytes: about 6,000 lines. Of a thousand million hashes a
/// prefix has a thousand.
const MAX_RANGE_BYTES: usize = 262_144;
/// The status of an answer; there is no other good one (a prefix without hashes does not exist).
const OK: u16 = 200;

impl BreachedPasswords for WorkerPorts {
    async fn breached_range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let outcome = match select(pin!(ask(prefix, &signal)), Delay::from(RANGE_TIMEOUT)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(NoRange::TimedOut),
        };
        // Whatever has not been read by now is not wanted, and would hold the connection.
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
    let mut range = Vec::new();
    let Some(body) = response.body() else {
        return Ok(range);
    };
    let mut stream = ByteStream::from(body);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| NoRange::Unreachable)?;
        if range.len() + chunk.len() > MAX_RANGE_BYTES {
            return Err(NoRange::TooLong);
        }
        range.extend_from_slice(&chunk);
    }
    Ok(range)
}

/// Sends the question. Padding hides from whoever counts bytes on the way which prefix it was.
///
/// `worker`'s own `Fetch` and `RequestInit` bring along what Cloudflare can do to images and
/// caches, 7 kB of compressed wasm: `web_sys` does without.
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
