//! What known clients would say of a repository, and why: python-tuf, go-tuf, tough and tuf-js.
//!
//! It reads leniently, because it must look at files that the strict reader refuses, and it judges no trust: that is
//! [`crate::tuf::client`]. Each rule stands beside its check, with what each client does and whether that was tried or
//! read; severity follows from it. `keyrite lint` calls this, and the plan for what a ceremony would sign.

mod chain;
mod delegations;
mod document;
mod envelope;
mod found;
mod glob;
mod graph;
mod keys;
mod meta;
mod one_file;
mod raw;
mod roles;
mod rule;
mod targets;
mod text;
mod unsigned;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tuf::Date;
use crate::tuf::client::Files;
use crate::tuf::client::MAX_TARGETS;
use crate::tuf::client::file_name;
use crate::tuf::key::Material;
use crate::tuf::root::TOP_LEVEL;
use found::Doc;
use found::Found;
use meta::Listed;

pub use document::document;
pub use found::Finding;
pub use graph::looked_for;
pub use one_file::OneFile;
pub use rule::Client;
pub use rule::Does;
pub use rule::Profile;
pub use rule::Rule;
pub use rule::Says;
pub use rule::Seen;
pub use rule::Severity;
pub use targets::off_the_way;
pub use unsigned::refusing;
pub use unsigned::target_files;
pub use unsigned::unsigned;

/// What to judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The time at which nothing may be expired.
    pub at: Date,
    /// What counts as an error.
    pub profile: Profile,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// Files that were checked.
    pub checked: Vec<String>,
    /// Files that newer ones follow: only what snapshots list is compared.
    pub followed: Vec<String>,
}

/// Every rule, in the order of the documentation.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let groups = [
        text::RULES,
        envelope::RULES,
        keys::RULES,
        roles::RULES,
        chain::RULES,
        meta::RULES,
        targets::RULES,
        delegations::RULES,
        graph::RULES,
    ];
    groups.into_iter().flatten().copied()
}

/// Looks at every metadata file. The error is that the names cannot be had.
pub fn lint(files: &dyn Files, options: &Options) -> Result<Report, String> {
    let mut found = Found::default();
    let mut docs = Vec::new();
    for name in files.names()? {
        docs.extend(open(files, &name, &mut found)?);
    }
    let set = Set::new(&docs);
    let online = set.roots.last().map(|root| roles::online(root)).unwrap_or_default();
    for doc in set.roots.iter().chain(set.newest.values()) {
        common(doc, &online, &mut found);
    }
    set.check(options, &mut found);
    let checked: BTreeSet<&str> =
        set.roots.iter().chain(set.newest.values()).map(|doc| doc.name.as_str()).collect();
    let (checked, followed): (Vec<&Doc>, Vec<&Doc>) =
        docs.iter().partition(|doc| checked.contains(doc.name.as_str()));
    let names = |docs: Vec<&Doc>| docs.into_iter().map(|doc| doc.name.clone()).collect();
    let mut findings = found.all();
    findings.sort_by_key(|it| std::cmp::Reverse(it.severity(options.profile)));
    Ok(Report { findings, checked: names(checked), followed: names(followed) })
}

/// A file that can be looked at; what keeps one from being looked at is said. JSON that is not metadata and has no
/// metadata's name is none of ours.
fn open(files: &dyn Files, name: &str, found: &mut Found) -> Result<Option<Doc>, String> {
    let bytes = match files.read(name, MAX_TARGETS) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(why) => {
            found.say(&envelope::UNREAD, name, "", why);
            return Ok(None);
        }
    };
    let raw = match raw::parse(&bytes) {
        Ok(raw) => raw,
        Err(why) => {
            found.say(&text::NOT_JSON, name, "", why);
            return Ok(None);
        }
    };
    let doc = Doc::new(name, bytes, raw.value);
    let of_metadata = doc.json.get("signed").is_some() || doc.json.get("signatures").is_some();
    if !of_metadata && !TOP_LEVEL.contains(&doc.role.as_str()) {
        return Ok(None);
    }
    for at in raw.twice {
        found.say(&text::TWICE, name, at, "");
    }
    Ok(envelope::shape(&doc, found).then_some(doc))
}

