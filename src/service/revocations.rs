//! The consequences of ended sessions, after the database has decided.

use super::Ctx;
use super::profile_cache::drop_copies;
use crate::domain::id::UserId;
use crate::ports::Ports;
use crate::store::sessions::EndedSession;

/// Deletes the copies of the sessions' users, and lists the tokens that could still be presented,
/// in the background. Writes nothing when no session ended.
pub fn sessions_ended<P: Ports>(ctx: &Ctx<'_, P>, ended: Vec<EndedSession>) {
    let mut users: Vec<UserId> = ended.iter().map(|session| session.user).collect();
    users.dedup();
    for user in users {
        drop_copies(ctx, user);
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
