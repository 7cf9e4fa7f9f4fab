//! What people hold in their hands: the script before the day, and the record after it, with the same numbers and the
//! same layout. Pure: a plan, or a journal over its plan, becomes a [`Document`], and that becomes text.
//!
//! `script` and `record` say what each holds; `html` and `text` write any document. No text of a file becomes markup or a
//! command to a screen, whatever is in it: both writers let through only what shows.

pub mod document;
pub mod html;
mod parts;
pub mod record;
pub mod script;
pub mod share;
pub mod text;

pub use document::Document;
pub use record::record;
pub use script::script;
pub use share::Sheet;
pub use share::share;
