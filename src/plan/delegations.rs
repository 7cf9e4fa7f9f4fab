//! `delegations` of a targets role: the full list in order of priority, or bins.
//!
//! What an entry says by itself is judged here; what a delegation may be is judged by
//! [`crate::tuf::delegations::author`], whose faults are told at the place of their entry.

use std::sync::Arc;

use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::fields::list;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::author::Bins;
use crate::tuf::delegations::author::Entry;
use crate::tuf::delegations::author::Style;
use crate::tuf::delegations::author::Wanted;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::fault::Fault;

/// `delegations` of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct DelegationsSpec {
    /// Where the list stands.
    pub place: Place,
    /// Its entries, in order of priority.
    pub entries: Vec<EntrySpec>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct EntrySpec {
    /// Where it stands.
    pub place: Place,
    /// Names of the keys.
    pub keys: Vec<At<String>>,
    /// How many must sign.
    pub threshold: At<u64>,
    /// A role with its paths, or bins.
    pub what: What,
}

/// What an entry delegates to.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A role.
    Role {
        /// Its name.
        name: At<String>,
        /// What it may sign for.
        paths: Paths,
        /// Whether the search ends with it.
        terminating: bool,
    },
    /// Bins.
    Bins {
        /// How many, and their names.
        layout: Layout,
        /// How they are written.
        style: Style,
    },
}

/// Reads `delegations`.
pub fn read(node: &Node, role: &str, problems: &mut Vec<Problem>) -> Option<DelegationsSpec> {
    let items = list(node, &format!("\"delegations\" of role {role}"), problems)?;
    let entries: Vec<EntrySpec> = items.iter().filter_map(|item| entry(item, role, problems)).collect();
    Some(DelegationsSpec { place: node.place, entries })
}

fn entry(node: &Node, role: &str, problems: &mut Vec<Problem>) -> Option<EntrySpec> {
    let mut fields = Fields::of(node, format!("a delegation of {role}"), problems)?;
    let bins = fields.take("bins");
    let what = match bins {
        Some(bins) => layout(bins, problems).map(|(layout, style)| What::Bins { layout, style }),
        None => delegated(&mut fields, role, problems),
    };
    let keys = fields.names("keys", problems);
    let threshold = fields.need_number("threshold", problems);
    if keys.is_none() {
        let text = format!("{} has no field \"keys\"", fields.what);
        problems.push(Problem::error("MISSING-FIELD", Some(node.place), text));
    }
    fields.finish(problems);
    Some(EntrySpec { place: node.place, keys: keys?.value, threshold: threshold?, what: what? })
}

fn delegated(fields: &mut Fields<'_>, role: &str, problems: &mut Vec<Problem>) -> Option<What> {
    let name = fields.need_text("name", problems);
    if let Some(name) = &name {
        fields.what = format!("the delegation of {role} to {}", name.value);
    }
    let patterns = fields.names("paths", problems);
    let prefixes = fields.names("path_hash_prefixes", problems);
    let terminating = fields.flag("terminating", problems).is_some_and(|flag| flag.value);
    let values = |names: At<Vec<At<String>>>| names.value.into_iter().map(|at| at.value).collect();
    let paths = match (patterns, prefixes) {
        (Some(patterns), None) => Paths::Patterns(values(patterns)),
        (None, Some(prefixes)) => Paths::HashPrefixes(values(prefixes)),
        (_, both) => {
            let place = both.map_or(fields.place, |both| both.place);
            let text = format!("{} takes exactly one of paths, path_hash_prefixes and bins", fields.what);
            problems.push(Problem::error("PATHS-ONE-KIND", Some(place), text));
            return None;
        }
    };
    Some(What::Role { name: name?, paths, terminating })
}

/// `bins: {count: N, prefix: NAME, style: succinct | classic}`
fn layout(node: &Node, problems: &mut Vec<Problem>) -> Option<(Layout, Style)> {
    let mut fields = Fields::of(node, "bins", problems)?;
    let count = fields.need_number("count", problems);
    let prefix = fields.need_text("prefix", problems);
    let style = fields.text("style", problems);
    fields.finish(problems);
    let style = match &style {
        None => Style::Succinct,
        Some(style) if style.value == "succinct" => Style::Succinct,
        Some(style) if style.value == "classic" => Style::Classic,
        Some(style) => {
            let text = format!("\"style\" of bins is succinct or classic, not {:?}", style.value);
            problems.push(Problem::error("BINS-STYLE", Some(style.place), text));
            return None;
        }
    };
    let (count, prefix) = (count?, prefix?);
    let layout = Layout::new(count.value, &prefix.value);
    let layout =
        layout.map_err(|fault| problems.push(Problem::error(fault.rule, Some(node.place), fault.text)));
    Some((layout.ok()?, style))
}

impl DelegationsSpec {
    /// The delegations that it asks for, with the keys as they are known. `Err` names a key that is not.
    pub fn wanted(&self, key: &dyn Fn(&str) -> Option<(KeyId, PublicKey)>) -> Result<Wanted, Fault> {
        let entries = self.entries.iter().map(|spec| {
            let mut keys = std::collections::BTreeMap::new();
            for name in &spec.keys {
                let unknown = || {
                    Fault::new("ROLE-KEY-KNOWN", spec.name(), format!("key {} is not known yet", name.value))
                };
                let (keyid, public) = key(&name.value).ok_or_else(unknown)?;
                keys.insert(keyid, public);
            }
            let threshold = u32::try_from(spec.threshold.value).unwrap_or(u32::MAX);
            let role_keys = Arc::new(RoleKeys { keys, threshold });
            Ok(match &spec.what {
                What::Role { name, paths, terminating } => Entry::Role(Delegation {
                    name: name.value.clone(),
                    role_keys,
                    paths: paths.clone(),
                    terminating: *terminating,
                }),
                What::Bins { layout, style } => {
                    Entry::Bins(Bins { layout: layout.clone(), style: *style, role_keys })
                }
            })
        });
        Wanted::of(entries.collect::<Result<_, Fault>>()?)
    }

