//! `trust` of a ceremony file: where it starts from, and the state of every role that changes.

use std::collections::BTreeMap;

use crate::plan::delegations;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::fields::list;
use crate::plan::fields::text;
use crate::plan::file::BeforeSpec;
use crate::plan::file::RoleSpec;
use crate::plan::files;
use crate::plan::kind::Kind as Type;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::tuf::root::TOP_LEVEL;
use crate::words::Digest;

/// `trust`
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    /// `before`; none for a genesis.
    pub before: Option<BeforeSpec>,
    /// `shipped_anchors`: root files that clients were shipped with, relative to the ceremony file.
    pub shipped_anchors: Vec<At<String>>,
    /// Whether `after.consistent_snapshot` says true.
    pub consistent_snapshot: bool,
    /// The roles of `after`, by name.
    pub roles: BTreeMap<String, RoleSpec>,
    /// Where `after` stands.
    pub after: Place,
    /// `expect_diff`
    pub expect_diff: Option<Vec<At<String>>>,
    /// `accept`
    pub accept: Vec<At<String>>,
}

/// Reads `trust`. A genesis has no before and names the four roles; later ceremonies name what changes.
pub fn read(node: &Node, kind: Type, problems: &mut Vec<Problem>) -> Option<Trust> {
    let genesis = kind == Type::RootGenesis;
    let mut fields = Fields::of(node, "trust", problems)?;
    let before = fields.need("before", problems).and_then(|node| before(node, genesis, problems));
    let (mut shipped_anchors, mut expect_diff) = (Vec::new(), None);
    if !genesis && kind.signs() {
        shipped_anchors = fields.names("shipped_anchors", problems).map(|at| at.value).unwrap_or_default();
        expect_diff = fields.names("expect_diff", problems).map(|at| at.value);
    }
    let accept = fields.names("accept", problems).map(|names| names.value).unwrap_or_default();
    if !kind.signs() {
        if let Some(after) = fields.take("after") {
            let text = format!("a {} changes {}; it has no `after`", kind.name(), kind.scope());
            problems.push(Problem::error("TYPE-ALLOWS", Some(after.place), text));
        }
        fields.finish(problems);
        return Some(Trust {
            before,
            shipped_anchors,
            consistent_snapshot: false,
            roles: BTreeMap::new(),
            after: node.place,
            expect_diff,
            accept,
        });
    }
    let after = fields.need("after", problems);
    fields.finish(problems);
    let after = after?;
    let mut fields = Fields::of(after, "trust.after", problems)?;
    let consistent = fields.flag("consistent_snapshot", problems);
    if let Some(At { value: false, place }) = consistent {
        let text = "without consistent snapshots a client can meet a half-published repository; write true, or leave it out";
        problems.push(Problem::error("CONSISTENT-SNAPSHOT", Some(place), text));
    }
    let mut roles = BTreeMap::new();
    for name in TOP_LEVEL {
        let node = if genesis { fields.need(name, problems) } else { fields.take(name) };
        if let Some(node) = node {
            roles.insert(name.to_owned(), top_level(name, node, genesis, problems));
        }
    }
    if !genesis {
        for (name, node) in fields.others() {
            let role = delegated(&name, node, problems);
            roles.insert(name, role);
        }
        if roles.is_empty() {
            let text = "trust.after names no role, so nothing would change";
            problems.push(Problem::error("NOTHING-CHANGES", Some(after.place), text));
        }
    }
    fields.finish(problems);
    let consistent_snapshot = genesis || consistent.is_some();
    Some(Trust {
        before,
        shipped_anchors,
        consistent_snapshot,
        roles,
        after: after.place,
        expect_diff,
        accept,
    })
}

fn before(node: &Node, genesis: bool, problems: &mut Vec<Problem>) -> Option<BeforeSpec> {
    let none = matches!(&node.kind, Kind::Scalar { text, .. } if text == "none");
    if genesis {
        if !none {
            let text = "a root-genesis has no before: write `before: none`";
            problems.push(Problem::error("GENESIS-HAS-NO-BEFORE", Some(node.place), text));
        }
        return None;
    }
    if none {
        let text =
            "only a root-genesis has no before: write `before: {metadata: DIRECTORY, root_sha256: HEX}`";
        problems.push(Problem::error("BEFORE-NAMED", Some(node.place), text));
        return None;
    }
    let mut fields = Fields::of(node, "before", problems)?;
    let metadata = fields.need_text("metadata", problems);
    let root_sha256 = fields.need_text("root_sha256", problems);
    fields.finish(problems);
    let (metadata, mut root_sha256) = (metadata?, root_sha256?);
    root_sha256.value.make_ascii_lowercase();
    if Digest::from_hex(&root_sha256.value).is_none() {
        let text =
            "\"root_sha256\" is the SHA-256 of the newest root file, 64 hex digits (`sha256sum N.root.json`)";
        problems.push(Problem::error("BEFORE-PINNED", Some(root_sha256.place), text));
        return None;
    }
    Some(BeforeSpec { metadata, root_sha256 })
}

fn top_level(name: &'static str, node: &Node, genesis: bool, problems: &mut Vec<Problem>) -> RoleSpec {
    let mut fields = Fields::or_none(node, format!("role {name}"), problems);
    let keys = if genesis { fields.need("keys", problems) } else { fields.take("keys") };
    let keys = keys.map(|node| key_names(name, node, problems));
    let threshold = if genesis {
        fields.need_number("threshold", problems)
    } else {
        fields.number("threshold", problems)
    };
    let role = RoleSpec {
        place: node.place,
        version: fields.version(problems),
        expires: fields.date("expires", problems),
        keys: if genesis { Some(keys.unwrap_or_default()) } else { keys },
        threshold,
        files: None,
        delegations: None,
    };
    let role = if name == "targets" { lists(role, name, &mut fields, problems) } else { role };
    fields.finish(problems);
    role
}

/// A delegated role that is signed in the room. Its keys stand in its delegation.
fn delegated(name: &str, node: &Node, problems: &mut Vec<Problem>) -> RoleSpec {
    let mut fields = Fields::or_none(node, format!("role {name}"), problems);
    let role = RoleSpec {
        place: node.place,
        version: fields.version(problems),
        expires: fields.date("expires", problems),
        keys: None,
        threshold: None,
        files: None,
        delegations: None,
    };
    let role = lists(role, name, &mut fields, problems);
    fields.finish(problems);
    role
}

/// The target files and the delegations of a targets role.
fn lists(role: RoleSpec, name: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> RoleSpec {
    let files = fields.take("files").and_then(|node| files::read(node, name, problems));
    let delegations = fields.take("delegations").and_then(|node| delegations::read(node, name, problems));
    RoleSpec { files, delegations, ..role }
}

fn key_names(name: &str, node: &Node, problems: &mut Vec<Problem>) -> Vec<At<String>> {
    let what = format!("\"keys\" of role {name}");
    let items = list(node, &what, problems).unwrap_or_default();
    items.iter().filter_map(|item| text(item, &format!("an entry of {what}"), problems)).collect()
}
