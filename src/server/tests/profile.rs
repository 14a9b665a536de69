//! The profile, and the bound on the age of the copy that it is read from.

use http::Method;
use serde_json::json;

use super::{Client, World};
use crate::domain::time::UnixSeconds;

#[test]
fn the_profile_has_the_contract_s_members_and_no_others() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let answer = world.profile(&client);
    let id = answer.body["id"].clone();
    assert_eq!(
        answer.body,
        json!({
            "id": id, "name": null, "email": "ada@example.org", "isActive": true,
            "isSuperuser": false, "roleSlug": "application-access"
        })
    );
}

#[test]
fn a_warm_copy_saves_the_round_trip() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.round_trips();
    assert_eq!(world.profile(&client).status, 200);
    assert_eq!(world.round_trips(), 1);
    assert_eq!(world.profile(&client).status, 200);
    assert_eq!(world.round_trips(), 0);
}

#[test]
fn an_isolate_keeps_a_copy_for_a_few_seconds_and_asks_nobody() {
    for (setting, asked) in [
        ("5", [0, 0, 1, 0]),
        ("0", [1, 1, 1, 1]),
        ("6", [0, 0, 0, 1]),
    ] {
        let world = World::new(&[("ISOLATE_CACHE_TTL_SECONDS", setting)]);
        let client = world.person("ada@example.org");
        assert_eq!(world.profile(&client).status, 200);
        world.round_trips();
        let asks = [0, 4, 1, 1].map(|seconds| {
            world.pass(seconds);
            world.ports.kv.asked.set(0);
            assert_eq!(world.profile(&client).status, 200);
            world.ports.kv.asked.get()
        });
        assert_eq!((asks, world.round_trips()), (asked, 0), "{setting}");
    }
}

/// KV shows the end of a session at once, and the isolate has an older copy.
#[test]
fn an_isolates_copy_outlives_a_revocation_elsewhere_by_its_own_bound() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.profile(&client);
    world.sql("UPDATE sessions SET ended_at = 1, end_reason = 'revoked'");
    world.ports.kv.accounts.borrow_mut().clear();
    world.pass(4);
    assert_eq!(world.profile(&client).status, 200);
    world.pass(1);
    assert_eq!(world.profile(&client).code(), "invalid_token");
}

#[test]
fn an_isolates_copy_of_a_copy_counts_from_the_read_of_the_database() {
    let world = World::new(&[("ISOLATE_CACHE_TTL_SECONDS", "60")]);
    let client = world.person("ada@example.org");
    world.profile(&client);
    world.sql("UPDATE sessions SET ended_at = 1, end_reason = 'revoked'");
    // Another isolate takes the copy from KV when it is 50 s old.
    let other = World {
        service: World::new(&[("ISOLATE_CACHE_TTL_SECONDS", "60")]).service,
        ..world
    };
    other.pass(50);
    assert_eq!(other.profile(&client).status, 200);
    other.ports.kv.accounts.borrow_mut().clear();
    other.pass(9);
    assert_eq!(other.profile(&client).status, 200);
    other.pass(1);
    assert_eq!(other.profile(&client).code(), "invalid_token");
}

#[test]
fn a_revocation_in_this_isolate_is_seen_at_once() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.profile(&client);
    let copy = client.clone();
    // The deletion in KV is lost, but the isolate does not read its own copy from there.
    world.log_out(&mut client);
    assert_eq!(world.profile(&copy).code(), "invalid_token");
}

#[test]
fn a_remembered_token_is_that_very_token_and_expires_like_any_other() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    assert_eq!(world.profile(&client).status, 200);
    let token = client.access.clone().unwrap();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = Client {
            access: String::from_utf8(bytes).ok(),
            refresh: None,
            ..Client::default()
        };
        assert_eq!(world.profile(&forged).code(), "invalid_token", "byte {at}");
    }
    world.pass(599);
    assert_eq!(world.profile(&client).status, 200);
    world.pass(1);
    assert_eq!(world.profile(&client).code(), "token_expired");
}

/// Revoked without KV, as when the deletion is lost or late.
#[test]
fn a_revoked_token_outlives_its_revocation_by_the_bound_at_most() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.profile(&client);
    world.sql("UPDATE sessions SET ended_at = 1, end_reason = 'revoked'");
    world.pass(59);
    assert_eq!(world.profile(&client).status, 200);
    world.pass(1);
    assert_eq!(world.profile(&client).code(), "invalid_token");
}

#[test]
fn a_copy_that_is_kept_after_a_revocation_counts_from_its_read() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.profile(&client);
    let copies = world.ports.kv.accounts.borrow().clone();
    world.pass(30);
    let copy = client.clone();
    world.log_out(&mut client);
    assert_eq!(world.profile(&copy).code(), "invalid_token");
    // The put of a slow request arrives after the deletion.
    *world.ports.kv.accounts.borrow_mut() = copies;
    assert_eq!(world.profile(&copy).status, 200);
    world.pass(30);
    assert_eq!(world.profile(&copy).code(), "invalid_token");
}

#[test]
fn strict_reads_the_database_at_each_request() {
    let world = World::new(&[("PROFILE_CONSISTENCY", "strict")]);
    let client = world.person("ada@example.org");
    for _ in 0..2 {
        world.round_trips();
        assert_eq!(world.profile(&client).status, 200);
        assert_eq!(world.round_trips(), 1);
    }
    assert!(world.ports.kv.accounts.borrow().is_empty());
}

#[test]
fn a_copy_counts_for_its_user_its_sessions_and_its_time_only() {
    let world = World::new(&[("ISOLATE_CACHE_TTL_SECONDS", "0")]);
    let ada = world.person("ada@example.org");
    let bob = world.person("bob@example.org");
    world.profile(&ada);
    world.profile(&bob);
    let id = world.profile(&ada).body["id"].as_str().unwrap().to_owned();
    let kv = &world.ports.kv.accounts;
    let good = kv.borrow()[&id].clone();
    let of_bob = kv
        .borrow()
        .values()
        .find(|copy| copy.user.id != good.user.id)
        .cloned()
        .unwrap();
    let mut forged = [good.clone(), good.clone(), good.clone(), of_bob];
    forged[0].read_at = UnixSeconds::new(world.now.get() + 6);
    forged[1].user.is_active = false;
    forged[2].sessions.clear();
    for copy in forged {
        kv.borrow_mut().insert(id.clone(), copy);
        world.round_trips();
        let answer = world.profile(&ada);
        assert_eq!(answer.body["email"], "ada@example.org");
        assert_eq!(world.round_trips(), 1);
    }
}

#[test]
fn a_refresh_token_alone_does_not_authenticate() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let swapped = Client {
        access: client.refresh.clone(),
        refresh: client.access.clone(),
        ..Client::default()
    };
    assert_eq!(world.profile(&swapped).code(), "invalid_token");
    assert_eq!(world.refresh(&mut swapped.clone()).code(), "invalid_token");
    let only_refresh = Client {
        access: None,
        ..client
    };
    assert_eq!(world.profile(&only_refresh).code(), "not_authenticated");
    let answer = world.call(
        &mut only_refresh.clone(),
        (Method::PATCH, "/api/account/password"),
        Some(json!({})),
    );
    assert_eq!(answer.code(), "not_authenticated");
}
