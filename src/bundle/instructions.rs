//! `VERIFY.txt`: how anyone checks this bundle with bash, openssl and coreutils, without us.
//!
//! The file explains itself in comments, so that its commands can be pasted one by one or run at once. Everything
//! that comes from metadata and reaches a command is of letters and digits only.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::bundle::Contents;
use crate::bundle::layout::Named;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;

const HEAD: &str = r#"
set -eu
export LC_ALL=C
tmp=$(mktemp -d)

# 1. The files are the ones that the ceremony wrote.

sed -n 's/^{"path":"\([^"]*\)","length":[0-9]*,"sha256":"\([0-9a-f]*\)".*/\2  \1/p' MANIFEST.json > "$tmp/sums"
sha256sum --check --strict --quiet "$tmp/sums"

# 2. Tools. The signed part of a file is its line "signed": without that name; where JSON writes \n for a line break,
#    the signed bytes have the line break. Signatures and keys are written in hex.

hex() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
"#;

const TOOLS: &str = r#"signature() { sed -n 's/^{"keyid":"'"$2"'","sig":"\([0-9a-fA-F]*\)"},*$/\1/p' "$1"; }
prepare() { signed_part "$1" > "$tmp/payload"; hex "$(signature "$1" "$2")" > "$tmp/sig"; }
names_key() { [[ "$(cat "$1")" == *"$2"* ]] || { echo "FAILED: $1 does not name the key $2"; return 1; }; }

# ed25519 FILE KEYID POINT: the twelve bytes before the point make it a public key in DER.
ed25519() {
  prepare "$1" "$2"
  hex "302a300506032b6570032100$3" > "$tmp/key"
  openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$tmp/key" -sigfile "$tmp/sig" -in "$tmp/payload"
}
# ecdsa FILE KEYID HASH PEM-LINES
ecdsa() {
  prepare "$1" "$2"
  printf '%s\n' "${@:4}" > "$tmp/key"
  openssl dgst "-$3" -verify "$tmp/key" -signature "$tmp/sig" "$tmp/payload"
}
# rsa FILE KEYID PEM-LINES
rsa() {
  prepare "$1" "$2"
  printf '%s\n' "${@:3}" > "$tmp/key"
  openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:auto \
    -verify "$tmp/key" -signature "$tmp/sig" "$tmp/payload"
}

# 3. Signatures. Each command says that one key signed one file; a command that fails ends the run.
#    names_key says that the file before it, which you trust already, names the key.
"#;

/// Writes the file for a bundle with these roots and these metadata files.
pub(super) fn write(contents: &Contents, chain: &[&Root], metadata: &[&Named]) -> Vec<u8> {
    let mut text = String::from(
        "# How to check this bundle with bash, openssl, sed and coreutils alone.\n#\n\
         # Read this file; then, in the folder that holds it, run `bash VERIFY.txt`, or start `bash` and paste.\n\
         # It ends with the words ALL CHECKS HOLD, or with a failed command.\n#\n",
    );
    line(&mut text, &format!("# Ceremony: {}", one_line(&contents.ceremony)));
    line(&mut text, &format!("# Journal head: {}", one_line(&contents.journal_head)));
    if contents.rehearsal {
        line(&mut text, "# REHEARSAL: nobody may trust these files.");
    }
    text.push_str(HEAD);
    line(&mut text, &signed_part(metadata));
    text.push_str(TOOLS);
    let mut before: Option<(&Named, &Root)> = None;
    let mut roots = chain.iter();
    for named in metadata {
        if let Some(root) = roots.next() {
            if let Some((file, old)) = before {
                check(&mut text, named, file, old.role_keys("root"));
            }
            check(&mut text, named, named, root.role_keys("root"));
            before = Some((named, root));
        } else if let Some((file, root)) = before {
            check(&mut text, named, file, root.role_keys(&named.role));
        }
    }
    if metadata
        .iter()
        .any(|named| named.role != "root" && chain.iter().all(|root| !root.roles.contains_key(&named.role)))
    {
        line(
            &mut text,
            "\n# Delegated roles are not checked above: `keyrite verify` and every TUF client check them.",
        );
    }
    text.push_str("\nrm -r \"$tmp\"\necho 'ALL CHECKS HOLD'\n");
    text.into_bytes()
}

