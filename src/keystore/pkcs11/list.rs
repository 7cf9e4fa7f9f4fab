//! What is plugged in, and what a token shows without a login. For people who write the ceremony file.

use std::path::Path;

use cryptoki::context::Pkcs11;
use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::PinState;
use crate::keystore::StoreError;
use crate::keystore::pkcs11::ModuleFile;
use crate::keystore::pkcs11::Settings;
use crate::keystore::pkcs11::choose;
use crate::keystore::pkcs11::job::Work;
use crate::keystore::pkcs11::object::Named;
use crate::keystore::pkcs11::object::Objects;
use crate::keystore::pkcs11::session::Login;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::keystore::pkcs11::worker;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::PublicKey;

/// A token, as people and scripts may see it. All text is safe to print.
#[derive(Clone, Debug, Serialize)]
pub struct TokenView {
    /// The token's label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Its model.
    pub model: String,
    /// Its manufacturer.
    pub manufacturer: String,
    /// Its firmware, as `5.43`.
    pub firmware: String,
    /// The module calls it a device, not software.
    pub hardware: bool,
    /// It has been initialised.
    pub initialised: bool,
    /// The PIN is typed on the token.
    pub pin_pad: bool,
    /// What it says of its PIN.
    pub pin: PinState,
    /// The longest message that it signs with Ed25519, where it has a limit.
    pub max_message: Option<u64>,
    /// The beginning of a STORE on it; add `;object=NAME`.
    pub uri: String,
}

/// An object that a token shows without a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectView {
    /// `public-key`, `private-key` or `certificate`.
    pub kind: String,
    /// Its label.
    pub label: String,
    /// Its CKA_ID in hex.
    pub id: String,
    /// The scheme that its key signs with.
    pub scheme: Option<String>,
    /// The keyid of its key.
    pub keyid: Option<String>,
}

/// Every token that the module at `path` shows, or the default module.
///
/// # Errors
/// `Module`, and what the reader says.
pub fn list(path: Option<&Path>, settings: &Settings) -> Result<(ModuleFile, Vec<TokenView>), StoreError> {
    let path = match path {
        Some(path) => path.to_path_buf(),
        None => choose(None, settings.default_module.as_deref())?,
    };
    let (file, tokens) = worker::look(&path, settings)?;
    let views = tokens.iter().map(|token| view(token, &path)).collect();
    Ok((file, views))
}

/// The token that `uri` names, and what it shows without a login.
///
/// # Errors
/// As [`crate::keystore::Store::look`].
pub fn show(
    uri: &Pkcs11Uri,
    settings: &Settings,
) -> Result<(ModuleFile, TokenView, Vec<ObjectView>), StoreError> {
    let path = choose(Some(uri), settings.default_module.as_deref())?;
    let (file, tokens) = worker::look(&path, settings)?;
    let token = token::pick(tokens, uri)?;
    let objects = worker::run(&path, settings, uri, None, Work::Show, &[])?.objects()?;
    Ok((file, view(&token, &path), objects))
}

/// Everything that a token shows without a login.
pub(super) fn objects(p11: &Pkcs11, token: &Token) -> Result<Vec<ObjectView>, StoreError> {
    let name = token.name();
    let login = Login::none(p11, token)?;
    let objects = Objects::read(&login.session, &name)?;
    let mut views = Vec::new();
    for (kind, some) in [
        ("private-key", &objects.private),
        ("public-key", &objects.public),
        ("certificate", &objects.certificates),
    ] {
        for object in some {
            views.push(object_view(&objects, kind, object)?);
        }
    }
    Ok(views)
}

fn view(token: &Token, path: &Path) -> TokenView {
    TokenView {
        label: printable(&token.label),
        serial: token.serial(),
        model: printable(&token.model),
        manufacturer: printable(&token.manufacturer),
        firmware: token.firmware.clone(),
        hardware: token.hardware,
        initialised: token.initialised,
        pin_pad: token.pin_pad,
        pin: token.pin,
        max_message: token.max_message(),
        uri: token.uri(path).to_string(),
    }
}

fn object_view(objects: &Objects<'_>, kind: &str, object: &Named) -> Result<ObjectView, StoreError> {
    let key = match kind {
        "certificate" => match objects.attribute(object.handle, AttributeType::Value)? {
            Some(Attribute::Value(der)) => super::spki::from_certificate(&der).and_then(super::object::parse),
            _ => None,
        },
        _ => objects.public_of(object.handle)?,
    };
    Ok(ObjectView {
        kind: kind.to_owned(),
        label: printable(&object.label),
        id: hex::encode(&object.id),
        scheme: key.as_ref().map(|key| key.scheme().to_string()),
        keyid: key.as_ref().map(|key: &PublicKey| key.keyid().0),
    })
}
