//! Public keys, age files, private keys, manifests and journals in plain words.

use std::io::Read;

use age::armor::ArmoredReader;
use serde_json::Value;
use serde_json::json;

use crate::bundle::Manifest;
use crate::cli::inspect::Description;
use crate::keystore::shares::Head;
use crate::keystore::shares::MARK;
use crate::keystore::shares::Share;
use crate::tuf::PublicKey;
use crate::tuf::json;
use crate::tuf::key::private_material;
use crate::tuf::proof::Proof;
use crate::words::counted;

/// An age header is not longer.
const MAX_HEADER: u64 = 1 << 16;
/// How much of one member of a journal's first line people see.
const SHOWN: usize = 100;

pub(super) fn public_key(bytes: &[u8]) -> Result<Description, String> {
    let key = PublicKey::read(bytes).map_err(|e| e.to_string())?;
    let (keyid, scheme) = (key.keyid(), key.scheme());
    Ok(Description {
        lines: vec![format!("a public key, {scheme}"), format!("keyid {keyid}")],
        json: json!({"kind": "public-key", "keyid": keyid, "scheme": scheme.as_str(), "key": key.to_json()}),
    })
}

/// `None` when it is no age file; an error when it begins like one and its header cannot be read.
pub(super) fn age(bytes: &[u8]) -> Option<Result<Description, String>> {
    let armored = bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----");
    if !armored && !bytes.starts_with(b"age-encryption.org/") {
        return None;
    }
    let mut head = Vec::new();
    // A broken body ends the reading; the header in front of it is still there.
    drop(ArmoredReader::new(bytes).take(MAX_HEADER).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let header = head.split("\n---").next().unwrap_or_default();
    if !header.starts_with("age-encryption.org/v1\n") {
        return Some(Err("an age file whose header cannot be read".to_owned()));
    }
    let stanzas: Vec<Vec<&str>> =
        header.lines().filter_map(|line| Some(line.strip_prefix("-> ")?.split(' ').collect())).collect();
    let factor = stanzas.iter().find(|stanza| stanza[0] == "scrypt").map(|stanza| stanza.get(2).copied());
    let words = match factor {
        Some(factor) => {
            format!("an age file encrypted with a passphrase, work factor {}", factor.unwrap_or("unknown"))
        }
        None => format!("an age file encrypted to {} recipients", stanzas.len()),
    };
    let kinds: Vec<&str> = stanzas.iter().map(|stanza| stanza[0]).collect();
    Some(Ok(Description {
        lines: vec![words],
        json: json!({"kind": "age-file", "armored": armored, "recipients": kinds,
            "work_factor": factor.flatten().and_then(|factor| factor.parse::<u64>().ok())}),
    }))
}

/// A private key: named, and not shown.
pub(super) fn private(bytes: &[u8]) -> Option<Description> {
    let shape = private_material(bytes)?;
    Some(Description {
        lines: vec![format!("{shape}; nothing of it is shown")],
        json: json!({"kind": "private-key", "shape": shape}),
    })
}

/// A share of a key: of which one, and nothing of what it holds. `None` when nothing says that it is one.
pub(super) fn share(bytes: &[u8]) -> Option<Description> {
    let text = std::str::from_utf8(bytes).ok()?;
    match Share::read(text) {
        Ok(share) => {
            let Head { rehearsal, set, split, index } = share.head();
            let mut lines = vec![share.head().to_string(), "nothing of what it holds is shown".to_owned()];
            if rehearsal {
                lines.push("REHEARSAL: its key is public knowledge".to_owned());
            }
            let json = json!({"kind": "share", "rehearsal": rehearsal, "key": hex::encode(set), "index": index,
                "of": split.of(), "threshold": split.threshold()});
            Some(Description { lines, json })
        }
        Err(why) if text.contains(MARK) => Some(Description {
            lines: vec![format!("a share that cannot be used: {why}")],
            json: json!({"kind": "share", "why": why.to_string()}),
        }),
        Err(_) => None,
    }
}

pub(super) fn proof(bytes: &[u8]) -> Result<Description, String> {
    let proof = Proof::read(bytes).map_err(|e| e.to_string())?;
    let lines = vec![
        format!("a proof of possession, made for {:?}", proof.challenge),
        format!("keyid {}, {}", proof.keyid, proof.scheme),
        "it proves nothing before it is verified with the public key, as a ceremony does".to_owned(),
    ];
    let json = json!({"kind": "proof", "challenge": proof.challenge, "keyid": proof.keyid,
        "scheme": proof.scheme.as_str()});
    Ok(Description { lines, json })
}

pub(super) fn manifest(bytes: &[u8]) -> Result<Description, String> {
    let manifest = Manifest::parse(bytes).map_err(|e| format!("not a bundle's manifest: {e}"))?;
    let mut lines = vec![
        format!("the manifest of a bundle, from the ceremony {}", manifest.ceremony),
        format!("journal head {}", manifest.journal_head),
    ];
    if manifest.rehearsal {
        lines.push("REHEARSAL: nobody may trust it".to_owned());
    }
    lines.push(format!("{}; published in this order:", counted(manifest.files.len(), "file")));
    let published = manifest.files.iter().filter_map(|entry| Some((entry.order?, entry)));
    lines
        .extend(published.map(|(order, entry)| format!("  {order}. {}, {} bytes", entry.path, entry.length)));
    Ok(Description {
        lines,
        json: json!({"kind": "manifest", "ceremony": manifest.ceremony, "journal_head": manifest.journal_head,
            "rehearsal": manifest.rehearsal, "files": manifest.files.len()}),
    })
}

/// The first line of a journal: one JSON object a line, and the first has `prev`. `None` when it is none.
pub(super) fn journal(bytes: &[u8]) -> Option<Result<Description, String>> {
    let first = bytes.split(|byte| *byte == b'\n').next()?;
    let line = json::parse(first).ok()?;
    let members = line.as_object().filter(|o| o.contains_key("prev") && o.contains_key("at"))?;
    let count = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let mut lines = vec![format!("the journal of a ceremony, {count} lines; its first line says:")];
    for (name, value) in members {
        say(&mut lines, name, value);
    }
    Some(Ok(Description { lines, json: json!({"kind": "journal", "lines": count, "first": line}) }))
}

fn say(lines: &mut Vec<String>, name: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(inner, value)| say(lines, &format!("{name}.{inner}"), value))
        }
        value => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let shown: String = text.chars().take(SHOWN).collect();
            let rest = if shown.len() < text.len() { "..." } else { "" };
            lines.push(format!("  {name}: {shown}{rest}"));
        }
    }
}
