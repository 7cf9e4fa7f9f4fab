//! `materials`: the tokens, bags and drives that come into the room, by serial, number and label.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::plan::Key;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::file::File;
use crate::plan::file::entries;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::plan::rules::Problems;
use crate::room::things::ThingsSetup;
use crate::store_uri::StoreUri;

/// What comes into the room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Materials {
    /// Tokens by name.
    pub tokens: BTreeMap<String, Token>,
    /// Numbers of bags beyond those that tokens name.
    pub bags: Vec<At<String>>,
    /// Drives by name.
    pub drives: BTreeMap<String, Drive>,
    /// The ledger of the last ceremony, relative to the ceremony file.
    pub ledger: Option<At<String>>,
}

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The serial number that its module tells.
    pub serial: At<String>,
    /// Its label, where stores name it by that.
    pub label: Option<String>,
    /// Who keeps it.
    pub holder: Option<At<String>>,
    /// The sealed bag that it comes in.
    pub bag: Option<At<String>>,
    /// The bag that it goes into afterwards.
    pub new_bag: Option<At<String>>,
}

/// A drive.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// The label of its file system.
    pub label: At<String>,
    /// What people tell it by.
    pub colour: Option<String>,
}

/// Reads `materials`.
pub(super) fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Materials> {
    let mut fields = Fields::of(node, "materials", problems)?;
    let mut materials = Materials::default();
    for (name, node) in
        fields.take("tokens").map(|node| entries(node, "tokens", problems)).unwrap_or_default()
    {
        let token = token(&name, node, problems);
        materials.tokens.insert(name.value, token);
    }
    for (name, node) in
        fields.take("drives").map(|node| entries(node, "drives", problems)).unwrap_or_default()
    {
        let drive = drive(&name, node, problems);
        materials.drives.insert(name.value, drive);
    }
    materials.bags = fields.names("bags", problems).map(|names| names.value).unwrap_or_default();
    materials.ledger = fields.text("ledger", problems);
    fields.finish(problems);
    Some(materials)
}

/// A token, with what of it can be read.
fn token(name: &At<String>, node: &Node, problems: &mut Vec<Problem>) -> Token {
    let mut fields = Fields::or_none(node, format!("token {}", name.value), problems);
    let nothing = At { value: String::new(), place: name.place };
    let token = Token {
        serial: fields.need_quoted("serial", problems).unwrap_or(nothing),
        label: fields.text("label", problems).map(|label| label.value),
        holder: fields.text("holder", problems),
        bag: fields.text("bag", problems),
        new_bag: fields.text("new_bag", problems),
    };
    fields.finish(problems);
    token
}

fn drive(name: &At<String>, node: &Node, problems: &mut Vec<Problem>) -> Drive {
    let mut fields = Fields::or_none(node, format!("drive {}", name.value), problems);
    let label = fields.need_text("label", problems);
    let colour = fields.text("colour", problems).map(|colour| colour.value);
    fields.finish(problems);
    let Some(label) = label else {
        return Drive { label: At { value: String::new(), place: name.place }, colour };
    };
    // It becomes the name of a directory.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
    if label.value.is_empty() || label.value.starts_with(['.', ' ']) || !label.value.chars().all(plain) {
        let text = format!(
            "\"label\" of drive {} must be letters, digits, dots, dashes and underscores, and is {:?}",
            name.value, label.value
        );
        problems.push(Problem::error("DRIVE-LABEL", Some(label.place), text));
    }
    Drive { label, colour }
}

impl Materials {
    /// The token that a key lives on, where it is listed by the serial or the label that the store names.
    pub fn token_of(&self, store: &StoreUri) -> Option<&String> {
        self.tokens_of(store).into_iter().next()
    }

    fn tokens_of(&self, store: &StoreUri) -> Vec<&String> {
        let StoreUri::Pkcs11(uri) = store else { return Vec::new() };
        let same = |token: &Token| match (&uri.serial, &uri.token) {
            (Some(serial), _) => *serial == token.serial.value,
            (None, label) => label.is_some() && *label == token.label,
        };
        self.tokens.iter().filter(|(_, token)| same(token)).map(|(name, _)| name).collect()
    }

    /// Every bag: those that tokens come in or go into, and new ones.
    pub fn all_bags(&self) -> BTreeSet<String> {
        let of_tokens = self.tokens.values().flat_map(|token| [&token.bag, &token.new_bag]).flatten();
        of_tokens.chain(&self.bags).map(|bag| bag.value.clone()).collect()
    }

