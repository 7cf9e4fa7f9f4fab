//! Writing `delegations` of a targets role: the full new list, checked rule by rule, as one JSON object.
//!
//! What carries over from the object before stays as it was read: key objects, the order of keyids, and fields that
//! the specification does not name. What is new is written in the one form that every client reads alike.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::delegations::rules;
use crate::tuf::fault::Fault;
use crate::tuf::few::and_more;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::paths::taken;
use crate::tuf::role::RoleKeys;

/// How bins are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `succinct_roles` (TAP 15): a few bytes, for clients that know it.
    Succinct,
    /// One entry with its `path_hash_prefixes` for each bin, for every client.
    Classic,
}

/// Hash bins: many roles with the same keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// How many, and their names.
    pub layout: Layout,
    /// How they are written.
    pub style: Style,
    /// Who signs each of them.
    pub role_keys: Arc<RoleKeys>,
}

/// One entry of a list as people write it.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A role with its paths.
    Role(Delegation),
    /// Bins.
    Bins(Bins),
}

/// What a targets role shall delegate: all of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Roles, in order of priority.
    Roles(Vec<Delegation>),
    /// Bins, and nothing beside them.
    Bins(Bins),
}

impl Wanted {
    /// The list, in which bins stand alone (BINS-ALONE): `succinct_roles` leaves no place for other roles.
    pub fn of(entries: Vec<Entry>) -> Result<Self, Fault> {
        let alone = entries.len() == 1;
        let mut roles = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Role(role) => roles.push(role),
                Entry::Bins(bins) if alone => return Ok(Self::Bins(bins)),
                Entry::Bins(bins) => {
                    let prefix = bins.layout.prefix();
                    let text = format!(
                        "the bins {prefix:?} stand beside other delegations; bins take every path, and stand alone"
                    );
                    return Err(Fault::new("BINS-ALONE", prefix, text));
                }
            }
        }
        Ok(Self::Roles(roles))
    }

    /// The names of all roles that it delegates to, in order.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Roles(roles) => roles.iter().map(|role| role.name.clone()).collect(),
            Self::Bins(bins) => (0..bins.layout.count()).map(|n| bins.layout.name(n)).collect(),
        }
    }

    /// What is allowed and still worth a word: prefixes of which one lies inside the other.
    pub fn remarks(&self) -> Vec<Fault> {
        let Self::Roles(roles) = self else { return Vec::new() };
        let by_prefix = |role: &Delegation| matches!(role.paths, Paths::HashPrefixes(_));
        let unreached = taken(roles).into_iter().zip(roles).filter(|(taken, _)| !taken.is_empty());
        let unreached = unreached.map(|(taken, role)| {
            let name = &role.name;
            let hashes = if by_prefix(role) { "hashes that begin with " } else { "" };
            let taken = and_more(&[format!("{:?}", taken[0])], taken.len());
            let text = format!(
                "{name} can never sign for {hashes}{taken}: terminating delegations before it take them"
            );
            Fault::new("delegation-never-reached", name, text)
        });
        let roles = roles.iter().map(|role| (role.name.as_str(), &role.paths));
        let say = |(first, second, prefix): (&str, &str, &str)| {
            let text = format!("{second} has the prefix {prefix}, where {first} is asked first");
            Fault::new("prefixes-overlap", second, text)
        };
        rules::overlaps(roles).into_iter().map(say).chain(unreached).collect()
    }

    fn each_role_keys(&self) -> Vec<(&str, &Arc<RoleKeys>)> {
        match self {
            Self::Roles(roles) => roles.iter().map(|role| (role.name.as_str(), &role.role_keys)).collect(),
            Self::Bins(bins) => vec![(bins.layout.prefix(), &bins.role_keys)],
        }
    }
}

/// What the label of a new key must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The keyid that every client computes.
    Computed,
    /// Any: in a rehearsal other keys stand in under the keyids of those that exist.
    StoodInFor,
}

