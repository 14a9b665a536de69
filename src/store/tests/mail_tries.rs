//! A try to log in by mail: which requests it is counted for, and which of them it may match.

use pollster::block_on;

use super::mail_logins::{keep, key};
use super::{ADA, World, token};
use crate::store::login_requests::{Tried, try_login};

/// What came of a try after a change, when Ada has a request in this browser and in another one, and
/// Bob has one in this browser.
fn tried_after(change: &str, digest: &str) -> String {
    let world = World::default();
    let [ada, bob] = [ADA, "bob@example.org"].map(|email| world.register(email));
    keep(&world, &key("browser", "of ada"), ada);
    keep(&world, &key("browser", "of bob"), bob);
    keep(&world, &key("another", "of ada, elsewhere"), ada);
    keep(&world, &key("another", "of ada"), bob);
    world.database.execute(change);
    let presented = key("browser", digest);
    match block_on(try_login(
        &world.database,
        &presented,
        token(9),
        world.now(),
    ))
    .unwrap()
    {
        Tried::Right(user) => format!("right: {}", user.email.as_str()),
        Tried::Wrong(user) => format!("wrong: {}", user.is_some()),
        Tried::NotAsked => "not asked".to_owned(),
    }
}

#[test]
fn a_try_is_compared_with_the_requests_of_its_browser_that_it_was_counted_for() {
    let (right, wrong) = ("right: ada@example.org", "wrong: true");
    for (change, digest, outcome) in [
        ("SELECT 1", "of ada", right),
        ("SELECT 1", "of bob", "right: bob@example.org"),
        ("SELECT 1", "of ada, elsewhere", wrong),
        ("SELECT 1", "of nobody", wrong),
        ("UPDATE users SET is_active = 0", "of ada", wrong),
        (
            "UPDATE login_requests SET email = 'eve@example.org'",
            "of ada",
            wrong,
        ),
        (
            "UPDATE login_requests SET password_version = 2",
            "of ada",
            wrong,
        ),
        // Its own tries are used up, and the browser has asked again.
        (
            "UPDATE login_requests SET tries = 5 WHERE digest = 'of ada';
             UPDATE login_requests SET user_id = (SELECT id FROM users WHERE email LIKE 'ada%'),
                                       email = 'ada@example.org'",
            "of ada",
            wrong,
        ),
        (
            "UPDATE login_requests SET expires_at = 1000000 WHERE digest = 'of ada'",
            "of ada",
            wrong,
        ),
        (
            "UPDATE login_requests SET tries = 5 WHERE browser = 'browser'",
            "of ada",
            "not asked",
        ),
        (
            "UPDATE login_requests SET expires_at = 1000000 WHERE browser = 'browser'",
            "of ada",
            "not asked",
        ),
        (
            "UPDATE login_requests SET expires_at = 1000001, tries = 4",
            "of ada",
            right,
        ),
    ] {
        assert_eq!(tried_after(change, digest), outcome, "{change}, {digest}");
    }
}
