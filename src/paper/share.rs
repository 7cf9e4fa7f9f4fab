//! A share of a key on one page, for its holder to print: what it is, its code, its words.

use crate::paper::html;

/// What stands on the page. It borrows what is secret, so it is neither `Debug` nor `Clone`.
pub struct Sheet<'a> {
    /// The ceremony's id.
    pub id: &'a str,
    /// Which share of which key.
    pub title: &'a str,
    /// What every page says first: `REHEARSAL`.
    pub mark: Option<&'static str>,
    /// Whose it is, and how it is kept.
    pub says: &'a [String],
    /// What the code carries.
    pub code: &'a str,
    /// The rows of words.
    pub words: &'a [String],
}

/// The page. It is as secret as the share.
pub fn share(sheet: &Sheet<'_>) -> String {
    // Of a size that it does not outgrow, so that no growing leaves a copy.
    let mut body = String::with_capacity(64 << 10);
    for text in sheet.says {
        html::line(&mut body, &format!("<p>{}</p>", html::safe(text)));
    }
    body.push_str("<div class=\"words share\">");
    body.push_str(&crate::qr::svg(sheet.code));
    body.push_str("<pre>");
    for row in sheet.words {
        html::line(&mut body, row);
    }
    body.push_str("</pre></div>\n");
    html::whole("Share", (sheet.id, sheet.title), sheet.mark, &[], &body)
}