/// The object `delegations`. `before` is the one that it takes the place of; every rule that is broken is told.
pub fn author(wanted: &Wanted, before: Option<&Value>, labels: Labels) -> Result<Value, Vec<Fault>> {
    let before = Before::of(before);
    let mut faults = Vec::new();
    if let Wanted::Roles(roles) = wanted {
        let fixed = before.roles.keys().copied().collect();
        rules::names(roles.iter().map(|role| role.name.as_str()), &fixed, &mut faults);
        for role in roles {
            rules::paths(&role.name, &role.paths, &mut faults);
        }
    }
    for (name, role_keys) in wanted.each_role_keys() {
        rules::role_keys(name, role_keys, &mut faults);
    }
    let keys = keys(wanted, &before, labels, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut object = before.extra();
    object.insert("keys".to_owned(), Value::Object(keys));
    match wanted {
        Wanted::Roles(roles) => {
            let roles: Vec<Value> = roles.iter().map(|role| role_json(role, &before)).collect();
            object.insert("roles".to_owned(), Value::Array(roles));
        }
        Wanted::Bins(bins @ Bins { style: Style::Succinct, .. }) => {
            object.insert("succinct_roles".to_owned(), succinct(bins, &before));
        }
        Wanted::Bins(bins @ Bins { style: Style::Classic, .. }) => {
            let roles = classic(bins);
            let roles: Vec<Value> = roles.iter().map(|role| role_json(role, &before)).collect();
            object.insert("roles".to_owned(), Value::Array(roles));
        }
    }
    let object = Value::Object(object);
    // Whoever reads it next reads it so: what does not come back is never signed.
    match Delegations::from_json(&object) {
        Ok(_) => Ok(object),
        Err(error) => Err(vec![Fault::new("DELEGATIONS-READABLE", "", error.to_string())]),
    }
}

/// One entry a bin, in order.
fn classic(bins: &Bins) -> Vec<Delegation> {
    let bin = |number: u32| Delegation {
        name: bins.layout.name(number),
        role_keys: Arc::clone(&bins.role_keys),
        paths: Paths::HashPrefixes(bins.layout.prefixes(number)),
        terminating: false,
    };
    (0..bins.layout.count()).map(bin).collect()
}

fn succinct(bins: &Bins, before: &Before<'_>) -> Value {
    let old = before.succinct;
    let mut json = others(old, &["keyids", "threshold", "bit_length", "name_prefix"]);
    json.insert("keyids".to_owned(), keyids(&bins.role_keys, old));
    json.insert("threshold".to_owned(), json!(bins.role_keys.threshold));
    json.insert("bit_length".to_owned(), json!(bins.layout.bits()));
    json.insert("name_prefix".to_owned(), json!(bins.layout.prefix()));
    Value::Object(json)
}

fn role_json(role: &Delegation, before: &Before<'_>) -> Value {
    let old = before.roles.get(role.name.as_str()).copied();
    let own = ["name", "keyids", "threshold", "terminating", "paths", "path_hash_prefixes"];
    let mut json = others(old, &own);
    json.insert("name".to_owned(), json!(role.name));
    json.insert("keyids".to_owned(), keyids(&role.role_keys, old));
    json.insert("threshold".to_owned(), json!(role.role_keys.threshold));
    json.insert("terminating".to_owned(), json!(role.terminating));
    match &role.paths {
        Paths::Patterns(patterns) => json.insert("paths".to_owned(), json!(patterns)),
        Paths::HashPrefixes(prefixes) => json.insert("path_hash_prefixes".to_owned(), json!(prefixes)),
        // Refused by BINS-ALONE before this.
        Paths::Bin { .. } => None,
    };
    Value::Object(json)
}

/// The labels, in the order of the entry before where they are the same ones.
fn keyids(role_keys: &RoleKeys, old: Option<&Map<String, Value>>) -> Value {
    let listed = old.and_then(|old| old.get("keyids"));
    let labels = |list: &Value| -> Option<BTreeSet<String>> {
        list.as_array()?.iter().map(|label| label.as_str().map(str::to_owned)).collect()
    };
    let wanted: BTreeSet<String> = role_keys.keys.keys().map(|keyid| keyid.0.clone()).collect();
    match listed {
        Some(list) if labels(list).as_ref() == Some(&wanted) => list.clone(),
        _ => json!(wanted),
    }
}

/// `keys`: every key that a role lists, and no other. KEYID-ONE-KEY, KEYID-OF-KEY.
fn keys(wanted: &Wanted, before: &Before<'_>, labels: Labels, faults: &mut Vec<Fault>) -> Map<String, Value> {
    let mut seen: BTreeMap<&KeyId, &PublicKey> = BTreeMap::new();
    let mut object = Map::new();
    for (role, role_keys) in wanted.each_role_keys() {
        for (keyid, key) in &role_keys.keys {
            if let Some(other) = seen.insert(keyid, key) {
                if other.material() != key.material() {
                    let text = format!("role {role}: two keys are called {keyid}");
                    faults.push(Fault::new("KEYID-ONE-KEY", role, text));
                }
                continue;
            }
            if let Some(old) = before.key(keyid, key) {
                object.insert(keyid.0.clone(), old.clone());
                continue;
            }
            match new_key(keyid, key, labels) {
                Some(json) => drop(object.insert(keyid.0.clone(), json)),
                None => {
                    let text = format!("role {role}: {keyid} is no keyid of the key that it names");
                    faults.push(Fault::new("KEYID-OF-KEY", role, text));
                }
            }
        }
    }
    object
}

/// keytype, scheme and keyval alone, so that every client computes the same keyid; as it was read, when its label
/// is a hash over more than these.
fn new_key(keyid: &KeyId, key: &PublicKey, labels: Labels) -> Option<Value> {
    let json = key.to_json();
    let plain = ["keytype", "scheme", "keyval"].map(|name| (name.to_owned(), json[name].clone()));
    let plain = Value::Object(plain.into_iter().collect());
    let is_plain = PublicKey::from_json(&plain).is_ok_and(|key| key.keyid() == *keyid);
    match (is_plain, key.keyid() == *keyid, labels) {
        (true, _, _) => Some(plain),
        (false, true, _) | (false, false, Labels::StoodInFor) => Some(json.clone()),
        (false, false, Labels::Computed) => None,
    }
}

/// The object that is replaced, by what is looked up in it.
#[derive(Default)]
struct Before<'a> {
    object: Option<&'a Map<String, Value>>,
    roles: BTreeMap<&'a str, &'a Map<String, Value>>,
    succinct: Option<&'a Map<String, Value>>,
}

