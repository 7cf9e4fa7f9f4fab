//! Tokens: which are plugged in, which one a URI means, and what a token says of its PIN. Nobody logs in here.

use std::path::Path;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::error::RvError;
use cryptoki::slot::Slot;
use cryptoki::slot::TokenInfo;
use serde::Deserialize;
use serde::Serialize;

use crate::keystore::PinState;
use crate::keystore::StoreError;
use crate::keystore::error::StoreErrorKind;
use crate::keystore::pkcs11::message;
use crate::keystore::pkcs11::raw::Raw;
use crate::keystore::pkcs11::text::printable;
use crate::keystore::pkcs11::text::trimmed;
use crate::store_uri::Pkcs11Uri;

/// A token that is there now, as it describes itself: untrusted text. Slot numbers change at every insertion and are
/// never kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) slot: u64,
    pub(super) label: String,
    serial_number: String,
    pub(super) model: String,
    pub(super) manufacturer: String,
    /// As `5.43`.
    pub(super) firmware: String,
    /// `CKF_HW_SLOT`: the module calls the slot a device, not software.
    pub(super) hardware: bool,
    /// `CKF_TOKEN_INITIALIZED`
    pub(super) initialised: bool,
    /// `CKF_PROTECTED_AUTHENTICATION_PATH`: the PIN is typed on the token.
    pub(super) pin_pad: bool,
    pub(super) pin: PinState,
}

impl Token {
    fn new(slot: Slot, info: &TokenInfo, hardware: bool) -> Self {
        let text = |text: &str| trimmed(text).to_owned();
        let firmware = info.firmware_version();
        Self {
            slot: slot.id(),
            label: text(info.label()),
            serial_number: text(info.serial_number()),
            model: text(info.model()),
            manufacturer: text(info.manufacturer_id()),
            firmware: format!("{}.{}", firmware.major(), firmware.minor()),
            hardware,
            initialised: info.token_initialized(),
            pin_pad: info.protected_authentication_path(),
            pin: pin_state(info),
        }
    }

    /// `token ROOT-BO`
    pub(super) fn name(&self) -> String {
        match printable(&self.label) {
            label if label.is_empty() => format!("token with serial {}", self.serial()),
            label => format!("token {label}"),
        }
    }

    pub(super) fn serial(&self) -> String {
        printable(&self.serial_number)
    }

    /// `token ROOT-BO, serial 4242, YubiKey 5 (Yubico)`
    pub(super) fn line(&self) -> String {
        let (model, maker) = (printable(&self.model), printable(&self.manufacturer));
        format!("{}, serial {}, {model} ({maker})", self.name(), self.serial())
    }

    /// The URI that means this token and no other, through `module`.
    pub(super) fn uri(&self, module: &Path) -> Pkcs11Uri {
        let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Pkcs11Uri {
            token: named(&self.label),
            serial: named(&self.serial_number),
            module_path: module.to_str().map(str::to_owned),
            ..Pkcs11Uri::default()
        }
    }

    /// The longest message that the token signs with Ed25519, which hashes on the token.
    pub(super) fn max_message(&self) -> Option<u64> {
        let row = LONGEST_ED25519
            .iter()
            .find(|(maker, model, _)| self.manufacturer.contains(maker) && self.model.contains(model));
        row.map(|row| row.2)
    }

    fn answers_to(&self, uri: &Pkcs11Uri) -> bool {
        let same = |asked: &Option<String>, has: &str| asked.as_deref().is_none_or(|a| trimmed(a) == has);
        same(&uri.token, &self.label)
            && same(&uri.serial, &self.serial_number)
            && same(&uri.model, &self.model)
            && same(&uri.manufacturer, &self.manufacturer)
    }
}

/// The flags are all that PKCS#11 has, there is no counter; and some tokens never set them.
fn pin_state(info: &TokenInfo) -> PinState {
    match info {
        info if info.user_pin_locked() => PinState::Locked,
        info if !info.user_pin_initialized() => PinState::NotSet,
        info if info.user_pin_final_try() => PinState::FinalTry,
        info if info.user_pin_count_low() => PinState::CountLow,
        info if never_counts(info) => PinState::Unknown,
        _ => PinState::Normal,
    }
}

