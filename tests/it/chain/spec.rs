//! A ceremony file before it is written: what a change asks for, in a shape that a forbidden variation can spoil.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::model::TOP;

/// A line of `keys:`.
#[derive(Clone)]
pub(super) struct KeyLine {
    pub(super) holder: String,
    pub(super) store: Option<String>,
    pub(super) keyid: Option<String>,
    pub(super) public: Option<String>,
    pub(super) generate: Option<&'static str>,
}

/// An entry of `delegations`.
#[derive(Clone)]
pub(super) struct DelegationLine {
    pub(super) name: String,
    pub(super) keys: Vec<String>,
    pub(super) threshold: usize,
    pub(super) paths: Vec<String>,
    pub(super) terminating: bool,
}

/// A line of `trust.after`.
#[derive(Clone, Default)]
pub(super) struct RoleLine {
    pub(super) version: Option<u64>,
    pub(super) expires: Option<String>,
    pub(super) keys: Option<Vec<String>>,
    pub(super) threshold: Option<usize>,
    pub(super) files: Option<String>,
    pub(super) delegations: Option<Vec<DelegationLine>>,
}

/// A ceremony file.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) lost: Vec<String>,
    pub(super) stolen: Vec<String>,
    pub(super) keys: BTreeMap<String, KeyLine>,
    /// `root_sha256`; none for a genesis.
    pub(super) before: Option<String>,
    pub(super) roles: BTreeMap<String, RoleLine>,
    pub(super) expect: Option<Vec<String>>,
    pub(super) steps: Option<Vec<String>>,
}

fn list(names: &[String]) -> String {
    format!("[{}]", names.join(", "))
}

impl KeyLine {
    fn text(&self) -> String {
        let mut fields = vec![format!("holder: {}", self.holder)];
        let mut quoted = |name: &str, value: &Option<String>| {
            fields.extend(value.iter().map(|value| format!("{name}: \"{value}\"")));
        };
        quoted("store", &self.store);
        quoted("keyid", &self.keyid);
        quoted("public", &self.public);
        fields.extend(self.generate.map(|scheme| format!("scheme: {scheme}, generate: true")));
        fields.join(", ")
    }
}

impl DelegationLine {
    fn text(&self) -> String {
        let Self { name, keys, threshold, paths, terminating } = self;
        let keys = list(keys);
        format!(
            "{{name: {name}, keys: {keys}, threshold: {threshold}, paths: {paths:?}, terminating: {terminating}}}"
        )
    }
}

impl RoleLine {
    fn text(&self) -> String {
        let version = self.version.map(|version| format!("version: {version}"));
        let expires = self.expires.as_ref().map(|expires| format!("expires: \"{expires}\""));
        let keys = self.keys.as_ref().map(|keys| format!("keys: {}", list(keys)));
        let threshold = self.threshold.map(|threshold| format!("threshold: {threshold}"));
        let files = self.files.as_ref().map(|from| format!("files: {{from: {from}}}"));
        let delegations = self.delegations.as_ref().map(|lines| {
            let lines: Vec<String> = lines.iter().map(DelegationLine::text).collect();
            format!("delegations: {}", list(&lines))
        });
        let all = [version, expires, keys, threshold, files, delegations];
        let fields: Vec<String> = all.into_iter().flatten().collect();
        fields.join(", ")
    }
}

impl Spec {
    /// The roles that are signed in the room.
    pub(super) fn in_room(&self) -> Vec<&str> {
        let is = |role: &&str| self.roles.get(*role).is_some_and(|line| line.version.is_some());
        let order = ["root", "targets"].into_iter().chain(self.delegates()).chain(["snapshot", "timestamp"]);
        order.filter(is).collect()
    }

    /// The delegated roles that the file gives a line of their own.
    pub(super) fn delegates(&self) -> Vec<&str> {
        self.roles.keys().map(String::as_str).filter(|name| !TOP.contains(name)).collect()
    }

    /// Every delegation that the file states.
    pub(super) fn stated(&self) -> impl Iterator<Item = &DelegationLine> {
        self.roles.values().flat_map(|line| &line.delegations).flatten()
    }

    /// Whether a key can sign in the room.
    pub(super) fn signs(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|line| line.store.is_some())
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut out = format!("keyrite: 1\nid: {}\ntitle: A change by seed\ntype: {}\n", self.id, self.kind);
        if self.kind == "compromise-response" {
            out += "incident: \"Keys were missed at the yearly count\"\n";
            for (name, keys) in [("lost", &self.lost), ("stolen", &self.stolen)] {
                if !keys.is_empty() {
                    writeln!(out, "{name}: {}", list(keys)).unwrap();
                }
            }
        }
        out += "participants:\n  oli: {name: Oli Berg, role: operator}\n  wim: {name: Wim Peeters, role: witness}\n";
        let holders: BTreeSet<&String> = self.keys.values().map(|key| &key.holder).collect();
        for holder in holders.into_iter().filter(|holder| *holder != "oli") {
            writeln!(out, "  {holder}: {{name: Custodian {holder}, role: custodian}}").unwrap();
        }
        out += "keys:\n";
        for (name, key) in &self.keys {
            writeln!(out, "  {name}: {{{}}}", key.text()).unwrap();
        }
        out += "trust:\n";
        match &self.before {
            Some(sha256) => {
                writeln!(out, "  before: {{metadata: inputs/metadata, root_sha256: \"{sha256}\"}}").unwrap();
            }
            None => out += "  before: none\n",
        }
        out += "  after:\n";
        for (name, role) in &self.roles {
            writeln!(out, "    {name}: {{{}}}", role.text()).unwrap();
        }
        if let Some(expect) = &self.expect {
            out += "  expect_diff:\n";
            for line in expect {
                writeln!(out, "    - \"{line}\"").unwrap();
            }
        }
        // A key that only stands in a delegation is shown by nobody here.
        if self.kind == "delegation-change" {
            out += "  accept: [no-proof-of-possession]\n";
        }
        out += "environment: {require: [no-core-dumps, not-traced]}\noutputs: {bundle: bundle}\n";
        if let Some(steps) = &self.steps {
            out += "steps:\n";
            for step in steps {
                writeln!(out, "  - {{{step}}}").unwrap();
            }
        }
        out
    }
}
