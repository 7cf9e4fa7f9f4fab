//! One signature: the mechanism, the login that some keys want each time, the form that TUF wants, and the proof that
//! it is right.

use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::eddsa::EddsaParams;
use cryptoki::mechanism::eddsa::EddsaSignatureScheme;
use cryptoki::mechanism::rsa::PkcsMgfType;
use cryptoki::mechanism::rsa::PkcsPssParams;
use cryptoki::session::Session;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::object::KeyPair;
use crate::keystore::pkcs11::object::key_type;
use crate::keystore::pkcs11::raw::Raw;
use crate::keystore::pkcs11::session::Login;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// One way to sign: the mechanism, and what it is given.
struct Way<'a> {
    mechanism: Mechanism<'static>,
    data: std::borrow::Cow<'a, [u8]>,
    /// It may be given in parts (`C_SignUpdate`).
    multi_part: bool,
}

/// Signs each payload that comes, with `pair`, whose public half is `public`. The first signature is proven before the
/// next is made, so that a wrong key does not go on for thousands; the others are proven by who takes them from this
/// process.
pub(super) fn sign_all(
    login: &Login<'_>,
    module: &ModuleFile,
    pair: &KeyPair,
    public: &PublicKey,
    payloads: &mut dyn Iterator<Item = Result<Vec<u8>, StoreError>>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let Some(first) = payloads.next() else { return Ok(Vec::new()) };
    let mut signatures = vec![sign(login, module, pair, public, &first?)?];
    for payload in payloads {
        signatures.push(unproven(login, module, pair, public.scheme(), &payload?)?);
    }
    Ok(signatures)
}

/// Signs one payload. What is returned has been verified with `public`: a token may sign with another key than it says,
/// or with a mechanism that does not fit its key.
pub(super) fn sign(
    login: &Login<'_>,
    module: &ModuleFile,
    pair: &KeyPair,
    public: &PublicKey,
    payload: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let signature = unproven(login, module, pair, public.scheme(), payload)?;
    public.verify(payload, &signature).map_err(|_| not_of_its_key(&login.token.name()))?;
    Ok(signature)
}

fn unproven(
    login: &Login<'_>,
    module: &ModuleFile,
    pair: &KeyPair,
    scheme: Scheme,
    payload: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let token = login.token.name();
    if pair.key_type.is_some_and(|has| has != key_type(scheme)) {
        return Err(StoreError::new(
            StoreErrorKind::Unsupported,
            format!("the key on {token} is of another kind than {scheme} signs with"),
            "name the right key, or the scheme that it was made for",
        ));
    }
    let (mut refused, mut unreachable) = (None, false);
    for (n, way) in ways(scheme, payload).iter().enumerate() {
        let fresh = if n == 0 { None } else { Some(login.again()?) };
        let session = fresh.as_ref().unwrap_or(&login.session);
        let signed = match pair.always_authenticate {
            false => session.sign(&way.mechanism, pair.private, &way.data),
            true => match under_its_own_login(login, session, module, pair, way)? {
                Some(signed) => signed,
                None => {
                    unreachable = true;
                    continue;
                }
            },
        };
        match signed {
            Ok(raw) => return as_tuf(scheme, raw).ok_or_else(|| not_of_its_key(&token)),
            // Not this way; the next one may be known to the token. A PIN is never sent for it again by itself.
            Err(error @ Error::Pkcs11(RvError::MechanismInvalid | RvError::MechanismParamInvalid, _)) => {
                refused = Some(message::explain(&token, &error));
            }
            Err(error) => return Err(message::explain(&token, &error)),
        }
    }
    Err(refused.filter(|_| !unreachable).unwrap_or_else(|| {
        StoreError::new(
            StoreErrorKind::Unsupported,
            format!(
                "the key on {token} wants its PIN for every signature, which cannot be done through this module; \
                 nothing was signed"
            ),
            "name the token's own module with module-path=, instead of a proxy",
        )
    }))
}

/// `C_SignInit`, the login for this one signature, `C_Sign`. `None`: not possible this way with this module.
fn under_its_own_login(
    login: &Login<'_>,
    session: &Session,
    module: &ModuleFile,
    pair: &KeyPair,
    way: &Way<'_>,
) -> Result<Option<Result<Vec<u8>, Error>>, StoreError> {
    let raw = Raw::of(&module.path).filter(|raw| raw.knows(session));
    if raw.is_none() && !way.multi_part {
        return Ok(None);
    }
    if let Err(error) = session.sign_init(&way.mechanism, pair.private) {
        return Ok(Some(Err(error)));
    }
    login.for_this_signature(session).map_err(|error| message::explain(&login.token.name(), &error))?;
    Ok(Some(match raw {
        Some(raw) => raw.sign(session, &way.data),
        None => session.sign_update(&way.data).and_then(|()| session.sign_final()),
    }))
}

/// The ways to sign with `scheme`, the most widely known first: a digest made here works on every token.
fn ways(scheme: Scheme, payload: &[u8]) -> Vec<Way<'_>> {
    let whole = |mechanism| Way { mechanism, data: payload.into(), multi_part: true };
    let digest =
        |mechanism, digest: &[u8]| Way { mechanism, data: digest.to_vec().into(), multi_part: false };
    let pss =
        PkcsPssParams { hash_alg: MechanismType::SHA256, mgf: PkcsMgfType::MGF1_SHA256, s_len: 32.into() };
    match scheme {
        Scheme::Ed25519 => vec![whole(Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)))],
        Scheme::EcdsaP256 => {
            vec![digest(Mechanism::Ecdsa, &Sha256::digest(payload)), whole(Mechanism::EcdsaSha256)]
        }
        Scheme::EcdsaP384 => {
            vec![digest(Mechanism::Ecdsa, &Sha384::digest(payload)), whole(Mechanism::EcdsaSha384)]
        }
        Scheme::RsaPssSha256 => vec![
            digest(Mechanism::RsaPkcsPss(pss), &Sha256::digest(payload)),
            whole(Mechanism::Sha256RsaPkcsPss(pss)),
        ],
        Scheme::VerifyOnly(_) => Vec::new(),
    }
}

/// What is said of a signature that does not verify.
pub(super) fn not_of_its_key(token: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::WrongKey,
        format!("{token} returned a signature that does not verify with the public key; it was thrown away"),
        "do not use this token: its key is not the one it shows, or it is broken",
    )
}

/// Tokens give ECDSA signatures as `r || s`; TUF wants DER.
fn as_tuf(scheme: Scheme, raw: Vec<u8>) -> Option<Vec<u8>> {
    match scheme {
        Scheme::EcdsaP256 => {
            Some(p256::ecdsa::Signature::from_slice(&raw).ok()?.to_der().as_bytes().to_vec())
        }
        Scheme::EcdsaP384 => {
            Some(p384::ecdsa::Signature::from_slice(&raw).ok()?.to_der().as_bytes().to_vec())
        }
        Scheme::Ed25519 | Scheme::RsaPssSha256 | Scheme::VerifyOnly(_) => Some(raw),
    }
}
