//! `keyrite key prove`: the owner of a key shows that it can sign, without signing anything that means something.

use std::path::Path;

use serde_json::Value;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::Output;
use crate::cli::answers::Answers;
use crate::cli::apart;
use crate::cli::key;
use crate::keystore;
use crate::keystore::Store;
use crate::keystore::Wants;
use crate::store_uri::StoreUri;
use crate::tuf::PublicKey;
use crate::tuf::proof;
use crate::tuf::proof::Proof;
use crate::tuf::proof::ProofError;

pub(super) fn run(
    out: &mut Output,
    uri: &StoreUri,
    challenge: &str,
    file: Option<&Path>,
    answers: Option<&Answers>,
) -> Result<(), Failure> {
    if let Some(file) = file {
        apart::check_new(file)?;
    }
    proof::check_challenge(challenge).map_err(refused)?;
    let mut store = keystore::open(uri, &key::opening()).map_err(key::failed)?;
    // A token shows its public keys to everyone: where there is none, no PIN is asked for.
    let token = store.look().map_err(key::failed)?.wants != Wants::Passphrase;
    let seen = if token { Some(public(&mut *store, None)?) } else { None };
    let secret = key::login(out, &mut *store, uri, answers)?;
    let public = match seen {
        Some(public) => public,
        None => public(&mut *store, secret.as_ref())?,
    };
    let message = proof::message(&public, challenge).map_err(refused)?;
    let signatures = store.sign(secret.as_ref(), &public, &[message.into()]).map_err(key::failed)?;
    let signature = signatures.first().map(Vec::as_slice).unwrap_or_default();
    let proof = Proof::new(&public, challenge, signature).map_err(|error| {
        let error = format!("{}: {error}; nothing was written", store.name());
        Failure::new(Exit::Store, error, "do not use this store again before it is understood")
    })?;
    let text = proof.to_file();
    if let Some(file) = file {
        apart::write_new(file, text.as_bytes())?;
    }
    if out.json {
        // What was written a moment ago is JSON.
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        return out.document(&document);
    }
    out.line(format!("{} proved that it can sign, for {challenge:?}.", store.name()));
    match file {
        Some(file) => {
            out.line(format!("Send {} with the public key: nothing in it is secret.", apart::shown(file)));
        }
        None => out.line(text.trim_end()),
    }
    Ok(())
}

fn public(store: &mut dyn Store, secret: Option<&secrecy::SecretString>) -> Result<PublicKey, Failure> {
    let found = store.find(secret).map_err(key::failed)?.ok_or_else(|| {
        let error = format!("there is no key at {}; nothing was signed", store.name());
        Failure::new(Exit::Store, error, "look at the STORE; keyrite token list shows what is plugged in")
    })?;
    Ok(found.public)
}

fn refused(error: ProofError) -> Failure {
    let hint = "give --for the id of the ceremony that the key is for, as its file has it";
    Failure::new(Exit::Input, format!("{error}; nothing was signed"), hint)
}