fn common(doc: &Doc, online: &BTreeSet<Material>, found: &mut Found) {
    text::check(&doc.name, &doc.bytes, doc.signed(), found);
    envelope::common(doc, found);
    if doc.kind() == "targets" {
        delegations::check(doc, online, found);
    }
}

/// The files by what they are.
struct Set<'d> {
    docs: BTreeMap<&'d str, &'d Doc>,
    /// Numbered roots, ascending; the plain one where there is no other.
    roots: Vec<&'d Doc>,
    /// `root.json` beside numbered roots.
    plain: Option<&'d Doc>,
    /// The newest file of every other role.
    newest: BTreeMap<String, &'d Doc>,
}

impl<'d> Set<'d> {
    fn new(docs: &'d [Doc]) -> Self {
        let mut roots: Vec<&Doc> = docs.iter().filter(|doc| doc.kind() == "root").collect();
        let plain = roots.iter().copied().find(|doc| doc.numbered.is_none());
        if roots.iter().any(|doc| doc.numbered.is_some()) {
            roots.retain(|doc| doc.numbered.is_some());
        }
        roots.sort_by_key(|doc| (doc.version(), doc.numbered));
        let mut newest: BTreeMap<String, &Doc> = BTreeMap::new();
        for doc in docs.iter().filter(|doc| doc.kind() != "root") {
            let role = if doc.kind() == "targets" { doc.role.clone() } else { doc.kind().to_owned() };
            let known = newest.entry(role).or_insert(doc);
            if (doc.numbered, doc.version()) > (known.numbered, known.version()) {
                *known = doc;
            }
        }
        Self { docs: docs.iter().map(|doc| (doc.name.as_str(), doc)).collect(), roots, plain, newest }
    }

    /// What files say together.
    fn check(&self, options: &Options, found: &mut Found) {
        let newest_root = self.roots.last();
        for root in &self.roots {
            roles::root(root, newest_root.is_some_and(|newest| newest.name == root.name), found);
        }
        chain::roots(&self.roots, self.plain, found);
        for doc in newest_root.into_iter().chain(self.newest.values()) {
            envelope::expiry(doc, options, found);
        }
        let snapshot = self.newest.get("snapshot").copied();
        for role in ["targets", "snapshot", "timestamp"] {
            if let (Some(doc), Some(root)) = (self.newest.get(role), newest_root)
                && let Some(keys) = chain::role_of(root, role)
            {
                chain::signatures(doc, &keys, &chain::elsewhere_of(root, role), &root.name, found);
            }
        }
        if let (Some(root), Some(targets)) = (newest_root, self.newest.get("targets")) {
            chain::dates(root, targets, found);
        }
        for doc in ["snapshot", "timestamp"].iter().filter_map(|role| self.newest.get(*role)) {
            meta::check(doc, |name, version| self.listed(name, version), found);
        }
        if let Some(snapshot) = snapshot {
            let earlier = self.docs.values().filter(|doc| doc.kind() == "snapshot");
            let earlier = earlier.filter(|doc| doc.version() < snapshot.version());
            if let Some(before) = earlier.max_by_key(|doc| doc.version()) {
                meta::follows(snapshot, before, found);
            }
        }
        graph::check(&self.newest, snapshot, found);
    }

    /// The file that a client asks for: with its version where snapshots are consistent.
    fn listed(&self, name: &str, version: u64) -> Listed<'d> {
        // Beside a single file nothing can be expected.
        if self.docs.len() == 1 {
            return Listed::NotAsked;
        }
        let consistent = self.roots.last().is_none_or(|root| root.signed()["consistent_snapshot"] == true);
        let role = name.strip_suffix(".json").unwrap_or(name);
        let wanted = file_name(role, consistent.then_some(version));
        match self.docs.get(wanted.as_str()) {
            Some(doc) => Listed::There(doc),
            None => Listed::Missing(wanted),
        }
    }
}
