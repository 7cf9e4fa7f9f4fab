//! What steps may name, and `for_each`: one step written, one for each person, token or drive.

use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::fields::list;
use crate::plan::fields::text;
use crate::plan::materials::Materials;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::people::PersonSpec;
use crate::plan::problem::Problem;

/// What steps may name.
pub struct Cast<'a> {
    /// The roles of the metadata.
    pub roles: Vec<&'a str>,
    /// The people.
    pub people: &'a [PersonSpec],
    /// Tokens, bags and drives.
    pub materials: &'a Materials,
}

impl Cast<'_> {
    fn known(name: &At<String>, what: &str, all: &[&String], problems: &mut Vec<Problem>) -> Option<String> {
        if all.contains(&&name.value) {
            return Some(name.value.clone());
        }
        let all: Vec<&str> = all.iter().map(|name| name.as_str()).collect();
        let there = if all.is_empty() { "there is none".to_owned() } else { all.join(", ") };
        let text = format!("{:?} is not a {what} under `materials`: {there}", name.value);
        problems.push(Problem::error("MATERIAL-KNOWN", Some(name.place), text));
        None
    }

    /// `bag: NUMBER`
    pub(super) fn bag(&self, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<String> {
        let name = fields.need_text("bag", problems)?;
        let all = self.materials.all_bags();
        Self::known(&name, "bag", &all.iter().collect::<Vec<_>>(), problems)
    }

    /// `token: NAME`
    pub(super) fn token(&self, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<String> {
        let name = fields.need_text("token", problems)?;
        Self::known(&name, "token", &self.materials.tokens.keys().collect::<Vec<_>>(), problems)
    }

    /// `drive: NAME`
    pub(super) fn drive(&self, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<String> {
        let name = fields.need_text("drive", problems)?;
        Self::known(&name, "drive", &self.materials.drives.keys().collect::<Vec<_>>(), problems)
    }

    /// `drive: NAME`, or nothing; `None` when it cannot be read.
    #[expect(clippy::option_option, reason = "what is wrong, what is left out, and what is there")]
    pub(super) fn some_drive(
        &self,
        fields: &mut Fields<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Option<String>> {
        match fields.text("drive", problems) {
            None => Some(None),
            Some(name) => {
                Self::known(&name, "drive", &self.materials.drives.keys().collect::<Vec<_>>(), problems)
                    .map(Some)
            }
        }
    }

    /// `holds: [NAME]`: tokens and drives.
    pub(super) fn held(&self, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
        let place = fields.place;
        let Some(names) = fields.names("holds", problems) else {
            let text = format!("{} has no field \"holds\"", fields.what);
            problems.push(Problem::error("MISSING-FIELD", Some(place), text));
            return None;
        };
        if names.value.is_empty() {
            let text = format!("{} would seal an empty bag; \"holds\" names tokens and drives", fields.what);
            problems.push(Problem::error("MATERIAL-KNOWN", Some(names.place), text));
            return None;
        }
        let all: Vec<_> = self.materials.tokens.keys().chain(self.materials.drives.keys()).collect();
        let known: Vec<_> = names
            .value
            .iter()
            .filter_map(|name| Self::known(name, "token or drive", &all, problems))
            .collect();
        (known.len() == names.value.len()).then_some(known)
    }

    /// The names that a word of `for_each` stands for: `custodians`, `witnesses`, `tokens`, `drives`.
    fn all(&self, word: &str) -> Option<Vec<String>> {
        let people = |role: &str| {
            let of_role = self.people.iter().filter(|person| person.role.value == role);
            of_role.map(|person| person.id.value.clone()).collect()
        };
        match word {
            "participants" => Some(self.people.iter().map(|person| person.id.value.clone()).collect()),
            "custodians" => Some(people("custodian")),
            "witnesses" => Some(people("witness")),
            "tokens" => Some(self.materials.tokens.keys().cloned().collect()),
            "drives" => Some(self.materials.drives.keys().cloned().collect()),
            _ => None,
        }
    }

    /// What `{k.token}`, `{k.bag}`, `{k.new_bag}`, `{k.label}` and `{k.name}` say of a person, a token or a drive.
    fn look_up(&self, name: &str, field: &str) -> Option<String> {
        let held = |holder: &At<String>| holder.value == name;
        let tokens = &self.materials.tokens;
        let own = tokens.iter().find(|(_, token)| token.holder.as_ref().is_some_and(held));
        let token = tokens.get_key_value(name).or(own);
        match field {
            "token" => token.map(|(name, _)| name.clone()),
            "bag" => token.and_then(|(_, token)| token.bag.as_ref()).map(|bag| bag.value.clone()),
            "new_bag" => token.and_then(|(_, token)| token.new_bag.as_ref()).map(|bag| bag.value.clone()),
            "holder" => token.and_then(|(_, token)| token.holder.as_ref()).map(|holder| holder.value.clone()),
            "label" => self.materials.drives.get(name).map(|drive| drive.label.value.clone()),
            "name" => {
                self.people.iter().find(|person| person.id.value == name).map(|person| person.name.clone())
            }
            _ => None,
        }
    }
}

/// The step as it stands, or one for each name of its `for_each`.
pub(super) fn expand(node: &Node, cast: &Cast<'_>, problems: &mut Vec<Problem>) -> Vec<Node> {
    let Kind::Map(fields) = &node.kind else { return vec![node.clone()] };
    let Some((_, each)) = fields.iter().find(|(key, _)| key.text == "for_each") else {
        return vec![node.clone()];
    };
    let names = match &each.kind {
        Kind::Scalar { text, .. } => match cast.all(text) {
            Some(names) => names,
            None => {
                let text = "\"for_each\" of a step is a list of names, or participants, custodians, witnesses, tokens or drives";
                problems.push(Problem::error("WRONG-KIND", Some(each.place), text));
                return Vec::new();
            }
        },
        _ => {
            let names = list(each, "\"for_each\" of a step", problems).unwrap_or_default();
            let texts = names.iter().filter_map(|name| text(name, "an entry of \"for_each\"", problems));
            texts.map(|name| name.value).collect()
        }
    };
    if names.is_empty() {
        let text = "\"for_each\" of a step names nobody and nothing, so there would be no such step";
        problems.push(Problem::error("FOR-EACH-KNOWN", Some(each.place), text));
    }
    let without = fields.iter().filter(|(key, _)| key.text != "for_each").cloned().collect();
    let body = Node { place: node.place, kind: Kind::Map(without) };
    // What is not known of one is hardly known of the others.
    names.iter().map_while(|name| with_name(&body, name, cast, problems)).collect()
}

/// The step with `{k}` and `{k.field}` replaced in every text.
fn with_name(node: &Node, name: &str, cast: &Cast<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let kind = match &node.kind {
        Kind::Scalar { text, quoted } => match filled(text, name, cast) {
            Ok(text) => Kind::Scalar { text, quoted: *quoted },
            Err(field) => {
                let text = format!("{{k.{field}}} says nothing for {name:?}");
                problems.push(Problem::error("FOR-EACH-KNOWN", Some(node.place), text));
                return None;
            }
        },
        Kind::List(items) => {
            let items: Vec<_> =
                items.iter().filter_map(|item| with_name(item, name, cast, problems)).collect();
            Kind::List(items)
        }
        Kind::Map(fields) => {
            let mut filled = Vec::new();
            for (key, node) in fields {
                filled.push((key.clone(), with_name(node, name, cast, problems)?));
            }
            Kind::Map(filled)
        }
    };
    Some(Node { place: node.place, kind })
}

/// The text with the name in it; or the field that nothing is known of.
fn filled(text: &str, name: &str, cast: &Cast<'_>) -> Result<String, String> {
    let mut text = text.replace("{k}", name);
    while let Some(start) = text.find("{k.") {
        let Some(length) = text[start..].find('}') else { break };
        let field = text[start + 3..start + length].to_owned();
        let value = cast.look_up(name, &field).ok_or(field)?;
        text.replace_range(start..=start + length, &value);
    }
    Ok(text)
}
