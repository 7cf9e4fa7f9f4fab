//! Shares of keys: who holds one, and how many give the key back.

use crate::plan::Kind;
use crate::plan::Source;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::file::File;
use crate::plan::file::KeySpec;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::plan::rules::Problems;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;

/// More shares than this nobody keeps together.
const MOST: usize = 16;

/// `shares` as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct SharesSpec {
    /// Where it stands.
    pub place: Place,
    /// `threshold`
    pub threshold: At<u64>,
    /// `holders`, in the order of their shares.
    pub holders: At<Vec<At<String>>>,
}

/// A key in shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// How many of them give the key back.
    pub threshold: u8,
    /// Who holds each, in order.
    pub holders: Vec<String>,
}

impl Shares {
    /// The share of a holder, from 1.
    pub fn index(&self, holder: &str) -> Option<u8> {
        let at = self.holders.iter().position(|other| other == holder)?;
        u8::try_from(at + 1).ok()
    }

    /// How many there are.
    pub fn of(&self) -> u8 {
        u8::try_from(self.holders.len()).unwrap_or(u8::MAX)
    }
}

/// `shares: {threshold: 2, holders: [bo, chi, eve]}`
pub(super) fn read(node: &Node, of: &str, problems: &mut Vec<Problem>) -> Option<SharesSpec> {
    let mut fields = Fields::of(node, format!("\"shares\" of {of}"), problems)?;
    let threshold = fields.need_number("threshold", problems);
    let holders = fields.need_names("holders", problems);
    fields.finish(problems);
    Some(SharesSpec { place: node.place, threshold: threshold?, holders: holders? })
}

/// The shares that the file asks of a key, when it does not contradict itself.
pub(super) fn shares(spec: &KeySpec, source: &Source, file: &File, say: &mut Problems<'_>) -> Option<Shares> {
    let (name, asked) = (&spec.name.value, spec.shares.as_ref()?);
    if !matches!(&spec.store, Some(At { value: StoreUri::Age(_), .. })) {
        let text =
            format!("shares are for a key in an age file, and key {name} is none: a token's key stays in it");
        say.say("SHARES-FOR-FILES", asked.place, text);
    }
    let scheme = match source {
        Source::Generated { scheme, .. } => Some(*scheme),
        Source::Listed { public, .. } => Some(public.scheme()),
        Source::Existing { public, .. } | Source::Public { public } => public.scheme,
    };
    if scheme == Some(Scheme::RsaPssSha256) {
        let text = format!(
            "key {name} is RSA, which is not split into shares; copy its age file, or use another scheme"
        );
        say.say("SHARES-NOT-RSA", asked.place, text);
    }
    if file.kind.value == Kind::Destruction {
        let text = format!(
            "a destruction splits no key, and key {name} has shares; whoever holds one destroys it too"
        );
        say.say("TYPE-ALLOWS", asked.place, text);
        return None;
    }
    holders(spec, asked, file, say);
    let (threshold, of) = (asked.threshold.value, asked.holders.value.len());
    if !(2..=of as u64).contains(&threshold) || of > MOST {
        let text = format!(
            "key {name} would come back from {threshold} of {of} shares; from 2, of at most {MOST}, and no more than there are"
        );
        say.say("SHARES-THRESHOLD", asked.threshold.place, text);
    }
    let mut holders: Vec<String> = Vec::new();
    for holder in asked.holders.value.iter().map(|holder| &holder.value) {
        // Who would hold two was said.
        if !holders.contains(holder) {
            holders.push(holder.clone());
        }
    }
    Some(Shares { threshold: u8::try_from(threshold).unwrap_or(u8::MAX), holders })
}

/// Each share is in other hands, and in those of the person whom the file names.
fn holders(spec: &KeySpec, asked: &SharesSpec, file: &File, say: &mut Problems<'_>) {
    let name = &spec.name.value;
    let listed = &asked.holders.value;
    for (n, holder) in listed.iter().enumerate() {
        if listed[..n].iter().any(|other| other.value == holder.value) {
            let text =
                format!("{} would hold two shares of key {name}; each is in other hands", holder.value);
            say.say("SHARES-HOLDER-ONCE", holder.place, text);
            continue;
        }
        match file.participants.iter().find(|person| person.id.value == holder.value) {
            None => {
                let text =
                    format!("a share of key {name} is held by {:?}, who is not a participant", holder.value);
                say.say("HOLDER-KNOWN", holder.place, text);
            }
            Some(person) if person.optional || person.alternate.is_some() || file.is_elsewhere(person) => {
                let text = format!(
                    "{} holds a share of key {name}, and is elsewhere or may be absent; whoever holds one comes in person",
                    person.name
                );
                say.say("SHARES-IN-PERSON", holder.place, text);
            }
            Some(_) => {}
        }
    }
    let optional = |id: &At<String>| file.participants.iter().any(|p| p.id.value == id.value && p.optional);
    if let Some(holder) = spec.holder.as_ref().filter(|holder| optional(holder)) {
        let text = format!("key {name} is split into shares, and its holder {} is optional", holder.value);
        say.say("SHARES-IN-PERSON", holder.place, text);
    }
}
