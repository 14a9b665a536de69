//! Registering, logging in and out, changing the password.

use http::Method;
use serde_json::json;

use super::{Client, PASSWORD, START, World};

#[test]
fn registering_answers_with_the_user_and_sets_no_cookie() {
    let world = World::new(&[]);
    let answer = world.call(
        &mut Client::default(),
        (Method::POST, "/api/account/register"),
        Some(json!({"email": "Ada@Example.org", "password": PASSWORD, "name": " Ada "})),
    );
    assert_eq!(answer.status, 201);
    assert!(answer.cookies().is_empty());
    let id = answer.body["id"].clone();
    assert_eq!(
        answer.body,
        json!({
            "id": id, "name": "Ada", "email": "ada@example.org", "isActive": true,
            "isSuperuser": false, "roleName": "Application Access",
            "roleSlug": "application-access", "createdAt": "2026-11-21T09:00:00Z",
            "updatedAt": "2026-11-21T09:00:00Z"
        })
    );
    let again = world.register("ADA@example.ORG");
    assert_eq!((again.status, again.code()), (409, "email_taken"));
    assert_eq!(
        again.body["detail"],
        "A user with this email already exists"
    );
}

#[test]
fn a_default_role_that_does_not_exist_is_the_operators_matter() {
    let world = World::new(&[("DEFAULT_ROLE", "no-such-role")]);
    let answer = world.register("ada@example.org");
    assert_eq!((answer.status, answer.code()), (503, "misconfigured"));
    assert!(
        world.ports.log.0.borrow()[0]["error.cause"]
            .as_str()
            .unwrap()
            .contains("DEFAULT_ROLE")
    );
}

#[test]
fn every_broken_rule_is_reported_and_no_value_is_echoed() {
    let world = World::new(&[]);
    let answer = world.call(
        &mut Client::default(),
        (Method::POST, "/api/account/register"),
        Some(json!({"email": "x", "password": "hunter2", "name": 7, "isSuperuser": true})),
    );
    assert_eq!((answer.status, answer.code()), (422, "validation_failed"));
    let faults: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            (
                fault["field"].as_str().unwrap(),
                fault["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        faults,
        [
            ("body", "unknown_field"),
            ("email", "invalid_email"),
            ("name", "wrong_type"),
            ("password", "too_short")
        ]
    );
    assert!(!answer.body.to_string().contains("hunter2"));
    assert_eq!(world.service.hasher.computed(), 0);
}

/// A cheap hash of another system, the right password, and an inactive user: without care, the
/// fastest refusal of all.
#[test]
fn an_inactive_user_with_an_old_hash_is_refused_no_sooner() {
    let world = World::new(&[]);
    world.register("old@example.org");
    let bcrypt = "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC";
    world.sql(&format!(
        "UPDATE users SET password_hash = '{bcrypt}', is_active = 0"
    ));
    for password in [PASSWORD, "wrong horse"] {
        let hashes = world.service.hasher.computed();
        let answer = world.call(
            &mut Client::default(),
            (Method::POST, "/api/account/login"),
            Some(json!({"username": "old@example.org", "password": password})),
        );
        assert_eq!(answer.code(), "invalid_credentials");
        assert_eq!(world.service.hasher.computed() - hashes, 1, "{password}");
    }
}

#[test]
fn login_refusals_are_the_same_for_every_cause() {
    let world = World::new(&[]);
    for name in ["wrong", "inactive", "damaged"] {
        world.register(&format!("{name}@example.org"));
    }
    world.register("none@example.org");
    world.sql(
        "UPDATE users SET is_active = 0 WHERE email = 'inactive@example.org';
         UPDATE users SET password_hash = '$argon2id$' WHERE email = 'damaged@example.org';
         UPDATE users SET password_hash = NULL WHERE email = 'none@example.org'",
    );
    world.round_trips();
    let mut seen = None;
    for (name, password) in [
        ("wrong", "wrong horse"),
        ("unknown", PASSWORD),
        ("inactive", PASSWORD),
        ("damaged", PASSWORD),
        ("none", PASSWORD),
    ] {
        let hashes = world.service.hasher.computed();
        let mut answer = world.call(
            &mut Client::default(),
            (Method::POST, "/api/account/login"),
            Some(json!({"username": format!("{name}@example.org"), "password": password})),
        );
        answer.headers.remove("x-request-id");
        answer.body["requestId"] = json!(null);
        let outcome = (
            answer.status,
            answer.headers,
            answer.body,
            world.service.hasher.computed() - hashes,
            world.round_trips(),
            world.ports.store.writes_behind.replace(0),
        );
        assert_eq!(outcome.0, 401);
        assert_eq!(outcome.2["code"], "invalid_credentials");
        assert_eq!(outcome.2["error"], "invalid_grant");
        assert_eq!((outcome.3, outcome.4, outcome.5), (1, 1, 1), "{name}");
        assert_eq!(
            seen.get_or_insert_with(|| outcome.clone()),
            &outcome,
            "{name}"
        );
    }
}

#[test]
fn login_takes_the_oauth2_form() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    let request = |body: &str| {
        http::Request::post("https://auth.example.org/api/account/login")
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .body(body.as_bytes().to_vec())
            .unwrap()
    };
    let form = "grant_type=password&username=ADA%40example.org&password=correct+horse&scope=&client_id=x&client_secret=y";
    let answer = world.send(request(form));
    assert_eq!(answer.status, 204);
    assert_eq!(answer.cookies().len(), 2);
    for (body, status) in [
        (
            "username=ada%40example.org&password=correct+horse&grant_type=implicit",
            422,
        ),
        (
            "username=ada%40example.org&password=correct+horse&password=x",
            400,
        ),
        ("username=ada%40example.org&password=%ff", 400),
        ("username=ada%40example.org", 422),
        (
            "username=ada%40example.org&password=correct+horse&scope=a&scope=b",
            400,
        ),
    ] {
        assert_eq!(world.send(request(body)).status, status, "{body}");
    }
}

