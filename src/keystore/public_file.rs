//! `NAME.pub.json`: the file that hands a public key to someone else.

use crate::tuf::PublicKey;

/// The file's text: one line with keytype, scheme and keyval and no other field, in the order people read them.
pub fn text(public: &PublicKey) -> String {
    let json = public.to_json();
    let [keytype, scheme, keyval] = ["keytype", "scheme", "keyval"].map(|name| &json[name]);
    format!("{{\"keytype\":{keytype},\"scheme\":{scheme},\"keyval\":{keyval}}}\n")
}
