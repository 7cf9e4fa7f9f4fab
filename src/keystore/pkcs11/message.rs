//! The table of everything that a module can answer: code, sentence, what to do. Real modules disagree on the codes;
//! the rows come from what seven of them were seen to do.

use std::path::Path;

use cryptoki::context::Function;
use cryptoki::error::Error;
use cryptoki::error::RvError;

use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind as Kind;
use crate::keystore::pkcs11::text::printable;

/// A PKCS#11 3.x code that cryptoki does not name: `CKR_TOKEN_RESOURCE_EXCEEDED`.
const TOKEN_RESOURCE_EXCEEDED: u64 = 0x201;
/// Another: `CKR_TOKEN_NOT_INITIALIZED`, kryoptic's answer on a blank token.
const TOKEN_NOT_INITIALIZED: u64 = 0x208;

/// What to do when a key cannot be made on a token from here.
pub(super) const ADOPT: &str =
    "make the key with the vendor's tool and name it with object= or id= as an existing key";

const PULLED: &str = "put the token back and try again; you will be asked for the PIN again";
const CHECK_PIN: &str = "stop and check the PIN before the next try; a locked PIN may be the end of the key";
const UNBLOCK: &str = "unblock it with the PUK or the security officer's PIN (YubiKey: yubico-piv-tool -a unblock-pin; \
                       TPM: tpm2_dictionarylockout -c)";
const FEWER: &str = "close other programs that use the token, then try again";

/// Why `token` did not do what `error` stopped.
pub(super) fn explain(token: &str, error: &Error) -> StoreError {
    match error {
        Error::Pkcs11(code, function) => explain_code(token, *code, *function),
        Error::NullFunctionPointer => say(
            Kind::Unsupported,
            format!("{token} does not do that: its module lacks the function"),
            "use another token",
        ),
        other => say(
            Kind::Module,
            format!("the module of {token} answered nonsense: {}", printable(&other.to_string())),
            "use another module for this token",
        ),
    }
}

fn explain_code(token: &str, code: RvError, function: Function) -> StoreError {
    let named = self::code(code);
    let call = format!("{named} from C_{function:?}");
    match (code, function) {
        (RvError::PinIncorrect, _) => say(Kind::WrongSecret, format!("wrong PIN for {token}"), CHECK_PIN),
        (RvError::PinLocked, _) => say(Kind::PinLocked, format!("the PIN of {token} is locked"), UNBLOCK),
        (RvError::PinLenRange | RvError::PinInvalid, _) | (RvError::ArgumentsBad, Function::Login) => say(
            Kind::WrongSecret,
            format!("the PIN has the wrong form for {token} ({named})"),
            "check the length; a YubiHSM wants four hex digits of the key's number and then the password",
        ),
        (RvError::PinExpired, _) => say(
            Kind::Unsupported,
            format!("the PIN of {token} has expired"),
            "set a new PIN with the vendor's tool",
        ),
        (RvError::UserPinNotInitialized, _) => say(
            Kind::Unsupported,
            format!("{token} has no user PIN yet"),
            "have the security officer set it with the vendor's tool",
        ),
        (RvError::FunctionCanceled | RvError::FunctionRejected | RvError::Cancel, _) => say(
            Kind::WrongSecret,
            format!("the entry was cancelled on {token}; nothing was done"),
            "try again when its holder is ready",
        ),
        (RvError::UserTypeInvalid | RvError::UserNotLoggedIn, Function::GenerateKeyPair) => say(
            Kind::Unsupported,
            format!(
                "{token} makes keys only for its security officer (YubiKey: with the management key), not for its user"
            ),
            ADOPT,
        ),
        (RvError::UserNotLoggedIn, Function::SignInit | Function::Sign | Function::SignFinal) => say(
            Kind::TokenGone,
            format!(
                "{token} refused to sign although the PIN was right: was the touch confirmed? Nothing was signed"
            ),
            "try again, and touch the token while it flashes",
        ),
        (RvError::TokenNotRecognized, _) => say(
            Kind::NoSuchToken,
            format!("a card is in the reader of {token}, but this module does not support it ({named})"),
            "use the module of the card's vendor",
        ),
        (RvError::UnknownErrorCode(TOKEN_NOT_INITIALIZED), _) => say(
            Kind::NoSuchToken,
            format!("{token} is blank"),
            "initialise it first, with a label and a user PIN",
        ),
        (
            RvError::UserAnotherAlreadyLoggedIn
            | RvError::SessionReadWriteSoExists
            | RvError::SessionReadOnlyExists
            | RvError::SessionExists
            | RvError::UserTooManyTypes,
            _,
        ) => say(Kind::Module, format!("another user is logged in to {token} ({named})"), FEWER),
        (RvError::SessionCount, _) => {
            say(Kind::Module, format!("{token} has no session left ({named})"), FEWER)
        }
        (RvError::OperationActive, _) => {
            say(Kind::TokenGone, format!("{token} is still busy with an earlier call ({call})"), PULLED)
        }
        (RvError::TokenWriteProtected | RvError::SessionReadOnly, _) => say(
            Kind::Unsupported,
            format!("{token} is write-protected ({named}); nothing was made"),
            "use a token that can be written",
        ),
        (RvError::DataLenRange | RvError::BufferTooSmall | RvError::DataInvalid, Function::Sign)
        | (RvError::UnknownErrorCode(TOKEN_RESOURCE_EXCEEDED), Function::Sign)
        | (RvError::ArgumentsBad, Function::Sign) => say(
            Kind::MessageTooLong,
            format!("the message is longer than {token} signs ({named}); nothing was signed"),
            "use an ECDSA key: its message is hashed before it reaches the token",
        ),
        (
            RvError::MechanismInvalid
            | RvError::MechanismParamInvalid
            | RvError::KeyTypeInconsistent
            | RvError::KeyFunctionNotPermitted
            | RvError::KeySizeRange
            | RvError::FunctionNotSupported
            | RvError::CurveNotSupported
            | RvError::DomainParamsInvalid
            | RvError::AttributeReadOnly
            | RvError::AttributeTypeInvalid
            | RvError::AttributeValueInvalid
            | RvError::TemplateIncomplete
            | RvError::TemplateInconsistent
            | RvError::ActionProhibited,
            _,
        ) => say(
            Kind::Unsupported,
            format!("{token} does not support that ({call})"),
            "use another scheme or token",
        ),
        // What is left is what modules answer when a token was pulled out, or what leaves them in disorder.
        _ => say(
            Kind::TokenGone,
            format!("{token} stopped answering ({call}); was it removed? Nothing was written"),
            PULLED,
        ),
    }
}

