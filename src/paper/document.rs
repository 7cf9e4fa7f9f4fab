//! A document of parts, without a word on how they look.

use crate::tuf::Date;
use crate::words::Digest;

/// A script or a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is: `Script` or `Record`.
    pub what: &'static str,
    /// The ceremony's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What every page and every line says first: `REHEARSAL`.
    pub mark: Option<&'static str>,
    /// What every page ends with.
    pub foot: Vec<String>,
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A heading; `new_page` where a sheet of its own begins.
    Heading {
        /// The words.
        text: String,
        /// Whether it begins a page.
        new_page: bool,
    },
    /// Paragraphs.
    Says(Vec<String>),
    /// Lines that keep their spaces.
    Lines(Vec<String>),
    /// A table.
    Table(Table),
    /// A digest that people compare.
    Digest {
        /// Of what.
        of: String,
        /// The digest.
        digest: Digest,
        /// Whether it is shown as a code as well.
        code: bool,
    },
    /// The numbered steps.
    Steps(Vec<Row>),
}

/// A table; what is empty in it is written in by hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Over the columns.
    pub head: Vec<&'static str>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
    /// Whether its rows are as high as handwriting.
    pub by_hand: bool,
}

/// A step with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 1.
    pub number: usize,
    /// Its name in the file.
    pub id: String,
    /// The title of the section that it begins.
    pub section: Option<String>,
    /// What is done, and what the file remarks.
    pub text: Vec<String>,
    /// The short name and the full name of who does it.
    pub by: (String, String),
    /// The same of who confirms it.
    pub confirm: Vec<(String, String)>,
    /// The same of who is given something in it.
    pub takes: Option<(String, String)>,
    /// Minutes from the beginning, and how many it takes.
    pub minutes: (u64, u64),
    /// Whether it is the point of no return.
    pub gate: bool,
    /// What is written character by character: of what, and how many boxes.
    pub boxes: Vec<(String, usize)>,
    /// The head of the journal after it, where a section ends.
    pub head: Option<Digest>,
    /// What happened; nothing in a script.
    pub happened: Option<Happened>,
}

/// What the journal says of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happened {
    /// When who does it had done it.
    pub did: Option<Date>,
    /// When it was over.
    pub done: Option<Date>,
    /// When each participant confirmed it, by short name.
    pub confirmed: Vec<(String, Date)>,
    /// What else was written down.
    pub seen: Vec<Seen>,
}

/// A line of the journal, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub at: Date,
    /// What.
    pub words: String,
    /// Whether it is an exception: something that nobody planned.
    pub exception: bool,
}

impl Part {
    /// A heading on the page that is there.
    pub fn heading(text: impl Into<String>) -> Self {
        Self::Heading { text: text.into(), new_page: false }
    }

    /// A heading on a page of its own.
    pub fn sheet(text: impl Into<String>) -> Self {
        Self::Heading { text: text.into(), new_page: true }
    }
}

/// What the foot of a page says of a digest: all of it in hex, and the first and the last row of its words.
pub fn foot(of: &str, digest: Digest) -> Vec<String> {
    let rows = digest.rows();
    let row = |at: usize| rows.get(at).map(|row| row.join(" ")).unwrap_or_default();
    vec![format!("{of} SHA-256 {}", digest.hex()), format!("1 {} ... 8 {}", row(0), row(7))]
}