#[test]
fn a_login_ignores_fields_that_it_does_not_know() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    let post = |media_type: &str, body: &str| {
        let request = http::Request::post("https://auth.example.org/api/account/login")
            .header("content-type", media_type)
            .body(body.as_bytes().to_vec());
        world.send(request.unwrap())
    };
    let form = "application/x-www-form-urlencoded";
    let named = "username=ada%40example.org&password=correct+horse";
    for others in [
        "remember=on",
        "admin=1",
        "csrf_token=a%3Db",
        "remember_me=0&remember_me=1",
        "utf8=%E2%9C%93&authenticity_token=x&commit=Log+in",
        "tags%5B%5D=a&tags%5B%5D=b",
        &vec!["x"; 2_000].join("&"),
    ] {
        for body in [format!("{named}&{others}"), format!("{others}&{named}")] {
            assert_eq!(post(form, &body).status, 204, "{body}");
        }
    }
    let named = r#""username":"ada@example.org","password":"correct horse""#;
    for others in [
        r#""remember":true"#,
        r#""device":{"os":["x"]},"x":null,"x":1"#,
        r#""user":{"username":"bob@example.org","password":"x"}"#,
    ] {
        let body = format!("{{{named},{others}}}");
        assert_eq!(post("application/json", &body).status, 204, "{body}");
    }
    // On other endpoints they may be misplaced fields, or an attempt to set what the caller must
    // not.
    let body = json!({"email": "bob@example.org", "password": PASSWORD, "remember": true});
    let path = "/api/account/register";
    let answer = world.call(&mut Client::default(), (Method::POST, path), Some(body));
    assert_eq!(answer.body["errors"][0]["code"], "unknown_field");
}

#[test]
fn blanks_around_an_address_are_nobodys_intention() {
    let world = World::new(&[]);
    let post =
        |path: &str, body| world.call(&mut Client::default(), (Method::POST, path), Some(body));
    let registered = post(
        "/api/account/register",
        json!({"email": " Ada@example.org\u{a0}", "password": PASSWORD}),
    );
    assert_eq!(registered.body["email"], "ada@example.org");
    for (username, password, status) in [
        ("ada@example.org ", PASSWORD, 204),
        ("\tada@example.org\r\n", PASSWORD, 204),
        ("\u{feff}ada@example.org\u{200b}", PASSWORD, 204),
        ("ada@example.org", "correct horse ", 401),
        ("ada@example.org", " correct horse", 401),
        ("ada @example.org", PASSWORD, 422),
    ] {
        let body = json!({"username": username, "password": password});
        assert_eq!(
            post("/api/account/login", body).status,
            status,
            "{username:?}"
        );
    }
}

#[test]
fn a_hash_of_another_cost_is_replaced_at_login() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    let hash = || world.value("SELECT password_hash FROM users");
    let before = hash();
    // Made with OWASP's cost: m=19456, t=2.
    world.sql(
        "UPDATE users SET password_hash =
         '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$HveDy76J/MJyABcZvTNHOL+y2wiKX6cpBrY///MZR7E'",
    );
    let mut client = Client::default();
    assert_eq!(world.log_in(&mut client, "ada@example.org").status, 204);
    assert!(hash().starts_with("$argon2id$v=19$m=7168,t=1,p=1$"));
    assert_ne!(hash(), before);
    assert_eq!(world.log_in(&mut client, "ada@example.org").status, 204);
}

#[test]
fn a_login_ends_the_session_that_it_carries() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let old = client.clone();
    world.log_in(&mut client, "ada@example.org");
    assert_eq!(world.refresh(&mut old.clone()).code(), "invalid_token");
    assert_eq!(world.profile(&old).code(), "invalid_token");
    assert_eq!(world.profile(&client).status, 200);
}

