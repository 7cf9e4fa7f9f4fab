//! Who may sign a file, and the one function that lets a signature from elsewhere in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::tuf::apart::ApartError;
use crate::tuf::delegations;
use crate::tuf::fields;
use crate::tuf::foreign_signature;
use crate::tuf::key::KeyId;
use crate::tuf::key::Material;
use crate::tuf::key::PublicKey;
use crate::tuf::metadata::Metadata;
use crate::tuf::role::RoleKeys;
use crate::tuf::root;

/// The shortest beginning of a label that stands for it, in characters.
const SHORTEST_LABEL: usize = 16;

/// A threshold that the signatures of a file must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Who sets it, such as `root version 1`.
    pub of: String,
    /// The keys and how many of them must sign.
    pub keys: RoleKeys,
}

/// All thresholds of one file: one, or two for a root that follows another.
#[derive(Clone, Debug, PartialEq)]
pub struct Signers(pub(crate) Vec<Threshold>);

/// What became of a signature at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It verifies: what the file lists for it, in lower-case hex, under each label that counts it.
    Good(BTreeMap<KeyId, String>),
    /// It names a key that may not sign.
    Stranger,
    /// The key of this label made it, with an RSA-PSS salt that tough refuses.
    OtherSalt(KeyId),
    /// No key that may sign made it over this payload.
    Bad,
}

impl Threshold {
    /// A role's keys by the word of a root, or of a targets role that delegates to it. A version of 0, as drafts
    /// have it, does not matter here.
    fn by(authority: &Metadata, role: &str) -> Result<Self, ApartError> {
        let signed = authority.signed();
        let version = version(signed);
        let (keys, named) = match authority.role_type() {
            "root" => (fields::member(signed, "keys")?, fields::member(signed, "roles")?.get(role)),
            "targets" => {
                let listed = fields::member(signed, "delegations")?;
                let roles = listed.get("roles").and_then(Value::as_array);
                let named = roles.and_then(|roles| roles.iter().find(|r| r["name"] == role));
                let keys = listed.get("keys").and_then(Value::as_object);
                let succinct = listed.get("succinct_roles").filter(|bins| is_bin(bins, role));
                (keys.ok_or_else(|| ApartError::new("delegations has no keys"))?, named.or(succinct))
            }
            other => return Err(ApartError::new(format!("{other} metadata names no keys"))),
        };
        let of = format!("{} version {version}", authority.role_type());
        let named = named.ok_or_else(|| ApartError::new(format!("{of} says nothing of a role {role:?}")))?;
        let (keyids, threshold) = root::keyids_and_threshold(named)?;
        let key = |keyid: KeyId| {
            let key = PublicKey::from_json(keys.get(&keyid.0)?).ok()?;
            Some((keyid, key))
        };
        let keys = RoleKeys { keys: keyids.into_iter().filter_map(key).collect(), threshold };
        Ok(Self { of, keys })
    }
}

impl Threshold {
    /// Whether there are so many keys: one under several labels counts once.
    pub fn can_be_met(&self) -> bool {
        let keys: BTreeSet<Material> = self.keys.keys.values().map(PublicKey::material).collect();
        usize::try_from(self.keys.threshold).is_ok_and(|need| (1..=keys.len()).contains(&need))
    }
}

/// Whether `role` is the name of one of the bins of succinct roles, as clients write it (TAP 15).
fn is_bin(bins: &Value, role: &str) -> bool {
    let prefix = bins["name_prefix"].as_str().unwrap_or_default();
    let number =
        role.strip_prefix(prefix).and_then(|rest| u64::from_str_radix(rest.strip_prefix('-')?, 16).ok());
    let bits =
        bins["bit_length"].as_u64().and_then(|bits| u32::try_from(bits).ok()).filter(|bits| *bits < 64);
    matches!((number, bits), (Some(number), Some(bits))
        if number < 1 << bits && role == delegations::bin_name(prefix, number, bits))
}

/// `version`, whatever else the file gets wrong.
pub(super) fn version(signed: &Value) -> u64 {
    signed["version"].as_u64().unwrap_or_default()
}

