//! Requests and answers without files: QR codes, shown, printed and filmed, and lines that people type.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use keyrite::driver::apart;
use keyrite::qr::image;
use keyrite::tuf::Names;
use keyrite::tuf::apart::Merge;
use keyrite::tuf::apart::Outcome;
use keyrite::tuf::apart::Request;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::Signers;
use keyrite::tuf::apart::carry;
use keyrite::tuf::diff;
use keyrite::tuf::diff::say;
use serde_json::Value;
use serde_json::json;

use crate::apart::commands::World;
use crate::common::keyrite::text;
use crate::common::terminal;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::target;
use crate::tuf::world::targets;

/// What Debian's zbarimg reads in these images; `None` when it is not installed (never with `CI=true`).
fn zbarimg(images: &[PathBuf]) -> Option<Vec<String>> {
    let mut command = Command::new("zbarimg");
    command.args(["--raw", "--quiet", "-Sdisable", "-Sqrcode.enable"]).args(images);
    let Ok(output) = command.output() else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "zbarimg is not installed: run ./test");
        eprintln!("left out: zbarimg is not installed; ./test installs it");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// The images of a directory, by name.
fn images(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn request(signed: &Value) -> Request {
    Request::for_root(&signed_by(signed, &[]).to_file(), None, Names::default()).unwrap()
}

/// What key `n` answers to a request.
fn answer(request: &Request, n: u8) -> Response {
    let metadata = signed_by(request.metadata.signed(), &[n]);
    let sig = hex::decode(&metadata.signatures()[0].sig).unwrap();
    let keyid = public(n).keyid();
    Response::new("root", request.version(), &request.sha256(), keyid, "ed25519", &sig)
}

fn merge(request: &Request) -> Merge {
    let signers = Signers::of_root(&request.metadata, None).unwrap();
    Merge::new(request.metadata.clone(), "root", signers, "root")
}

fn took(request: &Request, bytes: &[u8]) -> (Outcome, String) {
    let mut merge = merge(request);
    merge.take("it", bytes, None);
    let last = merge.findings().last().unwrap();
    (last.outcome, last.sentence(&Names::default()))
}

#[test]
fn a_request_and_its_answer_travel_as_codes_and_other_peoples_reader_reads_ours() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});

    let said = world.ran(&["request", "1.root.json", "--qr=codes", "--out", "root.req"]).ended(0);
    let shown = images(&world.path("codes"));
    let frames = carry::request(&fs::read(world.path("root.req")).unwrap()).unwrap();

    assert!(said.out.contains(&format!("{} images, each with a QR code", frames.len())), "{}", said.out);
    assert!(shown.len() == frames.len() && shown.len() > 5, "{}", shown.len());
    if let Some(read) = zbarimg(&shown) {
        assert_eq!(read, frames);
    }
    for (image, frame) in shown.iter().zip(&frames) {
        assert_eq!(image::read(&fs::read(image).unwrap()).unwrap(), [frame.as_str()]);
    }

    // Signed from the images; the answer is one image.
    let key = ["--key", "age:ana.age", "--answers", "answers.yaml", "--out", "ana.resp", "--qr=answer"];
    let ana = world.ran(&[&["sign", "codes"][..], &key].concat()).ended(0);
    let code = images(&world.path("answer"));
    assert_eq!(code.len(), 1);
    if let Some(read) = zbarimg(&code) {
        assert_eq!(image::read(&fs::read(&code[0]).unwrap()).unwrap(), read);
    }

    // Merged from the image, from its text, from the lines, and from the file: the same.
    let lines: Vec<&str> =
        ana.out.lines().filter(|line| line.starts_with("  ") && line.contains('/')).collect();
    assert_eq!(lines.len(), 5, "{}", ana.out);
    world.write("typed.txt", lines.join("\n").to_lowercase().as_bytes());
    world.write("code.txt", image::read(&fs::read(&code[0]).unwrap()).unwrap()[0].as_bytes());
    let mut files = Vec::new();
    for (n, from) in [text(&code[0]), "typed.txt", "code.txt", "ana.resp", "answer"].iter().enumerate() {
        let out = format!("out-{n}.json");
        let said = world.ran(&["merge", "codes", from, "--out", &out]).ended(1);
        assert!(said.out.contains("added the signature of Ana Duarte, key ana"), "{from}: {}", said.out);
        files.push(fs::read(world.path(&out)).unwrap());
    }
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn codes_as_pages_of_text_are_taken_for_the_request() {
    let world = World::new(&["ana", "bo"]);
    world.root(|_| {});

    let pages = world.ran(&["request", "1.root.json", "--qr", "--plain"]).ended(0);
    world.write("pages.txt", pages.out.as_bytes());
    let signed = world.sign("pages.txt", "ana", "ana.resp").ended(0);
    let half: Vec<&str> = pages.out.lines().filter(|line| !line.starts_with("KR1:")).collect();
    world.write("none.txt", half.join("\n").as_bytes());
    let first: Vec<&str> = pages.out.lines().filter(|line| line.contains(":1/")).collect();
    world.write("first.txt", first.join("\n").as_bytes());

    assert!(pages.out.lines().all(|line| line.chars().count() <= 195), "{}", pages.out);
    assert!(signed.out.contains("Ana Duarte, key ana signed"), "{}", signed.out);
    world.sign("none.txt", "bo", "bo.resp").ended(2);
    let missing = world.sign("first.txt", "bo", "bo.resp").ended(2);
    assert!(missing.err.contains("frames 2-") && missing.err.contains("missing"), "{}", missing.err);
}

