//! Whole-service tests: real requests through [`super::handle`], on SQLite, with a clock that the
//! test sets.

mod account;
mod activity;
mod between;
mod breach;
mod cookies;
mod devices;
mod given_back;
mod known_devices;
mod operations;
mod profile;
mod recovery;
mod requests;
mod sender;
mod sessions;
mod throttling;
mod verify;

use core::cell::Cell;
use std::rc::Rc;

use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{Method, Request, Response};
use serde_json::Value;

use crate::domain::credential::hashing::{HashCost, PasswordHasher};
use crate::domain::time::UnixSeconds;
use crate::service::Service;
use crate::service::config::tests::configure;
use crate::testing::MemoryPorts;
use crate::web::body::RequestBody;

const BASE: &str = "https://auth.example.org";
const START: i64 = 1_795_251_600;
const PASSWORD: &str = "correct horse";

/// A service with its outside world.
struct World {
    service: Rc<Service>,
    ports: MemoryPorts,
    now: Cell<i64>,
    /// The seconds that pass between the start of a request and its writes.
    took: Cell<i64>,
}

/// A parsed answer.
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    /// The length of the body.
    bytes: usize,
    body: Value,
}

/// A client with a cookie jar.
#[derive(Clone, Default)]
struct Client {
    access: Option<String>,
    refresh: Option<String>,
    login_request: Option<String>,
}

impl World {
    fn new(settings: &[(&str, &str)]) -> Self {
        let mut service = configure(settings).map_err(|list| list.join("; ")).unwrap();
        // The cheapest accepted hash: these tests are not about its cost.
        service.hasher = PasswordHasher::new(HashCost {
            memory_kib: 7_168,
            iterations: 1,
        });
        Self {
            service: Rc::new(service),
            ports: MemoryPorts::default(),
            now: Cell::new(START),
            took: Cell::new(0),
        }
    }

    fn pass(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    fn send(&self, request: Request<impl RequestBody>) -> Answer {
        let now = UnixSeconds::new(self.now.get());
        self.ports.timer.now.set(self.now.get() + self.took.get());
        let response: Response<Vec<u8>> =
            pollster::block_on(super::handle(request, &self.service, &self.ports, now));
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes: body.len(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    fn call(
        &self,
        client: &mut Client,
        (method, path): (Method, &str),
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"));
        if let Some(line) = client.cookie_line() {
            request = request.header(COOKIE, line);
        }
        let bytes = match body {
            Some(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                serde_json::to_vec(&json).unwrap()
            }
            None => Vec::new(),
        };
        let answer = self.send(request.body(bytes).unwrap());
        client.keep(&answer);
        answer
    }

    fn register(&self, email: &str) -> Answer {
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        self.call(
            &mut Client::default(),
            (Method::POST, "/api/account/register"),
            Some(body),
        )
    }

    fn log_in(&self, client: &mut Client, email: &str) -> Answer {
        let body = serde_json::json!({"username": email, "password": PASSWORD});
        self.call(client, (Method::POST, "/api/account/login"), Some(body))
    }

    /// Registers a user and logs in.
    fn person(&self, email: &str) -> Client {
        let mut client = Client::default();
        self.register(email);
        assert_eq!(self.log_in(&mut client, email).status, 204);
        client
    }

    fn refresh(&self, client: &mut Client) -> Answer {
        self.call(client, (Method::POST, "/api/account/refresh"), None)
    }

    fn log_out(&self, client: &mut Client) -> Answer {
        self.call(client, (Method::POST, "/api/account/logout"), None)
    }

    fn profile(&self, client: &Client) -> Answer {
        self.call(
            &mut client.clone(),
            (Method::GET, "/api/account/profile"),
            None,
        )
    }

    /// Changes the database by hand.
    fn sql(&self, statements: &str) {
        self.ports.store.execute(statements);
    }

    /// Returns the only value of a query.
    fn value(&self, query: &str) -> String {
        self.ports.store.value(query)
    }

    /// Returns the number of round trips to the database since the last call.
    fn round_trips(&self) -> u32 {
        self.ports.store.round_trips.replace(0)
    }
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|line| line.to_str().unwrap())
            .collect()
    }

    fn cookie(&self, name: &str) -> Option<String> {
        let prefix = format!("__Host-{name}=");
        let line = self
            .cookies()
            .into_iter()
            .find(|line| line.starts_with(&prefix))?;
        Some(line[prefix.len()..].split(';').next()?.to_owned())
    }
}

impl Client {
    /// Returns the `sid` of the access token.
    fn session(&self) -> String {
        use base64ct::{Base64UrlUnpadded, Encoding};
        let token = self.access.as_deref().unwrap();
        let claims = token.split('.').nth(1).unwrap();
        let claims = Base64UrlUnpadded::decode_vec(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        claims["sid"].as_str().unwrap().to_owned()
    }

    fn cookie_line(&self) -> Option<String> {
        let pairs: Vec<String> = [
            ("access_token", &self.access),
            ("refresh_token", &self.refresh),
            ("login_request", &self.login_request),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("__Host-{name}={}", value.as_ref()?)))
        .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&mut self, answer: &Answer) {
        for (name, slot) in [
            ("access_token", &mut self.access),
            ("refresh_token", &mut self.refresh),
            ("login_request", &mut self.login_request),
        ] {
            if let Some(value) = answer.cookie(name) {
                *slot = (!value.is_empty()).then_some(value);
            }
        }
    }
}
