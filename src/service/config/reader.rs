//! Reads settings by name and collects their problems.

use core::ops::RangeInclusive;
use core::str::FromStr;

/// Reads settings through a lookup, which returns the value of a name.
pub(in crate::service) struct Reader<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// A setting has a problem, which has been reported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong;

impl<'a> Reader<'a> {
    pub(in crate::service) fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            look_up,
            problems: Vec::new(),
        }
    }

    /// Returns the problems so far: `NAME: what`.
    pub(in crate::service) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    /// Returns the unparsed setting.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.look_up)(name)
    }

    pub(super) fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name}: {what}"));
    }

    pub(super) fn required<T>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(text) = self.text(name) else {
            self.problem(name, "is missing");
            return None;
        };
        self.unless_wrong(name, rule, parse(&text))
    }

    pub(super) fn or_default<T>(
        &mut self,
        name: &str,
        default: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(self.text(name).as_deref().unwrap_or(default));
        self.unless_wrong(name, rule, value)
    }

    /// Returns a setting without a default, `None` when it is unset.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        self.unless_wrong(name, rule, parse(&text))
            .map(Some)
            .ok_or(Wrong)
    }

    fn unless_wrong<T>(&mut self, name: &str, rule: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.problem(name, rule);
        }
        value
    }

    pub(super) fn number(&mut self, name: &str, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        let Some(text) = self.text(name) else {
            return default;
        };
        match u32::from_str(&text) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (low, high) = bounds.into_inner();
                self.problem(name, &format!("must be a number from {low} to {high}"));
                default
            }
        }
    }
}

/// Returns the entries of a list that is separated by commas.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}
