//! Delegations of a targets role: who may sign for which paths (TUF section 4.5, TAP 15 for succinct roles).
//!
//! Order is priority. A pattern's `*` and `?` never cross a `/`. A path is looked up in an index, so that
//! thousands of bins cost one hash of the path and not one comparison each.

pub mod author;
pub mod group;
pub mod layout;
mod rules;
pub mod tough;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::tuf::fields;
use crate::tuf::key::KeyId;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::MetadataError;
use crate::tuf::role::RoleKeys;
use crate::tuf::root;
use crate::tuf::root::TOP_LEVEL;

/// The most bins that succinct roles may ask for: 2^15.
const MAX_BIT_LENGTH: u64 = 15;

/// Which target paths a role may sign for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// `paths`: patterns with `*` and `?`.
    Patterns(Vec<String>),
    /// `path_hash_prefixes`: the beginning of the SHA-256 of the path, in hex.
    HashPrefixes(Vec<String>),
    /// One bin of succinct roles: its number, of `1 << bits`.
    Bin {
        /// The number.
        number: u64,
        /// `bit_length`
        bits: u32,
    },
}

/// One delegated role.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegation {
    /// The role's name.
    pub name: String,
    /// Who signs for it, by this delegator's word.
    pub role_keys: Arc<RoleKeys>,
    /// What it may sign for.
    pub paths: Paths,
    /// Whether the search ends with this role and what it delegates.
    pub terminating: bool,
}

/// The delegations of one role, in order of priority.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegations {
    /// The delegated roles.
    pub roles: Vec<Delegation>,
    /// Labels of keys of kinds that we cannot verify with.
    pub other_keys: Vec<KeyId>,
    /// Every key that can verify, under its label.
    pub keys: BTreeMap<KeyId, PublicKey>,
    patterns: Vec<(String, usize)>,
    prefixes: HashMap<String, Vec<usize>>,
    prefix_lengths: BTreeSet<usize>,
    bits: Option<u32>,
}

impl Delegations {
    /// Reads `delegations` of a targets role.
    pub fn from_json(json: &Value) -> Result<Self, MetadataError> {
        let in_delegations = |e: MetadataError| MetadataError(format!("delegations: {e}"));
        Self::read(json).map_err(in_delegations)
    }

    fn read(json: &Value) -> Result<Self, MetadataError> {
        let (keys, other) = root::keys(fields::member(json, "keys")?);
        let mut last: Option<Arc<RoleKeys>> = None;
        let mut of = |role: &Value| -> Result<Arc<RoleKeys>, MetadataError> {
            let (keyids, threshold) = root::keyids_and_threshold(role)?;
            let key = |keyid: KeyId| keys.get(&keyid).cloned().map(|key| (keyid, key));
            let role_keys = RoleKeys { keys: keyids.into_iter().filter_map(key).collect(), threshold };
            // Bins have the same keys, thousands of times: they hold them once.
            let known = last.take().filter(|known| **known == role_keys);
            Ok(Arc::clone(last.insert(known.unwrap_or_else(|| Arc::new(role_keys)))))
        };
        let listed = json.get("roles").filter(|v| !v.is_null());
        let succinct = json.get("succinct_roles").filter(|v| !v.is_null());
        let roles = match (listed, succinct) {
            (Some(Value::Array(list)), None) => {
                let role = |role: &Value| listed_role(role, of(role)?);
                list.iter().map(role).collect::<Result<Vec<_>, MetadataError>>()?
            }
            (None, Some(succinct)) => bins(succinct, of(succinct)?)?,
            (Some(_), Some(_)) => return Err(MetadataError::new("both roles and succinct_roles")),
            _ => return Err(MetadataError::new("roles is not a list")),
        };
        let mut names = BTreeSet::new();
        for Delegation { name, .. } in &roles {
            if name.is_empty() || TOP_LEVEL.contains(&name.as_str()) {
                return Err(MetadataError(format!("a role cannot be named {name:?}")));
            }
            if !names.insert(name) {
                return Err(MetadataError(format!("the role {name:?} stands twice")));
            }
        }
        Ok(Self::indexed(roles, keys, other.into_keys().collect()))
    }

