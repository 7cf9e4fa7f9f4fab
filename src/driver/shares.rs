//! Shares of keys: read from what people hand over.

use zeroize::Zeroize;

use crate::keystore::shares::BadShare;
use crate::keystore::shares::MARK;
use crate::keystore::shares::Share;
use crate::qr::image;

/// The largest file with a share, in bytes: a page from a scanner.
pub const MAX_SHARE_FILE: u64 = 64 << 20;

/// A share from a file: an image of its code, or a text with it or with its words. Why there is none, never quoting it.
pub fn share_in(bytes: &[u8]) -> Result<Share, String> {
    let told = |why: BadShare| why.to_string();
    if !image::is_image(bytes) {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is neither an image nor a text".to_owned())?;
        return Share::read(text).map_err(told);
    }
    let mut texts = image::read(bytes).map_err(|why| why.to_string())?;
    let marked: Vec<&String> = texts.iter().filter(|text| text.contains(MARK)).collect();
    let share = match marked.as_slice() {
        [] => Err("a code is in the image, and it carries no share".to_owned()),
        [one] => Share::read(one).map_err(told),
        _ => Err("several shares are in the image: give one at a time".to_owned()),
    };
    texts.zeroize();
    share
}