#[test]
fn a_login_on_somebody_elses_device_ends_their_session_there() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.profile(&client);
    let adas = client.clone();
    world.register("bob@example.org");
    assert_eq!(world.log_in(&mut client, "bob@example.org").status, 204);
    assert_eq!(world.profile(&client).body["email"], "bob@example.org");
    assert_eq!(world.profile(&adas).code(), "invalid_token");
}

#[test]
fn the_twenty_first_session_ends_the_least_recently_used() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..21 {
        let mut client = Client::default();
        world.log_in(&mut client, "ada@example.org");
        clients.push(client);
        world.pass(1);
        if clients.len() == 20 {
            assert_eq!(world.refresh(&mut clients[0]).status, 204);
        }
    }
    let dead: Vec<usize> = (0..21)
        .filter(|index| world.profile(&clients[*index]).status != 200)
        .collect();
    assert_eq!(dead, [1]);
}

#[test]
fn a_new_session_is_never_the_one_that_ends_although_its_clock_is_behind() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    world.pass(3);
    for _ in 0..20 {
        world.log_in(&mut Client::default(), "ada@example.org");
    }
    world.pass(-2);
    let mut client = Client::default();
    assert_eq!(world.log_in(&mut client, "ada@example.org").status, 204);
    assert_eq!(world.refresh(&mut client).status, 204);
}

#[test]
fn logging_out_is_idempotent_and_works_with_expired_tokens() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let copy = client.clone();
    world.pass(700);
    assert_eq!(world.profile(&copy).code(), "token_expired");
    let answer = world.log_out(&mut client);
    assert_eq!(answer.status, 204);
    assert_eq!(client.cookie_line(), None);
    assert_eq!(world.value("SELECT end_reason FROM sessions"), "logout");
    assert_eq!(world.log_out(&mut copy.clone()).status, 204);
    assert_eq!(world.refresh(&mut copy.clone()).code(), "invalid_token");
    assert_eq!(
        world.log_out(&mut Client::default()).code(),
        "not_authenticated"
    );
}

#[test]
fn cookies_of_two_sessions_end_neither() {
    let world = World::new(&[]);
    let ada = world.person("ada@example.org");
    let bob = world.person("bob@example.org");
    let mut mixed = Client {
        access: ada.access.clone(),
        refresh: bob.refresh.clone(),
        ..Client::default()
    };
    let answer = world.log_out(&mut mixed);
    assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
    assert_eq!(world.refresh(&mut ada.clone()).status, 204);
    assert_eq!(world.refresh(&mut bob.clone()).status, 204);
}

#[test]
fn a_forged_cookie_does_not_keep_the_other_from_logging_out() {
    let world = World::new(&[]);
    let ada = world.person("ada@example.org");
    let mut half = Client {
        access: Some("forged".to_owned()),
        ..ada.clone()
    };
    assert_eq!(world.log_out(&mut half).status, 204);
    assert_eq!(world.refresh(&mut ada.clone()).code(), "invalid_token");
    let answer = world.log_out(&mut Client {
        access: Some("forged".to_owned()),
        refresh: None,
        ..Client::default()
    });
    assert_eq!((answer.status, answer.cookies().len()), (401, 2));
}

#[test]
fn changing_the_password_ends_every_session() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let mut other = Client::default();
    world.log_in(&mut other, "ada@example.org");
    let change = |client: &mut Client, current: &str, new: &str| {
        world.call(
            client,
            (Method::PATCH, "/api/account/password"),
            Some(json!({"currentPassword": current, "newPassword": new})),
        )
    };
    assert_eq!(
        change(&mut client, "wrong horse", "battery staple").code(),
        "wrong_current_password"
    );
    assert_eq!(
        change(&mut client, PASSWORD, "ada@example.org").code(),
        "validation_failed"
    );
    assert_eq!(
        change(&mut client, PASSWORD, PASSWORD).code(),
        "validation_failed"
    );
    world.round_trips();
    let copy = client.clone();
    let answer = change(&mut client, PASSWORD, "battery staple");
    assert_eq!((answer.status, client.cookie_line()), (204, None));
    assert_eq!(world.round_trips(), 2);
    for dead in [copy, other] {
        assert_eq!(world.profile(&dead).code(), "invalid_token");
        assert_eq!(world.refresh(&mut dead.clone()).code(), "invalid_token");
        assert_eq!(
            change(&mut dead.clone(), "battery staple", "x").code(),
            "invalid_token"
        );
    }
    assert_eq!(
        world
            .log_in(&mut Client::default(), "ada@example.org")
            .code(),
        "invalid_credentials"
    );
    assert_eq!(world.now.get(), START);
}
