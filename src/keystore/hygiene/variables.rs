//! Variables of the environment that make modules and readers write down what passes through them, PINs among it.

use crate::keystore::hygiene::Item;

/// By name, or by the beginning of it where it ends in `*`.
const TELLTALE: [&str; 16] = [
    "YKCS11_DBG",
    "YKPIV_DBG*",
    "YUBIHSM_PKCS11_DBG*",
    "OPENSC_DEBUG*",
    "PKCS11SPY*",
    "P11_KIT_DEBUG",
    "PCSCLITE_DEBUG",
    "MUSCLECARD_DEBUG",
    "LIBPCSCLITE_DELEGATE",
    "LIBPCSCLITE_SPY*",
    "SOFTHSM2_LOG*",
    "TPM2_PKCS11_LOG_LEVEL",
    "TSS2_LOG*",
    "CKNFAST_DEBUG*",
    "NSS_DEBUG_PKCS11_MODULE",
    "NSS_OUTPUT_FILE",
];

/// None of them is set. Their values are nobody's business here, and are never told.
pub(super) fn no_debug_environment(names: impl Iterator<Item = String>) -> Item {
    const NAME: &str = "no-debug-environment";
    let mut set: Vec<_> = names.filter(|name| TELLTALE.iter().any(|told| fits(told, name))).collect();
    set.sort();
    match set.is_empty() {
        true => Item::new(NAME, true, "no variable makes a module write down what it is told"),
        false => Item::new(NAME, false, format!("set: {}; a module could write PINs down", set.join(", "))),
    }
}

fn fits(told: &str, name: &str) -> bool {
    told.strip_suffix('*').map_or(told == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_that_prints_pins_is_found_by_its_name() {
        for name in ["YKCS11_DBG", "OPENSC_DEBUG", "OPENSC_DEBUG_FILE", "PKCS11SPY", "PKCS11SPY_OUTPUT"] {
            let item = no_debug_environment(["HOME".to_owned(), name.to_owned()].into_iter());

            assert!(!item.held);
            assert_eq!(item.detail, format!("set: {name}; a module could write PINs down"));
        }
    }

    #[test]
    fn other_variables_are_nobodys_business() {
        let names = ["HOME", "SOFTHSM2_CONF", "OPENSC_CONF", "MY_YKCS11_DBG"].map(str::to_owned);

        assert!(no_debug_environment(names.into_iter()).held);
    }
}
