//! From a STORE to the store: the one place that turns a URI into something that holds a key.
//!
//! Nothing is opened, read or asked here; a store does that when it is used.

use std::path::PathBuf;

use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::age_file::AgeFile;
use crate::keystore::pkcs11;
use crate::keystore::pkcs11::Settings;
use crate::keystore::simulated::Held;
use crate::keystore::simulated::Simulated;
use crate::store_uri::StoreUri;

/// What opening a store depends on, beside its URI.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Relative paths of age files start here.
    pub base: PathBuf,
    /// scrypt's work factor, as a power of two, for age files that are written. Reading takes what the file says.
    pub work_factor: u8,
    /// Set in a rehearsal: tokens are simulated, and age files carry the watermark.
    pub rehearsal: Option<Rehearsal>,
    /// The PKCS#11 module of a URI that names none.
    pub default_module: Option<PathBuf>,
    /// The SHA-256 that the module's file must have, when the ceremony file pins it.
    pub module_sha256: Option<[u8; 32]>,
    /// The program that loads a module first, as a child, so that a bad one cannot take us with it.
    pub probe: PathBuf,
}

/// How one store behaves in a rehearsal.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// What its key is derived from; see [`crate::keystore::simulated::seed`].
    pub seed: [u8; 32],
    /// What a simulated token holds already, such as a key generated earlier in this rehearsal.
    pub held: Option<Held>,
}

impl Opening {
    /// Production, at full strength, relative to `base`, with no default module.
    pub fn production(base: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            work_factor: crate::keystore::age_file::WORK_FACTOR,
            rehearsal: None,
            default_module: None,
            module_sha256: None,
            probe: PathBuf::new(),
        }
    }
}

/// The store that `uri` names.
pub fn open(uri: &StoreUri, opening: &Opening) -> Result<Box<dyn Store>, StoreError> {
    match (uri, &opening.rehearsal) {
        (StoreUri::Age(path), rehearsal) => {
            let file = AgeFile::new(opening.base.join(path), path, opening.work_factor);
            Ok(Box::new(match rehearsal {
                Some(rehearsal) => file.for_rehearsal(Some(rehearsal.seed)),
                None => file,
            }))
        }
        (StoreUri::Pkcs11(uri), Some(rehearsal)) => {
            Ok(Box::new(Simulated::new(uri, rehearsal.seed, rehearsal.held)))
        }
        (StoreUri::Pkcs11(uri), None) => open_token(uri, opening),
    }
}

fn open_token(uri: &crate::store_uri::Pkcs11Uri, opening: &Opening) -> Result<Box<dyn Store>, StoreError> {
    let settings = Settings {
        default_module: opening.default_module.clone(),
        module_sha256: opening.module_sha256,
        program: opening.probe.clone(),
    };
    pkcs11::open(uri, &settings)
}
