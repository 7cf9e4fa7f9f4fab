//! A key pair is made on the token, and never replaces one.

use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::MechanismType;
use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use cryptoki::object::ObjectHandle;

use crate::keystore::Found;
use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::evidence;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::object::Objects;
use crate::keystore::pkcs11::object::key_type;
use crate::keystore::pkcs11::session::Login;
use crate::keystore::pkcs11::sign;
use crate::keystore::pkcs11::spki;
use crate::keystore::pkcs11::token::Token;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::Scheme;

/// Where nothing else is asked for.
const RSA_BITS: u32 = 3072;
const RSA_LEAST: u32 = 2048;
const RSA_MOST: u32 = 16384;

/// What a new key signs at once, to show that its private half is there. No metadata begins like this.
const PROOF: &str = "keyrite: this key was made a moment ago and signs; key ";

/// Refuses, before a PIN is asked of anyone, what the token cannot do.
pub(super) fn check_can(
    token: &Token,
    mechanisms: &[MechanismType],
    scheme: Scheme,
    bits: Option<u32>,
) -> Result<(), StoreError> {
    let refuse = |text: String| Err(StoreError::new(StoreErrorKind::Unsupported, text, message::ADOPT));
    match (scheme, bits) {
        (Scheme::RsaPssSha256, Some(bits)) if !(RSA_LEAST..=RSA_MOST).contains(&bits) || bits % 8 != 0 => {
            return refuse(format!(
                "an RSA key has {RSA_LEAST} to {RSA_MOST} bits, not {bits}; nothing was made"
            ));
        }
        (Scheme::RsaPssSha256, _) | (_, None) => {}
        (_, Some(_)) => return refuse(format!("{scheme} has no choice of bits; nothing was made")),
    }
    if !mechanisms.contains(&mechanism(scheme).mechanism_type()) {
        return refuse(format!("{} cannot make a key for {scheme}; nothing was made", token.name()));
    }
    Ok(())
}

/// Makes the key pair that `uri` names, reads it back, and has it sign.
pub(super) fn generate(
    login: &Login<'_>,
    module: &ModuleFile,
    uri: &Pkcs11Uri,
    scheme: Scheme,
    bits: Option<u32>,
) -> Result<Found, StoreError> {
    let token = login.token.name();
    // Some tokens overwrite the key that is there without asking, so this comes first.
    if Objects::read(&login.session, &token)?.in_use(uri) {
        return Err(StoreError::new(
            StoreErrorKind::Exists,
            format!(
                "{token} has a key with that label or id already; nothing was made and nothing was changed"
            ),
            "choose another object= for the new key",
        ));
    }
    let (public, private) = make(login, uri, scheme, bits)?;
    let objects = Objects::read(&login.session, &token)?;
    if let Err(weak) = check_guarded(&objects, private, &token) {
        // Ours, made a moment ago, and never used: it goes at once.
        let gone = login.session.destroy_object(private).and(login.session.destroy_object(public)).is_ok();
        let text = if gone { "it was deleted" } else { "and it could not be deleted" };
        return Err(StoreError::new(weak.kind, format!("{}; {text}", weak.text), weak.hint));
    }
    let unreadable = || {
        StoreError::new(
            StoreErrorKind::Unsupported,
            format!("a key was made on {token}, but its public half cannot be read, and it is not used"),
            "look at the token with its vendor's tool; nothing else was changed",
        )
    };
    let pair =
        objects.matching(uri)?.into_iter().find(|pair| pair.private == private).ok_or_else(unreadable)?;
    let key = match pair.public.clone() {
        Some(key) => key,
        // A token that drops CKA_ID gives nothing to join the halves by, but both handles are at hand.
        None => objects.public_of(public)?.ok_or_else(unreadable)?,
    };
    sign::sign(login, module, &pair, &key, format!("{PROOF}{}", key.keyid()).as_bytes())?;
    Ok(Found { evidence: evidence::of(&objects, Some(private), login.token, module)?, public: key })
}

fn mechanism(scheme: Scheme) -> Mechanism<'static> {
    match scheme {
        Scheme::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        Scheme::EcdsaP256 | Scheme::EcdsaP384 => Mechanism::EccKeyPairGen,
        // A scheme that is only verified has no kind below, and does not get here.
        Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => Mechanism::RsaPkcsKeyPairGen,
    }
}

