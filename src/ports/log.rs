//! Log lines.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Where log lines go: one JSON object each.
pub trait Log {
    /// From now on every line carries this request id.
    fn identify(&self, request_id: &str);

    /// Writes a line.
    fn line(&self, line: &Line<'_>);
}

/// What a line is worth: its member `level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something happened, as it should.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something does not work.
    Error,
}

/// A log line: `{"level": …, "event": …}` and the members that the event has.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What it is worth.
    pub level: Level,
    /// What has happened, as `subject.what`.
    pub event: &'a str,
    /// Its other members, by name. No secret, and nothing that a client may choose at will.
    pub members: &'a [(&'a str, Member<'a>)],
}

/// The value of a member.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Member<'a> {
    /// `null` when there is none.
    Text(Option<&'a str>),
    /// A count, or a status.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(&'a [String]),
}

impl<'a> Line<'a> {
    /// A line of level `info`.
    #[must_use]
    pub const fn info(event: &'a str, members: &'a [(&'a str, Member<'a>)]) -> Self {
        Self::of(Level::Info, event, members)
    }

    /// A line of level `warn`.
    #[must_use]
    pub const fn warn(event: &'a str, members: &'a [(&'a str, Member<'a>)]) -> Self {
        Self::of(Level::Warn, event, members)
    }

    /// A line of level `error`.
    #[must_use]
    pub const fn error(event: &'a str, members: &'a [(&'a str, Member<'a>)]) -> Self {
        Self::of(Level::Error, event, members)
    }

    const fn of(level: Level, event: &'a str, members: &'a [(&'a str, Member<'a>)]) -> Self {
        Self {
            level,
            event,
            members,
        }
    }
}

/// A line with the request that it belongs to, ready to be written as JSON.
pub struct Identified<'a> {
    /// The line.
    pub line: &'a Line<'a>,
    /// Its member `request.id`, if there is a request.
    pub request_id: Option<&'a str>,
}

impl Serialize for Identified<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", &self.line.level)?;
        map.serialize_entry("event", self.line.event)?;
        for (name, value) in self.line.members {
            map.serialize_entry(name, value)?;
        }
        if let Some(id) = self.request_id {
            map.serialize_entry("request.id", id)?;
        }
        map.end()
    }
}

impl<'a> From<&'a str> for Member<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Identified, Line, Member};

    #[test]
    fn a_line_is_one_json_object() {
        let problems = ["a \"b\"\n".to_owned()];
        let members = [
            ("http.operation", Member::Text(None)),
            ("http.status", Member::Number(204)),
            ("error.cause", "it is \u{1} down".into()),
            ("problems", Member::Texts(&problems)),
        ];
        let line = Identified {
            line: &Line::warn("some.event", &members),
            request_id: Some("7"),
        };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            concat!(
                r#"{"level":"warn","event":"some.event","http.operation":null,"http.status":204,"#,
                r#""error.cause":"it is \u0001 down","problems":["a \"b\"\n"],"request.id":"7"}"#
            )
        );
    }
}
