//! The list of sessions, ending them, and the display name.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Client, World};
use crate::domain::time::UnixSeconds;

fn list(world: &World, client: &Client) -> Vec<Value> {
    let answer = world.call(
        &mut client.clone(),
        (Method::GET, "/api/account/sessions"),
        None,
    );
    assert_eq!(answer.status, 200);
    answer.body.as_array().unwrap().clone()
}

fn delete(world: &World, client: &mut Client, rest: &str) -> Answer {
    let path = format!("/api/account/sessions{rest}");
    world.call(client, (Method::DELETE, &path), None)
}

fn rename(world: &World, client: &mut Client, body: Value) -> Answer {
    world.call(client, (Method::PATCH, "/api/account/profile"), Some(body))
}

/// Ada with three devices, a minute apart, and Bob with one.
fn crowd(world: &World) -> ([Client; 3], Client) {
    world.register("ada@example.org");
    let bob = world.person("bob@example.org");
    let ada = core::array::from_fn(|_| {
        let mut client = Client::default();
        world.log_in(&mut client, "ada@example.org");
        world.pass(60);
        client
    });
    (ada, bob)
}

#[test]
fn the_list_has_the_live_sessions_newest_use_first() {
    let world = World::new(&[]);
    let ([mut first, second, mut third], _) = crowd(&world);
    world.log_out(&mut third);
    world.refresh(&mut first);
    let sessions = list(&world, &second);
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["current"], false);
    let id = sessions[1]["id"].clone();
    assert_eq!(
        sessions[1],
        json!({
            "id": id, "current": true, "createdAt": "2026-11-21T09:01:00Z",
            "lastUsedAt": "2026-11-21T09:01:00Z", "expiresAt": "2026-11-28T09:01:00Z",
            "device": "Unknown device", "userAgent": null, "country": null
        })
    );
    assert_eq!(sessions[0]["createdAt"], "2026-11-21T09:00:00Z");
    assert_eq!(sessions[0]["lastUsedAt"], "2026-11-21T09:03:00Z");
}

#[test]
fn one_session_ends_and_the_others_go_on() {
    let world = World::new(&[]);
    let ([first, mut second, third], bob) = crowd(&world);
    let id = list(&world, &third)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/{id}");
    for (client, rest) in [
        (&bob, path.as_str()),
        (&second, "/unknown"),
        (&second, "/AAAAAAAAAAAAAAAAAAAAAA"),
        (&second, "/AAAAAAAAAAAAAAAAAAAAAB"),
        (&second, "/..%2fx"),
    ] {
        assert_eq!(
            delete(&world, &mut client.clone(), rest).code(),
            "not_found",
            "{rest}"
        );
    }
    let answer = delete(&world, &mut second, &path);
    assert_eq!((answer.status, answer.cookies().len()), (204, 0));
    assert_eq!(delete(&world, &mut second, &path).code(), "not_found");
    assert_eq!(world.refresh(&mut third.clone()).code(), "invalid_token");
    assert_eq!(world.profile(&third).code(), "invalid_token");
    assert_eq!(world.profile(&first).status, 200);
}

#[test]
fn ending_the_current_session_deletes_its_cookies() {
    let world = World::new(&[]);
    let ([mut first, ..], _) = crowd(&world);
    let id = list(&world, &first)[2]["id"].as_str().unwrap().to_owned();
    let answer = delete(&world, &mut first, &format!("/{id}"));
    assert_eq!((answer.status, answer.cookies().len()), (204, 2));
    assert_eq!(first.cookie_line(), None);
}

#[test]
fn several_sessions_end_by_scope() {
    let world = World::new(&[]);
    let ([mut first, second, third], bob) = crowd(&world);
    for (rest, code) in [
        ("", "validation_failed"),
        ("?scope=", "validation_failed"),
        ("?scope=mine", "validation_failed"),
        ("?scope=all&x=1", "validation_failed"),
        ("?scope=all&scope=others", "malformed_request"),
        ("?scope=%ff", "malformed_request"),
    ] {
        assert_eq!(delete(&world, &mut first, rest).code(), code, "{rest}");
    }
    let unknown = delete(&world, &mut first, "?scope=all&x=1");
    assert_eq!(unknown.body["errors"][0]["field"], "query");
    assert_eq!(list(&world, &first).len(), 3);
    let answer = delete(&world, &mut first, "?scope=others");
    assert_eq!((answer.status, answer.cookies().len()), (204, 0));
    assert_eq!(list(&world, &first).len(), 1);
    for dead in [&second, &third] {
        assert_eq!(world.profile(dead).code(), "invalid_token");
    }
    let copy = first.clone();
    let answer = delete(&world, &mut first, "?scope=all");
    assert_eq!((answer.status, answer.cookies().len()), (204, 2));
    assert_eq!(world.refresh(&mut copy.clone()).code(), "invalid_token");
    assert_eq!(world.profile(&bob).status, 200);
}

#[test]
fn a_changed_name_shows_in_the_callers_next_read_whatever_kv_does() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.profile(&client);
    // The deletion of the copy is lost.
    world.ports.background.is_dropped.set(true);
    let answer = rename(&world, &mut client, json!({"name": " Ada L. "}));
    assert_eq!(
        (answer.status, &answer.body["name"]),
        (200, &json!("Ada L."))
    );
    assert_eq!(answer.cookies().len(), 1);
    assert_eq!(world.profile(&client).body["name"], "Ada L.");
    world.ports.background.is_dropped.set(false);
    assert_eq!(
        rename(&world, &mut client, json!({"name": null})).body["name"],
        Value::Null
    );
    assert_eq!(world.profile(&client).body["name"], Value::Null);
}

/// Another tab reads during the change: its copy is newer than the request's start.
#[test]
fn a_copy_from_before_a_slow_change_does_not_count() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.profile(&client);
    let id = world.profile(&client).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut copy = world.ports.kv.accounts.borrow()[&id].clone();
    copy.read_at = UnixSeconds::new(world.now.get() + 2);
    world.took.set(2);
    rename(&world, &mut client, json!({"name": "Ada"}));
    world.ports.kv.accounts.borrow_mut().insert(id, copy);
    world.pass(3);
    assert_eq!(world.profile(&client).body["name"], "Ada");
}

#[test]
fn many_changes_in_a_second_do_not_push_the_token_into_the_future() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    for number in 0..20 {
        let name = format!("Ada {number}");
        assert_eq!(
            rename(&world, &mut client, json!({"name": name})).status,
            200
        );
        assert_eq!(world.profile(&client).body["name"], json!(name));
    }
}

#[test]
fn a_faulty_name_changes_nothing() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a\nb"}),
        json!({"name": 1}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "Ada", "isSuperuser": true}),
        json!({"name": "Ada", "email": "eve@example.org"}),
    ] {
        let answer = rename(&world, &mut client, body.clone());
        assert_eq!(answer.code(), "validation_failed", "{body}");
    }
    assert_eq!(world.profile(&client).body["name"], Value::Null);
    assert_eq!(
        rename(&world, &mut Client::default(), json!({})).code(),
        "not_authenticated"
    );
}

#[test]
fn a_token_that_a_change_replaced_does_not_outlive_its_time() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.pass(500);
    rename(&world, &mut client, json!({"name": "Ada"}));
    world.pass(99);
    assert_eq!(world.profile(&client).status, 200);
    world.pass(1);
    assert_eq!(world.profile(&client).code(), "token_expired");
}
