//! Where each entry of a ceremony file begins: which part of it a problem is about, and what only follows from that.

use std::collections::BTreeSet;

use crate::plan::fields::near;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;

/// The fields of the file itself.
const TOP: [&str; 16] = [
    "keyrite",
    "id",
    "title",
    "type",
    "incident",
    "lost",
    "stolen",
    "participants",
    "presence",
    "materials",
    "keys",
    "trust",
    "clock",
    "environment",
    "outputs",
    "steps",
];

/// A part of the file that can be wrong by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A participant; empty for the section.
    Person(String),
    /// A key; the same.
    Key(String),
    /// A token or a drive; the same.
    Thing(String),
    /// A role afterwards; empty for the rest of `trust`.
    Role(String),
    /// Where it starts from.
    Before,
    /// The script.
    Steps,
    /// The file as a whole, and fields that nothing else looks at.
    Other,
}

impl Part {
    /// The name of a key, a role or a thing: what a step can be about.
    pub fn subject(&self) -> Option<&String> {
        match self {
            Self::Key(name) | Self::Role(name) | Self::Thing(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is one entry, of which nothing more is said when it cannot be read.
    pub fn is_entry(&self) -> bool {
        match self {
            Self::Person(name) | Self::Key(name) | Self::Role(name) | Self::Thing(name) => !name.is_empty(),
            Self::Before | Self::Steps | Self::Other => false,
        }
    }

    fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

static ANYONE: [Part; 1] = [Part::Person(String::new())];
static ANY_KEY: [Part; 1] = [Part::Key(String::new())];
static ANY_THING: [Part; 1] = [Part::Thing(String::new())];
static ANY_ROLE: [Part; 1] = [Part::Role(String::new())];
static ANY_KEY_OR_ROLE: [Part; 2] = [Part::Key(String::new()), Part::Role(String::new())];

/// Rules that look beyond their own entry, and at what: while one of those cannot be read, they say nothing.
fn looks_at(rule: &str) -> &'static [Part] {
    match rule {
        "OPERATOR-NAMED" | "TWO-PEOPLE" | "PRESENCE-MINIMUM" | "NOBODY-ALONE" => &ANYONE,
        "KEY-ON-LISTED-TOKEN" | "KEY-ON-ONE-TOKEN" | "MATERIAL-KNOWN" | "FOR-EACH-KNOWN" => &ANY_THING,
        "KEY-USED" | "DESCRIBED-IN-ROOM" | "ROOT-IN-ROOM" | "ROLE-DELEGATED" | "ROLE-KNOWN" => &ANY_ROLE,
        "KEYS-WITH-STORE" | "THRESHOLD-REACHABLE" | "DOER-NEVER-CONFIRMS" | "ALTERNATE-NEVER-CONFIRMS" => {
            &ANY_KEY
        }
        "TYPE-ALLOWS" => &ANY_KEY_OR_ROLE,
        _ => &[],
    }
}

/// The entries of a file, in its order.
pub struct Outline {
    begins: Vec<(Place, Part)>,
    /// Whether no section may be missing because its name is misspelled.
    pub sections_known: bool,
}

impl Outline {
    /// The entries of the file with this top.
    pub fn of(top: &Node) -> Self {
        let mut outline = Self { begins: Vec::new(), sections_known: true };
        let sections = children(top);
        outline.sections_known = ["participants", "keys", "trust"]
            .iter()
            .all(|name| sections.iter().any(|(_, section, _)| section == name))
            && !sections.iter().any(|(_, section, _)| {
                !TOP.contains(section) && TOP.iter().any(|known| near(known, section))
            });
        for (place, section, node) in sections {
            match section {
                "participants" => outline.entries(place, node, Part::Person),
                "keys" => outline.entries(place, node, Part::Key),
                "materials" => outline.nested(place, node, &["tokens", "drives"], Part::Thing),
                "trust" => outline.nested(place, node, &["after"], Part::Role),
                "steps" => outline.begins.push((place, Part::Steps)),
                _ => outline.begins.push((place, Part::Other)),
            }
        }
        outline.begins.sort();
        outline
    }

    fn entries(&mut self, place: Place, node: &Node, part: fn(String) -> Part) {
        self.begins.push((place, part(String::new())));
        let names = children(node).into_iter();
        self.begins.extend(names.map(|(place, name, _)| (place, part(name.to_owned()))));
    }

    fn nested(&mut self, place: Place, node: &Node, within: &[&str], part: fn(String) -> Part) {
        self.begins.push((place, part(String::new())));
        for (place, name, node) in children(node) {
            match name {
                name if within.contains(&name) => self.entries(place, node, part),
                "before" => self.begins.push((place, Part::Before)),
                _ => self.begins.push((place, part(String::new()))),
            }
        }
    }

    /// The part that a problem is about.
    pub fn part(&self, problem: &Problem) -> &Part {
        let begun = |(begin, _): &&(Place, Part)| problem.place.is_some_and(|place| *begin <= place);
        self.begins.iter().rev().find(begun).map_or(&Part::Other, |(_, part)| part)
    }

    /// The parts that problems are about.
    pub fn parts(&self, problems: &[Problem]) -> BTreeSet<Part> {
        problems.iter().map(|problem| self.part(problem).clone()).collect()
    }

    /// Whether a problem is only what follows from another part that cannot be read.
    pub fn follows(&self, problem: &Problem, unread: &BTreeSet<Part>) -> bool {
        let own = self.part(problem);
        let looks = looks_at(problem.rule);
        unread.iter().any(|part| part != own && looks.iter().any(|kind| kind.same_kind(part)))
    }
}

fn children(node: &Node) -> Vec<(Place, &str, &Node)> {
    let Kind::Map(fields) = &node.kind else { return Vec::new() };
    fields.iter().map(|(key, node)| (key.place, key.text.as_str(), node)).collect()
}
