//! Signing apart, in the world: files that come and go, images of codes, and the one signature of one store.
//!
//! What a request means and what may sign it is said by `tuf::apart`; who is asked, and how, is a front end's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::driver::disk;
use crate::driver::shown;
use crate::driver::stop::Stop;
use crate::driver::stop::StopKind;
use crate::keystore;
use crate::keystore::Found;
use crate::keystore::Opening;
use crate::keystore::Sight;
use crate::keystore::Store;
use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::open::Rehearsal;
use crate::lint;
use crate::qr::image;
use crate::store_uri::StoreUri;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::apart::ApartError;
use crate::tuf::apart::Request;
use crate::tuf::apart::Response;
use crate::tuf::apart::carry;
use crate::words::Digest;

/// The largest file that is read, in bytes: no metadata is larger.
const MAX_FILE: u64 = 1 << 28;
/// The most files that are read in one directory.
const MAX_FILES: usize = 2000;

/// A file that was sent.
enum Sent {
    /// The text of codes.
    Codes(String),
    /// Anything else, as it is.
    File(Vec<u8>),
}

/// Why something cannot be read, and what to do. What is unchanged by it is for the caller to say.
struct Unread(String, &'static str);

impl Unread {
    fn at(self, path: &Path) -> Stop {
        Stop::new(StopKind::Input, format!("{}: {}", shown(path), self.0), self.1)
    }
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    bytes(path).map_err(|unread| unread.at(path))
}

/// Reads one thing that was sent: a file as it is, the text of the codes in an image, or in all images of a directory.
pub fn read_sent(path: &Path) -> Result<Vec<u8>, Stop> {
    if !path.is_dir() {
        return Ok(match sent(path).map_err(|unread| unread.at(path))? {
            Sent::Codes(text) => text.into_bytes(),
            Sent::File(bytes) => bytes,
        });
    }
    let mut codes = Vec::new();
    for file in files(path).map_err(|unread| unread.at(path))? {
        if let Sent::Codes(text) = sent(&file).map_err(|unread| unread.at(&file))? {
            codes.push(text);
        }
    }
    if codes.is_empty() {
        let hint = "give a file, or a directory of images of QR codes";
        return Err(Unread("there is no code in it".to_owned(), hint).at(path));
    }
    Ok(codes.join("\n").into_bytes())
}

/// Reads everything that was sent, and gives each thing to `take` with its name, or why it cannot be read: files, and every
/// file of a directory, let go before the next. The codes of images come last, those of one thing together, for what is too
/// long for one code is in several images.
pub fn read_answers(
    paths: &[impl AsRef<Path>],
    mut take: impl FnMut(&str, Result<&[u8], &str>),
) -> Result<(), Stop> {
    let mut all = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        match path.is_dir() {
            true => all.extend(files(path).map_err(|unread| unread.at(path))?),
            false => all.push(path.to_owned()),
        }
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    all.iter().for_each(|path| *times.entry(name(path)).or_default() += 1);
    // The answers of several people may lie in folders of theirs, under one name.
    let called = |path: &Path| match times.get(&name(path)) {
        Some(1) => name(path),
        _ => path.display().to_string(),
    };
    let given = |path: &Path| paths.iter().any(|given| given.as_ref() == path);
    let mut codes = Vec::new();
    for path in &all {
        match sent(path) {
            Ok(Sent::Codes(text)) => codes.push((called(path), text)),
            Ok(Sent::File(bytes)) => take(&called(path), Ok(&bytes)),
            Err(unread) if given(path) => return Err(unread.at(path)),
            Err(Unread(why, _)) => take(&called(path), Err(&why)),
        }
    }
    carry::by_thing(&codes).iter().for_each(|(name, text)| take(name, Ok(text.as_bytes())));
    Ok(())
}

/// What a file is called beside what became of it.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unread> {
    let hint = "look at its name, and give a file that can be read";
    disk::read(path, MAX_FILE).map_err(|error| Unread(error.to_string(), hint))
}

