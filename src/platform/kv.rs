//! KV: the revocation list and the user cache. It may be late, lost or unavailable. A failure costs
//! speed, never safety, and is logged once for each request.

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;
use worker::kv::{KvError, KvStore};

use super::bindings::{WorkerPorts, looked_up};
use super::names::KV;
use crate::domain::id::{TokenId, UserId};
use crate::domain::time::Seconds;
use crate::ports::{CachedAccount, Log, RevocationList, UserCache};

/// The shortest time to live that KV accepts, in seconds.
const MIN_TTL_SECONDS: u32 = 60;
/// How long an entry of the user cache is stored. `readAt` in the value determines its age, so this
/// only cleans up.
const USER_TTL_SECONDS: u32 = 300;
/// How long a read may take before it is treated as "nothing known".
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest entry of the user cache that is parsed, in bytes. Entries of this service have less
/// than 2,000.
const MAX_ENTRY_BYTES: usize = 8_192;

/// The value of `revoked:<jti>`.
const ENDED: &str = "ended";

impl WorkerPorts {
    fn kv(&self) -> Result<&KvStore, KvError> {
        looked_up(&self.0.kv, || KvStore::from_this(self.0.env.as_ref(), KV))
    }

    async fn get(&self, key: &str) -> Option<String> {
        let read = async { self.kv()?.get(key).text().await };
        match select(pin!(read), Delay::from(READ_TIMEOUT)).await {
            Either::Left((outcome, _)) => self.unless_failed("get", outcome).flatten(),
            Either::Right(_) => {
                self.report("get", "timed out");
                None
            }
        }
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u32) {
        let outcome = match self.kv().and_then(|store| store.put(key, value)) {
            Ok(put) => put.expiration_ttl(u64::from(ttl_seconds)).execute().await,
            Err(error) => Err(error),
        };
        self.unless_failed("put", outcome);
    }

    fn unless_failed<T>(&self, operation: &str, outcome: Result<T, KvError>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                let cause = match &error {
                    KvError::JavaScript(value) => message(value),
                    KvError::Serialization(_) | KvError::InvalidKvStore(_) => error.to_string(),
                };
                self.report(operation, &cause);
                None
            }
        }
    }

    fn report(&self, operation: &str, cause: &str) {
        if !self.0.has_kv_failed.replace(true) {
            self.error(
                "kv.failure",
                &[
                    ("kv.operation", operation.into()),
                    ("error.cause", cause.into()),
                ],
            );
        }
    }
}

fn message(value: &wasm_bindgen::JsValue) -> String {
    use wasm_bindgen::JsCast;
    value
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| "unknown".to_owned(), |error| error.message().into())
}

fn revoked_key(token: TokenId) -> String {
    format!("revoked:{token}")
}

fn user_key(user: UserId) -> String {
    format!("user:{user}")
}

impl RevocationList for WorkerPorts {
    async fn has_ended(&self, token: TokenId) -> bool {
        self.get(&revoked_key(token)).await.as_deref() == Some(ENDED)
    }

    async fn list_ended(&self, token: TokenId, ttl: Seconds) {
        let ttl = ttl.get().max(MIN_TTL_SECONDS);
        self.put(&revoked_key(token), ENDED, ttl).await;
    }
}

impl UserCache for WorkerPorts {
    async fn find_copy(&self, user: UserId) -> Option<CachedAccount> {
        let text = self.get(&user_key(user)).await?;
        if text.len() > MAX_ENTRY_BYTES {
            return None;
        }
        serde_json::from_str(&text).ok()
    }

    async fn keep_copy(&self, account: &CachedAccount) {
        if let Ok(text) = serde_json::to_string(account) {
            self.put(&user_key(account.user.id), &text, USER_TTL_SECONDS)
                .await;
        }
    }

    async fn drop_copy(&self, user: UserId) {
        let delete = async { self.kv()?.delete(&user_key(user)).await };
        self.unless_failed("delete", delete.await);
    }

    async fn responds(&self) -> bool {
        let read = async { self.kv()?.get("ready").text().await };
        matches!(
            select(pin!(read), Delay::from(READ_TIMEOUT)).await,
            Either::Left((Ok(_), _))
        )
    }
}
