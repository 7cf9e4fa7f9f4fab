//! What a token says of where a key came from. It is the token's own word: drivers exist that claim an imported key was
//! made on the token, so that this can disprove and never prove.

use std::collections::BTreeMap;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use cryptoki::object::ObjectHandle;

use crate::keystore::StoreError;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::object::Objects;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::token::Token;

/// The attributes that tell of a private key's origin and guard, by their names in the standard.
const ATTRIBUTES: [(&str, AttributeType); 7] = [
    ("CKA_ALWAYS_AUTHENTICATE", AttributeType::AlwaysAuthenticate),
    ("CKA_ALWAYS_SENSITIVE", AttributeType::AlwaysSensitive),
    ("CKA_EXTRACTABLE", AttributeType::Extractable),
    ("CKA_KEY_GEN_MECHANISM", AttributeType::KeyGenMechanism),
    ("CKA_LOCAL", AttributeType::Local),
    ("CKA_NEVER_EXTRACTABLE", AttributeType::NeverExtractable),
    ("CKA_SENSITIVE", AttributeType::Sensitive),
];

/// What the token says of itself, of the module, and of the key where its private half can be seen.
pub(super) fn of(
    objects: &Objects<'_>,
    private: Option<ObjectHandle>,
    token: &Token,
    module: &ModuleFile,
) -> Result<BTreeMap<String, String>, StoreError> {
    let mut evidence = about(token, module);
    let Some(private) = private else { return Ok(evidence) };
    for (name, kind) in ATTRIBUTES {
        if let Some(value) = objects.attribute(private, kind)?.as_ref().and_then(value) {
            evidence.insert(name.to_owned(), value);
        }
    }
    Ok(evidence)
}

fn about(token: &Token, module: &ModuleFile) -> BTreeMap<String, String> {
    let pairs = [
        ("token", printable(&token.label)),
        ("serial", token.serial()),
        ("model", printable(&token.model)),
        ("manufacturer", printable(&token.manufacturer)),
        ("firmware", token.firmware.clone()),
        ("hardware", token.hardware.to_string()),
        ("module", printable(&module.path.to_string_lossy())),
        ("module-sha256", module.sha256.clone()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn value(attribute: &Attribute) -> Option<String> {
    match attribute {
        Attribute::AlwaysAuthenticate(yes)
        | Attribute::AlwaysSensitive(yes)
        | Attribute::Extractable(yes)
        | Attribute::Local(yes)
        | Attribute::NeverExtractable(yes)
        | Attribute::Sensitive(yes) => Some(yes.to_string()),
        Attribute::KeyGenMechanism(mechanism) => Some(mechanism_name(*mechanism)),
        _ => None,
    }
}

fn mechanism_name(mechanism: MechanismType) -> String {
    let named = [
        (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
        (MechanismType::ECC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"),
        (MechanismType::RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"),
    ];
    let name = named.iter().find(|(known, _)| *known == mechanism);
    name.map_or_else(|| format!("{mechanism:?}"), |(_, name)| (*name).to_owned())
}
