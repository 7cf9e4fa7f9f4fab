//! Signs a root with keys that lie open as seeds, with the library alone, and verifies each signature as it is made. Keyrite
//! itself signs with keys that are encrypted or on tokens, and with no other: this is there to be measured beside programs that do
//! what it does.
//!
//! ```text
//! sign_root ROOT.json SEED...        Ed25519 seeds of 32 bytes; the file is replaced
//! ```

use std::error::Error;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::Signature;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [root, seeds @ ..] = arguments.as_slice() else { return Err("sign_root ROOT.json SEED...".into()) };
    let mut metadata = Metadata::parse(&fs::read(root)?)?.with_signatures(Vec::new());
    let payload = metadata.payload().clone();
    for seed in seeds {
        let private = SigningKey::try_from(fs::read(seed)?.as_slice())?;
        let public = PublicKey::ed25519(private.verifying_key().to_bytes());
        let signature = private.sign(&payload).to_bytes();
        payload.verify(&public, &signature).map_err(|_| "a signature does not verify")?;
        metadata.add(Signature { keyid: public.keyid(), sig: hex::encode(signature) });
    }
    let new = Path::new(root).with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(&metadata.to_file())?;
    file.sync_all()?;
    fs::rename(&new, root)?;
    Ok(())
}