/// Measured: manufacturer, model, bytes. What is not here has no known limit.
const LONGEST_ED25519: [(&str, &str, u64); 3] =
    [("Yubico", "YubiHSM", 2026), ("Yubico", "YubiKey", 3062), ("Kryoptic", "", 1024 * 1024)];

/// Tokens that set no flag of the PIN until it is too late, or never lock at all.
fn never_counts(info: &TokenInfo) -> bool {
    let maker = trimmed(info.manufacturer_id());
    ["SoftHSM", "Mozilla", "IBM"].iter().any(|name| maker.contains(name)) || info.model().contains("TPM")
}

/// Every token that is there now, blank ones included, through the module at `path`, which is initialised.
///
/// The slot list is asked for each time: modules go on describing a token that was pulled out, and only the list of
/// slots with a token is truthful.
pub(super) fn all(p11: &Pkcs11, path: &Path) -> Result<Vec<Token>, StoreError> {
    let slots = slots(p11, path).map_err(|error| message::explain("the reader or its service", &error))?;
    let mut tokens = Vec::new();
    let mut unreadable = None;
    for slot in slots {
        match p11.get_token_info(slot) {
            Ok(info) => {
                let hardware = p11.get_slot_info(slot).is_ok_and(|slot| slot.hardware_slot());
                tokens.push(Token::new(slot, &info, hardware));
            }
            Err(error) => unreadable = Some(message::explain(&format!("slot {}", slot.id()), &error)),
        }
    }
    // One slot in disorder does not hide the others.
    match unreadable {
        Some(error) if tokens.is_empty() => Err(error),
        Some(_) | None => Ok(tokens),
    }
}

fn slots(p11: &Pkcs11, path: &Path) -> Result<Vec<Slot>, Error> {
    match Raw::of(path).map(|raw| raw.slots()) {
        Some(Ok(slots)) => slots.into_iter().map(Slot::try_from).collect(),
        // A proxy whose second list is an instance of its own, or a module without one.
        Some(Err(Error::Pkcs11(RvError::CryptokiNotInitialized, _))) | None => p11.get_slots_with_token(),
        Some(Err(error)) => Err(error),
    }
}

/// The one token that `uri` means. Blank tokens are passed over.
///
/// A PIN goes to the token that the file names, so two that answer to the name are refused: trying one of them would
/// use up a try of somebody else's PIN.
pub(super) fn pick(all: Vec<Token>, uri: &Pkcs11Uri) -> Result<Token, StoreError> {
    let (blank, ready): (Vec<_>, Vec<_>) = all.into_iter().partition(|token| !token.initialised);
    let there = ready.iter().map(Token::line).collect::<Vec<_>>();
    let mut found: Vec<_> = ready.into_iter().filter(|token| token.answers_to(uri)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(last), false) => {
            found.push(last);
            let serials: Vec<_> = found.iter().map(Token::serial).collect();
            Err(StoreError::new(
                StoreErrorKind::Ambiguous,
                format!(
                    "{} tokens answer to {}: serial {}",
                    found.len(),
                    wanted(uri),
                    serials.join(", serial ")
                ),
                "take the others out, or name the one with serial= in the STORE",
            ))
        }
        (None, _) => Err(StoreError::new(
            StoreErrorKind::NoSuchToken,
            match (there.is_empty(), blank.is_empty()) {
                (false, _) => format!("{} is not there; there is: {}", wanted(uri), there.join("; ")),
                (true, false) => {
                    format!("{} is not there; there is a blank token, and no other", wanted(uri))
                }
                (true, true) => format!("{} is not there; no token was found", wanted(uri)),
            },
            match blank.is_empty() || !there.is_empty() {
                true => "insert it, check the reader (and that pcscd runs), then try again",
                false => "initialise the token first, with a label and a user PIN, or insert the right one",
            },
        )),
    }
}

/// `token ROOT-BO`, as the URI names it.
pub(super) fn wanted(uri: &Pkcs11Uri) -> String {
    match (&uri.token, &uri.serial) {
        (Some(label), Some(serial)) => format!("token {}, serial {}", printable(label), printable(serial)),
        (Some(label), None) => format!("token {}", printable(label)),
        (None, Some(serial)) => format!("token with serial {}", printable(serial)),
        (None, None) => "a token".to_owned(),
    }
}
