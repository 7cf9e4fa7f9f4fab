//! Keys on a token: which private keys a URI names, and the public half of each.

use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use cryptoki::object::KeyType;
use cryptoki::object::ObjectClass;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use crate::keystore::StoreError;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::spki;
use crate::keystore::pkcs11::text::trimmed;
use crate::store_uri::Pkcs11Uri;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;

/// A private key, and what was found of its public half.
pub(super) struct KeyPair {
    pub(super) private: ObjectHandle,
    /// `None` where the token shows no public half, or one that no scheme of ours signs with.
    pub(super) public: Option<PublicKey>,
    pub(super) key_type: Option<KeyType>,
    /// `CKA_ALWAYS_AUTHENTICATE`: a login for every signature.
    pub(super) always_authenticate: bool,
}

/// One object as it names itself.
pub(super) struct Named {
    pub(super) handle: ObjectHandle,
    pub(super) label: String,
    pub(super) id: Vec<u8>,
}

/// The objects of a token, read once.
pub(super) struct Objects<'a> {
    session: &'a Session,
    token: &'a str,
    pub(super) private: Vec<Named>,
    pub(super) public: Vec<Named>,
    pub(super) certificates: Vec<Named>,
}

impl<'a> Objects<'a> {
    /// Reads what `session` may see: without a login, only what is public.
    pub(super) fn read(session: &'a Session, token: &'a str) -> Result<Self, StoreError> {
        let list = |class| named(session, token, class);
        Ok(Self {
            private: list(ObjectClass::PRIVATE_KEY)?,
            public: list(ObjectClass::PUBLIC_KEY)?,
            certificates: list(ObjectClass::CERTIFICATE)?,
            session,
            token,
        })
    }

    /// The private keys that `uri` names. Vendors label the halves of a pair differently (a YubiKey has "Private key
    /// for ..." and "Public key for ..."), so either label will do; what joins them is `CKA_ID`.
    pub(super) fn matching(&self, uri: &Pkcs11Uri) -> Result<Vec<KeyPair>, StoreError> {
        let found = self.private.iter().filter(|key| self.is_named(key, uri));
        found.map(|key| self.pair(key)).collect()
    }

    /// The public keys that `uri` names, when nobody has logged in and the private halves cannot be seen.
    pub(super) fn matching_public(&self, uri: &Pkcs11Uri) -> Result<Vec<PublicKey>, StoreError> {
        let found = self.public.iter().filter(|key| self.is_named(key, uri));
        let keys: Result<Vec<_>, _> = found.map(|key| self.public_of(key.handle)).collect();
        Ok(keys?.into_iter().flatten().collect())
    }

    /// Public keys and certificates with the id of a private key.
    pub(super) fn beside(&self, private: ObjectHandle) -> Vec<ObjectHandle> {
        let Some(id) = self.private.iter().find(|key| key.handle == private).map(|key| &key.id) else {
            return Vec::new();
        };
        let others = self.public.iter().chain(&self.certificates);
        others.filter(|other| !id.is_empty() && other.id == *id).map(|other| other.handle).collect()
    }

    /// Something on the token has the label or the id that a new key would have.
    pub(super) fn in_use(&self, uri: &Pkcs11Uri) -> bool {
        let all = self.private.iter().chain(&self.public).chain(&self.certificates);
        let same_label = |key: &Named| uri.object.as_deref().is_some_and(|label| trimmed(label) == key.label);
        let same_id = |key: &Named| uri.id.as_ref().is_some_and(|id| *id == key.id);
        all.into_iter().any(|key| same_label(key) || same_id(key))
    }

    fn is_named(&self, key: &Named, uri: &Pkcs11Uri) -> bool {
        let halves = || {
            self.private.iter().chain(&self.public).filter(|half| !half.id.is_empty() && half.id == key.id)
        };
        let labelled = |label: &str| key.label == label || halves().any(|half| half.label == label);
        uri.id.as_ref().is_none_or(|id| *id == key.id)
            && uri.object.as_deref().is_none_or(|label| labelled(trimmed(label)))
    }

    fn pair(&self, key: &Named) -> Result<KeyPair, StoreError> {
        let key_type = match self.attribute(key.handle, AttributeType::KeyType)? {
            Some(Attribute::KeyType(key_type)) => Some(key_type),
            _ => None,
        };
        let always = self.attribute(key.handle, AttributeType::AlwaysAuthenticate)?;
        Ok(KeyPair {
            private: key.handle,
            public: self.public_half(key)?,
            key_type,
            always_authenticate: matches!(always, Some(Attribute::AlwaysAuthenticate(true))),
        })
    }