/// `C_GenerateKeyPair`, with less in the template where the token refuses an attribute. A refusal makes nothing, and
/// what was left out is read back afterwards.
fn make(
    login: &Login<'_>,
    uri: &Pkcs11Uri,
    scheme: Scheme,
    bits: Option<u32>,
) -> Result<(ObjectHandle, ObjectHandle), StoreError> {
    let id = match &uri.id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let name =
        [uri.object.clone().map(|label| Attribute::Label(label.into_bytes())), Some(Attribute::Id(id))];
    let name: Vec<_> = name.into_iter().flatten().collect();
    let guards = [
        vec![Attribute::Sensitive(true), Attribute::Extractable(false)],
        vec![Attribute::Sensitive(true)],
        Vec::new(),
    ];
    let mut refused = None;
    for kind in kinds(scheme, bits) {
        for guard in &guards {
            let public = [Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true)];
            let public: Vec<_> = public.into_iter().chain(kind.clone()).chain(name.clone()).collect();
            let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Sign(true)];
            let private: Vec<_> = private.into_iter().chain(guard.clone()).chain(name.clone()).collect();
            match login.session.generate_key_pair(&mechanism(scheme), &public, &private) {
                Ok(handles) => return Ok(handles),
                Err(error) if is_about_the_template(&error) => refused = Some(error),
                // What an old SoftHSM says of a curve that it knows by another spelling.
                Err(error @ Error::Pkcs11(RvError::GeneralError, _)) => {
                    refused = Some(error);
                    break;
                }
                Err(error) => return Err(explain(login, scheme, &error)),
            }
        }
    }
    // There is at least one kind for every scheme that signs.
    Err(refused
        .map_or_else(|| explain(login, scheme, &Error::NotSupported), |error| explain(login, scheme, &error)))
}

fn explain(login: &Login<'_>, scheme: Scheme, error: &Error) -> StoreError {
    let told = message::explain(&login.token.name(), error);
    match told.kind {
        StoreErrorKind::Unsupported if is_about_the_template(error) => StoreError::new(
            told.kind,
            format!(
                "{} refused to make a key for {scheme}: {}; nothing was made",
                login.token.name(),
                told.text
            ),
            message::ADOPT,
        ),
        _ => told,
    }
}

/// The attributes that say what kind of key it is, in the spellings to try.
fn kinds(scheme: Scheme, bits: Option<u32>) -> Vec<Vec<Attribute>> {
    let key_type = Attribute::KeyType(key_type(scheme));
    match scheme {
        Scheme::RsaPssSha256 => vec![vec![
            key_type,
            Attribute::ModulusBits(u64::from(bits.unwrap_or(RSA_BITS)).into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
        ]],
        Scheme::Ed25519 | Scheme::EcdsaP256 | Scheme::EcdsaP384 => spki::ec_params(scheme)
            .iter()
            .map(|params| vec![key_type.clone(), Attribute::EcParams(params.to_vec())])
            .collect(),
        Scheme::VerifyOnly(_) => Vec::new(),
    }
}

/// The token refused an attribute, and made nothing; another template may do.
fn is_about_the_template(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::AttributeReadOnly
                | RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::CurveNotSupported
                | RvError::DomainParamsInvalid
                | RvError::MechanismParamInvalid
                | RvError::TemplateInconsistent,
            _
        )
    )
}

/// A private key that can leave the token, or be read, is refused whatever was asked for.
fn check_guarded(objects: &Objects<'_>, private: ObjectHandle, token: &str) -> Result<(), StoreError> {
    let sensitive = objects.attribute(private, AttributeType::Sensitive)?;
    let extractable = objects.attribute(private, AttributeType::Extractable)?;
    let weak = match (sensitive, extractable) {
        (_, Some(Attribute::Extractable(true))) => "can be taken off it",
        (Some(Attribute::Sensitive(false)), _) => "can be read in plain",
        _ => return Ok(()),
    };
    Err(StoreError::new(
        StoreErrorKind::Unsupported,
        format!("the key that {token} made {weak}, and is refused"),
        "use a token that keeps its keys",
    ))
}

/// Joins the two halves; it has no other meaning.
fn random_id() -> Result<Vec<u8>, StoreError> {
    let mut id = vec![0; 20];
    getrandom::fill(&mut id).map_err(|error| {
        StoreError::new(
            StoreErrorKind::Io,
            format!("the system gives no random bytes: {error}; nothing was made"),
            "do not use this machine",
        )
    })?;
    Ok(id)
}