    fn indexed(roles: Vec<Delegation>, keys: BTreeMap<KeyId, PublicKey>, other_keys: Vec<KeyId>) -> Self {
        let (mut patterns, mut prefixes) = (Vec::new(), HashMap::<String, Vec<usize>>::new());
        // The bin of a path is then known by its number, and no prefix is looked for.
        let mut bits = layout::classic_bits(&roles);
        for (i, role) in roles.iter().enumerate() {
            match &role.paths {
                Paths::HashPrefixes(_) if bits.is_some() => {}
                Paths::Patterns(list) => patterns.extend(list.iter().map(|p| (p.clone(), i))),
                Paths::HashPrefixes(list) => {
                    for prefix in list {
                        prefixes.entry(prefix.to_ascii_lowercase()).or_default().push(i);
                    }
                }
                Paths::Bin { bits: of, .. } => bits = Some(*of),
            }
        }
        let prefix_lengths = prefixes.keys().map(String::len).collect();
        Self { roles, other_keys, keys, patterns, prefixes, prefix_lengths, bits }
    }

    /// The places in `roles` that a path is delegated to, in order of priority.
    pub fn matching(&self, path: &str) -> Vec<usize> {
        let mut found = Vec::new();
        self.matching_into(path, &mut found);
        found
    }

    /// The same, into a list that is used again: for a million paths.
    pub(crate) fn matching_into(&self, path: &str, found: &mut Vec<usize>) {
        self.matching_by(matches_pattern, path, found);
    }

    /// Those that tough follows to a path, by its own reading of patterns.
    pub(crate) fn matching_in_tough(&self, path: &str) -> Vec<usize> {
        let mut found = Vec::new();
        self.matching_by(matches_in_tough, path, &mut found);
        found
    }

    fn matching_by(&self, matches: fn(&str, &str) -> bool, path: &str, found: &mut Vec<usize>) {
        found.clear();
        let patterns = self.patterns.iter().filter(|(p, _)| matches(p, path));
        found.extend(patterns.map(|(_, i)| *i));
        if self.bits.is_some() || !self.prefix_lengths.is_empty() {
            let digest = Sha256::digest(path.as_bytes());
            found.extend(self.bits.and_then(|bits| usize::try_from(bin_of(&digest, bits)).ok()));
            // As much of the digest in hex as the longest prefix has.
            let longest = self.prefix_lengths.last().map_or(0, |length| length.div_ceil(2).min(digest.len()));
            let mut hex = [0; 64];
            let hex = &mut hex[..longest * 2];
            // It has room for these bytes.
            let written = hex::encode_to_slice(&digest[..longest], hex).ok();
            let digest = written.and_then(|()| std::str::from_utf8(hex).ok());
            let prefixes = self.prefix_lengths.iter().filter_map(|length| digest?.get(..*length));
            prefixes
                .filter_map(|prefix| self.prefixes.get(prefix))
                .for_each(|at| found.extend_from_slice(at));
        }
        found.sort_unstable();
        found.dedup();
    }
}

impl Delegations {
    /// The delegations that a search for a path follows, in order; and whether the search ends with them, because
    /// the last one is terminating.
    pub fn toward(&self, path: &str) -> (Vec<&Delegation>, bool) {
        let mut below = Vec::new();
        for i in self.matching(path) {
            below.push(&self.roles[i]);
            if self.roles[i].terminating {
                return (below, true);
            }
        }
        (below, false)
    }
}

fn listed_role(role: &Value, role_keys: Arc<RoleKeys>) -> Result<Delegation, MetadataError> {
    let object = fields::object(role, "a role")?;
    let name = object.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| MetadataError::new("a role without a name"))?.to_owned();
    let in_role = |e: MetadataError| MetadataError(format!("role {name:?}: {e}"));
    let paths = match (strings(object, "paths"), strings(object, "path_hash_prefixes")) {
        (Some(paths), None) => Paths::Patterns(paths.map_err(in_role)?),
        (None, Some(prefixes)) => Paths::HashPrefixes(prefixes.map_err(in_role)?),
        _ => {
            return Err(in_role(MetadataError::new("exactly one of paths and path_hash_prefixes is needed")));
        }
    };
    let terminating = match object.get("terminating") {
        None => false,
        Some(Value::Bool(terminating)) => *terminating,
        Some(_) => return Err(in_role(MetadataError::new("terminating is not true or false"))),
    };
    Ok(Delegation { name, role_keys, paths, terminating })
}

