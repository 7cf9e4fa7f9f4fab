//! A checkpoint: which log, how many lines, and the root over them. Its text is what a witness signs.

use crate::tuf::base64;
use crate::words::Digest;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// `keyrite/ID`
    pub origin: String,
    /// How many lines.
    pub size: usize,
    /// The root over them.
    pub root: Digest,
}

impl Checkpoint {
    /// Three lines: origin, size, and the root in base64.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root.0))
    }
}

/// A checkpoint for every number of lines, the longest first.
pub fn of_roots(ceremony: &str, roots: &[Digest]) -> Vec<Checkpoint> {
    let checkpoint = |(before, root): (usize, &Digest)| {
        let origin = format!("keyrite/{ceremony}");
        Checkpoint { origin, size: before + 1, root: *root }
    };
    roots.iter().enumerate().map(checkpoint).rev().collect()
}
