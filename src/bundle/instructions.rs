//! `VERIFY.txt`: how anyone checks this bundle with bash, openssl and coreutils, without us.
//!
//! The file explains itself in comments, so that its commands can be pasted one by one or run at once. Everything
//! that comes from metadata and reaches a command is of letters and digits only, or is JSON between single quotes.
//! It fails closed: what is missing, added or another than it was written fails, and then no line says that all holds.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use memchr::memmem;
use serde_json::Value;

use crate::bundle::Contents;
use crate::bundle::layout::Named;
use crate::tuf::Date;
use crate::tuf::KeyId;
use crate::tuf::PublicKey;
use crate::tuf::Scheme;
use crate::tuf::canonical;
use crate::tuf::delegations::Delegations;
use crate::tuf::role::RoleKeys;
use crate::tuf::root::Root;
use crate::tuf::root::TOP_LEVEL;
use crate::words::Digest;

/// More delegated files than this are left to `keyrite verify` and to clients: each takes some commands.
const MOST_DELEGATED: usize = 64;

/// Its name in the bundle.
pub(super) const VERIFY: &str = "VERIFY.txt";

/// How the line of this file begins in the manifest: no other line does.
const MANIFEST_LINE: &str = r#"^{"path":"VERIFY.txt""#;

const HEAD: &str = r#"
set -euo pipefail
export LC_ALL=C
tmp=$(mktemp -d)
failed() { echo "FAILED: $*"; exit 1; }

# 1. The files are the ones that the ceremony wrote: all of them, and no other.

sed -n 's/^{"path":"\([^"]*\)","length":[0-9]*,"sha256":"\([0-9a-f]*\)".*/\2  \1/p' MANIFEST.json > "$tmp/sums"
sha256sum --check --strict --quiet "$tmp/sums"
"#;

const LISTED: &str = r#"shopt -s globstar dotglob nullglob
declare -A listed=([MANIFEST.json]=1)
while IFS= read -r line; do listed["${line:66}"]=1; done < "$tmp/sums"
for file in **; do
  [[ ! -L $file ]] || failed "$file is a link"
  [[ -d $file || -n ${listed["$file"]:-} ]] || failed "$file is not in MANIFEST.json"
done

# 2. Tools. The signed part of a file is its line "signed": without that name; where JSON writes \n for a line break,
#    the signed bytes have the line break. Signatures and keys are written in hex.

hex() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
"#;

const TOOLS: &str = r#"signature() { sed -n 's/^{"keyid":"'"$2"'","sig":"\([0-9a-fA-F]*\)"},*$/\1/p' "$1"; }
prepare() { signed_part "$1" > "$tmp/payload"; hex "$(signature "$1" "$2")" > "$tmp/sig"; }
says() { [[ "$(cat "$1")" == *"$2"* ]] || failed "$1 does not say $2"; }
# good_until FILE TIME: says so, and remarks when that is over; the signatures hold all the same.
good_until() {
  says "$1" '"expires":"'"$2"'"'
  [[ $2 > $(TZ=UTC0 printf '%(%FT%TZ)T') ]] || echo "NOTE: $1 expired at $2, says the clock of this machine: clients refuse it now"
}

