//! A password that nobody has judged is not a wrong one: what a 503 leaves behind.

use std::rc::Rc;

use http::Method;
use pollster::block_on;
use serde_json::json;

use super::{Answer, Client, PASSWORD, World};
use crate::domain::credential::hashing::{Effort, HashCost, PasswordHasher, Pepper, Peppers};
use crate::domain::throttle::{ClientPrefix, FREE_FAILURES};
use crate::domain::time::UnixSeconds;
use crate::service::hash_queue::Line;
use crate::testing::sqlite::{Fault, Planned};

const ADA: &str = "ada@example.org";
const WRONG: &str = "wrong horse";
const MORE_THAN_ARE_FREE: u32 = FREE_FAILURES + 2;

/// A request that proves the current password, and its status when that is right.
type Act = fn(&World, &Client, &str) -> Answer;

const ACTS: [(&str, Act, u16); 4] = [
    ("a login", log_in, 204),
    ("a login on a known device", log_in_again, 204),
    ("a change of the address", change_address, 202),
    ("a change of the password", change_password, 204),
];

fn log_in(world: &World, _: &Client, password: &str) -> Answer {
    log_in_again(world, &Client::default(), password)
}

fn log_in_again(world: &World, client: &Client, password: &str) -> Answer {
    let body = json!({"username": ADA, "password": password});
    let route = (Method::POST, "/api/account/login");
    world.call(&mut client.clone(), route, Some(body))
}

fn change_address(world: &World, client: &Client, password: &str) -> Answer {
    let body = json!({"currentPassword": password, "email": "countess@example.org"});
    let route = (Method::POST, "/api/account/email");
    world.call(&mut client.clone(), route, Some(body))
}

fn change_password(world: &World, client: &Client, password: &str) -> Answer {
    let body = json!({"currentPassword": password, "newPassword": "battery staple"});
    let route = (Method::PATCH, "/api/account/password");
    world.call(&mut client.clone(), route, Some(body))
}

/// Makes the isolate one that knows the pepper of Ada's hash, or none.
fn know_pepper(world: &mut World, is_known: bool) {
    set_hasher(world, 7_168, is_known);
}

fn set_hasher(world: &mut World, memory_kib: u32, knows_pepper: bool) {
    let secret = [1; 32].to_vec();
    let id = "1".to_owned();
    let peppers = Peppers {
        known: knows_pepper
            .then_some(Pepper { id, secret })
            .into_iter()
            .collect(),
        new_hashes_have_none: false,
    };
    let cost = HashCost {
        memory_kib,
        iterations: 1,
    };
    let service = Rc::get_mut(&mut world.service).unwrap();
    service.hasher = PasswordHasher::new(cost).with_peppers(peppers);
}

fn peppered(memory_kib: u32) -> (World, Client) {
    let mut world = World::new(&[
        ("MAIL", "binding"),
        ("EMAIL", "bound"),
        ("MAIL_FROM", "auth@example.org"),
    ]);
    set_hasher(&mut world, memory_kib, true);
    let client = world.person(ADA);
    (world, client)
}

#[test]
fn right_passwords_at_an_isolate_without_the_pepper_slow_nobody() {
    for (what, act, success) in ACTS {
        let (mut world, client) = peppered(7_168);
        know_pepper(&mut world, false);
        for _ in 0..MORE_THAN_ARE_FREE {
            world.round_trips();
            let answer = act(&world, &client, PASSWORD);
            assert_eq!(
                (answer.status, answer.code()),
                (503, "unavailable"),
                "{what}"
            );
            assert_eq!(world.round_trips(), 2, "{what}");
        }
        know_pepper(&mut world, true);
        assert_eq!(act(&world, &client, PASSWORD).status, success, "{what}");
    }
}

#[test]
fn judged_failures_stay_counted_among_them() {
    for (what, act, _) in ACTS {
        let (mut world, client) = peppered(7_168);
        for _ in 1..FREE_FAILURES {
            assert_ne!(act(&world, &client, WRONG).status, 429, "{what}");
        }
        know_pepper(&mut world, false);
        for password in [WRONG, PASSWORD, WRONG, PASSWORD] {
            assert_eq!(act(&world, &client, password).status, 503, "{what}");
        }
        know_pepper(&mut world, true);
        assert_ne!(act(&world, &client, WRONG).status, 429, "{what}");
        assert_eq!(act(&world, &client, PASSWORD).status, 429, "{what}");
    }
}

/// Two foreign hashes of one client wait, and a third one is refused.
fn with_a_full_line(world: &World, test: impl Fn()) {
    let line = Line::Foreign(ClientPrefix::parse(None));
    let effort = Effort {
        step_millis: 1,
        total_millis: 1,
    };
    let now = UnixSeconds::new(world.now.get());
    let others = [(); 2].map(|()| world.service.hash_queue.enter(now).unwrap());
    for other in &others {
        drop(block_on(other.turn(&world.ports, line, effort)).unwrap());
    }
    test();
}

#[test]
fn right_passwords_that_find_the_foreign_line_full_slow_nobody() {
    let hashes = [
        ("costlier than own ones", ACTS.as_slice()),
        ("imported", &ACTS[..1]),
    ];
    for (hash, acts) in hashes {
        for (what, act, success) in acts {
            let (mut world, client) = peppered(8_192);
            if hash == "imported" {
                let bcrypt = "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC";
                world.sql(&format!("UPDATE users SET password_hash = '{bcrypt}'"));
            } else {
                know_pepper(&mut world, true);
            }
            with_a_full_line(&world, || {
                for _ in 0..MORE_THAN_ARE_FREE {
                    let answer = act(&world, &client, PASSWORD);
                    assert_eq!(answer.status, 503, "{hash}: {what}");
                }
            });
            let answer = act(&world, &client, PASSWORD);
            assert_eq!(answer.status, *success, "{hash}: {what}");
        }
    }
}

/// The hash of a wrong password is cheaper than an own one, and the turn for the difference does not
/// come: that must not make it a free guess.
#[test]
fn a_password_that_is_known_to_be_wrong_is_refused_although_the_queue_is_full() {
    for (password, status) in [(WRONG, 401), (PASSWORD, 202)] {
        let (mut world, client) = peppered(7_168);
        set_hasher(&mut world, 8_192, true);
        let _other = world.service.hash_queue.enter(UnixSeconds::new(0));
        world.ports.timer.a_pause.set(10);
        let answer = change_address(&world, &client, password);
        assert_eq!(answer.status, status);
    }
}

#[test]
fn an_attempt_that_cannot_be_given_back_is_a_503_and_stays_counted() {
    let (mut world, client) = peppered(7_168);
    know_pepper(&mut world, false);
    world.ports.store.fault.set(Some(Planned {
        how: Fault::BeforeCommit,
        statement: "give back attempt",
    }));
    assert_eq!(log_in(&world, &client, PASSWORD).status, 503);
    let counted =
        world.value("SELECT sum(failures) FROM attempts WHERE account <> 'registrations'");
    assert_eq!(counted, "1");
    let log = world.ports.log.0.borrow();
    let lines: Vec<_> = log
        .iter()
        .filter(|line| line["event"] == "attempt.not_given_back")
        .collect();
    assert_eq!(lines.len(), 1);
}