    /// The public half, wherever the token shows it: its own object, the private object, a certificate.
    fn public_half(&self, key: &Named) -> Result<Option<PublicKey>, StoreError> {
        let same_id = |other: &&Named| !key.id.is_empty() && other.id == key.id;
        for public in self.public.iter().filter(same_id) {
            if let Some(public) = self.public_of(public.handle)? {
                return Ok(Some(public));
            }
        }
        if let Some(public) = self.public_of(key.handle)? {
            return Ok(Some(public));
        }
        for certificate in self.certificates.iter().filter(same_id) {
            if let Some(Attribute::Value(der)) = self.attribute(certificate.handle, AttributeType::Value)?
                && let Some(public) = spki::from_certificate(&der).and_then(parse)
            {
                return Ok(Some(public));
            }
        }
        Ok(None)
    }

    /// The public key in the attributes of one object, public or private.
    pub(super) fn public_of(&self, handle: ObjectHandle) -> Result<Option<PublicKey>, StoreError> {
        if let Some(Attribute::PublicKeyInfo(der)) = self.attribute(handle, AttributeType::PublicKeyInfo)?
            && let Some(public) = parse(&der)
        {
            return Ok(Some(public));
        }
        let params = self.attribute(handle, AttributeType::EcParams)?;
        let point = self.attribute(handle, AttributeType::EcPoint)?;
        if let (Some(Attribute::EcParams(params)), Some(Attribute::EcPoint(point))) = (params, point) {
            let der = spki::curve(&params).and_then(|scheme| spki::from_point(scheme, &point));
            return Ok(der.as_deref().and_then(parse));
        }
        let modulus = self.attribute(handle, AttributeType::Modulus)?;
        let exponent = self.attribute(handle, AttributeType::PublicExponent)?;
        if let (Some(Attribute::Modulus(n)), Some(Attribute::PublicExponent(e))) = (modulus, exponent) {
            return Ok(spki::from_rsa(&n, &e).as_deref().and_then(parse));
        }
        Ok(None)
    }

    /// One attribute, or `None` where the token has it not.
    pub(super) fn attribute(
        &self,
        handle: ObjectHandle,
        kind: AttributeType,
    ) -> Result<Option<Attribute>, StoreError> {
        attribute(self.session, self.token, handle, kind)
    }
}

/// One attribute. They are asked for one by one: a single one that the token lacks or that cryptoki cannot read (a
/// `CKA_KEY_GEN_MECHANISM` of "unavailable") would otherwise hide the rest.
fn attribute(
    session: &Session,
    token: &str,
    handle: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Attribute>, StoreError> {
    match session.get_attributes(handle, &[kind]) {
        Ok(found) => Ok(found.into_iter().next()),
        Err(
            error @ Error::Pkcs11(
                RvError::CryptokiNotInitialized
                | RvError::DeviceError
                | RvError::DeviceRemoved
                | RvError::ObjectHandleInvalid
                | RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::TokenNotPresent,
                _,
            ),
        ) => Err(message::explain(token, &error)),
        Err(_) => Ok(None),
    }
}

fn named(session: &Session, token: &str, class: ObjectClass) -> Result<Vec<Named>, StoreError> {
    let handles = session
        .find_objects(&[Attribute::Class(class), Attribute::Token(true)])
        .map_err(|error| message::explain(token, &error))?;
    let name = |handle| {
        let label = match attribute(session, token, handle, AttributeType::Label)? {
            Some(Attribute::Label(label)) => trimmed(&String::from_utf8_lossy(&label)).to_owned(),
            _ => String::new(),
        };
        let id = match attribute(session, token, handle, AttributeType::Id)? {
            Some(Attribute::Id(id)) => id,
            _ => Vec::new(),
        };
        Ok(Named { handle, label, id })
    };
    handles.into_iter().map(name).collect()
}

/// A SubjectPublicKeyInfo of a scheme of ours.
pub(super) fn parse(der: &[u8]) -> Option<PublicKey> {
    PublicKey::from_spki_der(spki::scheme_of(der)?, der).ok()
}

/// The kind of key that `scheme` signs with.
pub(super) fn key_type(scheme: Scheme) -> KeyType {
    match scheme {
        Scheme::Ed25519 => KeyType::EC_EDWARDS,
        Scheme::EcdsaP256 | Scheme::EcdsaP384 => KeyType::EC,
        Scheme::RsaPssSha256 => KeyType::RSA,
        // Nobody can ask for one: a kind that no key of ours has.
        Scheme::VerifyOnly(_) => KeyType::GENERIC_SECRET,
    }
}
