//! PKCS#11 modules: which file, and whether it is the right one.
//!
//! A module is foreign code. It is named by an absolute path to a regular file, its SHA-256 is compared with the
//! ceremony file's before anything of it runs, and it runs in a child process alone (see `worker`).

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cryptoki::context::CInitializeArgs;
use cryptoki::context::CInitializeFlags;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::error::RvError;
use sha2::Digest;
use sha2::Sha256;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::store_uri::Pkcs11Uri;

/// What is needed to open a PKCS#11 module, besides the URI.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The module where the URI names none: `KEYRITE_PKCS11_MODULE`, read by the front end.
    pub default_module: Option<PathBuf>,
    /// The SHA-256 that the module's file must have, when the ceremony file pins it.
    pub module_sha256: Option<[u8; 32]>,
    /// This program, which is started again to run a module.
    pub program: PathBuf,
}

/// Where p11-kit's proxy is installed on the systems that have it.
const PROXIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so",
    "/usr/lib/aarch64-linux-gnu/p11-kit-proxy.so",
    "/usr/lib64/p11-kit-proxy.so",
    "/usr/lib/p11-kit-proxy.so",
    "/usr/local/lib/p11-kit-proxy.so",
];

/// A module's file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModuleFile {
    /// Its path, with links resolved.
    pub path: PathBuf,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// The module of `uri`: its `module-path`, else the default, else p11-kit's proxy where it is installed.
///
/// # Errors
/// `Module` when there is none.
pub fn choose(uri: Option<&Pkcs11Uri>, default: Option<&Path>) -> Result<PathBuf, StoreError> {
    let named = uri.and_then(|uri| uri.module_path.as_deref()).map(PathBuf::from);
    let proxy = || PROXIES.into_iter().map(PathBuf::from).find(|path| path.is_file());
    named.or_else(|| default.map(Path::to_path_buf)).or_else(proxy).ok_or_else(|| {
        bad(
            "no PKCS#11 module is named, and p11-kit's proxy is not installed".to_owned(),
            "add ?module-path=/path/of/module.so to the STORE, or set KEYRITE_PKCS11_MODULE",
        )
    })
}

/// Reads the module at `path`: an absolute path to a regular file.
///
/// # Errors
/// `Module`, with the reason.
pub fn read(path: &Path) -> Result<ModuleFile, StoreError> {
    let hint = "give the absolute path of the module's file";
    let named = path.display();
    if path.as_os_str().is_empty() {
        return Err(bad("the path of the PKCS#11 module is empty".to_owned(), hint));
    }
    if !path.is_absolute() {
        return Err(bad(format!("the path of the PKCS#11 module, {named}, is not absolute"), hint));
    }
    let cannot = |error: io::Error| bad(format!("cannot open the PKCS#11 module {named}: {error}"), hint);
    let path = fs::canonicalize(path).map_err(cannot)?;
    let kind = fs::metadata(&path).map_err(cannot)?;
    if !kind.is_file() {
        let what = if kind.is_dir() { "a directory" } else { "not a regular file" };
        return Err(bad(format!("the PKCS#11 module {named} is {what}"), hint));
    }
    let mut hasher = Sha256::new();
    let mut file = File::open(&path).map_err(cannot)?;
    io::copy(&mut file, &mut Hashing(&mut hasher)).map_err(cannot)?;
    Ok(ModuleFile { path, sha256: hex::encode(hasher.finalize()) })
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `C_Initialize`, with the threads of this system, or without where a module cannot.
pub(super) fn start(p11: &Pkcs11) -> Result<(), Error> {
    match p11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CantLock | RvError::NeedToCreateThreads, _)) => {
            p11.initialize(CInitializeArgs::new(CInitializeFlags::empty()))
        }
        other => other,
    }
}

/// A module whose bytes are not those that the ceremony file names is never loaded.
pub(super) fn check_pin(file: &ModuleFile, pinned: Option<[u8; 32]>) -> Result<(), StoreError> {
    match pinned.map(hex::encode) {
        Some(pinned) if pinned != file.sha256 => Err(bad(
            format!(
                "the PKCS#11 module {} has the SHA-256 {}, and the ceremony file names {pinned}; it was not loaded",
                file.path.display(),
                file.sha256
            ),
            "install the module that was reviewed, or have the ceremony file reviewed with this one",
        )),
        Some(_) | None => Ok(()),
    }
}

fn bad(text: String, hint: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Module, text, hint)
}
