//! Log lines.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The destination of log lines: one JSON object each.
pub trait Log {
    /// Adds this request id to every line from now on.
    fn identify(&self, request_id: &str);

    /// Writes a line.
    fn write(&self, line: &Line<'_>);

    /// Writes a line of level `info`.
    fn info(&self, event: &str, values: &[(&str, LogValue<'_>)]) {
        self.write(&Line {
            level: Level::Info,
            event,
            values,
        });
    }

    /// Writes a line of level `warn`.
    fn warn(&self, event: &str, values: &[(&str, LogValue<'_>)]) {
        self.write(&Line {
            level: Level::Warn,
            event,
            values,
        });
    }

    /// Writes a line of level `error`.
    fn error(&self, event: &str, values: &[(&str, LogValue<'_>)]) {
        self.write(&Line {
            level: Level::Error,
            event,
            values,
        });
    }
}

/// The severity of a line: its member `level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An event of normal operation.
    Info,
    /// An operator should look into it.
    Warn,
    /// Something does not work.
    Error,
}

/// A log line: `{"level": …, "event": …}` and the values of the event.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The severity.
    pub level: Level,
    /// The event, as `subject.what`.
    pub event: &'a str,
    /// The other members, by name. Contains neither secrets nor text that a client chooses freely.
    pub values: &'a [(&'a str, LogValue<'a>)],
}

/// The value of a member of a log line.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum LogValue<'a> {
    /// A text, or `null`.
    Text(Option<Cow<'a, str>>),
    /// A count or a status.
    Number(u64),
    /// A yes or no.
    Flag(bool),
    /// Several texts.
    Texts(&'a [String]),
}

/// A line with the id of its request, ready to be serialized.
pub struct Identified<'a> {
    /// The line.
    pub line: &'a Line<'a>,
    /// The member `request.id`, if there is a request.
    pub request_id: Option<&'a str>,
}

impl Serialize for Identified<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", &self.line.level)?;
        map.serialize_entry("event", self.line.event)?;
        for (name, value) in self.line.values {
            map.serialize_entry(name, value)?;
        }
        if let Some(id) = self.request_id {
            map.serialize_entry("request.id", id)?;
        }
        map.end()
    }
}

impl<'a> From<&'a str> for LogValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for LogValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<Option<&'a str>> for LogValue<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::{Identified, Level, Line, LogValue};

    #[test]
    fn a_line_is_one_json_object() {
        let problems = ["a \"b\"\n".to_owned()];
        let values = [
            ("http.operation", LogValue::Text(None)),
            ("http.status", LogValue::Number(204)),
            ("error.cause", "it is \u{1} down".into()),
            ("problems", LogValue::Texts(&problems)),
        ];
        let line = Identified {
            line: &Line {
                level: Level::Warn,
                event: "some.event",
                values: &values,
            },
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