impl Signers {
    /// Of a root: its own keys and, where the root `before` it is given, that one's. What its own threshold has not
    /// signed is no root before it: anyone could have written it, with any keys and thresholds.
    pub fn of_root(root: &Metadata, before: Option<&Metadata>) -> Result<Self, ApartError> {
        let own = Threshold::by(root, "root")?;
        let Some(before) = before else { return Ok(Self(vec![own])) };
        if before.role_type() != "root" {
            return Err(ApartError::new(format!("{} metadata is no root", before.role_type())));
        }
        let (old, new) = (version(before.signed()), version(root.signed()));
        if old.checked_add(1) != Some(new) {
            return Err(ApartError::new(format!(
                "root version {new} does not follow version {old} (VERSION-NEXT)"
            )));
        }
        let theirs = Threshold::by(before, "root")?;
        if let Err(unmet) = theirs.keys.verify(before.payload(), before.signatures()) {
            let signed = format!("{} of {} signatures verify", unmet.have, unmet.need);
            let why = format!("{} is not signed by its own keys: {signed}", theirs.of);
            return Err(ApartError::contradiction(why));
        }
        Ok(Self(vec![theirs, own]))
    }

    /// Of a role that is not root: by the word of the root, or of the targets role that delegates to it.
    pub fn by(authority: &Metadata, role: &str) -> Result<Self, ApartError> {
        Ok(Self(vec![Threshold::by(authority, role)?]))
    }

    /// The thresholds; of two, the older root's first.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.0
    }

    /// Every key that may sign, under each of its labels.
    pub fn keys(&self) -> impl Iterator<Item = (&KeyId, &PublicKey)> {
        self.0.iter().flat_map(|threshold| &threshold.keys.keys)
    }

    /// The label that begins with this one, when exactly one does: a response without a file carries no more of it.
    pub fn label(&self, beginning: KeyId) -> KeyId {
        let labels: BTreeSet<&KeyId> = self.keys().map(|(keyid, _)| keyid).collect();
        let mut known = labels.into_iter().filter(|keyid| keyid.0.starts_with(&beginning.0));
        match (known.next(), known.next()) {
            (Some(label), None) if beginning.0.len() >= SHORTEST_LABEL => label.clone(),
            _ => beginning,
        }
    }

    /// A key with its label, when it may sign: material decides.
    pub fn find(&self, key: &PublicKey) -> Option<(&KeyId, &PublicKey)> {
        self.keys().find(|(_, known)| known.material() == key.material())
    }

    /// Lets a signature in, or not: nothing else adds a signature to a file.
    ///
    /// With a label that may sign, the key of that label must have made it. Without, or with a label that nobody
    /// knows, any key that may sign can have. A key that another threshold lists under another label is listed
    /// under that label too, for each client looks for the labels it knows. The answer depends on nothing that
    /// came in before.
    pub fn admit(&self, payload: &[u8], label: Option<&KeyId>, signature: &[u8]) -> Admission {
        let labelled = label.is_some_and(|label| self.keys().any(|(keyid, _)| keyid == label));
        let candidates = self.keys().filter(|(keyid, _)| !labelled || Some(*keyid) == label);
        let good = candidates.into_iter().find_map(|(keyid, key)| {
            let form = foreign_signature::verified(key, payload, signature)?;
            Some((keyid, key, form))
        });
        let Some((keyid, key, form)) = good else {
            return if label.is_some() && !labelled { Admission::Stranger } else { Admission::Bad };
        };
        if key.has_other_salt(payload, &form) {
            return Admission::OtherSalt(keyid.clone());
        }
        let (material, sig) = (key.material(), hex::encode(form));
        let labels = if labelled { BTreeMap::from([(keyid.clone(), sig.clone())]) } else { BTreeMap::new() };
        Admission::Good(self.with_labels(labels, &material, &sig))
    }

    /// How a key that may sign made a signature that does not verify, where that can be told: with `label` that key alone.
    pub fn slip(&self, payload: &[u8], label: Option<&KeyId>, signature: &[u8]) -> Option<(&KeyId, String)> {
        let mut candidates = self.keys().filter(|(keyid, _)| label.is_none_or(|label| *keyid == label));
        candidates.find_map(|(keyid, key)| Some((keyid, key.slip(payload, signature)?)))
    }

    /// `entries`, and one for each threshold that lists the key under none of them.
    fn with_labels(
        &self,
        mut entries: BTreeMap<KeyId, String>,
        material: &Material,
        sig: &str,
    ) -> BTreeMap<KeyId, String> {
        for threshold in &self.0 {
            let mut labels = threshold.keys.keys.iter().filter(|(_, key)| key.material() == *material);
            let counted = labels.clone().any(|(keyid, _)| entries.contains_key(keyid));
            if let (false, Some((first, _))) = (counted, labels.next()) {
                entries.insert(first.clone(), sig.to_owned());
            }
        }
        entries
    }
}
