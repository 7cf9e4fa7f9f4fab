//! `environment`: what must hold on the machine, and what is waived, by name and in the reviewed file.
//!
//! The list is closed: an item that the file neither requires nor waives is shown as not asked for, so that nothing is
//! left out in silence.

use crate::plan::Plan;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::file::File;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::problem::Problem;
use crate::plan::rules::Problems;
use crate::store_uri::StoreUri;
use crate::words::Digest;

/// The pre-flight items that `environment` may name, in the order of the board.
pub const REQUIREMENTS: [&str; 12] = [
    "binary-sha256",
    "no-network",
    "no-swap",
    "no-core-dumps",
    "not-traced",
    "locked-memory",
    "no-inet-sockets",
    "confined-files",
    "entropy",
    "module-sha256",
    "no-debug-environment",
    "clock-sane",
];

/// Those that need a hash in the file.
pub const PINS: [&str; 2] = ["binary-sha256", "module-sha256"];

/// The process's own hygiene: required where the file says nothing.
const USUAL: [&str; 3] = ["no-core-dumps", "not-traced", "locked-memory"];

/// Required whatever the file says, unless it waives it: such a variable makes a module write PINs down.
const ALWAYS: [&str; 1] = ["no-debug-environment"];

/// As the file says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentSpec {
    /// `require`
    pub require: Option<At<Vec<At<String>>>>,
    /// `waive`
    pub waive: Vec<At<String>>,
    /// `binary_sha256`: one, or a list.
    pub binaries: Vec<At<String>>,
}

/// What the plan asks of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The items that must hold, in the order of the file.
    pub require: Vec<String>,
    /// Whether the file says so itself; where it does not, memory is locked as far as the limit allows.
    pub stated: bool,
    /// The items that need not hold, by the file's own words.
    pub waive: Vec<String>,
    /// The programs that may perform it, by SHA-256; any where none is named.
    pub binaries: Vec<Digest>,
}

/// What the plan asks of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It must hold.
    Required,
    /// The file says that it need not.
    Waived,
    /// The file does not speak of it.
    Not,
}

impl Plan {
    /// What is asked of an item of the pre-flight.
    pub fn asks(&self, item: &str) -> Asked {
        let named = |list: &[String]| list.iter().any(|name| name == item);
        match () {
            () if named(&self.environment.waive) => Asked::Waived,
            () if named(&self.environment.require) || ALWAYS.contains(&item) => Asked::Required,
            () => Asked::Not,
        }
    }
}

/// `environment` as `keyrite new` writes it: the whole list, each item required or waived. What an earlier file required
/// and waived stays, and what it did not speak of is said.
pub fn draft(require: &[String], waive: &[String]) -> String {
    let everything: Vec<String> = REQUIREMENTS.map(str::to_owned).to_vec();
    let pinned = |item: &&String| PINS.contains(&item.as_str());
    let (mut require, mut waive) = (require.to_vec(), waive.to_vec());
    if require.is_empty() && waive.is_empty() {
        waive = everything.iter().filter(pinned).cloned().collect();
        require = everything.iter().filter(|item| !pinned(item)).cloned().collect();
    }
    let mut text = String::from(
        "# What must hold on the machine. To require what is waived here, pin it: `binary_sha256:` has what `sha256sum` says of\n\
         # the program, and `module-sha256:` of a key what it says of the module. A module that needs a network or files of its\n\
         # own elsewhere needs no-inet-sockets or confined-files waived.\n",
    );
    let named = |item: &&String| require.contains(item) || waive.contains(item);
    let left: Vec<&str> = everything.iter().filter(|item| !named(item)).map(String::as_str).collect();
    if !left.is_empty() {
        text += &format!("# Not asked for by the file before: {}\n", left.join(", "));
    }
    text += &format!("environment:\n  require: [{}]\n", require.join(", "));
    if !waive.is_empty() {
        text += &format!("  waive: [{}]\n", waive.join(", "));
    }
    text
}

/// Reads `environment`.
pub(super) fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<EnvironmentSpec> {
    let mut fields = Fields::of(node, "environment", problems)?;
    let require = fields.names("require", problems);
    let waive = fields.names("waive", problems).map(|names| names.value).unwrap_or_default();
    let binaries = match fields.take("binary_sha256") {
        None => Vec::new(),
        Some(node) => match &node.kind {
            Kind::List(nodes) => nodes.iter().filter_map(|node| hash(node, problems)).collect(),
            _ => hash(node, problems).into_iter().collect(),
        },
    };
    fields.finish(problems);
    Some(EnvironmentSpec { require, waive, binaries })
}

fn hash(node: &Node, problems: &mut Vec<Problem>) -> Option<At<String>> {
    crate::plan::fields::text(node, "binary_sha256", problems)
}

/// What the file asks, when it does not contradict itself.
pub(super) fn resolve(file: &File, say: &mut Problems<'_>) -> Environment {
    let spec = &file.environment;
    let stated = spec.require.as_ref().map(|list| list.value.as_slice());
    for item in stated.unwrap_or_default().iter().chain(&spec.waive) {
        if !REQUIREMENTS.contains(&item.value.as_str()) {
            let text = format!(
                "{:?} is not something the pre-flight looks at; it looks at {}",
                item.value,
                REQUIREMENTS.join(", ")
            );
            say.say("REQUIREMENT-KNOWN", item.place, text);
        }
    }
    for item in &spec.waive {
        if stated.unwrap_or_default().iter().any(|required| required.value == item.value) {
            let text = format!("{} is required and waived; say one of them", item.value);
            say.say("WAIVED-OR-REQUIRED", item.place, text);
        }
    }
    pins(file, stated.unwrap_or_default(), say);
    let named = |list: &[At<String>]| list.iter().map(|item| item.value.clone()).collect::<Vec<_>>();
    let mut require = stated.map_or_else(|| USUAL.map(str::to_owned).to_vec(), named);
    let waive = named(&spec.waive);
    require.retain(|item| !waive.contains(item));
    let pinned = PINS[0].to_owned();
    if !spec.binaries.is_empty() && !require.contains(&pinned) && !waive.contains(&pinned) {
        require.push(pinned);
    }
    let binaries = spec.binaries.iter().filter_map(|pin| Digest::from_hex(&pin.value)).collect();
    Environment { require, stated: stated.is_some(), waive, binaries }
}

/// What is required of a hash needs the hash.
fn pins(file: &File, required: &[At<String>], say: &mut Problems<'_>) {
    for pin in &file.environment.binaries {
        if Digest::from_hex(&pin.value).is_none() {
            say.say("BINARY-PIN", pin.place, "\"binary_sha256\" must be 64 hex digits");
        }
    }
    for item in required {
        if item.value == "binary-sha256" && file.environment.binaries.is_empty() {
            let text =
                "binary-sha256 is required, and environment has no binary_sha256: `sha256sum` of the program";
            say.say("BINARY-PIN", item.place, text);
        }
        let unpinned = file.keys.iter().find(|key| {
            let on_token = matches!(&key.store, Some(At { value: StoreUri::Pkcs11(_), .. }));
            on_token && key.module_sha256.is_none()
        });
        if let (Some(key), "module-sha256") = (unpinned, item.value.as_str()) {
            let text = format!("module-sha256 is required, and key {} on a token names none", key.name.value);
            say.say("MODULE-PIN", item.place, text);
        }
    }
}