fn strings(object: &Map<String, Value>, name: &str) -> Option<Result<Vec<String>, MetadataError>> {
    let value = object.get(name).filter(|v| !v.is_null())?;
    let list = value.as_array().map(|list| list.iter().map(|s| s.as_str().map(str::to_owned)));
    let list: Option<Vec<String>> = list.and_then(Iterator::collect);
    Some(list.ok_or_else(|| MetadataError(format!("{name} is not a list of strings"))))
}

/// What one of `bits` bits of succinct roles is called: `PREFIX-NUMBER`, the number in hex as wide as the last one (TAP 15).
pub(crate) fn bin_name(prefix: &str, number: u64, bits: u32) -> String {
    let width = usize::try_from(bits.div_ceil(4)).unwrap_or(1);
    format!("{prefix}-{number:0width$x}")
}

/// Every bin of succinct roles.
fn bins(succinct: &Value, role_keys: Arc<RoleKeys>) -> Result<Vec<Delegation>, MetadataError> {
    let bits = fields::whole(succinct, "bit_length")?;
    if bits > MAX_BIT_LENGTH {
        return Err(MetadataError(format!("bit_length {bits}; up to {MAX_BIT_LENGTH} are read")));
    }
    let prefix = succinct.get("name_prefix").and_then(Value::as_str);
    let prefix = prefix.ok_or_else(|| MetadataError::new("name_prefix is missing"))?;
    let bits = u32::try_from(bits).map_err(|e| MetadataError(e.to_string()))?;
    let bin = |number: u64| Delegation {
        name: bin_name(prefix, number, bits),
        role_keys: Arc::clone(&role_keys),
        paths: Paths::Bin { number, bits },
        terminating: false,
    };
    Ok((0..1_u64 << bits).map(bin).collect())
}

/// SHA-256 of a target path in hex, of which `path_hash_prefixes` lists beginnings.
pub fn path_digest(path: &str) -> String {
    hex::encode(Sha256::digest(path.as_bytes()))
}

/// The first `bits` bits of the digest.
fn bin_of(digest: &[u8], bits: u32) -> u64 {
    let head = digest.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    head >> (64 - bits)
}

/// Shell patterns between the slashes: `*` is any run, `?` any one character, and neither is a `/`.
pub fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if matches_part(pattern, part) => {}
            _ => return false,
        }
    }
}

/// As tough reads a pattern: there `*` and `?` also stand for `/`.
pub(crate) fn matches_in_tough(pattern: &str, path: &str) -> bool {
    matches_part(pattern, path)
}

