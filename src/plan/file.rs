//! The ceremony file, format 1: from the tree of the file to typed values, each with its place.
//!
//! Only what one field says by itself is judged here; what fields say together is judged in `rules`.

use std::str::FromStr;

use crate::plan::delegations::DelegationsSpec;
use crate::plan::each::Cast;
use crate::plan::environment;
use crate::plan::environment::EnvironmentSpec;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::files::FilesSpec;
use crate::plan::kind::Kind as Type;
use crate::plan::materials;
use crate::plan::materials::Materials;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::people;
use crate::plan::people::PersonSpec;
use crate::plan::people::PresenceSpec;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::plan::shares;
use crate::plan::shares::SharesSpec;
use crate::plan::steps;
use crate::plan::steps::StepSpec;
use crate::plan::trust;
use crate::plan::trust::Trust;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::Scheme;
use crate::tuf::root::TOP_LEVEL;

/// What stands in the place of a STORE where a key's holder signs at another place.
pub const ELSEWHERE: &str = "elsewhere";

/// What people do in the room.
pub const PERSON_ROLES: [&str; 4] = ["operator", "custodian", "witness", "auditor"];

/// A key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySpec {
    /// The short name.
    pub name: At<String>,
    /// Who holds it.
    pub holder: Option<At<String>>,
    /// Where its private half lives.
    pub store: Option<At<StoreUri>>,
    /// Where the file says that its holder signs at another place.
    pub elsewhere: Option<Place>,
    /// Its scheme.
    pub scheme: Option<At<Scheme>>,
    /// Bits of an RSA key.
    pub bits: Option<At<u64>>,
    /// Made in the room.
    pub generate: bool,
    /// The file of its public half.
    pub public: Option<At<String>>,
    /// The file that proves its holder's possession.
    pub proof: Option<At<String>>,
    /// The keyid that the public file must have.
    pub keyid: Option<At<String>>,
    /// Throws of dice that go into it.
    pub dice: Option<At<u64>>,
    /// Nothing else goes into it.
    pub dice_only: Option<At<bool>>,
    /// Who holds a share of it.
    pub shares: Option<SharesSpec>,
    /// The pin on the PKCS#11 module.
    pub module_sha256: Option<At<String>>,
}

/// Where a ceremony starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct BeforeSpec {
    /// The metadata directory, relative to the ceremony file.
    pub metadata: At<String>,
    /// SHA-256 of its newest root file, in lower-case hex.
    pub root_sha256: At<String>,
}

/// What happened, of a compromise response.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentSpec {
    /// `incident`
    pub what: At<String>,
    /// `lost`
    pub lost: Vec<At<String>>,
    /// `stolen`
    pub stolen: Vec<At<String>>,
}

/// The state of a role after the ceremony.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleSpec {
    /// Where it stands.
    pub place: Place,
    /// Its version, when it is signed in the room.
    pub version: Option<At<u64>>,
    /// Its expiry, when it is signed in the room.
    pub expires: Option<At<Date>>,
    /// Names of its keys; where there is a before, those that it has when they are left out.
    pub keys: Option<Vec<At<String>>>,
    /// How many must sign; the same.
    pub threshold: Option<At<u64>>,
    /// Target files, of a targets role.
    pub files: Option<FilesSpec>,
    /// Whom it delegates to, of a targets role: the full list.
    pub delegations: Option<DelegationsSpec>,
}

/// When it may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClockSpec {
    /// Not before this.
    pub not_before: Option<At<Date>>,
    /// Not after this.
    pub not_after: Option<At<Date>>,
    /// Seconds that the people's clocks and the machine's may differ.
    pub max_skew: Option<At<u64>>,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// `id`
    pub id: At<String>,
    /// `title`
    pub title: String,
    /// `type`
    pub kind: At<Type>,
    /// `incident`, `lost` and `stolen`
    pub incident: Option<IncidentSpec>,
    /// `participants`
    pub participants: Vec<PersonSpec>,
    /// `presence`
    pub presence: PresenceSpec,
    /// `materials`
    pub materials: Materials,
    /// `keys`
    pub keys: Vec<KeySpec>,
    /// `trust`
    pub trust: Trust,
    /// `environment`
    pub environment: EnvironmentSpec,
    /// `clock`
    pub clock: ClockSpec,
    /// `outputs.bundle`
    pub bundle: At<String>,
    /// `steps`
    pub steps: Option<Vec<StepSpec>>,
}

