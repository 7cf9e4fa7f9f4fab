//! What the fields of a key say together, and where keys and the bundle may lie.

use crate::plan::Before;
use crate::plan::Key;
use crate::plan::Kind;
use crate::plan::Outside;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::dice;
use crate::plan::fields::At;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::file::RoleSpec;
use crate::plan::lints::RETIRED_KEY;
use crate::plan::placeholder;
use crate::plan::rules::Problems;
use crate::plan::shares;
use crate::store_uri::StoreUri;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::RoleKeys;
use crate::tuf::Scheme;
use crate::words::Digest;

/// The rule by which a key that the metadata before lists is named by its keyid.
pub const LISTED_BY_KEYID: &str = "LISTED-KEY-BY-KEYID";

/// Names in the record that nothing else may have.
const RESERVED: [&str; 16] = [
    "before",
    "ceremony.yaml",
    "journal.jsonl",
    "runs.jsonl",
    "metadata",
    "keys",
    "inputs",
    "record.html",
    "record.txt",
    "lock",
    "names.json",
    "ledger.json",
    "drives",
    "checkpoint.txt",
    "cosignatures",
    "requests",
];

/// What can be said of a key without the metadata before.
pub(super) fn alone(spec: &KeySpec, file: &File, say: &mut Problems<'_>) {
    let (name, place) = (&spec.name.value, spec.name.place);
    if let Some(holder) = &spec.holder
        && !file.participants.iter().any(|person| person.id.value == holder.value)
    {
        say.say(
            "HOLDER-KNOWN",
            holder.place,
            format!("key {name} is held by {:?}, who is not a participant", holder.value),
        );
    }
    if spec.store.is_some() && spec.holder.is_none() {
        say.say(
            "HOLDER-NAMED",
            place,
            format!("key {name} signs in the room, and has no holder to bring it"),
        );
    }
    elsewhere(spec, file, say);
    if let Some(pin) = &spec.module_sha256 {
        if Digest::from_hex(&pin.value).is_none() {
            say.say(
                "MODULE-PIN",
                pin.place,
                format!("\"module-sha256\" of key {name} must be 64 hex digits"),
            );
        }
        if !matches!(&spec.store, Some(At { value: StoreUri::Pkcs11(_), .. })) {
            say.say("MODULE-PIN", pin.place, format!("key {name} is not on a token, so it has no module"));
        }
    }
    bits(spec, say);
}

/// A key that signs at another place is known before the day, and somebody there has it.
fn elsewhere(spec: &KeySpec, file: &File, say: &mut Problems<'_>) {
    let (name, Some(place)) = (&spec.name.value, spec.elsewhere) else { return };
    if spec.holder.is_none() {
        let text = format!("key {name} signs elsewhere, and has no holder to send its signature");
        say.say("HOLDER-NAMED", place, text);
    }
    if spec.generate {
        let text = format!(
            "key {name} would be made here, and its store is elsewhere; its holder makes it there (`keyrite key generate`), and the file has `public: FILE`"
        );
        say.say("ELSEWHERE-EXISTS", place, text);
    }
    let kind = file.kind.value;
    if !kind.signs() {
        let text = format!("a {} opens its keys in the room, and key {name} is elsewhere", kind.name());
        say.say("ELSEWHERE-ONLY-SIGNS", place, text);
    }
}

fn bits(spec: &KeySpec, say: &mut Problems<'_>) {
    let name = &spec.name.value;
    if let Some(bits) = &spec.bits {
        match &spec.scheme {
            Some(At { value: Scheme::RsaPssSha256, .. }) if spec.generate => {
                if !(2048..=8192).contains(&bits.value) || bits.value % 256 != 0 {
                    say.say(
                        "RSA-BITS",
                        bits.place,
                        format!(
                            "key {name} has {} bits; 2048 to 8192 in steps of 256 are allowed",
                            bits.value
                        ),
                    );
                }
            }
            _ => say.say(
                "RSA-BITS",
                bits.place,
                format!("only an RSA key that is made here has bits, and key {name} is none"),
            ),
        }
    }
}

