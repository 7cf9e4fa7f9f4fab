//! What was found: a rule, a place, the particulars.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lint::rule::Profile;
use crate::lint::rule::Rule;
use crate::lint::rule::Severity;
use crate::tuf::Date;
use crate::tuf::diff;
use crate::tuf::fields;
use crate::tuf::repository;

/// How many findings of one rule in one file are told; the others are counted.
const TOLD: usize = 10;

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// The file.
    pub file: String,
    /// Where in it: a JSON pointer; empty for the whole file.
    pub at: String,
    /// The particulars, such as which key; may be empty.
    pub detail: String,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self, profile: Profile) -> Severity {
        self.rule.severity(profile)
    }
}

/// Collects findings, and of many alike the first.
#[derive(Default)]
pub(super) struct Found {
    list: Vec<Finding>,
    more: BTreeMap<(&'static str, String), (usize, Option<&'static Rule>)>,
}

impl Found {
    pub(super) fn say(
        &mut self,
        rule: &'static Rule,
        file: &str,
        at: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.put(Finding { rule, file: file.to_owned(), at: at.into(), detail: detail.into() });
    }

    pub(super) fn put(&mut self, finding: Finding) {
        let counted = self.more.entry((finding.rule.name, finding.file.clone())).or_default();
        counted.0 += 1;
        counted.1 = Some(finding.rule);
        if counted.0 <= TOLD {
            self.list.push(finding);
        }
    }

    /// All of them, with a line for those that were only counted.
    pub(super) fn all(mut self) -> Vec<Finding> {
        for ((_, file), (count, rule)) in self.more {
            if let Some(rule) = rule.filter(|_| count > TOLD) {
                let detail = format!("and {} more like it", count - TOLD);
                self.list.push(Finding { rule, file, at: String::new(), detail });
            }
        }
        self.list
    }
}

/// A file that could be read as JSON.
pub(super) struct Doc {
    /// Its name.
    pub(super) name: String,
    /// The role that its name says, decoded; for a file of another name the `_type`.
    pub(super) role: String,
    /// N of `N.role.json`.
    pub(super) numbered: Option<u64>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// What it says.
    pub(super) json: Value,
}

impl Doc {
    pub(super) fn new(name: &str, bytes: Vec<u8>, json: Value) -> Self {
        let (numbered, stem) = diff::version_and_role(name.strip_suffix(".json").unwrap_or(name));
        let role = repository::role_name(stem);
        Self { name: name.to_owned(), role, numbered, bytes, json }
    }

    pub(super) fn signed(&self) -> &Value {
        &self.json["signed"]
    }

    /// When it expires, where that can be understood.
    pub(super) fn expires(&self) -> Option<Date> {
        fields::expires(self.signed())
    }

    /// `_type`: root, targets, snapshot or timestamp.
    pub(super) fn kind(&self) -> &str {
        self.signed()["_type"].as_str().unwrap_or_default()
    }

    /// `version`, where it is a whole number.
    pub(super) fn version(&self) -> u64 {
        self.signed()["version"].as_u64().unwrap_or(0)
    }
}
