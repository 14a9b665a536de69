//! One person, judged by the rules of the service.

use latchkey::domain::identity::email::Email;
use latchkey::domain::identity::user::UserName;
use serde::{Deserialize, Serialize};

use crate::hash::{self, HashFault};
use crate::id;

/// What an import has read of a person. What is missing is not judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: Option<String>,
    email: Option<String>,
    name: Option<String>,
    hash: Option<String>,
}

/// What the service would store; null for what was not asked for, and for what it would refuse.
#[derive(Serialize)]
struct Answer {
    /// The id as a UUID; other ids than UUIDs are not the service's business.
    id: Option<String>,
    /// The canonical address.
    email: Option<String>,
    /// The trimmed name.
    name: Option<String>,
    hash: Option<HashAnswer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum HashAnswer {
    /// The service can verify it, if it has the pepper of this name.
    Taken {
        pepper: Option<String>,
    },
    Refused {
        reason: HashFault,
    },
}

/// The answer to a question, as JSON. `None` when the question is not one.
pub(crate) fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let Question {
        id,
        email,
        name,
        hash,
    } = serde_json::from_slice(question).ok()?;
    let answer = Answer {
        id: id.and_then(|text| Some(id::read(&text)?.to_string())),
        email: email.and_then(|text| Some(Email::parse(&text).ok()?.as_str().to_owned())),
        name: name.and_then(|text| Some(UserName::parse(&text).ok()?.as_str().to_owned())),
        hash: hash.map(|text| match hash::read(text) {
            Ok(pepper) => HashAnswer::Taken { pepper },
            Err(reason) => HashAnswer::Refused { reason },
        }),
    };
    serde_json::to_vec(&answer).ok()
}

#[cfg(test)]
mod tests {
    use super::answer;

    fn ask(question: &str) -> String {
        String::from_utf8(answer(question.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_person_comes_back_as_the_service_stores_one() {
        assert_eq!(
            ask(
                r#"{"id": "0190a0a0-0000-7000-8000-000000000001", "email": " Ada@Example.ORG", "name": " Ada ",
                    "hash": "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}"#
            ),
            r#"{"id":"0190a0a0-0000-7000-8000-000000000001","email":"ada@example.org","name":"Ada","hash":{"pepper":null}}"#
        );
    }

    #[test]
    fn what_is_refused_is_null_and_a_hash_says_why() {
        assert_eq!(
            ask(r#"{"id": "1", "email": "ada", "name": "\u200b", "hash": "x"}"#),
            r#"{"id":null,"email":null,"name":null,"hash":{"reason":"hash_unsupported"}}"#
        );
    }

    #[test]
    fn what_is_not_asked_for_is_not_judged() {
        assert_eq!(
            ask("{}"),
            r#"{"id":null,"email":null,"name":null,"hash":null}"#
        );
        for text in ["", "[]x", r#"{"mail": "ada@example.org"}"#] {
            assert_eq!(answer(text.as_bytes()), None, "{text}");
        }
    }
}