#[test]
fn the_terminal_shows_each_code_on_24_rows_until_a_key_is_pressed() {
    let world = World::new(&[]);
    let asked = request(&root(1, &[1, 2, 3], 2));
    world.write("1.root.json", &asked.metadata.to_file());
    let program = env!("CARGO_BIN_EXE_keyrite");
    let frames = carry::request(&asked.to_file()).unwrap();
    let third = format!("Code 3 of {}", frames.len());

    let ended =
        terminal::talk(program, &["request", "1.root.json", "--qr"], world.dir.path(), &[(&third, "x")]);

    assert_eq!(ended.code, 0, "{}", ended.shown);
    let screens: Vec<&str> = ended.shown.split("\x1b[?2026l").collect();
    for (screen, frame) in screens.iter().zip(&frames).take(3) {
        let mut parser = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        parser.process(screen.as_bytes());
        assert_eq!(code_on(parser.screen()), [frame.as_str()], "{}", parser.screen().contents());
    }
    assert!(ended.shown.ends_with("\x1b[?25h\x1b[?1049l"), "the screen was not given back");
}

/// The code at the left of a screen, as a reader of images sees it: black glyphs on white.
fn code_on(screen: &vt100::Screen) -> Vec<String> {
    let (rows, columns, scale) = (24, 46, 6);
    let dark = |x: usize, y: usize| {
        let cell = screen.cell(u16::try_from(y / 2).unwrap(), u16::try_from(x).unwrap());
        let Some(cell) = cell.filter(|cell| cell.bgcolor() == vt100::Color::Rgb(255, 255, 255)) else {
            return false;
        };
        match (cell.contents(), y % 2) {
            ("\u{2588}", _) | ("\u{2580}", 0) | ("\u{2584}", 1) => true,
            ("" | " " | "\u{2580}" | "\u{2584}", _) => false,
            (other, _) => panic!("{other:?} in a code"),
        }
    };
    let mut file = format!("P5 {} {} 255\n", columns * scale, rows * 2 * scale).into_bytes();
    for y in 0..rows * 2 * scale {
        file.extend((0..columns * scale).map(|x| if dark(x / scale, y / scale) { 0 } else { 255 }));
    }
    image::read(&file).unwrap()
}

