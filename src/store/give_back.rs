//! Attempts that end without a judgement, and do not count.

use super::attempts::Guess;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// Takes the attempt off the counter that it has incremented. Only the last admitted one has its id
/// there, so a repetition, and an attempt that another one has followed, change nothing: a judged
/// failure can never be taken off in its place.
///
/// The pause that the attempt has begun ends: it was admitted because the one before was over. The
/// time of the attempt remains, and with it the minute of an account that is slowed.
const GIVE_BACK: Statement = Statement::new(
    "/* give back attempt */
     UPDATE attempts
        SET failures = failures - 1,
            counted = max(counted - 1, 0),
            blocked_until = 0,
            attempt = ''
      WHERE account = ?6
        AND client = ?7
        AND attempt = ?5",
);

/// Gives an attempt back that has not been judged. One round trip, which may be repeated.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn give_back(database: &impl Database, guess: &Guess) -> Result<(), StoreError> {
    let params: [Param<'_>; 7] = [
        Param::Null,
        Param::Null,
        Param::Null,
        Param::Null,
        guess.attempt.to_string().into(),
        guess.account.as_str().into(),
        guess.client.as_str().into(),
    ];
    database.run(&Batch::new(&params, [GIVE_BACK])).await?;
    Ok(())
}
