//! What may not be authored, by the name of its rule.
//!
//! Reading is lenient where clients are: what others wrote is judged by what it means. Writing is not: here every
//! form that two clients could read differently has a rule of its own. Who calls adds the place in the file.

/// Something that may not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// The rule, such as `PATTERN-FORM`.
    pub rule: &'static str,
    /// The role or the target path that it is about; empty when it is about all of them.
    pub about: String,
    /// What is wrong, and what to write instead: a fragment.
    pub text: String,
}

impl Fault {
    pub(crate) fn new(rule: &'static str, about: &str, text: impl Into<String>) -> Self {
        Self { rule, about: about.to_owned(), text: text.into() }
    }
}