impl File {
    /// Whether someone only signs, and that at another place.
    pub fn is_elsewhere(&self, person: &PersonSpec) -> bool {
        is_elsewhere(person, &self.keys, self.kind.value)
    }

    /// Who is in the room.
    pub fn here(&self) -> impl Iterator<Item = &PersonSpec> {
        self.participants.iter().filter(|person| !self.is_elsewhere(person))
    }
}

/// A ceremony that signs nothing is held in one room: that a key of it is elsewhere is wrong, and its holder is here.
fn is_elsewhere(person: &PersonSpec, keys: &[KeySpec], kind: Type) -> bool {
    let held = |key: &&KeySpec| key.holder.as_ref().is_some_and(|holder| holder.value == person.id.value);
    let mut held = keys.iter().filter(held);
    kind.signs() && held.clone().any(|key| key.elsewhere.is_some()) && held.all(|key| key.store.is_none())
}

/// Reads the file; every problem found is pushed, `None` when too little is left to judge.
pub fn read(top: &Node, problems: &mut Vec<Problem>) -> Option<File> {
    let mut fields = Fields::of(top, "the file", problems)?;
    version(&mut fields, problems)?;
    let kind = kind(&mut fields, problems)?;
    let incident = incident(&kind, &mut fields, problems);
    let id = fields.need_text("id", problems).filter(|id| file_name(id, "id", problems));
    let title = fields.need_text("title", problems);
    let participants = fields.need("participants", problems);
    let participants = participants.map(|node| people::read(node, problems)).unwrap_or_default();
    let presence =
        fields.take("presence").and_then(|node| people::presence(node, problems)).unwrap_or_default();
    let materials =
        fields.take("materials").and_then(|node| materials::read(node, problems)).unwrap_or_default();
    let keys = fields.need("keys", problems).map(|node| keys(node, problems)).unwrap_or_default();
    let trust = fields.need("trust", problems).and_then(|node| trust::read(node, kind.value, problems));
    let environment = fields.take("environment").and_then(|node| environment::read(node, problems));
    let clock = fields.take("clock").and_then(|node| clock(node, problems)).unwrap_or_default();
    let outputs = if kind.value.signs() { fields.need("outputs", problems) } else { fields.take("outputs") };
    let bundle = outputs.and_then(|node| {
        let mut fields = Fields::of(node, "outputs", problems)?;
        let bundle = fields.need_text("bundle", problems);
        fields.finish(problems);
        bundle
    });
    // Nothing leaves the room where nothing is signed.
    let nothing = At { value: "bundle".to_owned(), place: kind.place };
    let delegated = trust.iter().flat_map(|trust| trust.roles.keys()).map(String::as_str);
    let delegated = delegated.filter(|name| !TOP_LEVEL.contains(name));
    let roles = TOP_LEVEL.into_iter().chain(delegated).collect();
    let here: Vec<PersonSpec> =
        participants.iter().filter(|person| !is_elsewhere(person, &keys, kind.value)).cloned().collect();
    let cast = Cast { roles, people: &here, materials: &materials };
    let steps = fields.take("steps").map(|node| steps::read(node, &cast, problems));
    fields.finish(problems);
    let unread = || At { value: String::new(), place: kind.place };
    Some(File {
        id: id.unwrap_or_else(unread),
        title: title.map(|title| title.value).unwrap_or_default(),
        kind,
        incident,
        participants,
        presence,
        materials,
        keys,
        trust: trust?,
        environment: environment.unwrap_or_default(),
        clock,
        // Without `outputs` that has been said.
        bundle: bundle.unwrap_or(nothing),
        steps,
    })
}

