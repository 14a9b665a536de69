//! Rotation, grace, reuse and expiry, by the clock.

use serde_json::json;

use super::{Client, World};

/// The reason for which a client's session has ended; `NULL` while it has not.
fn end_reason(world: &World, client: &Client) -> String {
    let id = client.session();
    world.value(&format!(
        "SELECT end_reason FROM sessions WHERE id = '{id}'"
    ))
}

#[test]
fn a_refresh_gives_a_new_pair_and_the_old_token_the_same_one_within_the_grace() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let old = client.clone();
    world.pass(100);
    world.round_trips();
    assert_eq!(world.refresh(&mut client).status, 204);
    assert_eq!(world.round_trips(), 1);
    assert_ne!(client.refresh, old.refresh);
    assert_ne!(client.access, old.access);
    world.pass(10);
    let mut second_tab = old.clone();
    let answer = world.refresh(&mut second_tab);
    assert_eq!(answer.status, 204);
    assert_eq!(second_tab.refresh, client.refresh);
    assert_eq!(second_tab.access, client.access);
    // The times of the pair are those of the rotation, ten seconds ago.
    assert!(answer.cookies()[0].contains("; Max-Age=590; "));
    assert!(answer.cookies()[1].contains("; Max-Age=604790; "));
}

#[test]
fn an_inactive_users_token_is_refused_even_if_a_session_was_revived_by_hand() {
    let world = World::new(&[("PROFILE_CONSISTENCY", "strict")]);
    let client = world.person("ada@example.org");
    world.sql(
        "UPDATE users SET is_active = 0;
         UPDATE sessions SET ended_at = NULL, end_reason = NULL",
    );
    assert_eq!(end_reason(&world, &client), "NULL");
    assert_eq!(world.profile(&client).code(), "invalid_token");
}

#[test]
fn the_predecessor_after_the_grace_ends_the_session_and_no_other() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let mut other = Client::default();
    world.log_in(&mut other, "ada@example.org");
    let old = client.clone();
    world.refresh(&mut client);
    world.pass(11);
    assert_eq!(world.refresh(&mut old.clone()).code(), "invalid_token");
    assert_eq!(end_reason(&world, &client), "reuse");
    assert_eq!(world.refresh(&mut client.clone()).code(), "invalid_token");
    assert_eq!(world.profile(&client).code(), "invalid_token");
    assert_eq!(world.profile(&other).status, 200);
    assert_eq!(world.refresh(&mut other).status, 204);
    let reused = |line: &&serde_json::Value| line["event"] == json!("session.refresh_reused");
    assert_eq!(world.ports.log.0.borrow().iter().filter(reused).count(), 1);
}

#[test]
fn a_token_two_generations_old_is_reuse_even_within_the_grace() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let first = client.clone();
    world.refresh(&mut client);
    world.refresh(&mut client);
    assert_eq!(world.refresh(&mut first.clone()).code(), "invalid_token");
    assert_eq!(world.refresh(&mut client).code(), "invalid_token");
}

#[test]
fn a_session_ends_idle_and_in_any_case_after_its_absolute_time() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let mut idle = Client::default();
    world.log_in(&mut idle, "ada@example.org");
    for _ in 0..4 {
        world.pass(604_799);
        assert_eq!(world.refresh(&mut client).status, 204);
    }
    assert_eq!(world.refresh(&mut idle).code(), "token_expired");
    // Twenty-eight days less four seconds have passed: less than the idle time is left.
    world.pass(604_799 / 4);
    let answer = world.refresh(&mut client);
    let left = 2_592_000 - 4 * 604_799 - 604_799 / 4;
    assert!(answer.cookies()[1].contains(&format!("; Max-Age={left}; ")));
    world.pass(left - 1);
    let last = world.refresh(&mut client);
    assert!(
        last.cookies()[0].contains("; Max-Age=1; "),
        "{:?}",
        last.cookies()
    );
    world.pass(1);
    assert_eq!(world.refresh(&mut client).code(), "token_expired");
}

#[test]
fn a_deactivated_user_is_refused_with_both_tokens() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.sql("UPDATE users SET is_active = 0");
    assert_eq!(world.refresh(&mut client.clone()).code(), "invalid_token");
    assert_eq!(world.profile(&client).code(), "invalid_token");
    assert_eq!(end_reason(&world, &client), "deactivated");
}

#[test]
fn what_kv_knows_to_have_ended_is_refused_while_the_database_is_down() {
    let world = World::new(&[]);
    let [ended, mut living] = ["ada@example.org", "bob@example.org"].map(|who| world.person(who));
    world.log_out(&mut ended.clone());
    world.round_trips();
    assert_eq!(world.refresh(&mut ended.clone()).code(), "invalid_token");
    assert_eq!(world.round_trips(), 1, "the database decides while it can");
    world.ports.store.is_down.set(true);
    let answer = world.refresh(&mut ended.clone());
    assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
    assert_eq!(world.refresh(&mut living).code(), "unavailable");
    world.ports.kv.revoked.borrow_mut().clear();
    assert_eq!(world.refresh(&mut ended.clone()).code(), "unavailable");
}

#[test]
fn a_superseded_token_is_not_listed_it_may_be_forgiven_or_must_be_punished() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let old = client.clone();
    world.refresh(&mut client);
    assert!(world.ports.kv.revoked.borrow().is_empty());
    assert_eq!(world.refresh(&mut old.clone()).status, 204);
}

#[test]
fn an_outage_touches_no_cookie_and_keeps_the_session() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.ports.store.is_down.set(true);
    for answer in [
        world.refresh(&mut client),
        world.log_out(&mut client),
        world.log_in(&mut client, "ada@example.org"),
        world.register("bob@example.org"),
    ] {
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
        assert!(answer.header("retry-after").is_some());
        assert!(answer.cookies().is_empty());
    }
    world.ports.store.is_down.set(false);
    assert_eq!(world.refresh(&mut client).status, 204);
}