    /// Where the entry that a fault is about stands.
    pub fn place_of(&self, fault: &Fault) -> Place {
        // The second of two is the one to change.
        let about = self.entries.iter().rev().find(|spec| spec.name() == fault.about);
        about.map_or(self.place, |spec| spec.place)
    }
}

impl EntrySpec {
    /// The role's name, or what the bins' names begin with.
    pub fn name(&self) -> &str {
        match &self.what {
            What::Role { name, .. } => &name.value,
            What::Bins { layout, .. } => layout.prefix(),
        }
    }

    /// The role; or what the bins' names begin with, by which the file speaks of all, and then each of them.
    pub fn names(&self) -> Vec<String> {
        let layout = match &self.what {
            What::Bins { layout, .. } => Some(layout),
            What::Role { .. } => None,
        };
        let bins =
            layout.into_iter().flat_map(|layout| (0..layout.count()).map(|number| layout.name(number)));
        std::iter::once(self.name().to_owned()).chain(bins).collect()
    }

    /// Whether `role` is the role, or one of the bins.
    pub fn covers(&self, role: &str) -> bool {
        match &self.what {
            What::Role { name, .. } => name.value == role,
            What::Bins { layout, .. } => layout.number(role).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::node;

    fn read_text(text: &str) -> Result<DelegationsSpec, Vec<&'static str>> {
        let mut problems = Vec::new();
        let top = node::parse(&format!("d:\n{text}")).unwrap();
        let node::Kind::Map(fields) = &top.kind else { unreachable!() };
        let spec = read(&fields[0].1, "targets", &mut problems);
        match spec.filter(|_| problems.is_empty()) {
            Some(spec) => Ok(spec),
            None => Err(problems.into_iter().map(|problem| problem.rule).collect()),
        }
    }

    fn key(name: &str) -> Option<(KeyId, PublicKey)> {
        let seed = [*name.as_bytes().first()?; 32];
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let public = PublicKey::ed25519(public.to_bytes());
        (name != "unknown").then(|| (public.keyid(), public))
    }

    #[test]
    fn a_list_keeps_its_order_and_each_entry_its_keys() {
        let spec = read_text(
            "  - {name: dev, keys: [ana, bo], threshold: 2, paths: [\"dev/*\"], terminating: true}\n  \
             - {name: ops, keys: [chi], threshold: 1, path_hash_prefixes: [\"00\", \"01\"]}\n",
        );

        let Ok(Wanted::Roles(roles)) = spec.unwrap().wanted(&key) else { unreachable!() };

        assert_eq!(roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["dev", "ops"]);
        assert!(roles[0].terminating && !roles[1].terminating);
        assert_eq!(roles[0].role_keys.keys.len(), 2);
        assert_eq!(roles[1].paths, Paths::HashPrefixes(vec!["00".to_owned(), "01".to_owned()]));
    }

    #[test]
    fn bins_are_succinct_unless_they_say_otherwise() {
        let style = |style: &str| {
            let spec = read_text(&format!(
                "  - {{bins: {{count: 16384, prefix: bin{style}}}, keys: [ana], threshold: 1}}\n"
            ));
            let Ok(Wanted::Bins(bins)) = spec.unwrap().wanted(&key) else { unreachable!() };
            assert_eq!(bins.layout.count(), 16_384);
            bins.style
        };

        assert_eq!((style(""), style(", style: classic")), (Style::Succinct, Style::Classic));
    }

    #[test]
    fn an_entry_that_says_too_little_or_too_much_is_refused_by_name() {
        for (rule, entry) in [
            ("PATHS-ONE-KIND", "{name: dev, keys: [ana], threshold: 1}"),
            (
                "PATHS-ONE-KIND",
                "{name: dev, keys: [ana], threshold: 1, paths: [a], path_hash_prefixes: [\"00\"]}",
            ),
            ("MISSING-FIELD", "{keys: [ana], threshold: 1, paths: [a]}"),
            ("MISSING-FIELD", "{name: dev, threshold: 1, paths: [a]}"),
            ("MISSING-FIELD", "{name: dev, keys: [ana], paths: [a]}"),
            ("UNKNOWN-FIELD", "{name: dev, keys: [ana], threshold: 1, paths: [a], version: 1}"),
            ("UNKNOWN-FIELD", "{bins: {count: 2, prefix: b}, keys: [ana], threshold: 1, paths: [a]}"),
            ("BINS-COUNT", "{bins: {count: 3, prefix: b}, keys: [ana], threshold: 1}"),
            ("BINS-STYLE", "{bins: {count: 2, prefix: b, style: tiny}, keys: [ana], threshold: 1}"),
            ("UNKNOWN-FIELD", "{bins: {count: 2, prefix: b}, keys: [ana], threshold: 1, version: 1}"),
        ] {
            assert_eq!(read_text(&format!("  - {entry}\n")).unwrap_err(), [rule], "{entry}");
        }
    }

    #[test]
    fn a_fault_is_told_at_its_entry() {
        let spec = read_text(
            "  - {name: dev, keys: [ana], threshold: 1, paths: [a]}\n  - {name: ops, keys: [unknown], threshold: 1, paths: [a]}\n",
        );
        let spec = spec.unwrap();

        let fault = spec.wanted(&key).unwrap_err();

        assert_eq!((fault.rule, spec.place_of(&fault).line), ("ROLE-KEY-KNOWN", 3));
        assert_eq!(spec.place_of(&Fault::new("ANY", "", "")), spec.place);
    }
}
