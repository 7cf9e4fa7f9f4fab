//! One session with a token, and one login in it.

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::session::Session;
use cryptoki::session::SessionState;
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use secrecy::SecretString;

use crate::keystore::PinState;
use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::module::ModuleFile;
use crate::keystore::pkcs11::token;
use crate::keystore::pkcs11::token::Token;
use crate::store_uri::Pkcs11Uri;

/// A session that is logged out when it ends, so that no PIN outlives its prompt.
pub(super) struct Login<'a> {
    pub(super) p11: &'a Pkcs11,
    pub(super) token: &'a Token,
    pub(super) session: Session,
    secret: Option<&'a SecretString>,
}

impl<'a> Login<'a> {
    /// Opens a session and logs in: exactly one `C_Login`, whatever it answers. A second try would be a second of the
    /// few that the token allows, and nobody has typed a second PIN.
    pub(super) fn user(
        p11: &'a Pkcs11,
        module: &ModuleFile,
        token: &'a Token,
        uri: &Pkcs11Uri,
        secret: Option<&'a SecretString>,
        write: bool,
    ) -> Result<Self, StoreError> {
        // Only a token that has a pad of its own may be asked without a PIN: others count that as a wrong one.
        let secret = match (token.pin_pad, secret) {
            (true, _) => None,
            (false, Some(secret)) => Some(secret),
            (false, None) => {
                return Err(StoreError::new(
                    StoreErrorKind::WrongSecret,
                    format!("{} needs its PIN, and none was given", token.name()),
                    "give the PIN when it is asked for",
                ));
            }
        };
        let login = Self { p11, token, session: open(p11, token, write)?, secret };
        login.end_earlier_login();
        match login.session.login(UserType::User, secret) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(login),
            Err(Error::Pkcs11(RvError::PinIncorrect, _)) => {
                drop(login);
                Err(wrong_pin(p11, module, token, uri))
            }
            Err(error) => Err(message::explain(&token.name(), &error)),
        }
    }

    /// Opens a session without a login: public objects only.
    pub(super) fn none(p11: &'a Pkcs11, token: &'a Token) -> Result<Self, StoreError> {
        Ok(Self { p11, token, session: open(p11, token, false)?, secret: None })
    }

    /// Another session under this login, for an attempt after one that failed: some modules leave the failed
    /// operation open in its session.
    pub(super) fn again(&self) -> Result<Session, StoreError> {
        open(self.p11, self.token, false)
    }

    /// The login that a key with `CKA_ALWAYS_AUTHENTICATE` wants between `C_SignInit` and `C_Sign`, with the PIN that
    /// the token has just accepted.
    pub(super) fn for_this_signature(&self, session: &Session) -> Result<(), Error> {
        session.login(UserType::ContextSpecific, self.secret)
    }

    /// Every PIN is checked by the token: a login left over in this process would let a wrong one pass.
    fn end_earlier_login(&self) {
        let state = self.session.get_session_info().map(|info| info.session_state());
        if matches!(state, Ok(SessionState::RoUser | SessionState::RwUser | SessionState::RwSecurityOfficer))
        {
            // A token that will not log out says so at the login that follows.
            drop(self.session.logout());
        }
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        // The session's end logs out as well; without a login this is refused, and means nothing.
        drop(self.session.logout());
    }
}

fn open(p11: &Pkcs11, token: &Token, write: bool) -> Result<Session, StoreError> {
    let read_only = |slot| match p11.open_ro_session(slot) {
        // A vendor without read-only sessions refuses the kind, not the work.
        Err(Error::Pkcs11(RvError::FunctionNotSupported | RvError::ArgumentsBad, _)) => {
            p11.open_rw_session(slot)
        }
        other => other,
    };
    let slot = Slot::try_from(token.slot);
    slot.and_then(|slot| if write { p11.open_rw_session(slot) } else { read_only(slot) })
        .map_err(|error| message::explain(&token.name(), &error))
}

/// The flags are read again after the wrong PIN, to say how many tries are left as well as the token can.
fn wrong_pin(p11: &Pkcs11, module: &ModuleFile, before: &Token, uri: &Pkcs11Uri) -> StoreError {
    let after = token::all(p11, &module.path).and_then(|tokens| token::pick(tokens, uri));
    let state = after.map_or(PinState::Unknown, |token| token.pin);
    let (kind, left) = match state {
        PinState::Locked => (StoreErrorKind::PinLocked, "and it is locked now"),
        PinState::FinalTry => (StoreErrorKind::WrongSecret, "one try left: the next wrong PIN locks it"),
        PinState::CountLow => {
            (StoreErrorKind::WrongSecret, "few tries may be left; the token does not say how many")
        }
        PinState::Normal | PinState::NotSet | PinState::Unknown => {
            (StoreErrorKind::WrongSecret, "the token does not say how many tries are left")
        }
    };
    let code = if kind == StoreErrorKind::PinLocked { RvError::PinLocked } else { RvError::PinIncorrect };
    let hint = message::explain("", &Error::Pkcs11(code, cryptoki::context::Function::Login)).hint;
    StoreError::new(kind, format!("wrong PIN for {}, {left}", before.name()), hint)
}
