//! From a key of the plan to the store that holds it, in production and in rehearsal.

use std::path::Path;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::ceremony::Mode;
use crate::driver::inputs;
use crate::keystore;
use crate::keystore::Opening;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::age_file::WORK_FACTOR;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::open::Rehearsal;
use crate::keystore::shares::Share;
use crate::keystore::shares::Split;
use crate::keystore::simulated;
use crate::keystore::simulated::Held;
use crate::plan::Key;
use crate::plan::Plan;
use crate::plan::Source;
use crate::store_uri::Pkcs11Uri;
use crate::store_uri::StoreUri;
use crate::tuf::Bytes;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::words::Digest;

/// A rehearsal's passphrases protect nothing: its keys are public knowledge.
const REHEARSAL_WORK_FACTOR: u8 = 10;
/// A simulated token takes any PIN of four characters.
pub(super) const ANY_PIN: &str = "0000";

/// Where stores are looked for.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The ceremony file's directory: existing age files and public keys.
    pub inputs: PathBuf,
    /// The record: age files that are made.
    pub record: PathBuf,
    /// The PKCS#11 module of URIs that name none.
    pub default_module: Option<PathBuf>,
    /// This program, started again to try a module.
    pub program: PathBuf,
}

/// The store of a key that signs. `made` says that a simulated token has its key already.
pub(super) fn open(
    plan: &Plan,
    key: &Key,
    mode: Mode,
    places: &Places,
    made: bool,
) -> Result<Box<dyn Store>, StoreError> {
    let instead = Pkcs11Uri {
        token: Some(format!("in place of {}", plan.holder_of(&key.name))),
        ..Pkcs11Uri::default()
    };
    let instead = Some(StoreUri::Pkcs11(instead)).filter(|_| key.elsewhere && mode == Mode::Rehearsal);
    let Some(uri) = key.store().or(instead.as_ref()) else {
        let text = format!("key {} has no store", key.name);
        return Err(StoreError::new(StoreErrorKind::NoSuchKey, text, ""));
    };
    let rehearsal = match mode {
        Mode::Production => None,
        Mode::Rehearsal => {
            let seed = simulated::seed(&plan.digest.0, &key.name);
            Some(Rehearsal { seed, held: held(key, &places.inputs, made) })
        }
    };
    let opening = Opening {
        base: if key.generated() { places.record.clone() } else { places.inputs.clone() },
        work_factor: if mode == Mode::Rehearsal { REHEARSAL_WORK_FACTOR } else { WORK_FACTOR },
        rehearsal,
        default_module: places.default_module.clone(),
        module_sha256: key.module_sha256.as_deref().and_then(Digest::from_hex).map(|digest| digest.0),
        probe: places.program.clone(),
    };
    match (uri, &key.source, mode) {
        // A rehearsal never touches a key that exists: its store is simulated as well.
        (StoreUri::Age(path), Source::Existing { .. } | Source::Listed { .. }, Mode::Rehearsal) => {
            let stand_in = Pkcs11Uri { token: Some(format!("in place of {path}")), ..Pkcs11Uri::default() };
            keystore::open(&StoreUri::Pkcs11(stand_in), &opening)
        }
        _ => keystore::open(uri, &opening),
    }
}

fn held(key: &Key, inputs: &Path, made: bool) -> Option<Held> {
    match &key.source {
        Source::Generated { scheme, bits, .. } => made.then_some(Held { scheme: *scheme, bits: *bits }),
        Source::Existing { public, .. } | Source::Public { public } => {
            let public = inputs::fixed(inputs, public).ok()?;
            Some(Held { scheme: public.scheme(), bits: None })
        }
        // As it is listed in the stand-in of the metadata before.
        Source::Listed { public, .. } => Some(Held { scheme: public.scheme(), bits: public.rsa_bits() }),
    }
}

/// A key that a rehearsal uses in place of one that exists.
pub(super) struct StandIn {
    store: Box<dyn Store>,
    public: PublicKey,
}

impl StandIn {
    /// Its public half.
    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a payload: its PIN is nobody's secret.
    pub(super) fn sign(&mut self, payload: &Bytes) -> Result<Vec<u8>, StoreError> {
        let signed = self.store.sign(
            Some(&SecretString::from(ANY_PIN)),
            &self.public,
            std::slice::from_ref(payload),
        )?;
        Ok(signed.into_iter().next().unwrap_or_default())
    }
}

/// A share of a key that a rehearsal uses, for whoever answers in place of its holder.
pub(super) fn rehearsed_share(
    plan: &Plan,
    key: &Key,
    places: &Places,
    split: Split,
    index: u8,
) -> Result<Share, StoreError> {
    let missing =
        || StoreError::new(StoreErrorKind::NoSuchKey, format!("key {} has no stand-in", key.name), "");
    let held = held(key, &places.inputs, true).ok_or_else(missing)?;
    let StandIn { mut store, public } = simulate(plan, &key.name, held, places)?;
    store.share(Some(&SecretString::from(ANY_PIN)), &public, split, index)
}

/// The stand-in of a key of the metadata before. One that signs today has the scheme that its custodian will use.
pub(super) fn stand_in(plan: &Plan, keyid: &KeyId, places: &Places) -> Result<StandIn, StoreError> {
    let named = plan
        .keys
        .iter()
        .find(|key| matches!(&key.source, Source::Listed { keyid: listed, .. } if listed == keyid));
    let name = named.map_or(keyid.0.as_str(), |key| key.name.as_str());
    let held = named
        .filter(|key| key.signs())
        .and_then(|key| held(key, &places.inputs, true))
        .unwrap_or(Held { scheme: Scheme::Ed25519, bits: None });
    simulate(plan, name, held, places)
}

/// The stand-in of a key that comes with a file, by whomever it is held.
pub(super) fn stand_in_from_file(plan: &Plan, key: &Key, places: &Places) -> Result<StandIn, StoreError> {
    let missing = || {
        StoreError::new(StoreErrorKind::NoSuchKey, format!("key {} does not come with a file", key.name), "")
    };
    let held = Some(key).filter(|key| key.from_file()).and_then(|key| held(key, &places.inputs, true));
    simulate(plan, &key.name, held.ok_or_else(missing)?, places)
}

fn simulate(plan: &Plan, name: &str, held: Held, places: &Places) -> Result<StandIn, StoreError> {
    let rehearsal = Rehearsal { seed: simulated::seed(&plan.digest.0, name), held: Some(held) };
    let opening = Opening { rehearsal: Some(rehearsal), ..Opening::production(places.record.clone()) };
    let uri = Pkcs11Uri { token: Some(name.to_owned()), ..Pkcs11Uri::default() };
    let mut store = keystore::open(&StoreUri::Pkcs11(uri), &opening)?;
    let found = store.find(Some(&SecretString::from(ANY_PIN)))?;
    let missing =
        || StoreError::new(StoreErrorKind::NoSuchKey, format!("the stand-in of key {name} is empty"), "");
    let public = found.map(|found| found.public).ok_or_else(missing)?;
    Ok(StandIn { store, public })
}
