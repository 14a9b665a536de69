//! What happens to the copies after the database has decided: those of this isolate go at once,
//! those in KV in the background. That may be lost: then a copy is merely older than it could
//! be, within the bound of `authenticate::reader`.

use super::Ctx;
use crate::domain::id::UserId;
use crate::ports::{Background, Ports, RevocationList, RevokedToken, UserCache};

/// A user's sessions or data changed: drop the copy, and list the tokens that ended.
pub fn account_changed<P: Ports>(ctx: &Ctx<'_, P>, user: UserId, ended: Vec<RevokedToken>) {
    ctx.service.copies.drop_copy(user);
    let cache = ctx.ports.cache().clone();
    let revocations = ctx.ports.revocations().clone();
    let now = ctx.now;
    ctx.ports.background().run(async move {
        cache.drop_copy(user).await;
        for token in ended {
            revocations.add(token, now).await;
        }
    });
}
