//! What is wrong with a ceremony file: a named rule, a place, a sentence.

use std::fmt;

use serde::Serialize;

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

/// Whether a problem stops the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The plan is refused.
    Error,
    /// Said, and gone on; `accept` names it when it is meant.
    Warning,
}

/// One thing that is wrong with a ceremony file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops the plan.
    pub severity: Severity,
    /// The rule, such as `THRESHOLD-ABOVE-KEYS`; a waivable one in lower case, as `accept` names it.
    pub rule: &'static str,
    /// Where.
    pub place: Option<Place>,
    /// What is wrong and what to write instead.
    pub text: String,
}

impl Problem {
    /// A problem that refuses the plan.
    pub fn error(rule: &'static str, place: Option<Place>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, rule, place, text: text.into() }
    }

    /// A problem that is said and may be accepted.
    pub fn warning(rule: &'static str, place: Option<Place>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, rule, place, text: text.into() }
    }

    /// Whether it stops the plan.
    pub fn refuses(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        let kind = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{kind}{} ({})", self.text, self.rule)
    }
}
