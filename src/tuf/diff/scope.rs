//! Where changes are found: the role, and the delegation within it.

use std::sync::Arc;

use crate::tuf::diff::Change;
use crate::tuf::diff::Kind;

/// Makes changes of one role, or of one delegation of it.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    role: Arc<str>,
    /// What stands between the role and the change, such as `delegation dev: `.
    within: String,
    /// What people call it.
    called: String,
}

impl Scope {
    pub(super) fn role(role: &str) -> Self {
        Self { role: role.into(), within: String::new(), called: role.to_owned() }
    }

    /// A delegation of this role.
    pub(super) fn delegation(&self, name: &str) -> Self {
        Self { role: Arc::clone(&self.role), within: format!("delegation {name}: "), called: name.to_owned() }
    }

    /// What people call it.
    pub(super) fn called(&self) -> &str {
        &self.called
    }

    /// A change: the line without its beginning, and a clause for people, which may be empty.
    pub(super) fn change(&self, kind: Kind, what: &str, words: impl Into<String>) -> Change {
        let line = format!("{}: {}{what}", self.role, self.within);
        let mut words = words.into();
        if !words.is_empty() {
            words.insert_str(0, &self.within);
        }
        Change { role: Arc::clone(&self.role), kind, line, words, alarm: false }
    }

    /// A change that nobody may overlook.
    pub(super) fn alarm(&self, kind: Kind, what: &str, words: impl Into<String>) -> Change {
        Change { alarm: true, ..self.change(kind, what, words) }
    }
}
