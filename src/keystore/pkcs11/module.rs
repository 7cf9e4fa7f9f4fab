//! PKCS#11 modules: which file, whether it is the right one, and one initialisation of it per process.
//!
//! A module is code that runs in this process. It is named by an absolute path to a regular file, its SHA-256 is
//! compared with the ceremony file's before anything of it runs, and it is tried in a child process first.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use cryptoki::context::CInitializeArgs;
use cryptoki::context::CInitializeFlags;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::error::RvError;
use sha2::Digest;
use sha2::Sha256;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::probe;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::keystore::quiet;
use crate::store_uri::Pkcs11Uri;

/// What is needed to open a PKCS#11 module, besides the URI.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The module where the URI names none: `KEYRITE_PKCS11_MODULE`, read by the front end.
    pub default_module: Option<PathBuf>,
    /// The SHA-256 that the module's file must have, when the ceremony file pins it.
    pub module_sha256: Option<[u8; 32]>,
    /// This program, which is started again to try a module.
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
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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

/// A module that has been tried. All calls into it go through [`Module::with`].
pub(super) struct Module {
    pub(super) file: ModuleFile,
    loaded: Mutex<Option<Pkcs11>>,
}

/// The modules of this process, by canonical path: the same one initialised twice would share, and lose, its state.
static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// Held during a call into any module: a proxy has other modules behind it, which may be loaded here as well.
static BUSY: Mutex<()> = Mutex::new(());

/// The tokens that the module at `path` shows now, asked for in a child process. So people may pull tokens out while
/// we look: a module that crashes or hangs over it does so alone.
pub(super) fn look(path: &Path, settings: &Settings) -> Result<(ModuleFile, Vec<Token>), StoreError> {
    let file = read(path)?;
    check_pin(&file, settings.module_sha256)?;
    let tokens = probe::probe(&file.path, &settings.program)?;
    Ok((file, tokens))
}

impl Module {
    /// The module at `path`, tried in a child process if this process has not used it yet.
    pub(super) fn open(path: &Path, settings: &Settings) -> Result<Arc<Self>, StoreError> {
        let file = read(path)?;
        check_pin(&file, settings.module_sha256)?;
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&file.path) {
            if module.file != file {
                return Err(bad(
                    format!("the PKCS#11 module {} has changed since it was loaded", file.path.display()),
                    "stop, find out who changed it, and start again",
                ));
            }
            return Ok(Arc::clone(module));
        }
        probe::try_first(&file.path, &settings.program)?;
        let module = Arc::new(Self { file, loaded: Mutex::new(None) });
        modules.insert(module.file.path.clone(), Arc::clone(&module));
        Ok(module)
    }

    /// Starts the module, works with it and the tokens that it shows, and ends it; nothing that it prints reaches the
    /// screen.
    ///
    /// It is started for each call and not once: so a token that was pulled out works when it is back, no login
    /// outlives its call, and what an error left in disorder is gone. It stays in memory, since some modules leave
    /// threads behind.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Pkcs11, Vec<Token>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _one_at_a_time = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let _quiet = quiet::hush().map_err(|error| {
            bad(format!("standard output cannot be set aside: {error}"), "see that /dev/null exists")
        })?;
        let not_loaded = |error| message::not_loaded(&self.file.path, &error);
        let p11 = match &*loaded {
            Some(p11) => p11.clone(),
            None => loaded.insert(Pkcs11::new(&self.file.path).map_err(not_loaded)?).clone(),
        };
        match start(&p11) {
            // Left over from a call that could not end it, since no other of ours is under way.
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {
                drop(p11.clone().finalize());
                start(&p11)
            }
            other => other,
        }
        .map_err(not_loaded)?;
        let result = token::all(&p11, &self.file.path).and_then(|tokens| work(&p11, tokens));
        // One that does not end is ended when it is started the next time.
        drop(p11.finalize());
        result
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

/// A module whose bytes are not those that the ceremony file names is never loaded, not even to try it.
fn check_pin(file: &ModuleFile, pinned: Option<[u8; 32]>) -> Result<(), StoreError> {
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