fn sent(path: &Path) -> Result<Sent, Unread> {
    let bytes = bytes(path)?;
    if image::is_image(&bytes) {
        let hint = "make the image sharper and straighter, or type the lines instead";
        let texts = image::read(&bytes).map_err(|why| Unread(why.to_string(), hint))?;
        return Ok(Sent::Codes(texts.join("\n")));
    }
    Ok(match carry::frames(&bytes) {
        Some(text) => Sent::Codes(text.to_owned()),
        None => Sent::File(bytes),
    })
}

/// The files of a directory, by name, with links and devices that cannot be read, and without the folders in it.
fn files(path: &Path) -> Result<Vec<PathBuf>, Unread> {
    let hint = "name a file, or another directory";
    let entries = fs::read_dir(path).map_err(|error| Unread(error.to_string(), hint))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| !file.is_dir());
    files.sort();
    match files.len() {
        0 => Err(Unread("there is no file in it".to_owned(), hint)),
        1..=MAX_FILES => Ok(files),
        many => {
            let why = format!("it has {many} files, and {MAX_FILES} are the most that are looked at");
            Err(Unread(why, "name the file, or a smaller directory"))
        }
    }
}

/// Refuses a file that is there already, before anything is done for nothing.
pub fn check_new(path: &Path) -> Result<(), Stop> {
    if path.symlink_metadata().is_ok() {
        let error = format!("{} is there already; it is unchanged", shown(path));
        return Err(Stop::new(StopKind::Input, error, "give a new name"));
    }
    Ok(())
}

/// Makes a file that must not exist, whole or not at all, and waits until it is on the disk.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    disk::create(path, bytes).map_err(|error| disk::not_written(path, &error))
}

/// A request for a root, with the root before it that lies beside `file` where none came with it; and which was taken.
pub fn with_root_before(request: Request, file: &Path) -> Result<(Request, Option<PathBuf>), Stop> {
    let Some(old) = request.uncounted() else { return Ok((request, None)) };
    let path = file.with_file_name(format!("{old}.root.json"));
    if path.symlink_metadata().is_err() {
        return Ok((request, None));
    }
    let before = read(&path).map_err(|stop| {
        let hint = format!("root version {old} is taken from there: put it there, or take away what lies there and name it with --from");
        Stop { hint, ..stop }
    })?;
    let request = request.after(&before).map_err(|error| {
        let error = format!("{}: {error}", shown(&path));
        Stop::new(
            StopKind::Input,
            error,
            format!("the keys of root version {old} must sign too: put it there"),
        )
    })?;
    Ok((request, Some(path)))
}

/// What whoever asks, and whoever is asked, should know before anyone signs at `now`.
pub fn remarks(request: &Request, now: Date) -> Vec<String> {
    request.remarks(now).into_iter().chain(refusals(request)).collect()
}

/// What a signature would mean, in the lines that everyone sees who signs.
pub fn lines(request: &Request, now: Date) -> Result<Vec<String>, ApartError> {
    let refusals = refusals(request).into_iter().map(|remark| format!("remark: {remark}"));
    Ok(request.lines(now)?.into_iter().chain(refusals).collect())
}

/// What clients would make of what is signed, by the rules of lint: one remark for each that refuses it.
fn refusals(request: &Request) -> Vec<String> {
    let refusing = lint::refusing(&request.role, &request.metadata).into_iter();
    refusing.map(|(client, words)| format!("{} refuses what is signed: {words}", client.name())).collect()
}

/// Why a request cannot be used.
pub fn unusable(path: &Path, error: &ApartError) -> Stop {
    let kind = if error.contradiction { StopKind::Integrity } else { StopKind::Input };
    Stop::new(kind, format!("{}: {error}; nothing was signed", shown(path)), "ask for the request again")
}

/// One store that is about to sign one request.
pub struct Signing {
    request: Request,
    store: Box<dyn Store>,
    seen: Option<Found>,
}

