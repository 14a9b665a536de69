//! What the audit log shows to a user, and to an operator.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Answer, BASE, Client, PASSWORD, World};

fn activity(world: &World, client: &Client, query: &str) -> Answer {
    let path = format!("/api/account/activity{query}");
    world.call(&mut client.clone(), (Method::GET, &path), None)
}

/// The events of a page, newest first, with their reasons.
fn words(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200);
    let events = answer.body["events"].as_array().unwrap();
    let word = |event: &Value| match &event["reason"] {
        Value::Null => event["event"].as_str().unwrap().to_owned(),
        reason => format!(
            "{}: {}",
            event["event"].as_str().unwrap(),
            reason.as_str().unwrap()
        ),
    };
    events.iter().map(word).collect()
}

fn try_password(world: &World, email: &str) -> Answer {
    world.call(
        &mut Client::default(),
        (Method::POST, "/api/account/login"),
        Some(json!({"username": email, "password": "wrong horse"})),
    )
}

fn change_password(world: &World, client: &mut Client, (current, new): (&str, &str)) -> Answer {
    world.call(
        client,
        (Method::PATCH, "/api/account/password"),
        Some(json!({"currentPassword": current, "newPassword": new})),
    )
}

/// The rows of the log: event, whether it has a user, count.
fn rows(world: &World) -> Vec<(String, bool, u32)> {
    let rows = world
        .ports
        .store
        .query("SELECT event, user_id, count FROM audit_log ORDER BY user_id, id");
    rows.into_iter()
        .map(|row| (row[0].clone(), !row[1].is_empty(), row[2].parse().unwrap()))
        .collect()
}

#[test]
fn a_life_is_told_in_order() {
    let world = World::new(&[]);
    let mut first = world.person("ada@example.org");
    try_password(&world, "ada@example.org");
    let mut second = Client::default();
    world.log_in(&mut second, "ada@example.org");
    // A login on the same device ends the session that its cookies name.
    world.log_in(&mut first, "ada@example.org");
    let stolen = first.clone();
    world.refresh(&mut first);
    world.refresh(&mut first);
    assert_eq!(world.refresh(&mut stolen.clone()).code(), "invalid_token");
    let mut third = Client::default();
    world.log_in(&mut third, "ada@example.org");
    world.call(
        &mut third,
        (Method::DELETE, "/api/account/sessions?scope=others"),
        None,
    );
    change_password(&world, &mut third.clone(), ("wrong horse", "another horse"));
    change_password(&world, &mut third, (PASSWORD, PASSWORD));
    change_password(&world, &mut third, (PASSWORD, "another horse"));
    let body = json!({"username": "ada@example.org", "password": "another horse"});
    world.call(
        &mut third,
        (Method::POST, "/api/account/login"),
        Some(body.clone()),
    );
    world.log_out(&mut third.clone());
    world.log_out(&mut third);
    world.call(&mut third, (Method::POST, "/api/account/login"), Some(body));
    let mut told = words(&activity(&world, &third, ""));
    told.reverse();
    assert_eq!(
        told,
        [
            "registered",
            "logged_in",
            "login_failed",
            "logged_in",
            "logged_in",
            "session_ended: replaced",
            "refresh_reused",
            "logged_in",
            "session_ended: revoked",
            "wrong_current_password",
            "password_changed",
            "logged_in",
            "logged_out",
            "logged_in",
        ]
    );
}

#[test]
fn an_event_has_its_time_session_and_request() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let sessions = world.call(
        &mut client.clone(),
        (Method::GET, "/api/account/sessions"),
        None,
    );
    let answer = activity(&world, &client, "?limit=1");
    let event = &answer.body["events"][0];
    let request = event["requestId"].as_str().unwrap();
    assert_eq!(request.len(), 36);
    assert_eq!(
        event,
        &json!({
            "event": "logged_in", "at": "2026-11-21T09:00:00Z",
            "lastAt": "2026-11-21T09:00:00Z", "count": 1,
            "sessionId": sessions.body[0]["id"], "reason": null, "actor": "user", "country": null,
            "requestId": request
        })
    );
}

#[test]
fn pages_hold_every_event_once_also_those_of_one_second() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for second in 0..4 {
        world.pass(second % 2);
        world.log_in(&mut Client::default(), "ada@example.org");
        world.log_in(&mut Client::default(), "ada@example.org");
    }
    let all = words(&activity(&world, &client, "?limit=100"));
    assert_eq!(all.len(), 10);
    let mut pages = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page = activity(&world, &client, &query);
        pages.extend(words(&page));
        let Some(cursor) = page.body["nextCursor"].as_str() else {
            break;
        };
        assert_eq!(words(&page).len(), 3);
        query = format!("?limit=3&cursor={cursor}");
    }
    assert_eq!(pages, all);
    // A page that is exactly full is the last one.
    let page = activity(&world, &client, "?limit=10");
    assert_eq!(page.body["nextCursor"], Value::Null);
}

