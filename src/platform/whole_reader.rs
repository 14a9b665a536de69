//! Reads a body in one go.

use js_sys::futures::JsFuture;
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// A reader that requests the whole body at once.
///
/// A body may arrive in chunks of one byte, and each read of one costs a promise, a buffer and a
/// turn of the event loop: 8,192 of them took 240 ms. A bound on their number would refuse clients
/// that write as they go, or whose network sends small packets. So the runtime gathers them:
/// `readAtLeast` resolves once, when that many bytes have arrived or the body has ended.
pub(super) struct WholeReader(JsValue);

impl WholeReader {
    /// Locks a byte stream.
    pub(super) fn of(stream: &JsValue) -> Result<Self, JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"mode".into(), &"byob".into())?;
        call(stream, "getReader", &[options.into()]).map(Self)
    }

    /// Returns the whole body, or more than `limit` bytes of it.
    pub(super) async fn read(&self, limit: usize) -> Result<Vec<u8>, JsValue> {
        let wanted = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
        let buffer = Uint8Array::new_with_length(wanted);
        let promise: Promise = self
            .call("readAtLeast", &[wanted.into(), buffer.into()])?
            .dyn_into()?;
        let outcome = JsFuture::from(promise).await?;
        let bytes = Reflect::get(&outcome, &"value".into())?;
        Ok(bytes.dyn_ref().map_or_else(Vec::new, Uint8Array::to_vec))
    }

    /// Ends a pending read, and drops the rest of the body.
    pub(super) fn cancel(&self) {
        let _ = self.call("cancel", &[]);
    }

    fn call(&self, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
        call(&self.0, method, arguments)
    }
}

fn call(target: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(target, &method.into())?.dyn_into()?;
    Reflect::apply(&function, target, &arguments.iter().collect())
}
