//! The ledger: where every token and drive was, and how every bag, when a ceremony ended. The next one begins with it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::plan::Materials;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::room::things::Bag;
use crate::room::things::Place;
use crate::room::things::Things;

/// The format of the file.
const FORMAT: u32 = 1;

/// What a ceremony left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(rename = "keyrite-ledger")]
    format: u32,
    /// The ceremony's id.
    pub ceremony: String,
    /// Nothing of it is real.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// By serial number.
    pub tokens: BTreeMap<String, Kept>,
    /// By label.
    pub drives: BTreeMap<String, Kept>,
    /// Every bag by its number: new, sealed or opened.
    pub bags: BTreeMap<String, Bag>,
}

/// A token or a drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What the file called it.
    pub name: String,
    /// Who keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The bag that it is in; none when it lies open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bag: Option<String>,
}

fn bag_of(place: Option<&Place>) -> Option<String> {
    match place {
        Some(Place::Bag(bag)) => Some(bag.clone()),
        _ => None,
    }
}

impl Ledger {
    /// What a ceremony leaves; none where nothing was brought.
    pub fn of(plan: &Plan, things: &Things, rehearsal: bool) -> Option<Self> {
        let materials = &plan.materials;
        if *materials == Materials::default() {
            return None;
        }
        let tokens = materials.tokens.iter().map(|(name, token)| {
            let holder = token.holder.as_ref().map(|id| plan.name(&id.value).to_owned());
            let kept = Kept { name: name.clone(), holder, bag: bag_of(things.tokens().get(name)) };
            (token.serial.value.clone(), kept)
        });
        let drives = materials.drives.iter().map(|(name, drive)| {
            let kept = Kept { name: name.clone(), holder: None, bag: bag_of(things.drives().get(name)) };
            (drive.label.value.clone(), kept)
        });
        Some(Self {
            format: FORMAT,
            ceremony: plan.id.clone(),
            rehearsal,
            tokens: tokens.collect(),
            drives: drives.collect(),
            bags: things.bags().clone(),
        })
    }

    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let ledger: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no ledger: {error}"))?;
        if ledger.format != FORMAT {
            return Err(format!("it has format {}, and this version reads {FORMAT}", ledger.format));
        }
        if ledger.rehearsal {
            return Err("a rehearsal left it: nothing in it is real".into());
        }
        Ok(ledger)
    }

    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What the plan says otherwise than the last ceremony left it.
    pub fn contradicts(&self, plan: &Plan) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |rule, place, text| problems.push(Problem::error(rule, Some(place), text));
        for (name, token) in &plan.materials.tokens {
            let Some(kept) = self.tokens.get(&token.serial.value) else { continue };
            let comes = token.bag.as_ref().map(|bag| bag.value.clone());
            if comes != kept.bag {
                let (comes, left) = (in_words(comes.as_deref()), in_words(kept.bag.as_deref()));
                let text =
                    format!("token {name} comes {comes}, and ceremony {} left it {left}", self.ceremony);
                say("LEDGER-AGREES", token.bag.as_ref().map_or(token.serial.place, |bag| bag.place), text);
            }
            let used = |bag: &String| self.bags.get(bag).is_some_and(|state| *state != Bag::New);
            if let Some(new) = token.new_bag.as_ref().filter(|bag| used(&bag.value)) {
                let text = format!(
                    "token {name} would go into bag {}, which ceremony {} has used; a bag is used once",
                    new.value, self.ceremony
                );
                say("BAG-USED-ONCE", new.place, text);
            }
        }
        for bag in &plan.materials.bags {
            if self.bags.get(&bag.value).is_some_and(|state| *state != Bag::New) {
                let text = format!("bag {} is no new one: ceremony {} has used it", bag.value, self.ceremony);
                say("BAG-USED-ONCE", bag.place, text);
            }
        }
        problems
    }
}

fn in_words(bag: Option<&str>) -> String {
    bag.map_or("in no bag".to_owned(), |bag| format!("in bag {bag}"))
}