/// A key, when its fields do not contradict each other.
pub(super) fn key(
    spec: &KeySpec,
    file: &File,
    before: Option<&Before>,
    say: &mut Problems<'_>,
) -> Option<Key> {
    let (name, place) = (&spec.name.value, spec.name.place);
    if let Some(keyid) = &spec.keyid {
        // Of one that would be made elsewhere, that was said.
        let made = spec.generate && spec.elsewhere.is_none();
        if made || (!spec.generate && spec.public.is_none() && before.is_none()) {
            say.say(
                "KEYID-OF-PUBLIC",
                keyid.place,
                format!("key {name} has no public file yet, so it has no keyid"),
            );
        } else if spec.public.is_some() && Digest::from_hex(&keyid.value).is_none() {
            say.say("KEYID-OF-PUBLIC", keyid.place, format!("\"keyid\" of key {name} must be 64 hex digits"));
        }
    }
    let source = match (&spec.keyid, before) {
        (Some(keyid), Some(before)) if !spec.generate && spec.public.is_none() => {
            listed(spec, keyid, before, file.kind.value, say)?
        }
        _ => source(spec, say)?,
    };
    if let Source::Generated { store: StoreUri::Age(path), .. } = &source {
        let at = spec.store.as_ref().map_or(place, |store| store.place);
        let fits = path.strip_prefix("keys/").is_some_and(|name| plain_name(name) && name.ends_with(".age"));
        if !fits {
            say.say(
                "KEYS-IN-RECORD",
                at,
                format!("key {name} is made inside the record, as age:keys/NAME.age; the file is {path:?}"),
            );
        }
    }
    let in_role = |role: &RoleSpec| {
        let delegated = role.delegations.iter().flat_map(|list| &list.entries).flat_map(|entry| &entry.keys);
        role.keys.iter().flatten().chain(delegated).any(|key| key.value == *name)
    };
    let signs = file.kind.value.signs();
    if !signs && spec.generate {
        let text = format!("a {} makes no key, and key {name} has `generate: true`", file.kind.value.name());
        say.say("TYPE-ALLOWS", place, text);
    }
    if signs && !matches!(source, Source::Listed { .. }) && !file.trust.roles.values().any(in_role) {
        say.say("KEY-USED", place, format!("key {name} is in no role; leave it out, or list it"));
    }
    let holder = spec.holder.as_ref().map(|holder| holder.value.clone());
    let module_sha256 = spec.module_sha256.as_ref().map(|pin| pin.value.to_ascii_lowercase());
    let throws = dice::throws(spec, file, say);
    let shares = shares::shares(spec, &source, file, say);
    let elsewhere = spec.elsewhere.is_some();
    Some(Key { name: name.clone(), holder, source, module_sha256, throws, shares, elsewhere, named: true })
}

/// A key that the metadata before lists under this keyid: that is where its public half comes from.
fn listed(
    spec: &KeySpec,
    keyid: &At<String>,
    before: &Before,
    kind: Kind,
    say: &mut Problems<'_>,
) -> Option<Source> {
    let name = &spec.name.value;
    let label = KeyId(keyid.value.clone());
    let lower = KeyId(keyid.value.to_ascii_lowercase());
    // What is destroyed was listed once.
    let public = |keyid: &KeyId| {
        let once = || if kind == Kind::Destruction { before.ever(keyid) } else { None };
        before.public(keyid).or_else(once)
    };
    let found = public(&label).map(|key| (label, key));
    let Some((keyid, public)) = found.or_else(|| public(&lower).map(|key| (lower, key))) else {
        let text = format!(
            "key {name} has keyid {}, which the metadata before does not list; a new key has `generate: true` or `public: FILE`",
            keyid.value
        );
        say.say("KEYID-IN-BEFORE", keyid.place, text);
        return None;
    };
    if let Some(scheme) = spec.scheme.as_ref().filter(|scheme| scheme.value != public.scheme()) {
        let text = format!("key {name} is {} in the metadata before, not {}", public.scheme(), scheme.value);
        say.say("KEYID-IN-BEFORE", scheme.place, text);
    }
    Some(Source::Listed { keyid, public, store: spec.store.as_ref().map(|store| store.value.clone()) })
}

/// Keys that are lost or stolen are named, and have no part in the ceremony.
pub(super) fn incident(file: &File, say: &mut Problems<'_>) {
    let Some(incident) = &file.incident else { return };
    let lost = incident.lost.iter().map(|key| ("lost", key));
    let gone = lost.chain(incident.stolen.iter().map(|key| ("stolen", key)));
    // What was only drafted is told for itself.
    for (what, key) in gone.filter(|(_, key)| key.value != placeholder::GONE) {
        let Some(spec) = file.keys.iter().find(|spec| spec.name.value == key.value) else {
            let text =
                format!("{what} key {:?} is not under `keys`; name it there with its keyid", key.value);
            say.say("INCIDENT-KEYS", key.place, text);
            continue;
        };
        let store = spec.store.as_ref().map(|store| store.place).or(spec.elsewhere);
        if let (Some(store), "lost") = (store, what) {
            let text =
                format!("key {} is lost, and has a store to sign with; leave out its store", key.value);
            say.say("LOST-KEY-CANNOT-SIGN", store, text);
        }
        for (role, spec) in &file.trust.roles {
            if let Some(at) = spec.keys.iter().flatten().find(|listed| listed.value == key.value) {
                let text = format!("key {} is {what}, and role {role} would still list it", key.value);
                say.say("INCIDENT-KEY-LEAVES", at.place, text);
            }
        }
    }
}