impl Signing {
    /// Opens the store, without a secret. A rehearsal signs with keys that a rehearsal made, and with no other;
    /// production never does. An age file knows which it is, and refuses; a token does not, so it is never let near a
    /// rehearsal. `opening` is that of production.
    pub fn open(request: &Request, uri: &StoreUri, opening: Opening) -> Result<Self, Stop> {
        let opening = match (request.is_rehearsal(), uri) {
            (false, _) => opening,
            (true, StoreUri::Age(_)) => {
                let seed = Digest::of(request.metadata.payload()).0;
                Opening { rehearsal: Some(Rehearsal { seed, held: None }), ..opening }
            }
            (true, StoreUri::Pkcs11(_)) => {
                let error =
                    "this request was made in a rehearsal, and a token holds a real key; nothing was signed";
                return Err(Stop::new(
                    StopKind::No,
                    error,
                    "rehearse with an age file that the rehearsal made",
                ));
            }
        };
        let store = keystore::open(uri, &opening).map_err(failed)?;
        Ok(Self { request: request.clone(), store, seen: None })
    }

    /// Looks without a secret. A token shows its public keys to everyone: one that may not sign is refused before a
    /// PIN is tried on it.
    pub fn look(&mut self) -> Result<Sight, Stop> {
        let sight = self.store.look().map_err(failed)?;
        self.seen = self.store.shown().map_err(failed)?;
        if let Some(found) = &self.seen {
            signer(&self.request, found, &self.store.name())?;
        }
        Ok(sight)
    }

    /// The store's name, for whoever asks for its secret.
    pub fn name(&self) -> String {
        self.store.name()
    }

    /// Signs under the secret. A key that was seen costs one login, and an age file one decryption.
    pub fn sign(self, secret: Option<&SecretString>) -> Result<Response, Stop> {
        let Self { request, mut store, seen } = self;
        let (name, payload) = (store.name(), request.metadata.payload());
        let payloads = std::slice::from_ref(payload);
        let signed = match seen {
            Some(found) => {
                let (_, public) = signer(&request, &found, &name)?;
                store.sign(secret, public, payloads).map(|signatures| Some((found, signatures)))
            }
            None => {
                let listed = |found: &Found| Some(request.signers.find(&found.public)?.1.clone());
                store.find_and_sign(secret, &listed, payloads)
            }
        };
        let (found, signatures) = signed.map_err(failed)?.ok_or_else(|| {
            let error = format!("there is no key at {name}; nothing was signed");
            Stop::new(
                StopKind::Store,
                error,
                "look at the STORE; keyrite token list shows what is plugged in",
            )
        })?;
        let (label, public) = signer(&request, &found, &name)?;
        let good = signatures.first().filter(|signature| payload.verify(public, signature).is_ok());
        let signature = good.ok_or_else(|| {
            let error = format!("{name} gave a signature that does not verify; nothing was written");
            Stop::new(StopKind::Store, error, "do not use this store again before it is understood")
        })?;
        let (role, version, sha256) = (&request.role, request.version(), request.sha256());
        Ok(Response::new(role, version, &sha256, label.clone(), public.scheme().as_str(), signature))
    }
}

fn failed(error: StoreError) -> Stop {
    let wrong = error.kind == StoreErrorKind::WrongSecret;
    Stop::new(if wrong { StopKind::Secret } else { StopKind::Store }, error.text, error.hint)
}

/// The key as the metadata lists it, when it may sign: material decides, and no label.
fn signer<'a>(request: &'a Request, found: &Found, store: &str) -> Result<(&'a KeyId, &'a PublicKey), Stop> {
    request.signers.find(&found.public).ok_or_else(|| {
        let keyid = found.public.keyid();
        let error = format!("{store} holds key {keyid}, which may not sign this; nothing was signed");
        Stop::new(StopKind::No, error, "use the key of one of the signers that are listed")
    })
}
