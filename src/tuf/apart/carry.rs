//! Requests and responses without a file: as frames for QR codes, and as a few lines that people type.
//!
//! Pure. A frame is a line of capitals and digits, so that a small QR code holds it; a screen shows them one after the
//! other. Neither form is a second format: what they carry is read as if its file had come. `cli` and `tui` show them,
//! [`crate::tuf::apart::Merge`] and whoever reads a request takes them in.

mod blob;
mod frames;
mod typed;

pub use frames::ROOM;

use crate::tuf::apart::ApartError;
use crate::tuf::apart::Response;

/// What frames or typed lines carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The file of a request.
    Request(Vec<u8>),
    /// A response. Its digest and its keyid are the beginnings of both: enough to tell which, and nothing else
    /// is decided by them.
    Response(Response),
}

/// The frames of a request's file, at most [`ROOM`] characters each.
pub fn request(file: &[u8]) -> Result<Vec<String>, ApartError> {
    frames::fold(&blob::request(file))
}

/// The frames of a response: one for a signature of Ed25519 or of a NIST curve over 256 bits.
pub fn response(response: &Response) -> Result<Vec<String>, ApartError> {
    frames::fold(&blob::response(response)?)
}

/// A response as lines to be read out and typed, each with its own check.
pub fn lines(response: &Response) -> Result<Vec<String>, ApartError> {
    Ok(typed::fold(&blob::response(response)?))
}

/// The text, when there are frames in it. Whatever a JSON file says inside, it is itself and no frames.
pub fn frames(text: &[u8]) -> Option<&str> {
    plain(text).filter(|text| frames::are_in(text))
}

/// The frames of texts that have names, sorted by what they carry, each thing with the names of the texts that it is in: so that
/// one of which a frame is missing spoils no other. A text without frames is a thing by itself.
pub fn by_thing(texts: &[(String, String)]) -> Vec<(String, String)> {
    frames::sorted(texts)
}

fn plain(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().filter(|text| !text.trim_start().starts_with('{'))
}

/// What a text carries; `None` when it is neither frames nor typed lines.
///
/// Frames may come in any order, more than once, between other lines, and several things at a time.
pub fn read(text: &[u8]) -> Option<Result<Vec<Carried>, ApartError>> {
    let text = plain(text)?;
    let blobs = if frames::are_in(text) {
        frames::unfold(text)
    } else if typed::are_in(text) {
        typed::unfold(text).map(|blob| vec![blob])
    } else {
        return None;
    };
    Some(blobs.and_then(|blobs| blobs.iter().map(|blob| blob::read(blob)).collect()))
}