fn version(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<()> {
    let format = fields.take("keyrite");
    match format.map(|node| (&node.kind, node.place)) {
        Some((Kind::Scalar { text, .. }, _)) if text == "1" => Some(()),
        Some((_, place)) => {
            let text = "`keyrite:` is the format of the file, and this version reads format 1";
            problems.push(Problem::error("FORMAT-VERSION", Some(place), text));
            None
        }
        None => {
            let text = "this is not a ceremony file: it does not begin with `keyrite: 1`";
            problems.push(Problem::error("FORMAT-VERSION", Some(fields.place), text));
            None
        }
    }
}

fn kind(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<At<Type>> {
    let At { value, place } = fields.need_text("type", problems)?;
    if let Some(value) = Type::named(&value) {
        return Some(At { value, place });
    }
    let text = format!("type {value:?} is not one that this version performs; it performs {}", Type::names());
    problems.push(Problem::error("TYPE-KNOWN", Some(place), text));
    None
}

/// `incident`, `lost` and `stolen`: of a compromise response, and of nothing else.
fn incident(kind: &At<Type>, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<IncidentSpec> {
    if kind.value != Type::CompromiseResponse {
        return None;
    }
    let what = fields.need_text("incident", problems);
    let lost = fields.names("lost", problems).map(|names| names.value).unwrap_or_default();
    let stolen = fields.names("stolen", problems).map(|names| names.value).unwrap_or_default();
    let what = what?;
    if lost.is_empty() && stolen.is_empty() {
        let text = "a compromise-response names the keys that are `lost` or `stolen`";
        problems.push(Problem::error("INCIDENT-KEYS", Some(what.place), text));
    }
    Some(IncidentSpec { what, lost, stolen })
}

/// Ids become names of files and of events: letters, digits, dot, dash, underscore.
fn file_name(name: &At<String>, what: &str, problems: &mut Vec<Problem>) -> bool {
    let fine = name.value.len() <= 64
        && name.value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !fine {
        let text = format!(
            "{what} {:?} must be up to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit",
            name.value
        );
        problems.push(Problem::error("NAME-FORM", Some(name.place), text));
    }
    fine
}

pub(super) fn entries<'a>(
    node: &'a Node,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(At<String>, &'a Node)> {
    let Kind::Map(fields) = &node.kind else {
        let text =
            format!("{what} must be a map of names, and is {}", crate::plan::node::describe(&node.kind));
        problems.push(Problem::error("WRONG-KIND", Some(node.place), text));
        return Vec::new();
    };
    // A name of the wrong form is said, and is a name all the same.
    let named = fields.iter().map(|(key, node)| {
        let name = At { value: key.text.clone(), place: key.place };
        file_name(&name, "the name", problems);
        (name, node)
    });
    named.collect()
}

fn keys(node: &Node, problems: &mut Vec<Problem>) -> Vec<KeySpec> {
    let keys = entries(node, "keys", problems);
    keys.into_iter().map(|(name, node)| key(name, node, problems)).collect()
}

/// A key, with what of it can be read.
fn key(name: At<String>, node: &Node, problems: &mut Vec<Problem>) -> KeySpec {
    let mut fields = Fields::or_none(node, format!("key {}", name.value), problems);
    let stored = fields.text("store", problems);
    let elsewhere = stored.as_ref().filter(|found| found.value == ELSEWHERE).map(|found| found.place);
    let named = stored.filter(|_| elsewhere.is_none());
    let store = named.and_then(|found| match StoreUri::from_str(&found.value) {
        Ok(value) => Some(At { value, place: found.place }),
        Err(bad) => {
            let rule = if bad.0.starts_with("pin-") { "NO-SECRET-IN-FILE" } else { "STORE-FORM" };
            let or = if bad.0.contains("is not a STORE") { ", or elsewhere" } else { "" };
            problems.push(Problem::error(
                rule,
                Some(found.place),
                format!("\"store\" of key {}: {bad}{or}", name.value),
            ));
            None
        }
    });
    let scheme = fields.text("scheme", problems).and_then(|found| match Scheme::from_str(&found.value) {
        Ok(value) => Some(At { value, place: found.place }),
        Err(bad) => {
            problems.push(Problem::error(
                "SCHEME-KNOWN",
                Some(found.place),
                format!("\"scheme\" of key {}: {bad}", name.value),
            ));
            None
        }
    });
    let spec = KeySpec {
        holder: fields.text("holder", problems),
        store,
        elsewhere,
        scheme,
        bits: fields.number("bits", problems),
        generate: fields.flag("generate", problems).is_some_and(|flag| flag.value),
        public: fields.text("public", problems),
        proof: fields.text("proof", problems),
        keyid: fields.text("keyid", problems),
        dice: fields.number("dice", problems),
        dice_only: fields.flag("dice_only", problems),
        shares: fields
            .take("shares")
            .and_then(|node| shares::read(node, &format!("key {}", name.value), problems)),
        module_sha256: fields.text("module-sha256", problems),
        name,
    };
    fields.finish(problems);
    spec
}

fn clock(node: &Node, problems: &mut Vec<Problem>) -> Option<ClockSpec> {
    let mut fields = Fields::of(node, "clock", problems)?;
    let clock = ClockSpec {
        not_before: fields.date("not_before", problems),
        not_after: fields.date("not_after", problems),
        max_skew: fields.number("max_skew", problems),
    };
    fields.finish(problems);
    Some(clock)
}