#[test]
fn an_answer_as_code_or_as_lines_has_the_answers_of_its_file() {
    let asked = request(&root(1, &[1, 2, 3], 2));
    let good = answer(&asked, 2);
    let other = answer(&request(&root(2, &[1, 2, 3], 2)), 2);
    let newer = request(&root(2, &[1, 2, 3], 2));
    let mut forged = serde_json::to_value(&good).unwrap();
    forged["sig"] = json!("00".repeat(64));
    let forged = Response::parse(forged.to_string().as_bytes()).unwrap();

    for (asked, answer, outcome, says) in [
        (&asked, &good, Outcome::Added, "added the signature of key"),
        (&asked, &answer(&asked, 9), Outcome::Stranger, "stranger"),
        (&asked, &other, Outcome::WrongPayload, "over another root version 2"),
        (&newer, &good, Outcome::Replay, "older than version 2"),
        (&asked, &forged, Outcome::DoesNotVerify, "does not verify"),
    ] {
        for text in [carry::response(answer).unwrap(), carry::lines(answer).unwrap()] {
            let (found, sentence) = took(asked, text.join("\n").as_bytes());
            assert!(found == outcome && sentence.contains(says), "{found:?} {sentence}");
        }
    }
    assert_eq!(carry::response(&good).unwrap().len(), 1);
}

#[test]
fn a_code_that_is_no_answer_says_what_it_is() {
    let asked = request(&root(1, &[1, 2, 3], 2));
    let frames = carry::request(&asked.to_file()).unwrap();
    let lines = carry::lines(&answer(&asked, 2)).unwrap();
    let mut typo = lines.clone();
    typo[2] = typo[2].replacen(' ', " 2", 1);

    for (text, says) in [
        (frames.join("\n"), "a request: it asks, and answers nothing"),
        (String::from_utf8(asked.to_file()).unwrap(), "a request: it asks, and answers nothing"),
        (frames[1..].join("\n"), "frame 1 of"),
        (typo.join("\n"), "line 3: a typing mistake"),
        (lines[..4].join("\n"), "missing: line 5/5"),
    ] {
        let (found, sentence) = took(&asked, text.as_bytes());
        assert!(found == Outcome::Malformed && sentence.contains(says), "{sentence}");
    }
}

/// As it is when each code was photographed, and each picture is named.
#[test]
fn codes_of_one_thing_are_put_together_from_several_files() {
    let asked = request(&root(1, &[1, 2, 3], 2));
    let frames = carry::request(&asked.to_file()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..frames.len()).map(|n| dir.path().join(format!("code-{n}.txt"))).collect();
    paths.iter().zip(&frames).for_each(|(path, frame)| fs::write(path, frame).unwrap());
    let mut things = Vec::new();

    apart::read_answers(&paths, |_, sent| things.push(sent.unwrap().to_vec())).unwrap();

    assert_eq!(things.len(), 1);
    assert_eq!(Request::parse(&things[0]).unwrap(), asked);
}

#[test]
fn several_answers_come_in_one_text() {
    let asked = request(&root(1, &[1, 2, 3], 2));
    let text: Vec<String> =
        [2, 3, 2].iter().flat_map(|n| carry::response(&answer(&asked, *n)).unwrap()).collect();
    let mut merge = merge(&asked);

    merge.take("both", text.join("\n").as_bytes(), None);

    assert_eq!(merge.findings().len(), 2);
    assert!(merge.tallies()[0].met);
}

#[test]
fn a_request_that_came_as_frames_is_the_same_request() {
    let file = request(&root(1, &[1, 2, 3], 2)).to_file();
    let frames = carry::request(&file).unwrap();
    let lines = carry::response(&answer(&request(&root(1, &[1, 2, 3], 2)), 2)).unwrap();

    let read = Request::parse(frames.join("\n").as_bytes()).unwrap();

    assert_eq!(read.to_file(), file);
    let error = Request::parse(lines.join("\n").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "a response: it answers, and asks nothing");
    // A file that speaks of frames is no frames.
    let mut signed = root(1, &[1, 2, 3], 2);
    signed["x-note"] = json!("KR1:ABCDEFGH:1/2:AA:AAAA");
    assert!(Request::parse(&request(&signed).to_file()).is_ok());
}

#[test]
fn the_signer_sees_what_changes() {
    let old = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file();
    let new = signed_by(&root(2, &[7, 2, 3], 3), &[2]).to_file();
    let asked = Request::for_root(&new, Some(&old), Names::default()).unwrap();

    let lines = asked.lines(crate::tuf::world::now()).unwrap().join("\n");
    let again = Request::parse(&asked.to_file()).unwrap();

    assert!(lines.contains("What changes from version 1:"), "{lines}");
    assert!(lines.contains("root: 3 signatures needed instead of 2"), "{lines}");
    // Whether clients accept it is asked of a root that is published: here the boards count, with the answers that came.
    assert!(!lines.contains("clients that trust root 1"), "{lines}");
    assert_eq!(again.lines(crate::tuf::world::now()).unwrap().join("\n"), lines);
}