#[test]
fn a_person_sees_nobody_elses_events() {
    let world = World::new(&[]);
    let ada = world.person("ada@example.org");
    let bob = world.person("bob@example.org");
    try_password(&world, "ada@example.org");
    assert_eq!(
        words(&activity(&world, &bob, "")),
        ["logged_in", "registered"]
    );
    assert_eq!(words(&activity(&world, &ada, "")).len(), 3);
    assert_eq!(
        activity(&world, &Client::default(), "").code(),
        "not_authenticated"
    );
}

#[test]
fn faulty_pages_are_refused() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for query in [
        "?limit=0",
        "?limit=101",
        "?limit=-1",
        "?limit=x",
        "?cursor=x",
        "?cursor=1-2",
        "?cursor=01",
        "?cursor=99999999999999999999",
        "?page=2",
    ] {
        let answer = activity(&world, &client, query);
        assert_eq!(answer.code(), "validation_failed", "{query}");
    }
    assert_eq!(
        activity(&world, &client, "?limit=1&limit=2").code(),
        "malformed_request"
    );
    assert_eq!(words(&activity(&world, &client, "?cursor=0")), [""; 0]);
}

#[test]
fn ten_thousand_failures_are_a_few_rows() {
    let world = World::new(&[]);
    let mut ada = world.person("ada@example.org");
    let mut tries = 0;
    while tries < 10_000 {
        for email in ["ada@example.org", "nobody@example.org"] {
            try_password(&world, email);
            tries += 1;
        }
        if tries % 1_000 == 0 {
            world.pass(1);
        }
    }
    world.pass(10);
    // Perhaps admitted, and throttled afterwards.
    for email in ["ada@example.org", "nobody@example.org"].repeat(2) {
        try_password(&world, email);
    }
    let rows = rows(&world);
    assert!(rows.len() <= 6, "{rows:?}");
    let of = |event: &str, known: bool| -> u32 {
        let chosen = rows
            .iter()
            .filter(|row| (row.0.as_str(), row.1) == (event, known));
        chosen.map(|row| row.2).sum()
    };
    // Known and unknown addresses are counted separately, and none is lost.
    let known = of("login_failed", true) + of("throttled", true);
    let unknown = of("login_failed", false) + of("throttled", false);
    assert!(
        known + unknown == 10_004 && known == unknown,
        "{known} {unknown} {rows:?}"
    );
    assert!(of("login_failed", true) < 20);
    // The owner sees it.
    assert_eq!(world.refresh(&mut ada).status, 204);
    let event = &activity(&world, &ada, "").body["events"][0];
    assert_eq!(event["event"], "throttled");
}

#[test]
fn a_flood_from_another_site_costs_a_write_in_ten_seconds() {
    let world = World::new(&[]);
    for second in 0..20 {
        for _ in 0..50 {
            let request = Request::builder()
                .method(Method::POST)
                .uri(format!("{BASE}/api/account/login"))
                .header("sec-fetch-site", "cross-site")
                .header("origin", "https://evil.example");
            assert_eq!(world.send(request.body(Vec::new()).unwrap()).status, 403);
        }
        world.pass(i64::from(second % 2 == 1));
    }
    assert_eq!(world.ports.store.writes_behind.get(), 1);
    world.ports.limiter.is_full.set(true);
    try_password(&world, "ada@example.org");
    assert_eq!(
        rows(&world),
        [
            ("cross_site_refused".to_owned(), false, 1),
            ("throttled".to_owned(), false, 1)
        ]
    );
    assert_eq!(world.round_trips(), 0);
}

#[test]
fn what_is_written_behind_an_answer_may_fail() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.ports.background.is_dropped.set(true);
    assert_eq!(
        try_password(&world, "ada@example.org").code(),
        "invalid_credentials"
    );
    assert_eq!(
        words(&activity(&world, &client, "")),
        ["logged_in", "registered"]
    );
}

#[test]
fn a_log_line_says_whose_request_it_was() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.profile(&client);
    world.profile(&Client::default());
    let lines = world.ports.log.0.borrow();
    let users: Vec<&Value> = lines.iter().map(|line| &line["user.id"]).collect();
    let id = users[0];
    assert!(id.is_string());
    assert_eq!(users, [id, id, id, &Value::Null]);
}