    /// What the room needs to know of them.
    pub fn setup(&self, keys: &[Key]) -> ThingsSetup {
        let token_of = |key: &Key| Some((key.name.clone(), self.token_of(key.store()?)?.clone()));
        let bag = |token: &Token| token.bag.as_ref().map(|bag| bag.value.clone());
        let into =
            |(name, token): (&String, &Token)| Some((name.clone(), token.new_bag.as_ref()?.value.clone()));
        ThingsSetup {
            tokens: self.tokens.iter().map(|(name, token)| (name.clone(), bag(token))).collect(),
            into: self.tokens.iter().filter_map(into).collect(),
            bags: self.all_bags(),
            drives: self.drives.keys().cloned().collect(),
            keys: keys.iter().filter_map(token_of).collect(),
        }
    }
}

/// What the materials say together, and with people and keys.
pub(super) fn judge(file: &File, say: &mut Problems<'_>) {
    let materials = &file.materials;
    let person = |id: &str| file.participants.iter().any(|person| person.id.value == id);
    let mut serials = BTreeSet::new();
    for (name, token) in &materials.tokens {
        if !serials.insert(&token.serial.value) {
            let text = format!("two tokens have the serial {:?}; one token is one entry", token.serial.value);
            say.say("SERIAL-ONCE", token.serial.place, text);
        }
        if let Some(holder) = token.holder.as_ref().filter(|holder| !person(&holder.value)) {
            let text = format!("token {name} is held by {:?}, who is not a participant", holder.value);
            say.say("HOLDER-KNOWN", holder.place, text);
        }
        if let (Some(old), Some(new)) = (&token.bag, &token.new_bag)
            && old.value == new.value
        {
            let text = format!("token {name} would go back into bag {}; a bag is used once", old.value);
            say.say("BAG-USED-ONCE", new.place, text);
        }
        let into = materials.tokens.values().filter_map(|token| token.bag.as_ref());
        if let Some(new) = &token.new_bag
            && token.bag.as_ref().is_none_or(|old| old.value != new.value)
            && into.clone().any(|bag| bag.value == new.value)
        {
            let text = format!("token {name} would go into bag {}, which another token comes in", new.value);
            say.say("BAG-USED-ONCE", new.place, text);
        }
    }
    let mut spare = BTreeSet::new();
    for bag in materials.bags.iter().filter(|bag| !spare.insert(&bag.value)) {
        let text = format!("bag {} is listed twice; one bag is one entry", bag.value);
        say.say("BAG-ONCE", bag.place, text);
    }
    let mut labels = BTreeSet::new();
    for drive in materials.drives.values() {
        if !labels.insert(&drive.label.value) {
            let text =
                format!("two drives have the label {:?}, and could not be told apart", drive.label.value);
            say.say("DRIVE-LABEL-ONCE", drive.label.place, text);
        }
    }
    if let Some(drive) = materials.drives.keys().find(|name| materials.tokens.contains_key(*name)) {
        let place = materials.drives[drive].label.place;
        say.say("MATERIAL-ONCE", place, format!("{drive:?} is the name of a token and of a drive"));
    }
    keys(file, say);
}

/// A key on a token is on one of those that are listed, in the hands of its holder.
fn keys(file: &File, say: &mut Problems<'_>) {
    if file.materials.tokens.is_empty() {
        return;
    }
    let known = |id: &str| file.participants.iter().any(|person| person.id.value == id);
    for key in &file.keys {
        let Some(At { value: store @ StoreUri::Pkcs11(_), place }) = &key.store else { continue };
        let name = &key.name.value;
        if let [one, other, ..] = file.materials.tokens_of(store).as_slice() {
            let text = format!(
                "key {name} is on a token that is told by its label alone, and {one} and {other} both have it; name the serial in the store too"
            );
            say.say("KEY-ON-ONE-TOKEN", *place, text);
            continue;
        }
        match file.materials.token_of(store).map(|token| (token, &file.materials.tokens[token])) {
            None => {
                let text = format!(
                    "key {name} is on a token that `materials` does not list: none has that serial or label"
                );
                say.say("KEY-ON-LISTED-TOKEN", *place, text);
            }
            Some((token, listed)) => {
                if let (Some(holder), Some(keeper)) = (&key.holder, &listed.holder)
                    && holder.value != keeper.value
                    && [holder, keeper].iter().all(|id| known(&id.value))
                {
                    let text = format!(
                        "key {name} is held by {}, and its token {token} by {}",
                        holder.value, keeper.value
                    );
                    say.say("TOKEN-OF-HOLDER", keeper.place, text);
                }
            }
        }
    }
}

/// Where a drive or token stands in the file, for messages of the walk that have no step.
pub fn place_of(materials: &Materials, name: &str) -> Option<Place> {
    let token = materials.tokens.get(name).map(|token| token.serial.place);
    token.or_else(|| materials.drives.get(name).map(|drive| drive.label.place))
}