/// The commands that prove each signature over `named` by keys that `trusted` names for its role.
fn check(text: &mut String, named: &Named, trusted: &Named, keys: Option<RoleKeys>) {
    let Some(keys) = keys else { return };
    let (path, role) = (&named.path, &named.role);
    // The byte 1 is set aside for the backslash, below.
    if named.metadata.to_file() != named.bytes || named.metadata.payload().contains(&1) {
        line(
            text,
            &format!("\n# {path} was written by another program, and its signed part is not on one line:"),
        );
        line(text, "# no command here can cut it out. `keyrite verify` and every TUF client check it.");
        return;
    }
    let signed = keys.signed_by(named.metadata.payload(), named.metadata.signatures());
    let (need, of) = (keys.threshold, keys.keys.len());
    line(text, &format!("\n# {path}, by the keys that {} names for {role}:", trusted.path));
    line(text, &format!("# {need} of {of} are needed, {} signed.", signed.len()));
    for (keyid, key) in signed.iter().filter_map(|keyid| Some((keyid, keys.keys.get(keyid)?))) {
        command(text, path, trusted, keyid, key);
    }
}

fn command(text: &mut String, path: &str, trusted: &Named, keyid: &KeyId, key: &PublicKey) {
    if keyid.0.is_empty() || !keyid.0.bytes().all(|b| b.is_ascii_alphanumeric()) {
        line(
            text,
            "# A key with a label that is not of letters and digits signed too; no command here checks it.",
        );
        return;
    }
    if matches!(key.scheme(), Scheme::VerifyOnly(_)) {
        line(text, &format!("# Key {keyid} signed with {}: no command here checks it.", key.scheme()));
        return;
    }
    let pem: Vec<String> = key.to_pem().lines().map(str::to_owned).collect();
    let point = hex::encode(key.material().0.get(12..).unwrap_or_default());
    // As JSON writes the key in the trusted file. Another program may write it in another way: then there is no
    // command for it.
    let word = match key.scheme() {
        Scheme::Ed25519 => point.clone(),
        _ => pem.join("\\n"),
    };
    if String::from_utf8_lossy(&trusted.bytes).contains(&word) {
        line(text, &format!("names_key {} '{word}'", trusted.path));
    }
    let pem: String = pem.iter().map(|line| format!(" '{line}'")).collect();
    line(
        text,
        &match key.scheme() {
            Scheme::Ed25519 => format!("ed25519 {path} {keyid} {point}"),
            Scheme::EcdsaP256 => format!("ecdsa {path} {keyid} sha256{pem}"),
            Scheme::EcdsaP384 => format!("ecdsa {path} {keyid} sha384{pem}"),
            Scheme::RsaPssSha256 => format!("rsa {path} {keyid}{pem}"),
            Scheme::VerifyOnly(_) => String::new(),
        },
    );
}

/// The function that cuts the signed bytes out of a file. `\\` is set aside while the escapes of JSON are undone: it
/// stands in the signed bytes as it stands in the file.
fn signed_part(metadata: &[&Named]) -> String {
    let controls: BTreeSet<u8> =
        metadata.iter().flat_map(|named| named.metadata.payload()).copied().filter(|b| *b < 0x20).collect();
    let undo: String = controls
        .into_iter()
        .filter(|byte| *byte != b'\n')
        .map(|byte| format!(" -e 's/\\\\u{byte:04x}/\\x{byte:02x}/g'"))
        .collect();
    format!(
        "signed_part() {{ sed -n 's/^\"signed\"://p' \"$1\" | sed -e 's/\\\\\\\\/\\x01/g' -e 's/\\\\n/\\n/g'{undo} \\\n  \
         -e 's/\\x01/\\\\\\\\/g' | head -c -1; }}"
    )
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

/// Free text inside a comment: one line of it.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
