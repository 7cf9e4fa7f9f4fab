//! What witnesses sign of a journal: with their own tools, and verified by ours.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::quickstart;
use crate::common::keyrite::run_by_file;
use crate::common::keyrite::text;

/// A ceremony whose people have keys of their own tools: Wim and Ana of OpenSSH, Bo of minisign, Chi as a cosigner.
struct Room {
    dir: tempfile::TempDir,
}

/// Runs a line of bash in a directory, and returns what it printed.
#[track_caller]
fn bash(dir: &Path, line: &str) -> String {
    let done = Command::new("bash").args(["-euo", "pipefail", "-c", line]).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The tools of a cosigner in a few lines of bash: its key line, and a cosignature over a checkpoint at a time.
const COSIGNER: &str = r#"
point() { openssl pkey -in cosigner.pem -pubout -outform DER | tail -c 32; }
id() { { printf 'witness.example/chi\n\004'; point; } | sha256sum | cut -c 1-8; }
bytes() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
vkey() { echo "witness.example/chi+$(id)+$({ printf '\004'; point; } | base64 -w0)"; }
cosign() {
    { printf 'cosignature/v1\ntime %s\n' "$2"; cat "$1"; } > message
    openssl pkeyutl -sign -rawin -inkey cosigner.pem -in message -out raw
    echo "— witness.example/chi $({ bytes "$(id)"; bytes "$(printf %016x "$2")"; cat raw; } | base64 -w0)"
}
"#;

impl Room {
    /// With this kind of key for Wim.
    fn new(wim: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        bash(
            at,
            &format!(
                "ssh-keygen -q -t {wim} -N '' -C wim -f wim; ssh-keygen -q -t ecdsa -b 256 -N '' -C ana -f ana"
            ),
        );
        bash(at, "ssh-keygen -q -t ecdsa -b 384 -N '' -C oli -f oli; minisign -G -W -p bo.pub -s bo.key");
        bash(at, "openssl genpkey -algorithm ed25519 -out cosigner.pem");
        let keys = [
            ("oli", bash(at, "cat oli.pub")),
            ("ana", bash(at, "cat ana.pub")),
            ("bo", bash(at, "tail -n 1 bo.pub")),
            ("chi", bash(at, &format!("{COSIGNER} vkey"))),
            ("wim", bash(at, "cat wim.pub")),
        ];
        let mut file = fs::read_to_string(quickstart().join("ceremony.yaml")).unwrap();
        for (id, key) in keys {
            let (start, rest) = file.split_once(&format!("  {id}: {{name: ")).unwrap();
            let (person, rest) = rest.split_once('}').unwrap();
            file = format!("{start}  {id}: {{name: {person}, statement_key: \"{}\"}}{rest}", key.trim());
        }
        fs::write(at.join("ceremony.yaml"), file).unwrap();
        // Copied: a confined process follows no link out of the directory of the ceremony.
        bash(at, &format!("cp -r {} inputs", text(&quickstart().join("inputs"))));
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A rehearsal that ends early, or is closed.
    fn rehearsed(closed: bool) -> Self {
        Self::new("ed25519").rehearse(closed)
    }

    fn rehearse(self, closed: bool) -> Self {
        let room = self;
        let whole = fs::read_to_string(quickstart().join("answers.yaml")).unwrap();
        fs::write(
            room.path("answers.yaml"),
            whole.replace("  chi:", if closed { "  chi:" } else { "  che:" }),
        )
        .unwrap();
        let (file, answers) = (room.path("ceremony.yaml"), room.path("answers.yaml"));
        run_by_file(&file, &answers, &room.path("record"), &["--rehearse"]).ended(if closed { 0 } else { 3 });
        room
    }

    fn bash(&self, line: &str) -> String {
        bash(self.dir.path(), &format!("{COSIGNER} {line}"))
    }

    fn head(&self, name: &str) {
        keyrite(&["journal", "head", text(&self.path("record")), "--out", text(&self.path(name))]).ended(0);
    }

    fn cosign(&self, signature: &str, by: &str) -> Said {
        let (record, signature) = (self.path("record"), self.path(signature));
        keyrite(&["journal", "cosign", text(&record), "--signature", text(&signature), "--by", by])
    }

    /// What `journal verify` says.
    fn verdict(&self, code: i32) -> Value {
        let said = keyrite(&["--json", "journal", "verify", text(&self.path("record"))]).ended(code);
        serde_json::from_str(&said.out).unwrap()
    }
}

#[test]
fn the_checkpoint_is_the_rfc_6962_root_over_the_lines_as_another_program_computes_it() {
    let room = Room::rehearsed(true);
    let python = r#"
import base64, hashlib, sys
def mth(lines):
    if len(lines) == 1: return hashlib.sha256(b"\0" + lines[0]).digest()
    k = 1
    while 2 * k < len(lines): k *= 2
    return hashlib.sha256(b"\1" + mth(lines[:k]) + mth(lines[k:])).digest()
lines = open("record/journal.jsonl", "rb").read().split(b"\n")[:-1]
print(f"keyrite/quickstart\n{len(lines)}\n{base64.b64encode(mth(lines)).decode()}")
"#;
    fs::write(room.path("root.py"), python).unwrap();

    let theirs = room.bash("python3 root.py");

    assert_eq!(fs::read_to_string(room.path("record/checkpoint.txt")).unwrap(), theirs);
    let head = keyrite(&["--json", "journal", "head", text(&room.path("record"))]).ended(0);
    let head: Value = serde_json::from_str(&head.out).unwrap();
    assert_eq!(head["checkpoint"], theirs);
    room.head("checkpoint");
    assert_eq!(fs::read_to_string(room.path("checkpoint")).unwrap(), theirs);
    let shown = keyrite(&["journal", "head", text(&room.path("record"))]).ended(0);
    assert!(shown.out.ends_with(&format!("\n{theirs}")), "{}", shown.out);
    let code = keyrite::qr::digest_lines(head["head"].as_str().unwrap());
    assert!(shown.out.contains(&format!("\n{}\n", code.join("\n"))), "{}", shown.out);
    assert!(!shown.out.contains("30;107m"), "{}", shown.out);
    assert!(
        fs::read_to_string(room.path("record/record.txt")).unwrap().contains(theirs.lines().last().unwrap())
    );
}

#[test]
fn a_changed_checkpoint_file_is_found_and_a_missing_one_written_again() {
    let room = Room::rehearsed(true);
    let file = room.path("record/checkpoint.txt");
    let whole = fs::read_to_string(&file).unwrap();

    fs::write(&file, whole.replace("quickstart", "quickstarT")).unwrap();
    let said = keyrite(&["journal", "verify", text(&room.path("record"))]).ended(6);
    assert!(said.err.contains("checkpoint.txt is not what the journal says"), "{}", said.err);

    fs::remove_file(&file).unwrap();
    keyrite(&[
        "resume",
        text(&room.path("record")),
        "--plain",
        "--answers",
        text(&room.path("answers.yaml")),
    ])
    .ended(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
}

#[test]
fn cosignatures_of_three_kinds_of_tools_verify_before_the_close_and_after_it() {
    let room = Room::rehearsed(false);
    room.head("early");
    let size: usize = room.bash("sed -n 2p early").trim().parse().unwrap();
    room.bash("for who in wim ana oli; do ssh-keygen -q -Y sign -n keyrite-checkpoint -f $who < early > $who.sig; done");
    room.bash("minisign -S -s bo.key -m early -x bo.minisig -t 'timestamp:1796288400 of bo'");
    room.bash("{ cat early; echo; cosign early 1796288400; } > chi.note");
    for (signature, by) in [
        ("wim.sig", "wim"),
        ("ana.sig", "Ana Duarte"),
        ("oli.sig", "oli"),
        ("bo.minisig", "bo"),
        ("chi.note", "chi"),
    ] {
        room.cosign(signature, by).ended(0);
    }
    let early = room.verdict(0);
    assert_eq!(early["cosignatures"].as_array().unwrap().len(), 5);

    fs::copy(quickstart().join("answers.yaml"), room.path("answers.yaml")).unwrap();
    keyrite(&[
        "resume",
        text(&room.path("record")),
        "--plain",
        "--answers",
        text(&room.path("answers.yaml")),
    ])
    .ended(0);
    let closed: usize = room.bash("sed -n 2p record/checkpoint.txt").trim().parse().unwrap();
    room.bash("ssh-keygen -q -Y sign -n keyrite-checkpoint -f wim < record/checkpoint.txt > late.sig");
    room.bash("minisign -S -l -s bo.key -m record/checkpoint.txt -x late.minisig -t 'no time'");
    room.bash("cosign record/checkpoint.txt 1796292000 > late.note");
    for (signature, by) in [("late.sig", "wim"), ("late.minisig", "bo"), ("late.note", "chi")] {
        let said = room.cosign(signature, by).ended(0);
        assert!(said.out.contains("LATE: it came after the close"), "{}", said.out);
    }

    let all = room.verdict(0);

    let of = |late: bool| {
        let rows = all["cosignatures"].as_array().unwrap().iter().filter(move |row| row["late"] == late);
        rows.map(|row| {
            assert_eq!(row["size"], if late { closed } else { size });
            (row["by"].as_str().unwrap(), row["said"].as_str().unwrap_or("-"))
        })
        .collect::<Vec<_>>()
    };
    let noon = "2026-12-03T09:00:00Z";
    assert_eq!(of(false), [("ana", "-"), ("bo", noon), ("chi", noon), ("oli", "-"), ("wim", "-")]);
    assert_eq!(of(true), [("bo", "-"), ("chi", "2026-12-03T10:00:00Z"), ("wim", "-")]);
    let said = keyrite(&["journal", "verify", text(&room.path("record"))]).ended(0);
    assert!(said.out.contains(&format!("Wim Peeters cosigned lines 1 to {size}, head ")), "{}", said.out);
}

/// OpenSSH signs by SHA-512; SHA-256 is in its protocol too, and SHA-1 no longer.
#[test]
fn an_rsa_key_of_openssh_cosigns_by_sha_2_and_by_nothing_else() {
    let room = Room::new("rsa -b 2048").rehearse(true);
    room.bash("cp record/checkpoint.txt c; ssh-keygen -q -Y sign -n keyrite-checkpoint -f wim < c > wim.sig");
    room.bash("cp wim wim.pem; ssh-keygen -q -p -m PEM -N '' -f wim.pem > /dev/null");
    let python = r#"
import base64, hashlib, struct, subprocess
def string(b): return struct.pack(">I", len(b)) + b
body = base64.b64decode("".join(open("wim.sig").read().split("\n")[1:-2]))
fields, rest = [], body[10:]
while rest:
    n = struct.unpack(">I", rest[:4])[0]
    fields.append(rest[4:4 + n]); rest = rest[4 + n:]
key, space, reserved, name, ours = fields
assert string(b"rsa-sha2-512") == ours[:16]
message = b"SSHSIG" + b"".join(map(string, [space, reserved, name, hashlib.sha512(open("c", "rb").read()).digest()]))
for file, kind, digest in [("256", b"rsa-sha2-256", "sha256"), ("1", b"ssh-rsa", "sha1"), ("other", b"rsa-sha2-512", "sha256")]:
    made = subprocess.run(["openssl", "dgst", "-" + digest, "-sign", "wim.pem"], input=message, capture_output=True, check=True).stdout
    whole = body[:10] + b"".join(map(string, [key, space, reserved, name, string(kind) + string(made)]))
    text = base64.encodebytes(whole).decode()
    open(file + ".sig", "w").write(f"-----BEGIN SSH SIGNATURE-----\n{text}-----END SSH SIGNATURE-----\n")
"#;
    fs::write(room.path("sign.py"), python).unwrap();
    room.bash("python3 sign.py; ssh-keygen -q -Y check-novalidate -n keyrite-checkpoint -s 256.sig < c");
    room.bash("sed '8s/^\\(...\\)A/\\1B/;t;8s/^\\(...\\)./\\1A/' wim.sig > bent.sig");

    for (signature, code) in [("1.sig", 1), ("other.sig", 1), ("bent.sig", 1), ("wim.sig", 0), ("256.sig", 0)]
    {
        room.cosign(signature, "wim").ended(code);
    }

    let said = room.verdict(0);
    let cosigned = said["cosignatures"].as_array().unwrap();
    assert!(cosigned.iter().all(|row| row["by"] == "wim") && cosigned.len() == 2, "{said}");
}

/// The reason for cosignatures: whoever has the whole record, and writes it anew, cannot write theirs.
#[test]
fn a_journal_rewritten_after_someone_cosigned_it_is_found() {
    let room = Room::rehearsed(true);
    room.bash("ssh-keygen -q -Y sign -n keyrite-checkpoint -f wim < record/checkpoint.txt > wim.sig");
    room.cosign("wim.sig", "wim").ended(0);
    room.verdict(0);

    // Another rehearsal of the same file an hour later: each of its lines holds.
    let answers = fs::read_to_string(room.path("answers.yaml")).unwrap();
    fs::write(room.path("answers.yaml"), answers.replace("T09:00:00Z", "T10:00:00Z")).unwrap();
    run_by_file(
        &room.path("ceremony.yaml"),
        &room.path("answers.yaml"),
        &room.path("other"),
        &["--rehearse"],
    )
    .ended(0);
    keyrite(&["journal", "verify", text(&room.path("other"))]).ended(0);
    room.bash("cp -r record/cosignatures other/");

    let said = keyrite(&["journal", "verify", text(&room.path("other"))]).ended(6);

    assert!(said.err.contains("does not verify: no statement_key"), "{}", said.err);
}

#[test]
fn what_is_not_a_cosignature_of_this_participant_is_not_taken_in() {
    let room = Room::rehearsed(true);
    room.bash("cp record/checkpoint.txt c; sed 's/quickstart/quickstarT/' c > other");
    room.bash("ssh-keygen -q -Y sign -n another-name -f wim < c > namespace.sig");
    room.bash("ssh-keygen -q -Y sign -n keyrite-checkpoint -f wim < other > other.sig");
    room.bash("ssh-keygen -q -Y sign -n keyrite-checkpoint -f ana < c > ana.sig");
    // The fifth letter of a line becomes an A, or a B where it is an A.
    room.bash(r"sed '3{s/^\(....\)A/\1B/;t;s/./A/5}' ana.sig > bent.sig; ! cmp -s ana.sig bent.sig; sed 2d ana.sig > cut.sig");
    room.bash("minisign -G -W -p stranger.pub -s stranger.key; minisign -S -s stranger.key -m c -x stranger.minisig");
    room.bash("minisign -S -s bo.key -m c -x bo.minisig -t honest; sed 's/honest/forged/' bo.minisig > comment.minisig");
    room.bash("cosign c 1796288400 > chi.note; cosign other 1796288400 > other.note");
    room.bash("{ cat other; echo; cat chi.note; } > body.note; sed 's/chi /bo /' chi.note > name.note");
    room.bash("echo hello > words; head -c 100000 /dev/zero > zeros; : > empty");

    for (signature, by, code) in [
        ("namespace.sig", "wim", 1),
        ("other.sig", "wim", 1),
        ("ana.sig", "wim", 1),
        ("bent.sig", "ana", 1),
        ("cut.sig", "ana", 1),
        ("stranger.minisig", "bo", 1),
        ("comment.minisig", "bo", 1),
        ("bo.minisig", "wim", 1),
        ("other.note", "chi", 1),
        ("body.note", "chi", 1),
        ("name.note", "chi", 1),
        ("words", "wim", 1),
        ("empty", "wim", 1),
        ("zeros", "wim", 2),
        ("gone", "wim", 2),
        ("ana.sig", "eve", 2),
    ] {
        let said = room.cosign(signature, by).ended(code);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }

    assert!(!room.path("record/cosignatures").exists());
    room.cosign("ana.sig", "ana").ended(0);
    room.cosign("ana.sig", "ana").ended(0);
    room.cosign("bo.minisig", "bo").ended(0);
    room.cosign("chi.note", "chi").ended(0);
    assert_eq!(fs::read_dir(room.path("record/cosignatures")).unwrap().count(), 3);
    // A file that someone else put there is no cosignature, whatever it is called.
    room.bash("cp words record/cosignatures/wim-68-00000000.sshsig");
    let verdict = room.verdict(6);
    assert_eq!(verdict["holds"], false);
    assert_eq!(verdict["refused"][0]["file"], "cosignatures/wim-68-00000000.sshsig");
    assert_eq!(verdict["cosignatures"].as_array().unwrap().len(), 3);
}

#[test]
fn a_participant_without_a_key_is_told_that_the_file_names_none() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record");
    Said::of(&crate::common::keyrite::rehearse_quickstart(&record).output().unwrap()).ended(0);

    let said =
        keyrite(&["journal", "cosign", text(&record), "--signature", "LICENSE", "--by", "wim"]).ended(2);

    assert!(said.err.contains("names no statement_key of Wim Peeters; nothing was added"), "{}", said.err);
}
