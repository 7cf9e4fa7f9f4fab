//! What leaves the room: a directory of public files that a server publishes and that anyone can check.
//!
//! `layout` says which files, pure; `manifest` and `instructions` are two of them; `write` puts them on a drive so
//! that a directory of that name is complete or not there; `read` takes a directory from a drive and trusts
//! nothing in it. The driver calls `layout`, `write` and then [`check`]; `keyrite verify` calls [`check`] alone.

pub mod adopt;
pub mod content;
mod instructions;
pub mod layout;
pub mod manifest;
pub(crate) mod medium;
pub mod places;
pub mod read;
pub mod rules;
mod survey;
pub mod write;

pub use adopt::Adopted;
pub use adopt::adopt;
pub use content::Content;
pub use layout::Contents;
pub use layout::layout;
pub use manifest::Manifest;
pub use read::Checked;
pub use read::Dir;
pub use read::check;
pub use read::check_after;
pub(crate) use write::fill;
pub use write::write;

/// A file of a bundle: its path below the bundle, with `/`, and what it holds.
pub type File = (String, Content);

/// Whether `path` can stand in a bundle: relative, without `.` and `..`, and without what `sed`, `sha256sum` or a
/// shell would read as something else.
pub(crate) fn is_plain(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() <= 255;
    path.split('/').all(part) && !path.contains(|c: char| c.is_control() || c == '"' || c == '\\')
}
