//! What clients would make of metadata that nobody has signed yet: by what it says, and not by signatures, dates or what
//! other files list. The plan calls this for a ceremony.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::lint::Set;
use crate::lint::chain;
use crate::lint::common;
use crate::lint::found::Doc;
use crate::lint::found::Finding;
use crate::lint::found::Found;
use crate::lint::graph;
use crate::lint::keys;
use crate::lint::roles;
use crate::lint::rule::Client;
use crate::lint::rule::Does;
use crate::lint::rule::Rule;
use crate::lint::targets;
use crate::lint::text;
use crate::tuf::Metadata;
use crate::tuf::client::WATERMARK;

/// Looks at what each role will say, and at all of it together. Findings have the role in the place of the file.
pub fn unsigned(roles: impl IntoIterator<Item = (String, Value)>) -> Vec<Finding> {
    let docs: Vec<Doc> = roles.into_iter().map(doc).collect();
    let mut found = Found::default();
    let set = Set::new(&docs);
    each(&set, &mut found);
    graph::check(&set.newest, None, &mut found);
    let mut findings = found.all();
    findings.retain(|finding| finding.rule.name != chain::UNMET.name);
    findings
}

fn doc((role, signed): (String, Value)) -> Doc {
    Doc { name: role.clone(), role, numbered: None, bytes: Vec::new(), json: json!({ "signed": signed }) }
}

/// Each by itself.
fn each(set: &Set<'_>, found: &mut Found) {
    let online = set.roots.last().map(|root| roles::online(root)).unwrap_or_default();
    for doc in set.roots.iter().chain(set.newest.values()) {
        common(doc, &online, found);
    }
    set.roots.iter().for_each(|root| roles::root(root, true, found));
}

/// Which clients refuse a role's metadata for what it says, whoever signed it and whatever else there is, and in which
/// words: each by the first rule.
pub fn refusing(role: &str, metadata: &Metadata) -> BTreeMap<Client, String> {
    let mut signed = metadata.signed().clone();
    let listed = metadata.listed().unwrap_or_default();
    if metadata.role_type() == "targets" {
        signed["targets"] = json!({});
    }
    let docs = [doc((role.to_owned(), signed))];
    let mut found = Found::default();
    each(&Set::new(&docs), &mut found);
    let files = listed.iter().filter(|(path, entry)| !entry.is_plain(path));
    let files = files.filter_map(|(path, entry)| Some((path, json!(entry.read().ok()?))));
    let mut refusing: BTreeMap<Client, String> = BTreeMap::new();
    // In a rehearsal other keys stand in, under the keyids of those that will sign.
    let stands_in = metadata.signed().get(WATERMARK).is_some();
    let meant = |rule: &Rule| stands_in && rule.name == keys::NOT_A_HASH.name;
    let found = found.all().into_iter().chain(target_files(role, files));
    for Finding { rule, .. } in found.filter(|finding| !meant(finding.rule)) {
        for says in rule.clients.iter().filter(|says| says.does == Does::Refuses) {
            let words = || format!("{} ({})", says.says, rule.name);
            refusing.entry(says.client).or_insert_with(words);
        }
    }
    refusing
}

/// Looks at target files that come to a role, by each alone: none is held when the next one is looked at.
pub fn target_files<'a>(role: &str, files: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Finding> {
    let mut found = Found::default();
    for (path, file) in files {
        text::target(role, path, &file, &mut found);
        targets::target(role, path, &file, &mut found);
    }
    found.all()
}