fn source(spec: &KeySpec, say: &mut Problems<'_>) -> Option<Source> {
    let (name, place) = (&spec.name.value, spec.name.place);
    let store = spec.store.as_ref().map(|store| store.value.clone());
    let public = spec.public.as_ref().map(|public| public.value.clone());
    match (spec.generate, store, public) {
        (true, Some(store), None) => match &spec.scheme {
            Some(scheme) => {
                let bits = spec.bits.as_ref().and_then(|bits| u32::try_from(bits.value).ok());
                return Some(Source::Generated { store, scheme: scheme.value, bits });
            }
            None => say.say("SCHEME-NAMED", place, format!("key {name} is made here, and has no scheme")),
        },
        // Of one that is elsewhere, that was said.
        (true, None, _) if spec.elsewhere.is_some() => {}
        (true, None, _) => {
            say.say("KEY-SOURCE", place, format!("key {name} is made here, and has no store to be made in"))
        }
        (true, Some(_), Some(_)) => {
            say.say(
                "KEY-SOURCE",
                place,
                format!("key {name} is made here, and has a public file already; leave one of them out"),
            );
        }
        (false, Some(store), Some(public)) => {
            return Some(Source::Existing { store, public: outside(spec, public) });
        }
        (false, Some(_), None) => {
            let text = format!(
                "key {name} exists, and its public half is not named; add `public: FILE` (`keyrite key show STORE` writes it), or `generate: true`"
            );
            say.say("KEY-SOURCE", place, text);
        }
        (false, None, Some(public)) => return Some(Source::Public { public: outside(spec, public) }),
        (false, None, None) => {
            say.say(
                "KEY-SOURCE",
                place,
                format!(
                    "key {name} comes from nowhere; it needs `store` and `generate: true`, or `public: FILE`"
                ),
            );
        }
    }
    None
}

fn outside(spec: &KeySpec, file: String) -> Outside {
    let keyid = spec.keyid.as_ref().map(|keyid| keyid.value.to_ascii_lowercase());
    let proof = spec.proof.as_ref().map(|proof| proof.value.clone());
    Outside { file, keyid, scheme: spec.scheme.as_ref().map(|scheme| scheme.value), proof }
}

/// Each key has a keyid of its own: two names for one key would let it count twice.
pub(super) fn keyids(file: &File, say: &mut Problems<'_>) {
    for (n, spec) in file.keys.iter().enumerate() {
        let Some(keyid) = &spec.keyid else { continue };
        let same = |other: &&KeySpec| {
            other.keyid.as_ref().is_some_and(|other| other.value.eq_ignore_ascii_case(&keyid.value))
        };
        if let Some(other) = file.keys[..n].iter().find(same) {
            let text = format!(
                "key {} has the keyid of key {}: one key, which counts once and has one name",
                spec.name.value, other.name.value
            );
            say.say("KEYID-ONCE", keyid.place, text);
        }
    }
}

/// A key that comes with a file is none that another name has, and none that the metadata before lists: under a name of its
/// own it would seem to be a new key, and a stolen one would come back. `outside` knows the public halves in files.
pub fn one_name(plan: &Plan, outside: &dyn Fn(&str) -> Option<PublicKey>) -> Vec<Problem> {
    let public = |key: &Key| match &key.source {
        Source::Listed { public, .. } => Some(public.clone()),
        Source::Existing { .. } | Source::Public { .. } => outside(&key.name),
        Source::Generated { .. } => None,
    };
    let known: Vec<(&Key, PublicKey)> =
        plan.keys.iter().filter_map(|key| Some((key, public(key)?))).collect();
    let mut problems = Vec::new();
    for (n, (key, public)) in known.iter().enumerate().filter(|(_, (key, _))| key.from_file()) {
        let same = |(at, (other, listed)): &(usize, &(&Key, PublicKey))| {
            let earlier = *at < n || !other.from_file();
            other.named && earlier && *at != n && listed.material() == public.material()
        };
        let twin = known.iter().enumerate().find(same).map(|(_, (other, _))| &other.name);
        let before = || plan.before.as_ref().and_then(|before| before.keyid(public));
        let accepted = plan.accepts(RETIRED_KEY);
        let retired =
            |public| plan.before.as_ref().filter(|_| !accepted).and_then(|before| before.last_listed(public));
        let (rule, text) = if let Some(other) = twin {
            let incident = plan.incident.as_ref();
            let stolen = incident.is_some_and(|incident| incident.stolen.contains(other));
            let stolen = if stolen { ", which is stolen" } else { "" };
            let once = "one key, which counts once and has one name";
            ("KEYID-ONCE", format!("key {} has the key of key {other}{stolen}: {once}", key.name))
        } else if let Some(keyid) = before() {
            let text = format!(
                "key {} is listed in the metadata before, and would seem to be a new one; write `keyid: {:?}` in the place of `public`",
                key.name, keyid.0
            );
            (LISTED_BY_KEYID, text)
        } else if let Some(version) = retired(public) {
            let text = format!(
                "key {} was listed by root {version}, and a later root dropped it; a key that was retired, perhaps as stolen, comes back only where accept names {RETIRED_KEY}",
                key.name
            );
            ("RETIRED-KEY", text)
        } else {
            continue;
        };
        let place = plan.places.get(&format!("key {}", key.name)).copied();
        problems.push(Problem::error(rule, place, text));
    }
    problems
}

