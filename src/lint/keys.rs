//! Rules about key objects, of root and of delegations.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::lint::envelope::short;
use crate::lint::found::Found;
use crate::lint::raw::step;
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
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::canonical;
use crate::tuf::key::Material;

static SEVERAL: Rule = Rule {
    name: "ONE-KEY-SEVERAL-KEYIDS",
    what: "one key stands under several keyids",
    clients: &[
        fooled(PythonTuf, Tried, "it counts once for each keyid"),
        fooled(GoTuf, Read, "it counts once for each keyid, before its change of May 2026"),
        fooled(TufJs, Read, "it counts once for each keyid"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "whoever has this one key meets a threshold that was meant for several people",
    fix: "list the key once, under one keyid, and check how the threshold was met until now",
};

static PRIVATE: Rule = Rule {
    name: "PRIVATE-KEY",
    what: "a key object carries private key material",
    clients: &[
        fooled(PythonTuf, Tried, "it takes the file as if nothing were wrong"),
        fooled(Tough, Tried, "it takes the file as if nothing were wrong"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "everyone who downloaded the file can sign with this key",
    fix: "the key is stolen: replace it now, as a compromise; removing it from the file does not help",
};

static PRIVATE_EMPTY: Rule = Rule {
    name: "PRIVATE-FIELD-EMPTY",
    what: "a key object has an empty field for a private key",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: false,
    why: "an old tool wrote it; one slip fills it, and it changes the keyid for some implementations",
    fix: "list the key without it when keys change next; that changes its keyid",
};

pub(super) static NOT_A_HASH: Rule = Rule {
    name: "KEYID-NOT-A-HASH",
    what: "a keyid is not the SHA-256 of its key",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "Invalid key ID, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "tough computes every keyid anew; a chain of roots that passes through such a file ends there for it",
    fix: "list the key under its hash in the next root; clients that start below this root still fail here",
};

static SHORT_HASH: Rule = Rule {
    name: "KEYID-LEAVES-FIELDS-OUT",
    what: "a keyid is the hash of keytype, scheme and keyval, and the key has more fields",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "Invalid key ID, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "securesystemslib hashes three fields, tough and go-tuf the whole object",
    fix: "keep names and owners elsewhere: with three fields in a key both hashes are the same",
};

static MORE_FIELDS: Rule = Rule {
    name: "KEY-WITH-MORE-FIELDS",
    what: "a key object has fields beside keytype, scheme and keyval",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: false,
    why: "the keyid is the hash of all of it: a changed owner or location makes another keyid for the same key",
    fix: "keep names and owners beside the metadata, as keys/names.json does",
};

static KEYID_NOT_HEX: Rule = Rule {
    name: "KEYID-NOT-HEX",
    what: "a keyid is not hex",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "invalid hex string, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the specification means a SHA-256 in hex",
    fix: "list the key under its hash",
};

static OLD_TYPE: Rule = Rule {
    name: "KEYTYPE-NAMES-CURVE",
    what: "keytype is ecdsa-sha2-nistp256 or -nistp384 instead of ecdsa",
    clients: &[accepts(PythonTuf, Tried), accepts(Tough, Tried)],
    otherwise: Severity::Note,
    we_write: false,
    why: "an old form; all four still read it for P-256",
    fix: "write ecdsa when keys change next; that changes the keyid",
};

static HEX_EC: Rule = Rule {
    name: "EC-KEY-IN-HEX",
    what: "an ECDSA key is a point in hex and not PEM",
    clients: &[
        refuses(PythonTuf, Tried, "no signature of the key verifies"),
        refuses(GoTuf, Read, "PEM decoding failed, for the role"),
        accepts(Tough, Tried),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the specification has PEM; the point is what old Sigstore roots have",
    fix: "list the key as PEM",
};

static PEM_LATER: Rule = Rule {
    name: "EC-KEY-PEM-NOT-FIRST",
    what: "an ECDSA key in PEM has something before its first line",
    clients: &[accepts(PythonTuf, Tried), refuses(Tough, Tried, "Invalid hex string, for the whole file")],
    otherwise: Severity::Warning,
    we_write: false,
    why: "tough takes for a point in hex what does not begin as PEM",
    fix: "list the key as PEM alone; that changes its keyid",
};

static P384: Rule = Rule {
    name: "ECDSA-P384",
    what: "an ECDSA key on P-384",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "unknown variant `ecdsa-sha2-nistp384`, for the whole file"),
        refuses(TufJs, Read, "no signature of the key verifies"),
    ],
    otherwise: Severity::Note,
    we_write: true,
    why: "it is not among the specification's recommended schemes",
    fix: "use ed25519 or P-256 where such clients must follow",
};

static ML_DSA: Rule = Rule {
    name: "ML-DSA",
    what: "a post-quantum key (TAP 21)",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "unknown variant `ml-dsa`, for the whole file"),
        refuses(TufJs, Read, "Unsupported key type"),
    ],
    otherwise: Severity::Note,
    we_write: true,
    why: "TAP 21 is a draft that few clients know",
    fix: "add such keys beside classic ones, and only where all clients read them",
};

static PKCS1: Rule = Rule {
    name: "RSA-PKCS1V15",
    what: "an RSA key that signs with PKCS #1 v1.5",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(Tough, Tried, "unknown variant, expected `rsassa-pss-sha256`, for the whole file"),
        refuses(TufJs, Read, "Unsupported RSA scheme"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "the specification recommends PSS",
    fix: "use the scheme rsassa-pss-sha256, or another kind of key",
};

static SELDOM: Rule = Rule {
    name: "KEY-SCHEME-SELDOM-KNOWN",
    what: "a key on P-521, or an RSA key that signs by PSS with another digest than SHA-256",
    clients: &[
        accepts(PythonTuf, Tried),
        refuses(GoTuf, Read, "it hashes with SHA-256, so that no signature of the key verifies"),
        refuses(Tough, Tried, "unknown variant, for the whole file"),
        refuses(TufJs, Read, "no signature of the key verifies, or Unsupported RSA scheme"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "of the four python-tuf alone verifies it; Keyrite does not",
    fix: "use ed25519, P-256, or RSA with the scheme rsassa-pss-sha256",
};

static UNKNOWN_KIND: Rule = Rule {
    name: "KEY-OF-UNKNOWN-KIND",
    what: "a key of a keytype and scheme that are not known",
    clients: &[
        refuses(PythonTuf, Tried, "Unsupported public key, for the whole file"),
        refuses(GoTuf, Read, "unsupported public key type, for every role that lists it"),
        refuses(Tough, Tried, "unknown variant, for the whole file"),
    ],
    otherwise: Severity::Warning,
    we_write: false,
    why: "a client that refuses the file for one key does not get to the others",
    fix: "leave out keys that not every client knows",
};

static WITHOUT_PUBLIC: Rule = Rule {
    name: "KEY-WITHOUT-PUBLIC",
    what: "a key of a known kind has no keyval, or no text public in it",
    clients: &[
        refuses(PythonTuf, Tried, "Failed to deserialize JSON, for the whole file"),
        refuses(Tough, Tried, "Failed to parse metadata, for the whole file"),
    ],
    otherwise: Severity::Error,
    we_write: false,
    why: "it can never sign, and clients refuse the whole file",
    fix: "compare it with the key file of its holder and list it anew",
};

static UNREADABLE: Rule = Rule {
    name: "KEY-UNREADABLE",
    what: "a key of a known kind that cannot be read",
    clients: &[refuses(Tough, Tried, "Failed to parse metadata, for the whole file")],
    otherwise: Severity::Error,
    we_write: false,
    why: "it can never sign, and a client may refuse the whole file",
    fix: "compare it with the key file of its holder and list it anew",
};

pub(super) static RULES: &[&Rule] = &[
    &SEVERAL,
    &PRIVATE,
    &PRIVATE_EMPTY,
    &NOT_A_HASH,
    &SHORT_HASH,
    &MORE_FIELDS,
    &KEYID_NOT_HEX,
    &OLD_TYPE,
    &HEX_EC,
    &PEM_LATER,
    &P384,
    &ML_DSA,
    &PKCS1,
    &SELDOM,
    &UNKNOWN_KIND,
    &WITHOUT_PUBLIC,
    &UNREADABLE,
];

/// The keys of an object `keys` that we can verify with; what is wrong with any is said.
pub(super) fn check(file: &str, at: &str, keys: &Value, found: &mut Found) -> BTreeMap<KeyId, PublicKey> {
    let mut good = BTreeMap::new();
    let mut labels: BTreeMap<Material, Vec<&str>> = BTreeMap::new();
    for (keyid, json) in keys.as_object().into_iter().flatten() {
        let at = format!("{at}{}", step(keyid));
        one(file, &at, keyid, json, found);
        if let Ok(key) = read(json) {
            labels.entry(key.material()).or_default().push(keyid);
            good.insert(KeyId(keyid.clone()), key);
        }
    }
    for labels in labels.values().filter(|labels| labels.len() > 1) {
        let labels: Vec<String> = labels.iter().map(|keyid| short(keyid)).collect();
        found.say(&SEVERAL, file, at, labels.join(", "));
    }
    good
}

/// A key as the most lenient client reads it: a private part does not make it another key.
pub(super) fn read(json: &Value) -> Result<PublicKey, String> {
    let mut json = json.clone();
    if let Some(keyval) = json.get_mut("keyval").and_then(Value::as_object_mut) {
        keyval.retain(|name, _| name == "public");
    }
    PublicKey::from_json(&json).map_err(|error| error.to_string())
}

/// Whether a key signs by a scheme that cannot be verified here.
pub(super) fn is_elsewhere(json: &Value) -> bool {
    json["scheme"].as_str().is_some_and(|scheme| Scheme::in_metadata(scheme).is_err())
}

fn one(file: &str, at: &str, keyid: &str, json: &Value, found: &mut Found) {
    private(file, at, json, found);
    kind(file, at, json, found);
    if hex::decode(keyid).is_err() {
        found.say(&KEYID_NOT_HEX, file, at, format!("{keyid:?}"));
        return;
    }
    let fields = ["keytype", "scheme", "keyval"];
    let more =
        json.as_object().is_some_and(|object| object.keys().any(|name| !fields.contains(&name.as_str())));
    let three = fields.map(|name| (name.to_owned(), json[name].clone())).into_iter().collect();
    if keyid == hash(json) {
        if more {
            found.say(&MORE_FIELDS, file, at, "");
        }
    } else if keyid == hash(&Value::Object(three)) {
        found.say(&SHORT_HASH, file, at, format!("the whole object gives {}", short(&hash(json))));
    } else {
        found.say(&NOT_A_HASH, file, at, format!("the key gives {}", short(&hash(json))));
    }
}

fn hash(json: &Value) -> String {
    hex::encode(Sha256::digest(canonical::to_vec(json).unwrap_or_default()))
}

fn private(file: &str, at: &str, json: &Value, found: &mut Found) {
    for (name, value) in
        json["keyval"].as_object().into_iter().flatten().filter(|(name, _)| *name != "public")
    {
        let at = format!("{at}/keyval{}", step(name));
        match name.as_str() {
            "private" if value.is_null() || value == "" => found.say(&PRIVATE_EMPTY, file, at, ""),
            "private" => found.say(&PRIVATE, file, at, "its bytes are not repeated here"),
            _ => found.say(&MORE_FIELDS, file, at, "in keyval"),
        }
    }
    if json["keyval"]["public"].as_str().is_some_and(|text| text.contains("PRIVATE KEY-----")) {
        found.say(&PRIVATE, file, format!("{at}/keyval/public"), "its bytes are not repeated here");
    }
}

fn kind(file: &str, at: &str, json: &Value, found: &mut Found) {
    let text = |name: &str| json[name].as_str().unwrap_or_default();
    let (keytype, scheme) = (text("keytype"), text("scheme"));
    match (keytype, scheme) {
        ("ml-dsa", _) => found.say(&ML_DSA, file, at, scheme),
        ("rsa", scheme) if scheme.starts_with("rsa-pkcs1v15") => found.say(&PKCS1, file, at, scheme),
        ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => found.say(&P384, file, at, ""),
        ("ecdsa" | "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521")
        | ("rsa", "rsassa-pss-sha224" | "rsassa-pss-sha384" | "rsassa-pss-sha512") => {
            found.say(&SELDOM, file, at, scheme);
        }
        _ if read(json).is_ok() => {}
        ("ed25519", "ed25519")
        | ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256")
        | ("rsa", "rsassa-pss-sha256")
            if !json["keyval"]["public"].is_string() =>
        {
            return found.say(&WITHOUT_PUBLIC, file, at, "");
        }
        ("ed25519", "ed25519")
        | ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256")
        | ("rsa", "rsassa-pss-sha256") => {
            found.say(&UNREADABLE, file, at, read(json).err().unwrap_or_default());
        }
        _ => found.say(&UNKNOWN_KIND, file, at, format!("{keytype:?} with {scheme:?}")),
    }
    if keytype.starts_with("ecdsa-sha2-") {
        found.say(&OLD_TYPE, file, at, keytype);
    }
    let public = json["keyval"]["public"].as_str().unwrap_or_default();
    if keytype.starts_with("ecdsa") && !public.starts_with("-----BEGIN") {
        let rule = if public.contains("-----BEGIN") { &PEM_LATER } else { &HEX_EC };
        found.say(rule, file, at, "");
    }
}
