//! Strict YAML as a tree in which every value knows its line and column.
//!
//! Anchors, aliases, tags, directives, several documents and duplicate keys are refused here, so that the
//! rest of the plan never meets them. Scalars stay text: whoever reads a field says what it must be.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::Event;
use serde_yaml::granit_parser::Parser;
use serde_yaml::granit_parser::ScalarStyle;
use serde_yaml::granit_parser::Span;

use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::words;

/// A ceremony file is read by people: more than this is a mistake.
const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 24;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A text, a number or a date, as written; `quoted` when in quotes or a block.
    Scalar {
        /// The characters.
        text: String,
        /// Quoted texts are never numbers or empty.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// What stands there, for messages.
pub fn describe(kind: &Kind) -> &'static str {
    match kind {
        Kind::Scalar { text, quoted: false } if text.is_empty() => "nothing",
        Kind::Scalar { .. } => "a text",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a map",
    }
}

fn problem(place: Place, rule: &'static str, text: impl Into<String>) -> Problem {
    Problem::error(rule, Some(place), text)
}

/// Reads one strict document whose top is a map.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::error(
            "FILE-TOO-LARGE",
            None,
            "the file is larger than 1 MiB; a ceremony file is read by people",
        ));
    }
    let mut reader = Reader { parser: Parser::new_from_str(text), depth: 0 };
    let mut top = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_, Some(_)) => {
                return Err(problem(
                    place(span),
                    "YAML-DIRECTIVE",
                    "a %YAML directive is not allowed; leave it out",
                ));
            }
            Event::DocumentStart(..) if top.is_some() => {
                return Err(problem(
                    place(span),
                    "YAML-DOCUMENTS",
                    "a second document begins here; a ceremony file is one document",
                ));
            }
            Event::DocumentStart(..) => {}
            Event::StreamEnd => break,
            event => top = Some(reader.node(event, span)?),
        }
    }
    match top {
        Some(node @ Node { kind: Kind::Map(_), .. }) => Ok(node),
        Some(node) => Err(problem(
            node.place,
            "YAML-SYNTAX",
            format!("the file holds {} where a map of fields is expected", describe(&node.kind)),
        )),
        None => Err(Problem::error("YAML-SYNTAX", None, "the file is empty")),
    }
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

struct Reader<'a> {
    parser: Parser<'a, serde_yaml::granit_parser::StrInput<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(syntax(at, &error.info()))
            }
            None => Err(Problem::error("YAML-SYNTAX", None, "the file ends too early")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Problem> {
        let place = place(span);
        let refuse = |what: &str, rule| {
            Err(problem(place, rule, format!("{what} is not allowed; write the value out")))
        };
        match &event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => return refuse("an alias (*)", "YAML-ALIAS"),
            Event::Scalar(_, _, anchor, tag) => {
                if *anchor != 0 {
                    return refuse("an anchor (&)", "YAML-ANCHOR");
                }
                if tag.is_some() {
                    return refuse("a tag (!)", "YAML-TAG");
                }
            }
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => {
                if *anchor != 0 {
                    return refuse("an anchor (&)", "YAML-ANCHOR");
                }
                if tag.is_some() {
                    return refuse("a tag (!)", "YAML-TAG");
                }
            }
            _ => {}
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(problem(place, "YAML-DEPTH", format!("more than {MAX_DEPTH} levels deep")));
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => {
                if let Some(bad) = text.chars().find(|c| words::acts(*c) && *c != '\n') {
                    return Err(problem(
                        place,
                        "YAML-CONTROL",
                        format!(
                            "the character U+{:04X} is not allowed: it acts on a screen instead of showing",
                            u32::from(bad)
                        ),
                    ));
                }
                Kind::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) => self.map()?,
            _ => return Err(syntax(place, "a value was expected")),
        };
        self.depth -= 1;
        Ok(Node { place, kind })
    }

    fn list(&mut self) -> Result<Kind, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Kind, Problem> {
        let mut fields: Vec<(Key, Node)> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Kind::Map(fields));
            }
            let node = self.node(event, span)?;
            let Kind::Scalar { text, .. } = node.kind else {
                return Err(problem(
                    node.place,
                    "YAML-SYNTAX",
                    format!("a key must be a name, and this is {}", describe(&node.kind)),
                ));
            };
            if text == "<<" {
                return Err(problem(
                    node.place,
                    "YAML-ALIAS",
                    "a merge key (<<) is not allowed; write the fields out",
                ));
            }
            if let Some(first) = lines.insert(text.clone(), node.place.line) {
                return Err(problem(
                    node.place,
                    "YAML-DUPLICATE-KEY",
                    format!("{text:?} stands here a second time; the first is on line {first}"),
                ));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            fields.push((Key { text, place: node.place }, value));
        }
    }
}

fn syntax(place: Place, info: &str) -> Problem {
    let rule = if info.contains("unknown anchor") { "YAML-ALIAS" } else { "YAML-SYNTAX" };
    let text = match rule {
        "YAML-ALIAS" => "an alias (*) is not allowed; write the value out".to_owned(),
        _ => format!("this is not YAML: {info}; {}", advice(info)),
    };
    problem(place, rule, text)
}

/// What to do about the parser's words: the first that they contain.
const ADVICE: [(&str, &str); 8] = [
    ("tab", "indent with blanks, never with tabs"),
    (
        "mapping values are not allowed",
        "a text with a colon in it stands in quotes; a field begins below its neighbours",
    ),
    ("bracket", "close each bracket with its like, on the same line or a deeper one"),
    ("flow", "put a comma between two entries, and close the bracket"),
    ("quoted scalar", "close the quotes at the end of the text, and write a backslash in them twice"),
    ("block", "entries of one list, and fields of one map, begin in the same column"),
    ("unexpected character", "put the text in quotes"),
    ("expected ':'", "a field is its name, a colon, a blank and its value"),
];

fn advice(info: &str) -> &'static str {
    let found = ADVICE.iter().find(|(words, _)| info.contains(words));
    found.map_or("compare it with the lines around it: columns, colons, quotes", |(_, advice)| advice)
}
