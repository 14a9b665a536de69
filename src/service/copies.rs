//! What happens to the copies after the database has decided: those of this isolate go at once,
//! those in KV in the background. That may be lost: then a copy is merely older than it could
//! be, within the bound of `policy::reader`.

use super::Ctx;
use crate::domain::id::UserId;
use crate::ports::Ports;
use crate::store::sessions::EndedSession;

/// A user's data changed: drops the copies.
pub fn user_changed<P: Ports>(ctx: &Ctx<'_, P>, user: UserId) {
    ctx.service.copies.drop_copy(user);
    let ports = ctx.ports.clone();
    ctx.ports
        .in_background(async move { ports.drop_copy(user).await });
}

/// Sessions ended: drops the copies of their users, and lists the tokens that might still be
/// presented. Where nothing ended nothing is written.
pub fn sessions_ended<P: Ports>(ctx: &Ctx<'_, P>, ended: Vec<EndedSession>) {
    let mut users: Vec<UserId> = ended.iter().map(|session| session.user).collect();
    users.dedup();
    for user in users {
        user_changed(ctx, user);
    }
    if ended.is_empty() {
        return;
    }
    let ports = ctx.ports.clone();
    let now = ctx.now;
    ctx.ports.in_background(async move {
        for session in ended {
            let left = session.expires_at.left_from(now);
            ports.list_ended(session.refresh_id, left).await;
        }
    });
}