/// Each key has a store of its own, however it is spelled.
pub(super) fn stores(file: &File, say: &mut Problems<'_>) {
    for (n, spec) in file.keys.iter().enumerate() {
        let Some(store) = &spec.store else { continue };
        let same = |other: &&KeySpec| {
            other.generate == spec.generate
                && other.store.as_ref().is_some_and(|at| one_store(&at.value, &store.value))
        };
        if let Some(other) = file.keys[..n].iter().find(same) {
            say.say(
                "STORE-ONCE",
                store.place,
                format!(
                    "key {} has the same store as key {}; each key has its own",
                    spec.name.value, other.name.value
                ),
            );
        }
    }
}

/// Whether two STOREs can be one: files whose names differ in case alone, tokens that nothing tells apart.
fn one_store(a: &StoreUri, b: &StoreUri) -> bool {
    match (a, b) {
        (StoreUri::Age(a), StoreUri::Age(b)) => a.eq_ignore_ascii_case(b),
        (StoreUri::Pkcs11(a), StoreUri::Pkcs11(b)) => {
            let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
            let named =
                (a.token.is_some() && a.token == b.token) || (a.serial.is_some() && a.serial == b.serial);
            named
                && agree(&a.token, &b.token)
                && agree(&a.serial, &b.serial)
                && agree(&a.model, &b.model)
                && agree(&a.manufacturer, &b.manufacturer)
                && agree(&a.object, &b.object)
                && (a.id.is_none() || b.id.is_none() || a.id == b.id)
        }
        _ => false,
    }
}

/// A ceremony that is held for keys names some with a store; and destroys none that a role still lists.
pub(super) fn held_for(file: &File, before: Option<&Before>, keys: &[Key], say: &mut Problems<'_>) {
    if file.kind.value.signs() {
        return;
    }
    if !file.keys.iter().any(|key| key.store.is_some()) {
        let text =
            format!("a {} is held for keys with a store, and the file names none", file.kind.value.name());
        say.say("KEYS-WITH-STORE", file.kind.place, text);
    }
    let Some(before) = before.filter(|_| file.kind.value == Kind::Destruction) else { return };
    for key in keys.iter().filter(|key| key.named && key.store().is_some()) {
        let Source::Listed { public, .. } = &key.source else { continue };
        let lists = |said: &RoleKeys| said.keys.values().any(|listed| listed.material() == public.material());
        let role = before
            .repository
            .trust()
            .into_iter()
            .find(|(_, said)| said.iter().any(|trust| lists(&trust.keys)));
        let place = file.keys.iter().find(|spec| spec.name.value == key.name).map(|spec| spec.name.place);
        if let (Some((role, _)), Some(place)) = (role, place) {
            let text = format!(
                "key {} would be destroyed, and {role} still lists it; take it out with a key-rotation first",
                key.name
            );
            say.say("DESTROY-NO-LISTED-KEY", place, text);
        }
    }
}

/// A name that is fine on every medium.
fn plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

/// The bundle has a name of its own in the record.
pub(super) fn bundle_name(bundle: &At<String>, say: &mut Problems<'_>) {
    let name = bundle.value.to_ascii_lowercase();
    if !plain_name(&name) {
        say.say(
            "BUNDLE-IN-RECORD",
            bundle.place,
            format!(
                "\"bundle\" of outputs is one name inside the record, such as bundle; it is {:?}",
                bundle.value
            ),
        );
    } else if RESERVED.contains(&name.as_str()) || name.ends_with(".partial") {
        say.say(
            "BUNDLE-IN-RECORD",
            bundle.place,
            format!("\"bundle\" of outputs is {:?}, which the record itself uses", bundle.value),
        );
    }
}
