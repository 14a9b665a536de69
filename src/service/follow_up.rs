//! What follows a committed change, in the background.

use super::Ctx;
use super::outbox::deliver_later;
use super::revocations::sessions_ended;
use crate::ports::Ports;
use crate::store::effects::Effects;

/// Lists the tokens of the ended sessions, drops the copies of their users, and delivers the mail.
pub fn follow_up<P: Ports>(ctx: &Ctx<'_, P>, effects: Effects) {
    sessions_ended(ctx, effects.ended);
    deliver_later(ctx, effects.mail);
}