/// The token says that its PIN is locked, before anyone has typed it.
pub(super) fn locked(token: &str) -> StoreError {
    explain_code(token, RvError::PinLocked, Function::Login)
}

/// Why a module that loads does not start: `code` is what `C_Initialize` answered.
pub(super) fn not_started(path: &Path, code: &str) -> StoreError {
    say(
        Kind::Module,
        format!("the PKCS#11 module {} loads but cannot start ({})", path.display(), printable(code)),
        "its configuration or its service is missing: SOFTHSM2_CONF, KRYOPTIC_CONF, TPM2_PKCS11_STORE, \
         YUBIHSM_PKCS11_CONF, or pcscd",
    )
}

/// A code as the standard writes it: `CKR_DEVICE_REMOVED`, or its number where it has no name here.
pub(super) fn code(code: RvError) -> String {
    match code {
        RvError::UnknownErrorCode(TOKEN_RESOURCE_EXCEEDED) => "CKR_TOKEN_RESOURCE_EXCEEDED".to_owned(),
        RvError::UnknownErrorCode(TOKEN_NOT_INITIALIZED) => "CKR_TOKEN_NOT_INITIALIZED".to_owned(),
        RvError::UnknownErrorCode(number) => format!("CKR 0x{number:x}"),
        RvError::VendorDefined(number) => format!("CKR_VENDOR_DEFINED 0x{number:x}"),
        named => {
            let mut text = "CKR".to_owned();
            for c in format!("{named:?}").chars() {
                if c.is_ascii_uppercase() {
                    text.push('_');
                }
                text.push(c.to_ascii_uppercase());
            }
            text
        }
    }
}

fn say(kind: Kind, text: String, hint: impl Into<String>) -> StoreError {
    StoreError::new(kind, text, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_the_standard_writes_them() {
        assert_eq!(code(RvError::DeviceRemoved), "CKR_DEVICE_REMOVED");
        assert_eq!(code(RvError::SessionReadWriteSoExists), "CKR_SESSION_READ_WRITE_SO_EXISTS");
        assert_eq!(code(RvError::UnknownErrorCode(0x201)), "CKR_TOKEN_RESOURCE_EXCEEDED");
        assert_eq!(code(RvError::UnknownErrorCode(0x1234)), "CKR 0x1234");
    }

    #[test]
    fn a_pulled_token_is_not_a_wrong_pin() {
        let pulled = explain("token A", &Error::Pkcs11(RvError::DeviceRemoved, Function::Login));
        let wrong = explain("token A", &Error::Pkcs11(RvError::PinIncorrect, Function::Login));

        assert_eq!(pulled.kind, Kind::TokenGone);
        assert_eq!(wrong.kind, Kind::WrongSecret);
    }
}
