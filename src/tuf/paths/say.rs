//! The answer in sentences: the command and the screen say the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::KeyId;
use crate::tuf::few::and_more;
use crate::tuf::paths::Answer;
use crate::tuf::paths::Asked;
use crate::tuf::paths::Because;
use crate::tuf::paths::Step;
use crate::tuf::role::RoleKeys;

/// So many roles are named in the first sentence.
const NAMED: usize = 6;

/// `any 2 of Ana Duarte, Bo Lindqvist and Chi Nwosu`, `Ana Duarte alone`, `Ana Duarte and Bo Lindqvist together`. A key
/// is counted once, whatever its labels; one of nobody known is called by its keyid.
pub fn who(keys: &RoleKeys, holders: &BTreeMap<KeyId, String>) -> String {
    let names = people(keys, holders);
    match (usize::try_from(keys.threshold).unwrap_or(usize::MAX), names.len()) {
        (0, _) => "nobody, for its threshold is 0".to_owned(),
        (need, of) if need > of => format!("nobody: {need} keys must sign, and it has {of}"),
        (1, 1) => format!("{} alone", joined(&names)),
        (1, _) => format!("any one of {}", joined(&names)),
        (need, of) if need == of => format!("{} together", joined(&names)),
        (need, _) => format!("any {need} of {}", joined(&names)),
    }
}

/// The holders of a role's keys, each key once; with the beginning of the keyid where one holds several.
pub fn people(keys: &RoleKeys, holders: &BTreeMap<KeyId, String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let distinct: Vec<&KeyId> =
        keys.keys.iter().filter(|(_, key)| seen.insert(key.material())).map(|(keyid, _)| keyid).collect();
    let held = |holder: &String| distinct.iter().filter(|keyid| holders.get(*keyid) == Some(holder)).count();
    let name = |keyid: &&KeyId| match holders.get(*keyid) {
        Some(holder) if held(holder) > 1 => format!("{holder} (key {:.8})", keyid.0),
        Some(holder) => holder.clone(),
        None => format!("key {:.8}", keyid.0),
    };
    let name = |keyid: &&KeyId| {
        let key = keys.keys.get(*keyid).filter(|_| holders.contains_key(*keyid));
        format!("{}{}", name(keyid), key.map_or("", |key| keyid.doubt(key.to_json())))
    };
    let mut names: Vec<String> = distinct.iter().map(name).collect();
    names.sort();
    names
}

/// `a, b and c`
pub(super) fn joined(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., tail] => format!("{} and {tail}", head.join(", ")),
    }
}

impl Answer {
    /// The answer in one sentence.
    pub fn headline(&self, holders: &BTreeMap<KeyId, String>) -> String {
        let query = &self.query;
        let asked = || self.steps.iter().filter(|step| step.asked == Asked::InTurn);
        let names: Vec<String> = asked().map(Step::name).collect();
        let first = || and_more(&names[..names.len().min(NAMED)], names.len());
        if self.pattern {
            let taken: usize = asked().map(|step| step.taken).sum();
            let named = if names.len() > NAMED { first() } else { joined(&names) };
            let are = if taken == 1 { "target is" } else { "targets are" };
            return format!("{query}: {named} may sign paths like this; {taken} {are} there now");
        }
        let taken = self.taken_from.as_ref().and_then(|role| asked().find(|step| step.role == *role));
        match (taken, names.as_slice()) {
            (Some(step), _) => {
                format!(
                    "{query}: clients take it from {}; {} can sign it",
                    step.role,
                    who(&step.keys, holders)
                )
            }
            (None, [_]) => {
                let keys = self.steps.first().map(|step| who(&step.keys, holders)).unwrap_or_default();
                format!("{query}: only targets may sign it, and lists it not; {keys} can sign it")
            }
            (None, _) => {
                format!("{query}: no role here lists it; who may sign it, first one first: {}", first())
            }
        }
    }

    /// Every role that may, as a client asks them: its number where it is asked, and what is said of it.
    pub fn asked(&self, holders: &BTreeMap<KeyId, String>) -> Vec<(Option<usize>, String)> {
        let mut number = 0;
        let line = |step: &Step| {
            number += usize::from(step.asked == Asked::InTurn);
            let asked = (step.asked == Asked::InTurn).then_some(number);
            let (name, who, because, state) =
                (step.name(), who(&step.keys, holders), step.because(), self.state(step));
            let part = if step.all { "" } else { ", for some of these" };
            let end = if step.terminating && asked.is_some() { "; terminating" } else { "" };
            (asked, format!("{name}: {who}; {because}{part}; {state}{end}"))
        };
        self.steps.iter().map(line).collect()
    }

    /// What a client finds there.
    pub fn state(&self, step: &Step) -> String {
        match (&step.asked, step.lists) {
            (Asked::Before, _) => "asked before".to_owned(),
            (Asked::Never(by), _) => format!("never asked: {by} ends it"),
            (Asked::InTurn, None) => "its file is not here".to_owned(),
            (Asked::InTurn, Some(lists)) if self.pattern => match lists - step.taken {
                0 => format!("lists {lists}"),
                shadowed => format!("lists {lists}, {shadowed} of them shadowed"),
            },
            (Asked::InTurn, Some(0)) => "does not list it".to_owned(),
            (Asked::InTurn, Some(_)) if step.taken > 0 => "LISTS IT: taken from here".to_owned(),
            (Asked::InTurn, Some(_)) => {
                let by = self.taken_from.as_deref().unwrap_or_default();
                format!("lists it too, shadowed by {by}")
            }
        }
    }

    /// Where the search stops, and why.
    pub fn stop(&self) -> String {
        let mut asked = self.steps.iter().filter(|step| step.asked == Asked::InTurn);
        if let Some(role) = &self.taken_from {
            return format!("The search stops at {role}, the first role that lists it");
        }
        let ender = self.steps.iter().find_map(|step| match &step.asked {
            Asked::Never(by) => Some(by.as_str()),
            Asked::InTurn | Asked::Before => None,
        });
        let ends = asked.clone().find(|step| step.terminating && step.all).map(|step| step.role.as_str());
        match (ender.or(ends), asked.next_back()) {
            (Some(role), _) => format!("The search ends with {role}, which is terminating"),
            (None, Some(last)) if last.depth > 0 => {
                format!("The search ends after {}, for it is delegated to nobody else", last.name())
            }
            _ => "The search ends with targets, for it delegates this to nobody".to_owned(),
        }
    }
}

impl Step {
    /// The role, or how many bins.
    pub fn name(&self) -> String {
        match self.count {
            1 => self.role.clone(),
            count => format!("{} bins", and_more(&[&self.role], count)),
        }
    }

    /// Why it may sign.
    pub fn because(&self) -> String {
        let from = &self.delegator;
        match &self.because {
            Because::Everything => "it may sign every path".to_owned(),
            Because::Pattern(pattern) => format!("{from} delegates {pattern} to it"),
            Because::HashPrefix(prefix) => {
                format!("{from} delegates paths to it whose SHA-256 begins with {prefix}")
            }
            Because::Bin(of) => format!("of {from}'s {of} bins it is the path's"),
            Because::Hash => "a path's SHA-256 decides which bin it is".to_owned(),
        }
    }
}