impl<'a> Before<'a> {
    fn of(before: Option<&'a Value>) -> Self {
        let Some(object) = before.and_then(Value::as_object) else { return Self::default() };
        let list = object.get("roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let named = |role: &'a Value| Some((role.get("name").and_then(Value::as_str)?, role.as_object()?));
        Self {
            object: Some(object),
            roles: list.iter().filter_map(named).collect(),
            succinct: object.get("succinct_roles").and_then(Value::as_object),
        }
    }

    fn extra(&self) -> Map<String, Value> {
        others(self.object, &["keys", "roles", "succinct_roles"])
    }

    /// The object of a key that stays the same under its label.
    fn key(&self, keyid: &KeyId, key: &PublicKey) -> Option<&'a Value> {
        let json = self.object?.get("keys")?.get(&keyid.0)?;
        let old = PublicKey::from_json(json).ok()?;
        (old.material() == key.material() && old.scheme() == key.scheme()).then_some(json)
    }
}

/// The members that `own` does not name.
fn others(object: Option<&Map<String, Value>>, own: &[&str]) -> Map<String, Value> {
    let members = object.into_iter().flatten().filter(|(name, _)| !own.contains(&name.as_str()));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> PublicKey {
        PublicKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key().to_bytes())
    }

    fn role_keys(keys: &[u8], threshold: u32) -> Arc<RoleKeys> {
        let keys = keys.iter().map(|n| (key(*n).keyid(), key(*n))).collect();
        Arc::new(RoleKeys { keys, threshold })
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn role(name: &str, keys: &[u8], threshold: u32, paths: Paths) -> Delegation {
        let role_keys = role_keys(keys, threshold);
        Delegation { name: name.to_owned(), role_keys, paths, terminating: false }
    }

    fn patterns(list: &[&str]) -> Paths {
        Paths::Patterns(texts(list))
    }

    fn prefixes(list: &[&str]) -> Paths {
        Paths::HashPrefixes(texts(list))
    }

    fn bins(count: u64, style: Style) -> Wanted {
        let layout = Layout::new(count, "bin").unwrap();
        Wanted::Bins(Bins { layout, style, role_keys: role_keys(&[1, 2], 2) })
    }

    fn broken(roles: Vec<Delegation>) -> Vec<&'static str> {
        author(&Wanted::Roles(roles), None, Labels::Computed)
            .unwrap_err()
            .iter()
            .map(|fault| fault.rule)
            .collect()
    }

    #[test]
    fn a_list_is_read_back_as_it_was_meant() {
        let mut roles = vec![
            role("dev", &[1, 2], 2, patterns(&["dev/*", "dev/*/?.tgz"])),
            role("ops", &[3], 1, prefixes(&["00", "01"])),
        ];
        roles[0].terminating = true;

        let json = author(&Wanted::Roles(roles.clone()), None, Labels::Computed).unwrap();

        assert_eq!(Delegations::from_json(&json).unwrap().roles, roles);
        assert_eq!(json["keys"].as_object().unwrap().len(), 3);
        assert_eq!(json["keys"][key(1).keyid().0.as_str()], *key(1).to_json());
    }

    #[test]
    fn bins_of_both_styles_are_read_back_with_the_same_names() {
        for (count, style) in [(2, Style::Succinct), (1024, Style::Succinct), (1024, Style::Classic)] {
            let wanted = bins(count, style);

            let json = author(&wanted, None, Labels::Computed).unwrap();

            let read = Delegations::from_json(&json).unwrap();
            let names: Vec<&str> = read.roles.iter().map(|role| role.name.as_str()).collect();
            assert_eq!(names, wanted.names());
            let Wanted::Bins(bins) = &wanted else { unreachable!() };
            for path in ["a", "a/b", "release.txt"] {
                assert_eq!(read.matching(path), [bins.layout.bin_of(path) as usize], "{style:?}");
            }
        }
    }

    #[test]
    fn what_is_no_delegation_is_refused_by_name() {
        let fine = || patterns(&["a"]);
        for (rule, delegation) in [
            ("DELEGATION-NAME", role("root", &[1], 1, fine())),
            ("DELEGATION-NAME", role("Timestamp", &[1], 1, fine())),
            ("DELEGATION-NAME", role("", &[1], 1, fine())),
            ("DELEGATION-NAME", role("a/b", &[1], 1, fine())),
            ("DELEGATION-NAME", role("../a", &[1], 1, fine())),
            ("DELEGATION-NAME", role("2.dev", &[1], 1, fine())),
            ("DELEGATION-NAME", role("dev.JSON", &[1], 1, fine())),
            ("DELEGATION-NAME", role(&"n".repeat(65), &[1], 1, fine())),
            ("THRESHOLD-AT-LEAST-1", role("dev", &[1], 0, fine())),
            ("THRESHOLD-WITHIN-KEYS", role("dev", &[1, 2], 3, fine())),
            ("THRESHOLD-WITHIN-KEYS", role("dev", &[], 1, fine())),
            ("PATHS-NAMED", role("dev", &[1], 1, patterns(&[]))),
            ("PATHS-NAMED", role("dev", &[1], 1, prefixes(&[]))),
            ("PATTERN-FORM", role("dev", &[1], 1, patterns(&[""]))),
            ("PATTERN-FORM", role("dev", &[1], 1, patterns(&["/dev/*"]))),
            ("PATTERN-FORM", role("dev", &[1], 1, patterns(&["dev/../*"]))),
            ("PATTERN-FORM", role("dev", &[1], 1, patterns(&["dev\\*"]))),
            ("PATTERN-FORM", role("dev", &[1], 1, patterns(&["dev/"]))),
            ("PATTERN-GLOB", role("dev", &[1], 1, patterns(&["dev/**"]))),
            ("PATTERN-GLOB", role("dev", &[1], 1, patterns(&["dev/[ab]"]))),
            ("PATTERN-GLOB", role("dev", &[1], 1, patterns(&["dev/{a,b}"]))),
            ("PATTERN-ONCE", role("dev", &[1], 1, patterns(&["a", "a"]))),
            ("PREFIX-FORM", role("dev", &[1], 1, prefixes(&["0g"]))),
            ("PREFIX-FORM", role("dev", &[1], 1, prefixes(&["0A"]))),
            ("PREFIX-FORM", role("dev", &[1], 1, prefixes(&[""]))),
            ("PREFIX-ONCE", role("dev", &[1], 1, prefixes(&["00", "00"]))),
            ("PREFIX-LENGTHS", role("dev", &[1], 1, prefixes(&["00", "010"]))),
            ("BINS-ALONE", role("dev", &[1], 1, Paths::Bin { number: 0, bits: 1 })),
        ] {
            let shown = format!("{delegation:?}");

            assert_eq!(broken(vec![delegation]), [rule], "{shown}");
        }
    }

    #[test]
    fn names_stand_once_also_where_case_is_ignored() {
        for (first, second) in [("dev", "dev"), ("dev", "DEV")] {
            let roles = [first, second].map(|name| role(name, &[1], 1, patterns(&["a"])));

            assert_eq!(broken(roles.to_vec()), ["DELEGATION-NAME-ONCE"]);
        }
    }

    #[test]
    fn one_key_under_two_labels_is_refused() {
        let mut dev = role("dev", &[1, 2], 2, patterns(&["a"]));
        let spelled = PublicKey::from_json(&json!({"keytype": "ed25519", "scheme": "ed25519",
            "keyval": key(1).to_json()["keyval"], "x-owner": "dana"}));
        let spelled = spelled.unwrap();
        Arc::make_mut(&mut dev.role_keys).keys.insert(spelled.keyid(), spelled);

        assert_eq!(broken(vec![dev]), ["KEY-MATERIAL-ONCE"]);
    }

    #[test]
    fn a_label_is_the_hash_of_its_key_and_names_one_key() {
        let with = |name: &str, label: &str, n: u8| {
            let mut dev = role(name, &[], 1, patterns(&["a"]));
            Arc::make_mut(&mut dev.role_keys).keys.insert(KeyId(label.to_owned()), key(n));
            dev
        };

        assert_eq!(broken(vec![with("dev", "any", 1)]), ["KEYID-OF-KEY"]);
        let rehearsed = author(&Wanted::Roles(vec![with("dev", "any", 1)]), None, Labels::StoodInFor);
        assert_eq!(rehearsed.unwrap()["keys"]["any"], *key(1).to_json());
        let label = key(1).keyid().0;
        assert_eq!(broken(vec![with("dev", &label, 1), with("ops", &label, 2)]), ["KEYID-ONE-KEY"]);
    }

    #[test]
    fn a_new_key_has_no_field_but_the_three() {
        let owned = PublicKey::from_json(&json!({"keytype": "ed25519", "scheme": "ed25519",
            "keyval": key(1).to_json()["keyval"], "x-owner": "dana"}));
        let mut dev = role("dev", &[], 1, patterns(&["a"]));
        Arc::make_mut(&mut dev.role_keys).keys.insert(key(1).keyid(), owned.unwrap());

        let json = author(&Wanted::Roles(vec![dev]), None, Labels::Computed).unwrap();

        assert_eq!(json["keys"][key(1).keyid().0.as_str()], *key(1).to_json());
    }

    #[test]
    fn what_carries_over_stays_as_it_was_read() {
        let (a, b) = (key(1).keyid().0, key(2).keyid().0);
        let mut spelled = key(1).to_json().clone();
        spelled["x-owner"] = json!("dana");
        let mut both = [a.clone(), b.clone()];
        both.sort();
        both.reverse();
        let before = json!({
            "keys": {a.clone(): spelled, b.clone(): key(2).to_json(), "gone": key(3).to_json()},
            "x-note": 1,
            "roles": [
                {"name": "team/dev", "keyids": both, "threshold": 1, "terminating": true, "paths": ["a/"], "x-since": 2024},
                {"name": "gone", "keyids": ["gone"], "threshold": 1, "paths": ["b"]},
            ],
        });
        let stays = role("team/dev", &[1, 2], 2, patterns(&["a/*"]));

        let json = author(&Wanted::Roles(vec![stays]), Some(&before), Labels::Computed).unwrap();

        assert_eq!(
            json,
            json!({
                "keys": {a: before["keys"][&both[if both[0] == key(1).keyid().0 { 0 } else { 1 }]], b: key(2).to_json()},
                "x-note": 1,
                "roles": [{"name": "team/dev", "keyids": both, "threshold": 2, "terminating": false,
                    "paths": ["a/*"], "x-since": 2024}],
            })
        );
    }

    #[test]
    fn bins_stand_alone() {
        let Wanted::Bins(bins) = bins(8, Style::Classic) else { unreachable!() };
        let beside = Entry::Role(role("dev", &[1], 1, patterns(&["a"])));

        let fault = Wanted::of(vec![Entry::Bins(bins.clone()), beside.clone()]).unwrap_err();

        assert_eq!(fault.rule, "BINS-ALONE");
        assert_eq!(Wanted::of(vec![Entry::Bins(bins.clone())]), Ok(Wanted::Bins(bins)));
        assert!(matches!(Wanted::of(vec![beside]), Ok(Wanted::Roles(roles)) if roles.len() == 1));
    }

    #[test]
    fn prefixes_inside_those_of_another_role_are_remarked() {
        let wanted = |first: &[&str], second: &[&str]| {
            let roles =
                [("one", first), ("two", second)].map(|(name, list)| role(name, &[1], 1, prefixes(list)));
            Wanted::Roles(roles.to_vec()).remarks()
        };

        assert_eq!(wanted(&["00", "01"], &["02"]), []);
        for (first, second) in [("00", "00"), ("0", "0a"), ("0a", "0")] {
            let remarks = wanted(&[first], &[second]);

            assert_eq!(remarks.len(), 1, "{first} {second}");
            assert_eq!(remarks[0].text, format!("two has the prefix {second}, where one is asked first"));
        }
    }

    proptest! {
        /// Whatever is asked for is read back as it was meant, or refused; what is written once is written again alike.
        #[test]
        fn any_list_comes_back_or_is_refused(
            roles in prop::collection::vec(
                (
                    "[a-cR.]{0,3}",
                    prop::collection::btree_set(1_u8..5, 0..3),
                    0_u32..4,
                    any::<bool>(),
                    prop::collection::vec("[ab*/?.]{0,4}|[0-2a]{1,3}", 0..3),
                    any::<bool>(),
                ),
                0..4,
            ),
        ) {
            let of = |(name, keys, threshold, hashed, list, terminating): (String, _, _, bool, Vec<String>, bool)| {
                let keys: Vec<u8> = std::collections::BTreeSet::into_iter(keys).collect();
                let paths = if hashed { Paths::HashPrefixes(list) } else { Paths::Patterns(list) };
                Delegation { terminating, ..role(&name, &keys, threshold, paths) }
            };
            let roles: Vec<Delegation> = roles.into_iter().map(of).collect();
            let wanted = Wanted::Roles(roles.clone());

            if let Ok(json) = author(&wanted, None, Labels::Computed) {
                prop_assert_eq!(Delegations::from_json(&json).unwrap().roles, roles);
                prop_assert_eq!(author(&wanted, Some(&json), Labels::Computed).unwrap(), json);
            }
        }
    }
}
