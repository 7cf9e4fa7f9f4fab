//! Rules about signatures and about the chain of roots.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::lint::envelope::short;
use crate::lint::found::Doc;
use crate::lint::found::Found;
use crate::lint::roles;
use crate::lint::rule::Client::GoTuf;
use crate::lint::rule::Client::PythonTuf;
use crate::lint::rule::Client::Tough;
use crate::lint::rule::Client::TufJs;
use crate::lint::rule::Rule;
use crate::lint::rule::Seen::Read;
use crate::lint::rule::Seen::Tried;
use crate::lint::rule::Severity;
use crate::lint::rule::accepts;
use crate::lint::rule::fooled;
use crate::lint::rule::refuses;
use crate::tuf::KeyId;
use crate::tuf::RoleKeys;
use crate::tuf::Signature;
use crate::tuf::canonical;

pub(super) static UNMET: Rule = Rule {
    name: "THRESHOLD-NOT-MET",
    what: "too few keys signed",
    clients: &[
        refuses(PythonTuf, Tried, "was signed by too few keys"),
        refuses(GoTuf, Read, "not enough signatures"),
        refuses(Tough, Tried, "Signature threshold not met"),
        refuses(TufJs, Read, "was signed by too few keys"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "no client trusts it",
    fix: "have more of the role's keys sign exactly these bytes",
};

static OLD_UNMET: Rule = Rule {
    name: "ROOT-NOT-SIGNED-BY-OLD",
    what: "too few keys of the root before signed this one",
    clients: &[
        refuses(PythonTuf, Tried, "was signed by too few keys"),
        refuses(GoTuf, Read, "not enough signatures"),
        refuses(Tough, Tried, "Signature threshold not met"),
        refuses(TufJs, Read, "was signed by too few keys"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "every client that trusts the root before stays there and stops updating",
    fix: "have enough keys of the old root sign exactly these bytes",
};

static BAD: Rule = Rule {
    name: "SIGNATURE-INVALID",
    what: "a signature of one of the role's keys does not verify",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Warning,
    we_write: false,
    why: "it does not count; something changed after it was made, or it was made over something else",
    fix: "find out which, take it out and have that key sign again",
};

static OTHER_SALT: Rule = Rule {
    name: "RSA-PSS-SALT",
    what: "an RSA-PSS signature has a salt that is not as long as the digest",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "it does not count: Signature threshold not met"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "openssl takes the longest salt where nobody asks for another; tough wants 32 bytes",
    fix: "have that key sign again, with openssl by -sigopt rsa_pss_saltlen:digest; the signed part does not change",
};

static STRANGER: Rule = Rule {
    name: "SIGNATURE-BY-STRANGER",
    what: "a signature by a keyid that the role does not have",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: true,
    why: "it does not count; after a rotation the old keys' signatures are expected here",
    fix: "nothing, when the keyid was in the root before",
};

static GAP: Rule = Rule {
    name: "ROOT-GAP",
    what: "a root is missing below the newest one",
    clients: &[
        fooled(PythonTuf, Tried, "it stays at the root below the gap and believes it is the newest"),
        fooled(GoTuf, Read, "it stays at the root below the gap and believes it is the newest"),
        fooled(Tough, Tried, "it stays at the root below the gap and believes it is the newest"),
        fooled(TufJs, Read, "it stays at the root below the gap and believes it is the newest"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients climb one version at a time; keys that were revoked above the gap are still trusted by them",
    fix: "publish the missing root again, byte for byte",
};

static FIRST: Rule = Rule {
    name: "ROOT-FIRST-MISSING",
    what: "the first root, 1.root.json, is not here",
    clients: &[],
    otherwise: Severity::Note,
    we_write: true,
    why: "clients that were shipped with an older root than the lowest one here cannot update",
    fix: "publish every root for as long as any client may have it",
};

static NAME: Rule = Rule {
    name: "ROOT-NAME-AND-VERSION",
    what: "a root's file name says another version than the file",
    clients: &[
        refuses(PythonTuf, Tried, "Expected root version"),
        refuses(GoTuf, Read, "bad version number"),
        refuses(Tough, Tried, "Found version of root metadata that does not follow"),
        refuses(TufJs, Read, "Expected root version"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "clients stop at it",
    fix: "publish it under its own version",
};

static PLAIN: Rule = Rule {
    name: "ROOT-JSON-IS-OLD",
    what: "root.json is not the newest N.root.json",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: false,
    why: "people and installers take root.json as the one to trust",
    fix: "replace it by a copy of the newest root, or leave it out",
};

static TWO: Rule = Rule {
    name: "ROOT-JSON-DIFFERS",
    what: "root.json and the N.root.json of its version are two different files",
    clients: &[],
    otherwise: Severity::Warning,
    we_write: false,
    why: "people and installers take root.json as the one to trust, and clients the other",
    fix: "ask which one was published, and make root.json a copy of it, or leave it out",
};

static ROOT_FIRST: Rule = Rule {
    name: "ROOT-EXPIRES-FIRST",
    what: "root expires before targets",
    clients: &[],
    otherwise: Severity::Note,
    we_write: true,
    why: "the date of targets says nothing then: clients stop when root has expired",
    fix: "plan the renewal of root by root's own date",
};

pub(super) static RULES: &[&Rule] =
    &[&UNMET, &OLD_UNMET, &BAD, &OTHER_SALT, &STRANGER, &GAP, &FIRST, &NAME, &PLAIN, &TWO, &ROOT_FIRST];

/// The chain of roots, ascending.
pub(super) fn roots(roots: &[&Doc], plain: Option<&Doc>, found: &mut Found) {
    for pair in roots.windows(2) {
        let [old, new] = pair else { continue };
        if new.version() > old.version().saturating_add(1) {
            let missing = old.version().saturating_add(1);
            found.say(&GAP, &new.name, "", format!("{missing}.root.json is missing"));
        } else if new.version() == old.version().saturating_add(1)
            && let Some(keys) = role_of(old, "root")
            && let Some((have, need)) = unmet(new, &keys, &elsewhere_of(old, "root"))
        {
            found.say(&OLD_UNMET, &new.name, "/signatures", format!("{have} of {need} keys of {}", old.name));
        }
    }
    for root in roots {
        if let Some(keys) = role_of(root, "root") {
            signatures(root, &keys, &elsewhere_of(root, "root"), "this root", found);
        }
        if root.numbered.is_some_and(|numbered| numbered != root.version()) {
            found.say(&NAME, &root.name, "/signed/version", format!("it says {}", root.version()));
        }
    }
    let lowest = roots.iter().map(|root| root.version()).min();
    if let (Some(lowest), Some(first)) = (lowest.filter(|lowest| *lowest > 1), roots.first()) {
        found.say(&FIRST, &first.name, "", format!("the lowest here is version {lowest}"));
    }
    if let (Some(plain), Some(newest)) = (plain, roots.iter().rfind(|root| root.numbered.is_some()))
        && plain.bytes != newest.bytes
    {
        if plain.version() == newest.version() {
            let same = plain.signed() == newest.signed();
            let with = if same { "the same content and other signatures" } else { "another content" };
            found.say(&TWO, &plain.name, "", format!("{} has {with}", newest.name));
        } else {
            let detail = format!("it says version {}, and {} is there", plain.version(), newest.name);
            found.say(&PLAIN, &plain.name, "", detail);
        }
    }
}

/// Root's date and that of targets.
pub(super) fn dates(root: &Doc, targets: &Doc, found: &mut Found) {
    if let (Some(root_date), Some(targets_date)) = (root.expires(), targets.expires())
        && root_date < targets_date
    {
        found.say(
            &ROOT_FIRST,
            &root.name,
            "/signed/expires",
            format!("{root_date}, and targets {targets_date}"),
        );
    }
}

/// Keys and threshold of one of root's roles.
pub(super) fn role_of(root: &Doc, role: &str) -> Option<RoleKeys> {
    roles::role_keys(root.signed()["roles"].get(role)?, &root.signed()["keys"])
}

/// The keys of one of root's roles whose scheme cannot be verified here.
pub(super) fn elsewhere_of(root: &Doc, role: &str) -> BTreeSet<KeyId> {
    roles::elsewhere(&root.signed()["roles"][role], &root.signed()["keys"])
}

/// The signatures of a file, by the word of one delegator. Nothing is said of those by keys in `elsewhere`: of such a
/// key it is said where it is listed.
pub(super) fn signatures(
    doc: &Doc,
    keys: &RoleKeys,
    elsewhere: &BTreeSet<KeyId>,
    whose: &str,
    found: &mut Found,
) {
    if let Some((have, need)) = unmet(doc, keys, elsewhere) {
        found.say(&UNMET, &doc.name, "/signatures", format!("{have} of {need} keys, by the word of {whose}"));
    }
    let Ok(payload) = canonical::to_vec(doc.signed()) else { return };
    let mut good: BTreeSet<&KeyId> = BTreeSet::new();
    let mut bad: BTreeMap<&KeyId, usize> = BTreeMap::new();
    let listed = listed(doc);
    for (place, signature) in listed.iter().enumerate().filter(|(_, signature)| !signature.sig.is_empty()) {
        match keys.keys.get(&signature.keyid) {
            None if elsewhere.contains(&signature.keyid) => {}
            None => {
                let at = format!("/signatures/{place}");
                found.say(&STRANGER, &doc.name, at, short(&signature.keyid.0));
            }
            Some(key) => {
                let sig = hex::decode(&signature.sig).unwrap_or_default();
                if key.verify(&payload, &sig).is_err() {
                    bad.insert(&signature.keyid, place);
                    continue;
                }
                good.insert(&signature.keyid);
                if key.has_other_salt(&payload, &sig) {
                    let at = format!("/signatures/{place}");
                    found.say(&OTHER_SALT, &doc.name, at, format!("by {}", short(&signature.keyid.0)));
                }
            }
        }
    }
    for (keyid, place) in bad.into_iter().filter(|(keyid, _)| !good.contains(keyid)) {
        found.say(&BAD, &doc.name, format!("/signatures/{place}"), format!("by {}", short(&keyid.0)));
    }
}

/// How many keys signed and how many must, where that is too few. A key counts once, by its material; what cannot be
/// verified here may hold elsewhere.
fn unmet(doc: &Doc, keys: &RoleKeys, elsewhere: &BTreeSet<KeyId>) -> Option<(u32, u32)> {
    let payload = canonical::to_vec(doc.signed()).ok()?;
    let listed = listed(doc);
    let unmet = keys.verify(payload.as_slice(), &listed).err()?;
    let perhaps: BTreeSet<&KeyId> =
        listed.iter().map(|signature| &signature.keyid).filter(|keyid| elsewhere.contains(keyid)).collect();
    let most = unmet.have.saturating_add(u32::try_from(perhaps.len()).unwrap_or(u32::MAX));
    (most < unmet.need).then_some((unmet.have, unmet.need))
}

fn listed(doc: &Doc) -> Vec<Signature> {
    let signature = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        Some(Signature { keyid: KeyId(text("keyid")?), sig: text("sig")? })
    };
    doc.json["signatures"].as_array().into_iter().flatten().filter_map(signature).collect()
}