# ed25519 FILE KEYID POINT: the twelve bytes before the point make it a public key in DER.
ed25519() {
  prepare "$1" "$2"
  hex "302a300506032b6570032100$3" > "$tmp/key"
  openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$tmp/key" -sigfile "$tmp/sig" -in "$tmp/payload"
  signed[$2]=1
}
# ecdsa FILE KEYID HASH PEM-LINES
ecdsa() {
  prepare "$1" "$2"
  printf '%s\n' "${@:4}" > "$tmp/key"
  openssl dgst "-$3" -verify "$tmp/key" -signature "$tmp/sig" "$tmp/payload"
  signed[$2]=1
}
# rsa FILE KEYID PEM-LINES
rsa() {
  prepare "$1" "$2"
  printf '%s\n' "${@:3}" > "$tmp/key"
  openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:auto \
    -verify "$tmp/key" -signature "$tmp/sig" "$tmp/payload"
  signed[$2]=1
}
# enough N: so many keys signed since the last count.
enough() {
  [[ ${#signed[@]} -ge $1 ]] || failed "$1 keys must sign, and ${#signed[@]} did"
  signed=()
}
declare -A signed=()

# 3. Signatures. Each command says that one key signed one file; a command that fails ends the run.
#    says shows that the file before it, which you trust already, names the keys, the role with its threshold, and the
#    versions of what it describes.
"#;

const TARGETS: &str = r#"
# Target files, each of which some metadata here lists:
declare -A hashes=()
sed 's/"sha256":"/\n&/g' metadata/*.json | sed -n 's/^"sha256":"\([0-9a-f]\{64\}\)".*/\1/p' > "$tmp/hashes"
while IFS= read -r hash; do hashes[$hash]=1; done < "$tmp/hashes"
while IFS= read -r line; do
  [[ ${line:66} != targets/* || -n ${hashes[${line:0:64}]:-} ]] || failed "no metadata lists ${line:66}"
done < "$tmp/sums"
"#;

const TAIL: &str = r#"
# 4. What you know from elsewhere: each digest given as an argument is that of a file here, or of its signed part.

if [[ $# -gt 0 ]]; then
  for file in MANIFEST.json metadata/*; do
    known+=" $(sha256sum < "$file")"
    [[ $file = MANIFEST.json ]] || known+=" $(signed_part "$file" | sha256sum)"
  done
fi
# As they are printed, in groups or in one piece.
for word; do [[ $word =~ [0-9a-fA-F] ]] || failed "an argument has no hex digit: nothing would be compared"; done
given=$*
given=${given//[[:space:]]/}
given=${given,,}
[[ $(( ${#given} % 64 )) = 0 ]] || failed "a SHA-256 has 64 digits; all that was given has ${#given}"
for (( at = 0; at < ${#given}; at += 64 )); do
  [[ $known == *" ${given:at:64} "* ]] || failed "nothing here has the SHA-256 ${given:at:64}"
done
[[ $# -gt 0 ]] || echo 'Compared with nothing from elsewhere: whoever changed this very file could have it say anything.'

rm -r "$tmp"
"#;

/// Writes the file for a bundle with these roots and these metadata files.
///
/// `manifest` is the digest of the manifest without the line of this file.
pub(super) fn write(
    contents: &Contents,
    chain: &[&Root],
    metadata: &[&Named<'_>],
    manifest: Digest,
) -> Vec<u8> {
    let mut text = String::from(
        "# How to check this bundle with bash, openssl, sed and coreutils alone.\n#\n\
         # Read this file; then, in the folder that holds it, run `bash VERIFY.txt`, or start `bash` and paste.\n\
         # It ends with the words ALL CHECKS HOLD, or with a failed command.\n#\n\
         # This file came with what it checks. So give it a digest that came to you another way, as that of MANIFEST.json,\n\
         # which the record of the ceremony has, or that of a root, which was read aloud: `bash VERIFY.txt SHA-256`.\n#\n",
    );
    line(&mut text, &format!("# Ceremony: {}", one_line(&contents.ceremony)));
    line(&mut text, &format!("# Journal head: {}", one_line(&contents.journal_head)));
    if contents.rehearsal {
        line(&mut text, "# REHEARSAL: nobody may trust these files.");
    }
    text.push_str(HEAD);
    line(&mut text, &format!("sed '/{MANIFEST_LINE}/d' MANIFEST.json > \"$tmp/manifest\""));
    let sum = format!("echo '{}  '\"$tmp/manifest\" | sha256sum --check --strict --quiet", manifest.hex());
    line(&mut text, &sum);
    text.push_str(LISTED);
    line(&mut text, &signed_part(metadata));
    text.push_str(TOOLS);
    let mut before: Option<(&Named<'_>, &Root)> = None;
    let mut roots = chain.iter();
    for named in metadata {
        if let Some(root) = roots.next() {
            if let Some((file, old)) = before {
                check(&mut text, named, file, old.role_keys("root").as_ref());
            }
            check(&mut text, named, named, root.role_keys("root").as_ref());
            before = Some((named, root));
        } else if let Some((file, root)) = before {
            check(&mut text, named, file, root.role_keys(&named.role).as_ref());
        }
    }
    delegated(&mut text, metadata);
    described(&mut text, metadata);
    targets(&mut text, contents, metadata);
    text.push_str(TAIL);
    if contents.rehearsal {
        line(&mut text, "echo 'REHEARSAL: nobody may trust these files.'");
    }
    line(&mut text, "echo 'ALL CHECKS HOLD'");
    text.into_bytes()
}

/// The delegated roles, by the keys of each file here that delegates to them.
fn delegated(text: &mut String, metadata: &[&Named<'_>]) {
    let all: Vec<_> = metadata.iter().filter(|named| !TOP_LEVEL.contains(&named.role.as_str())).collect();
    let plain =
        |named: &Named<'_>| named.path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b));
    if all.len() > MOST_DELEGATED || !all.iter().all(|named| plain(named)) {
        let why = "\n# Delegated roles are not checked here, as there are many of them or their names are no plain words:";
        line(text, why);
        line(text, "# `keyrite verify` and every TUF client check them.");
        return;
    }
    let delegations: Vec<_> = metadata
        .iter()
        .filter_map(|file| {
            Some((*file, Delegations::from_json(file.metadata.signed().get("delegations")?).ok()?))
        })
        .collect();
    for named in all {
        let by = |(file, delegations): &(&Named<'_>, Delegations)| {
            let delegation = delegations.roles.iter().find(|delegation| delegation.name == named.role)?;
            check(text, named, file, Some(&delegation.role_keys));
            Some(())
        };
        if delegations.iter().filter_map(by).count() == 0 {
            line(text, &format!("\n# No file here delegates to {}: nothing here checks it.", named.role));
        }
    }
}

/// The commands that prove each signature over `named` by keys that `trusted` names for its role.
fn check(text: &mut String, named: &Named<'_>, trusted: &Named<'_>, keys: Option<&RoleKeys>) {
    let Some(keys) = keys else { return };
    let (path, role) = (&named.path, &named.role);
    // The byte 1 is set aside for the backslash, below.
    let has_1 = || !named.metadata.is_plain() && named.metadata.payload().contains(&1);
    if !named.metadata.is_file(named.bytes) || has_1() {
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
    let signed_part = trusted.metadata.signed();
    let named_so = |entry: &&Value| entry["name"] == **role;
    let delegation = signed_part["delegations"]["roles"].as_array().and_then(|all| all.iter().find(named_so));
    let entry = match signed_part["roles"].get(role) {
        Some(entry) => says(trusted, role, entry),
        None => delegation.and_then(|entry| says_text(trusted, &entry.to_string())),
    };
    entry.into_iter().for_each(|says| line(text, &says));
    let checked = signed.iter().filter_map(|keyid| Some((keyid, keys.keys.get(keyid)?)));
    let checked = checked.filter(|(keyid, key)| command(text, path, trusted, keyid, key)).count();
    if checked >= need as usize {
        line(text, &format!("enough {need}"));
    } else {
        line(
            text,
            &format!("# Of these, {checked} were checked here: the others are for other programs to check."),
        );
        line(text, "signed=()");
    }
}

/// A command that finds `name` with this value in a file, where the file writes it as we do.
fn says(file: &Named<'_>, name: &str, value: &Value) -> Option<String> {
    says_text(file, &format!("{}:{value}", Value::from(name)))
}

fn says_text(file: &Named<'_>, text: &str) -> Option<String> {
    let quotable = !text.contains('\'') && !text.chars().any(char::is_control);
    let found = quotable && stands_in(file.bytes, text.as_bytes());
    found.then(|| format!("says {} '{text}'", file.path))
}

/// Whether a text stands in a file. What is asked for stands at its beginning or its end as a rule, and what lies between
/// may be a million target files.
fn stands_in(file: &[u8], text: &[u8]) -> bool {
    const EDGE: usize = 1 << 12;
    let (head, tail) = (&file[..file.len().min(EDGE)], &file[file.len().saturating_sub(EDGE)..]);
    [head, tail, file].into_iter().any(|part| memmem::find(part, text).is_some())
}

/// The versions and the dates of the top-level roles, as they say and as the snapshot and the timestamp have it.
fn described(text: &mut String, metadata: &[&Named<'_>]) {
    line(text, "\n# Versions, until when they are good, and what a snapshot and a timestamp describe:");
    for named in metadata.iter().filter(|named| TOP_LEVEL.contains(&named.role.as_str())) {
        let signed = named.metadata.signed();
        let here = ["targets", "snapshot"]
            .into_iter()
            .filter(|role| metadata.iter().any(|named| named.role == *role));
        let here = here.map(|role| format!("{role}.json"));
        let entries = here.filter_map(|file| says(named, &file, signed["meta"].get(&file)?));
        let version = says(named, "version", &signed["version"]);
        let followed = named.role == "root"
            && metadata
                .iter()
                .rfind(|other| other.role == "root")
                .is_some_and(|last| last.path != named.path);
        let written = says(named, "expires", &signed["expires"]).filter(|_| !followed);
        let until = written.and(signed["expires"].as_str()).and_then(|date| date.parse::<Date>().ok());
        let until = until.map(|date| format!("good_until {} {date}", named.path));
        version.into_iter().chain(until).chain(entries).for_each(|command| line(text, &command));
    }
}

/// The target files are those that the metadata lists: by SHA-256, as nearly all metadata does.
fn targets(text: &mut String, contents: &Contents, metadata: &[&Named<'_>]) {
    if contents.targets.is_empty() {
        return;
    }
    let mut unlisted: BTreeSet<Vec<u8>> =
        contents.targets.iter().map(|(_, content)| content.sha256().into_bytes()).collect();
    for listed in metadata.iter().flat_map(|named| sha256s(named.bytes)) {
        unlisted.remove(listed);
        if unlisted.is_empty() {
            break;
        }
    }
    if unlisted.is_empty() {
        text.push_str(TARGETS);
    } else {
        line(
            text,
            "\n# Some target files are not listed by SHA-256: every TUF client checks them, and nothing here.",
        );
    }
}

/// What stands behind `"sha256":"`, as the command of the text finds it.
fn sha256s(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    const NAME: &[u8] = br#""sha256":""#;
    memmem::find_iter(file, NAME).filter_map(|at| file.get(at + NAME.len()..at + NAME.len() + 64))
}

/// Writes the command for one signature, if there is one.
fn command(text: &mut String, path: &str, trusted: &Named<'_>, keyid: &KeyId, key: &PublicKey) -> bool {
    if keyid.0.is_empty() || !keyid.0.bytes().all(|b| b.is_ascii_alphanumeric()) {
        line(
            text,
            "# A key with a label that is not of letters and digits signed too; no command here checks it.",
        );
        return false;
    }
    if matches!(key.scheme(), Scheme::VerifyOnly(_)) {
        line(text, &format!("# Key {keyid} signed with {}: no command here checks it.", key.scheme()));
        return false;
    }
    let pem: Vec<String> = key.to_pem().lines().map(str::to_owned).collect();
    let point = hex::encode(key.material().0.get(12..).unwrap_or_default());
    // As JSON writes the key in the trusted file. Another program may write it in another way: then there is no
    // command for it.
    let word = match key.scheme() {
        Scheme::Ed25519 => point.clone(),
        _ => pem.join("\\n"),
    };
    if stands_in(trusted.bytes, word.as_bytes()) {
        line(text, &format!("says {} '{word}'", trusted.path));
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
    true
}

/// The function that cuts the signed bytes out of a file. `\\` is set aside while the escapes of JSON are undone: it
/// stands in the signed bytes as it stands in the file.
fn signed_part(metadata: &[&Named<'_>]) -> String {
    let mut controls = BTreeSet::new();
    let escaped = metadata.iter().filter(|named| !named.metadata.is_plain());
    for mut rest in escaped.map(|named| &**named.metadata.payload()) {
        while let Some(at) = canonical::control(rest) {
            controls.insert(rest[at]);
            rest = &rest[at + 1..];
        }
    }
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

/// The digest of a manifest without the line of this file, which the file itself cannot know.
pub(super) fn pin(manifest: &[u8]) -> Digest {
    let own = &MANIFEST_LINE.as_bytes()[1..];
    let lines = manifest.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(own));
    Digest::of(&lines.collect::<Vec<_>>().concat())
}

/// Free text inside a comment: one line of it.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