/// Not yet, where signatures can still come; never, where nobody could give them.
#[test]
fn a_root_that_waits_for_signatures_is_not_accepted_yet() {
    let verdict = |old: &[u8], new: &[u8], need: u32, by: &[u8]| {
        let old = signed_by(&root(1, old, need), old).to_file();
        let new = signed_by(&root(2, new, need), by).to_file();
        let lines = say::lines(&diff::files(None, &old, &new, &Names::default()).unwrap());
        let line = lines.into_iter().find(|line| line.contains("clients that trust")).unwrap();
        line.trim().strip_prefix("clients that trust root 1 ").unwrap().to_owned()
    };

    assert_eq!(
        verdict(&[1, 2, 3], &[1, 2, 3], 3, &[2]),
        "DO NOT ACCEPT root 2 yet: 2 of 3 signatures are missing"
    );
    assert_eq!(verdict(&[1, 2], &[1, 2], 2, &[2]), "DO NOT ACCEPT root 2 yet: 1 of 2 signatures is missing");
    assert_eq!(verdict(&[1, 2], &[3, 2], 2, &[2]), "DO NOT ACCEPT root 2 yet: signatures are missing");
    assert_eq!(verdict(&[1, 2], &[1, 2], 2, &[1, 2]), "ACCEPT root 2");
}

#[test]
fn the_signer_of_another_role_sees_what_changes_too_and_an_older_version_is_no_news() {
    let authority = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]);
    let file = |version: u64, files: Value| signed_by(&targets(version, files), &[]).to_file();
    let (old, new) = (file(1, json!({})), file(2, json!({"app.txt": target(b"app")})));
    let for_role = |file: &[u8], before: &[u8]| {
        Request::for_role(file, "targets", &authority, Some(before), Names::default())
    };

    let asked = for_role(&new, &old).unwrap();
    let lines = Request::parse(&asked.to_file()).unwrap().lines(crate::tuf::world::now()).unwrap().join("\n");

    assert!(lines.contains("What changes from version 1:"), "{lines}");
    assert!(lines.contains("files: 1 added, 0 removed, 0 changed"), "{lines}");
    let error = for_role(&old, &new).unwrap_err().to_string();
    assert_eq!(error, "targets version 2 is not before targets version 1");
    assert!(for_role(&new, &authority.to_file()).is_err());
}

#[test]
fn inspect_says_what_each_is() {
    let world = World::new(&[]);
    let asked = request(&root(1, &[1, 2, 3], 2));
    let response = answer(&asked, 2);
    world.write("root.req", &asked.to_file());
    world.write("bo.resp", &response.to_file());
    world.write("typed.txt", carry::lines(&response).unwrap().join("\n").as_bytes());
    world.write("first.png", &image::png(&carry::request(&asked.to_file()).unwrap()[0]).unwrap());
    world.write("code.png", &image::png(&carry::response(&response).unwrap()[0]).unwrap());
    world.write("hello.png", &image::png("hello").unwrap());

    for (file, says) in [
        ("root.req", "a request for signatures of root version 1"),
        ("root.req", "root version 1: 2 of 3 must sign"),
        ("bo.resp", "a response: one signature over root version 1, ed25519"),
        ("typed.txt", "a response: one signature over root version 1, ed25519"),
        ("first.png", "an image of a QR code\nframes or typed lines that are not whole\n  frames 2-"),
        ("code.png", "an image of a QR code\ncarried as frames or typed lines, whole:\na response"),
        ("hello.png", "with text that is nothing of ours:\n  hello"),
    ] {
        let said = world.ran(&["inspect", file, "--json"]).ended(0);
        assert!(said.err.contains(says), "{file}: {}", said.err);
        serde_json::from_str::<Value>(&said.out).unwrap();
    }
}
