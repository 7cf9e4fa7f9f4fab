//! Which program this is, and whether the ceremony file names it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use sha2::Digest as _;
use sha2::Sha256;

use crate::keystore::hygiene::Item;
use crate::words::Digest;

/// The SHA-256 of this program's file, as it runs. Read once, for it is read before the file is out of reach.
pub fn own_digest() -> Result<Digest, String> {
    static OWN: OnceLock<Result<Digest, String>> = OnceLock::new();
    let read = || digest_of(Path::new("/proc/self/exe")).map_err(|error| error.to_string());
    OWN.get_or_init(read).clone()
}

/// This program is one of those that the file names.
pub(super) fn binary_sha256(pinned: &[Digest]) -> Item {
    const NAME: &str = "binary-sha256";
    let own = match own_digest() {
        Ok(own) => own,
        Err(error) => return Item::new(NAME, false, format!("this program cannot be read: {error}")),
    };
    let named = match (pinned.is_empty(), pinned.contains(&own)) {
        (true, _) => "and the file names none",
        (false, true) => "which the file names",
        (false, false) => "which the file does not name",
    };
    Item::new(NAME, pinned.contains(&own), format!("this program is {:.8}..., {named}", own.hex()))
}

/// The SHA-256 of a file.
pub(super) fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(Digest(hash.finalize().into())),
            n => hash.update(&buffer[..n]),
        }
    }
}
