//! Dice: throws that the holder of a key types when it is made, where the file asks for them.

use crate::plan::fields::At;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::lints::DICE_ALONE;
use crate::plan::rules::Problems;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;

/// Fewer add too little: 50 throws are 129 bits.
const FEWEST: u64 = 50;
/// Where nothing else is in the key: 99 throws are 255.9 bits.
const FEWEST_ALONE: u64 = 99;
/// Nobody types more.
const MOST: u64 = 400;

/// Throws of dice that go into a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throws {
    /// How many.
    pub count: u32,
    /// Nothing else goes into it, so that the same throws give the same key.
    pub alone: bool,
}

/// The throws that the file asks of a key, when it does not contradict itself.
pub(super) fn throws(spec: &KeySpec, file: &File, say: &mut Problems<'_>) -> Option<Throws> {
    let name = &spec.name.value;
    let alone = spec.dice_only.as_ref().filter(|flag| flag.value);
    let Some(dice) = &spec.dice else {
        if let Some(alone) = alone {
            let text =
                format!("key {name} is made from dice alone, and \"dice\" does not say how many throws");
            say.say("DICE-COUNT", alone.place, text);
        }
        return None;
    };
    let in_file = matches!(&spec.store, Some(At { value: StoreUri::Age(_), .. }));
    if !spec.generate || !in_file {
        let text = format!("dice are for a key that is made here in an age file, and key {name} is none");
        say.say("DICE-FOR-FILES", dice.place, text);
    }
    let fewest = if alone.is_some() { FEWEST_ALONE } else { FEWEST };
    if !(fewest..=MOST).contains(&dice.value) {
        let text = format!("key {name} asks for {} throws; {fewest} to {MOST} are taken", dice.value);
        say.say("DICE-COUNT", dice.place, text);
    }
    if let Some(alone) = alone {
        let accepted = file.trust.accept.iter().any(|name| name.value == DICE_ALONE);
        if !accepted {
            let text = format!(
                "key {name} would be as strong as its dice alone, without the kernel's random numbers; accept {DICE_ALONE} where that is meant"
            );
            say.say("DICE-ALONE", alone.place, text);
        }
        if spec.scheme.as_ref().is_some_and(|scheme| scheme.value == Scheme::RsaPssSha256) {
            let text = format!("key {name} is RSA, which is not made from dice alone; use another scheme");
            say.say("DICE-ALONE", alone.place, text);
        }
    }
    let count = u32::try_from(dice.value).unwrap_or_default();
    Some(Throws { count, alone: alone.is_some() })
}