/// Greedy with one step back: a later `*` never needs an earlier one to be tried again.
fn matches_part(pattern: &str, part: &str) -> bool {
    let (pattern, part): (Vec<char>, Vec<char>) = (pattern.chars().collect(), part.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < part.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == part[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delegations(rest: Value) -> Result<Delegations, MetadataError> {
        let mut json = json!({"keys": {}});
        json.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        Delegations::from_json(&json)
    }

    fn role(name: &str, which: &str, list: &[&str]) -> Value {
        json!({"name": name, "keyids": [], "threshold": 1, "terminating": false, which: list})
    }

    #[test]
    fn stars_and_question_marks_never_cross_a_slash() {
        for (pattern, path, expected) in [
            ("*.tgz", "a.tgz", true),
            ("*.tgz", "a/b.tgz", false),
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*/c", "a/b/c", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("*", "", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("**", "a/b", false),
            ("A", "a", false),
            ("?", "é", true),
            ("a/", "a", false),
        ] {
            assert_eq!(matches_pattern(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_quick() {
        let pattern = "*a".repeat(2_000);
        let path = "a".repeat(3_000);

        assert!(matches_pattern(&pattern, &path));
        assert!(!matches_pattern(&format!("{pattern}b"), &path));
    }

    #[test]
    fn a_path_finds_its_roles_in_the_order_of_the_file() {
        let digest = hex::encode(Sha256::digest("a/b"));
        let listed = delegations(json!({"roles": [
            role("r0", "paths", &["x", "a/*"]),
            role("r1", "path_hash_prefixes", &["zz", &digest[..3]]),
            role("r2", "paths", &["other"]),
            role("r3", "path_hash_prefixes", &[&digest[..3].to_uppercase(), &digest[..7]]),
            role("r4", "path_hash_prefixes", &[""]),
        ]}));

        assert_eq!(listed.unwrap().matching("a/b"), [0, 1, 3, 4]);
    }

    #[test]
    fn a_succinct_role_has_a_bin_for_every_beginning_of_a_hash() {
        let bins = delegations(json!({"succinct_roles":
            {"keyids": [], "threshold": 1, "bit_length": 10, "name_prefix": "bin"}}));

        let bins = bins.unwrap();

        assert_eq!(bins.roles.len(), 1024);
        assert_eq!(bins.roles[1023].name, "bin-3ff");
        let digest = Sha256::digest("a/b");
        let number = u16::from_be_bytes([digest[0], digest[1]]) >> 6;
        assert_eq!(bins.matching("a/b"), [usize::from(number)]);
    }

    #[test]
    fn classic_bins_are_found_as_any_other_prefixes_are() {
        let bins: Vec<Value> =
            (0..16).map(|n| role(&format!("b{n}"), "path_hash_prefixes", &[&format!("{n:x}")])).collect();
        let of = |bins: &[Value]| delegations(json!({"roles": bins})).unwrap();
        let other = role("other", "paths", &["none"]);
        let (known, looked_for) = (of(&bins), of(&[&bins[..], &[other]].concat()));
        let mut exchanged = bins.clone();
        exchanged.swap(3, 4);

        assert_eq!((known.bits, looked_for.bits, of(&exchanged).bits), (Some(4), None, None));
        assert_eq!((known.prefixes.len(), looked_for.prefixes.len()), (0, 16));
        assert!(known.roles.iter().all(|bin| Arc::ptr_eq(&bin.role_keys, &known.roles[0].role_keys)));
        for n in 0..100 {
            let path = format!("files/{n}");
            assert_eq!(known.matching(&path), looked_for.matching(&path));
            assert_eq!(known.matching(&path).len(), 1);
        }
        for few in [&bins[..1], &bins[..15], &[]] {
            assert_eq!(of(few).bits, None);
        }
    }

    #[test]
    fn what_two_clients_could_read_differently_is_refused() {
        let both = json!({"name": "r", "keyids": [], "threshold": 1, "paths": [], "path_hash_prefixes": []});
        let neither = json!({"name": "r", "keyids": [], "threshold": 1});
        for (json, why) in [
            (json!({"roles": [both]}), "exactly one of"),
            (json!({"roles": [neither]}), "exactly one of"),
            (json!({"roles": [role("r", "paths", &[]), role("r", "paths", &[])]}), "stands twice"),
            (json!({"roles": [role("root", "paths", &[])]}), "cannot be named"),
            (json!({"roles": [role("", "paths", &[])]}), "cannot be named"),
            (json!({"roles": {}}), "not a list"),
            (json!({}), "not a list"),
            (json!({"roles": [], "succinct_roles": {"keyids": [], "threshold": 1}}), "both"),
            (json!({"roles": [{"name": "r", "keyids": ["a", "a"], "threshold": 1, "paths": []}]}), "twice"),
            (json!({"roles": [{"name": "r", "keyids": [], "threshold": 0, "paths": []}]}), "threshold is 0"),
            (
                json!({"succinct_roles": {"keyids": [], "threshold": 1, "bit_length": 32, "name_prefix": "b"}}),
                "bit_length 32",
            ),
        ] {
            let error = delegations(json).unwrap_err().to_string();

            assert!(error.contains(why), "{error}");
        }
    }
}
