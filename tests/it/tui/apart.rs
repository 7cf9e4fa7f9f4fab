//! Signing apart on the screen: a request is read and signed, answers come in, and the boards follow.

use std::fs;
use std::sync::Arc;

use keyrite::driver::Stop;
use keyrite::driver::StopKind;
use keyrite::keystore::PinState;
use keyrite::keystore::Sight;
use keyrite::keystore::Wants;
use keyrite::tuf::Names;
use keyrite::tuf::apart::Request;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::carry;
use keyrite::tui::apart::merge;
use keyrite::tui::apart::merge::Merging;
use keyrite::tui::apart::sign;
use keyrite::tui::apart::sign::Sign;
use keyrite::tui::home::Choice;
use keyrite::tui::home::Home;
use keyrite::tui::keymap;
use keyrite::tui::keymap::Input;
use keyrite::tui::keymap::Key;
use keyrite::tui::message::Message;
use keyrite::tui::nearby;
use keyrite::tui::nearby::asked;
use keyrite::tui::repository::Page;
use keyrite::tui::style::Palette;
use keyrite::tui::view;
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use secrecy::ExposeSecret;
use serde_json::Value;
use serde_json::json;

use crate::apart::commands::World;
use crate::tuf::world::now;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tui::golden::golden;
use crate::tui::mounts::Mounts;
use crate::tui::pseudo::Pseudo;
use crate::tui::stage::named;
use crate::tui::stage::styles;

const PALETTE: Palette = Palette { color: true, contrast: false, ascii: false };

fn names() -> Names {
    let holders = [(1, "Ana Duarte"), (2, "Bo Lindqvist"), (3, "Chi Nwosu"), (7, "Fay Okoro")];
    let names: Value = holders
        .into_iter()
        .map(|(n, holder)| {
            let name = holder[..3].trim().to_lowercase();
            (public(n).keyid().0, json!({"name": name, "holder": holder}))
        })
        .collect();
    Names::parse(names.to_string().as_bytes()).unwrap()
}

/// Root 2 (Fay for Ana) after root 1, for which two must sign.
fn request() -> Arc<Request> {
    let old = signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file();
    let new = signed_by(&root(2, &[7, 2, 3], 2), &[]).to_file();
    Arc::new(Request::for_root(&new, Some(&old), names()).unwrap())
}

fn answer(request: &Request, n: u8) -> Response {
    let metadata = signed_by(request.metadata.signed(), &[n]);
    let sig = hex::decode(&metadata.signatures()[0].sig).unwrap();
    let (role, version, sha256) = (&request.role, request.version(), request.sha256());
    Response::new(role, version, &sha256, public(n).keyid(), "ed25519", &sig)
}

/// Presses keys: `<enter>` and the like, and letters as they are.
fn keys(keys: &str) -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut rest = keys;
    while !rest.is_empty() {
        let (key, after) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((name, after)) => (named(name), after),
            None => {
                let c = rest.chars().next().unwrap();
                (Key::Char(c), &rest[c.len_utf8()..])
            }
        };
        inputs.push(Input::Key(key));
        rest = after;
    }
    inputs
}

fn draw(width: u16, height: u16, view: impl FnOnce(&mut Frame)) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(view).unwrap();
    terminal.backend().clone()
}

/// A request on the screen of Bo.
struct Signer {
    screen: Sign,
    effects: Vec<sign::Effect>,
}

impl Signer {
    fn new() -> Self {
        Self::of(request())
    }

    fn of(request: Arc<Request>) -> Self {
        let tallies = asked::begin(&request, "").tallies();
        let screen = Sign::new("root-2.request".into(), request, tallies, now(), (80, 24), PALETTE);
        Self { screen, effects: Vec::new() }
    }

    /// Presses keys; `<read>` is Enter until all was read.
    fn press(&mut self, text: &str) {
        for (n, text) in text.split("<read>").enumerate() {
            while n > 0 && !self.screen.reading.whole() {
                self.press("<enter>");
            }
            for input in keys(text) {
                if let Some(message) = keymap::message(input, self.screen.focus()) {
                    self.effects.extend(self.screen.update(message));
                }
            }
        }
    }

    fn draw(&mut self, width: u16, height: u16) -> String {
        self.screen.update(Message::Resized(width, height));
        draw(width, height, |frame| view::apart::sign::view(&self.screen, frame)).to_string()
    }

    fn screen(&mut self, name: &str, keys: &str) {
        self.draw(80, 24);
        self.press(keys);
        let how = format!("a request; keys: {keys}");
        golden(&format!("apart-{name}-80x24"), &how, &self.draw(80, 24));
        golden(&format!("apart-{name}-200x60"), &how, &self.draw(200, 60));
        self.draw(80, 24);
    }

    /// To the question for the store.
    fn go_to_store(&mut self) {
        self.press("<read><enter>sign root 2<enter>");
    }

    fn saw(&mut self, wants: Wants, pin: PinState) {
        let lines = vec!["token ROOT-BO, serial 31415927, YubiKey 5 (Yubico)".to_owned()];
        let lines = if wants == Wants::Passphrase { Vec::new() } else { lines };
        let sight = Sight { wants, pin, serial: Some("31415927".into()), lines, max_message: None };
        self.screen.update(Message::Looked(Ok(sight)));
    }

    fn signed(&mut self) {
        let response = answer(&self.screen.request, 2);
        self.screen.update(Message::Signed(Ok((Ok("root-2-74c0dd12.response".into()), response))));
    }
}

#[test]
fn a_request_is_read_to_its_end_before_anyone_says_yes() {
    Signer::new().screen("review", "");
    let mut signer = Signer::new();

    signer.press("<enter>");
    assert!(matches!(signer.screen.stage, sign::Stage::Review));
    signer.press("<end>");
    assert!(!signer.screen.reading.whole(), "what lies between was not on the screen");
    signer.screen("review-end", "<read>");
    signer.screen("yes", "<enter>yes<enter>sign roo");

    signer.press("t 2<enter>");
    assert!(matches!(signer.screen.stage, sign::Stage::Store(_)));
    assert!(signer.effects.is_empty());
}

#[test]
fn a_store_is_named_looked_at_and_given_its_own_secret() {
    let mut signer = Signer::new();
    signer.go_to_store();

    signer.screen("store", "age");
    signer.screen("store-wrong", "<enter>");
    signer.press(":keys/bo.age<enter>");
    assert!(
        matches!(signer.effects.pop(), Some(sign::Effect::Look(uri)) if uri.to_string() == "age:keys/bo.age")
    );
    let stop = Stop::new(
        StopKind::No,
        "age file keys/bo.age holds key 74c0, which may not sign this; nothing was signed",
        "use the key of one of the signers that are listed",
    );
    signer.screen.update(Message::Looked(Err(stop)));
    signer.screen("store-refused", "");
    signer.press("<c-u>age:keys/bo.age<enter>");
    signer.saw(Wants::Passphrase, PinState::Unknown);
    signer.screen("passphrase", "correct horse");

    signer.press("<enter>");
    let Some(sign::Effect::Sign(Some(secret))) = signer.effects.pop() else { panic!("nothing is signed") };
    assert_eq!(secret.expose_secret(), "correct horse");
    signer.press("<esc><enter>q");
    assert!(signer.effects.iter().all(|effect| matches!(effect, sign::Effect::Look(_))));
}

#[test]
fn a_wrong_secret_is_typed_again_where_nobody_reads_it_and_what_is_no_store_is_not_repeated() {
    let wrong = |kind| Stop::new(kind, "the passphrase of age file keys/bo.age is wrong", "type it again");
    let mut signer = Signer::new();
    signer.go_to_store();
    signer.press("age:keys/bo.age<enter>");
    signer.saw(Wants::Passphrase, PinState::Unknown);
    signer.press("correct house<enter>");

    // The store was closed, and is looked at again: of a token that shows the tries that are left.
    let again = signer.screen.update(Message::Signed(Err(wrong(StopKind::Secret))));
    assert!(matches!(again, Some(sign::Effect::Look(uri)) if uri.to_string() == "age:keys/bo.age"));
    signer.press("correct horse");
    signer.saw(Wants::Passphrase, PinState::Unknown);
    signer.screen("passphrase-again", "correct horse");
    signer.press("<enter>");
    let Some(sign::Effect::Sign(Some(secret))) = signer.effects.pop() else { panic!("nothing is signed") };
    assert_eq!(secret.expose_secret(), "correct horse");

    signer.screen.update(Message::Signed(Err(wrong(StopKind::Secret))));
    signer.saw(Wants::Pin, PinState::FinalTry);
    assert!(matches!(signer.screen.stage, sign::Stage::Serial(_)));
    signer.press("31415927<enter>1234<enter>");
    signer.screen.update(Message::Signed(Err(wrong(StopKind::Store))));
    signer.press("correct horse<enter>");
    let note = signer.screen.note.as_deref().unwrap();
    assert!(matches!(signer.screen.stage, sign::Stage::Store(_)));
    assert!(note.contains("age:PATH") && !note.contains("correct"), "{note}");
}

#[test]
fn the_last_pin_try_asks_for_the_serial_number_first_apart_too() {
    let mut signer = Signer::new();
    signer.go_to_store();
    signer.press("pkcs11:token=ROOT-BO;object=root-2026<enter>");
    signer.effects.clear();
    signer.saw(Wants::Pin, PinState::FinalTry);

    signer.screen("last-try", "31415926<enter>");
    assert!(matches!(signer.screen.stage, sign::Stage::Serial(_)));
    signer.screen("last-try-pin", "31415927<enter>1234");

    // Leaving the field closes the store, and the PIN goes nowhere.
    signer.press("<esc>");
    assert!(matches!(signer.effects[..], [sign::Effect::Forget]));
    assert!(matches!(signer.screen.stage, sign::Stage::Store(_)));
}

#[test]
fn a_pin_pad_is_waited_for_apart_too() {
    let mut signer = Signer::new();
    signer.go_to_store();
    signer.press("pkcs11:token=ROOT-BO;object=root-2026<enter>");
    signer.saw(Wants::PinPad, PinState::Normal);

    signer.screen("pad", "");
    signer.screen("pad-waits", "<enter>");

    assert!(matches!(signer.effects.pop(), Some(sign::Effect::Sign(None))));
}

#[test]
fn the_answer_is_a_file_a_code_and_lines() {
    let mut signer = Signer::new();
    signer.go_to_store();
    signer.signed();

    signer.screen("answer", "");
    signer.screen("answer-code", "c");
    signer.press("<esc>");

    let said = signer.draw(80, 24);
    let lines = carry::lines(&answer(&signer.screen.request, 2)).unwrap();
    assert!(lines.iter().all(|line| said.contains(line.as_str())), "{said}");
    signer.press("<enter>");
    assert!(matches!(signer.effects.pop(), Some(sign::Effect::Leave)));
}

#[test]
fn a_signature_that_no_file_could_take_is_shown_all_the_same() {
    let mut signer = Signer::new();
    signer.go_to_store();
    let response = answer(&signer.screen.request, 2);
    let lines = carry::lines(&response).unwrap();
    let error = "root-2-74c0dd12.response: Read-only file system (os error 30); nothing was written";
    let stop = Stop::new(StopKind::Machine, error, "");

    signer.screen.update(Message::Signed(Ok((Err(stop), response))));

    signer.screen("answer-no-file", "");
    let said = signer.draw(80, 24);
    assert!(lines.iter().all(|line| said.contains(line.as_str())), "{said}");
    signer.press("c");
    assert!(signer.screen.film.is_some());
}

#[test]
fn the_request_is_shown_as_codes_that_follow_each_other() {
    let mut signer = Signer::new();

    signer.screen("codes", "c");
    assert!(signer.screen.moves());
    signer.screen.update(Message::Tick);
    assert_eq!(signer.screen.film.as_ref().unwrap().at, 1);
    signer.screen("codes-still", "<right>");
    signer.screen.update(Message::Tick);
    assert_eq!(signer.screen.film.as_ref().unwrap().at, 2);
    signer.screen.palette = Palette { ascii: true, ..Palette::default() };
    let shown = signer.draw(80, 24);
    assert!(shown.contains("This terminal draws no codes") && !shown.contains('\u{2580}'), "{shown}");
    signer.press("<left><left><left>");
    let film = signer.screen.film.as_ref().unwrap();
    assert_eq!(film.at, film.squares.len() - 1);
    signer.press("<esc>");

    assert!(signer.screen.film.is_none() && signer.effects.is_empty());
}

#[test]
fn what_cannot_be_read_cannot_be_signed() {
    let mut signed = root(1, &[1, 2, 3], 2);
    signed["spec_version"] = json!("2.0");
    let file = signed_by(&signed, &[]).to_file();
    let mut signer = Signer::of(Arc::new(Request::for_root(&file, None, names()).unwrap()));

    signer.screen("unreadable", "<end><enter><enter>");

    assert!(matches!(signer.screen.stage, sign::Stage::Review));
}

#[test]
fn without_colours_the_request_says_the_same() {
    let mut signer = Signer::new();
    signer.press("<read>");

    signer.screen.palette = Palette::default();
    let backend = draw(80, 24, |frame| view::apart::sign::view(&signer.screen, frame));

    golden("apart-review-styles-no-color", "a request; keys: <read>; NO_COLOR", &styles(backend.buffer()));
}

/// Answers on the screen of the operator.
struct Operator {
    screen: Merging,
    effects: Vec<merge::Effect>,
}

impl Operator {
    fn new() -> Self {
        let nearby = vec!["root-2.bo".to_owned(), "root-2.chi.png".to_owned()];
        let screen = Merging::new("root-2.request".into(), request(), nearby, (80, 24), PALETTE);
        Self { screen, effects: Vec::new() }
    }

    fn press(&mut self, text: &str) {
        for input in keys(text) {
            if let Some(message) = keymap::message(input, self.screen.focus()) {
                self.effects.extend(self.screen.update(message));
            }
        }
    }

    fn came(&mut self, source: &str, bytes: &[u8]) {
        self.screen.update(Message::Read(source.to_owned(), Ok(bytes.to_vec())));
    }

    fn draw(&mut self, width: u16, height: u16) -> String {
        self.screen.update(Message::Resized(width, height));
        draw(width, height, |frame| view::apart::merge::view(&self.screen, frame)).to_string()
    }

    fn screen(&mut self, name: &str, keys: &str) {
        self.draw(80, 24);
        self.press(keys);
        let how = format!("answers to a request; keys: {keys}");
        golden(&format!("apart-{name}-80x24"), &how, &self.draw(80, 24));
        golden(&format!("apart-{name}-200x60"), &how, &self.draw(200, 60));
        self.draw(80, 24);
    }
}

#[test]
fn answers_come_in_and_both_boards_follow() {
    let mut operator = Operator::new();
    let request = Arc::clone(&operator.screen.request);

    operator.screen("merge", "");
    operator.screen("merge-choose", "<enter><down><down>");
    operator.press("<enter>");
    assert!(
        matches!(operator.effects.pop(), Some(merge::Effect::Read(path)) if path.ends_with("root-2.chi.png"))
    );
    operator.came("root-2.bo", &answer(&request, 2).to_file());
    operator.came("root-2.bo", &answer(&request, 2).to_file());
    operator.came("root-2.eve", &answer(&request, 9).to_file());
    operator.came("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    operator.screen("merge-answers", "<esc>");
    operator.came("root-2.chi.png", &answer(&request, 3).to_file());
    operator.screen("merge-met", "");

    assert!(operator.screen.merge.tallies().iter().all(|tally| tally.met));
}

#[test]
fn an_answer_is_typed_line_by_line_and_a_mistake_is_found_at_its_line() {
    let mut operator = Operator::new();
    let lines = carry::lines(&answer(&operator.screen.request, 2)).unwrap();
    let wrong = lines[1].replacen(' ', " 2", 1);
    assert_eq!(lines.len(), 5);

    operator.press(&format!("<enter>{}<enter>", lines[0]));
    operator.screen("merge-typed-wrong", &format!("{wrong}<enter>"));
    operator.press("<c-u>");
    operator.screen("merge-typed", &format!("{}<enter>", lines[1]));
    for line in &lines[2..] {
        operator.press(&format!("{}<enter>", line.to_lowercase()));
    }

    assert!(operator.effects.is_empty());
    let said = operator.draw(80, 24);
    assert!(said.contains("typed: added the signature of Bo Lindqvist, key bo"), "{said}");
}

#[test]
fn what_came_in_is_written_whole_and_not_left_behind_unasked() {
    let mut operator = Operator::new();
    let request = Arc::clone(&operator.screen.request);
    operator.press("<esc>");
    assert!(matches!(operator.effects.pop(), Some(merge::Effect::Leave)));
    operator.came("root-2.bo", &answer(&request, 2).to_file());

    operator.screen("merge-leaving", "<esc>");
    operator.screen("merge-write", "<down>w");
    operator.press("<enter>");
    let Some(merge::Effect::Write(path, bytes)) = operator.effects.pop() else {
        panic!("nothing is written")
    };
    operator.screen.update(Message::Wrote(Ok(path.display().to_string())));
    operator.screen("merge-written", "");
    operator.press("<esc>");

    assert_eq!(path.to_str(), Some("2.root.partly-signed.json"));
    assert_eq!(bytes, signed_by(request.metadata.signed(), &[2]).to_file());
    assert!(matches!(operator.effects[..], [merge::Effect::Leave]));
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_told_with_what_to_do() {
    let mut operator = Operator::new();
    operator.press("<enter>nowhere<enter>");
    let stop = Stop::new(StopKind::Input, "nowhere: No such file or directory; nothing was taken in", "");

    operator.screen.update(Message::Unread(stop));

    operator.screen("merge-unread", "");
    assert!(operator.screen.merge.findings().is_empty());
}

#[test]
fn home_lists_requests_and_metadata_that_lacks_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("root-2.request", &request().to_file());
    write("broken.request", &request().to_file()[..900]);
    write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    write("2.root.json", &signed_by(&root(2, &[7, 2, 3], 2), &[2]).to_file());
    write("3.other.json", b"{\"a\": 1}");
    let mut nearby = nearby::look(dir.path(), now()).unwrap();
    for found in &mut nearby.asked {
        found.file = found.file.file_name().unwrap().into();
    }
    let mut home = Home::new("/home/oli/acme".into(), nearby, (80, 24), PALETTE);
    home.page = Page::Ceremonies;

    golden(
        "apart-home-80x24",
        "keyrite, without a command",
        &draw(80, 24, |frame| view::home::view(&home, frame)).to_string(),
    );
    golden(
        "apart-home-200x60",
        "keyrite, without a command",
        &draw(200, 60, |frame| view::home::view(&home, frame)).to_string(),
    );

    assert_eq!(home.update(Message::GoOn), Some(Choice::Apart("2.root.json".into())));
    home.at = 1;
    assert_eq!(home.update(Message::GoOn), None);
    assert!(home.open.is_some());
}

#[test]
fn a_request_is_as_far_on_the_page_of_requests_as_among_the_ceremonies() {
    let dir = tempfile::tempdir().unwrap();
    let request = request();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("root-2.request", &request.to_file());
    let pages = || {
        let mut nearby = nearby::look(dir.path(), now()).unwrap();
        nearby.asked[0].file = "root-2.request".into();
        let mut home = Home::new("/home/oli/acme".into(), nearby, (200, 60), PALETTE);
        [Page::Requests, Page::Ceremonies].map(|page| {
            home.page = page;
            draw(200, 60, |frame| view::home::view(&home, frame)).to_string()
        })
    };

    for (signers, mark, far) in
        [(&[][..], "[WAIT]", "0 of 2 and 0 of 2"), (&[1, 2, 7], "[ OK ]", "2 of 2 and 2 of 2")]
    {
        for n in signers {
            write(&format!("{n}.response"), &answer(&request, *n).to_file());
        }
        let said = format!("request for root version 2, signed {far} with the answers here");
        for page in pages() {
            assert!(page.lines().any(|line| line.contains(mark) && line.contains(&said)), "{said}: {page}");
        }
    }
}

/// Seven keys must be named on two boards, which fill a screen of 80x24.
#[test]
fn what_became_of_the_last_answer_stands_under_the_field_however_long_the_boards_are() {
    let keys = [1, 2, 3, 4, 5, 6, 7];
    let old = signed_by(&root(1, &keys, 4), &[1, 2, 3, 4]).to_file();
    let new = signed_by(&root(2, &keys, 4), &[]).to_file();
    let request = Arc::new(Request::for_root(&new, Some(&old), names()).unwrap());
    let screen = Merging::new("root-2.request".into(), request, Vec::new(), (80, 24), PALETTE);
    let mut operator = Operator { screen, effects: Vec::new() };

    operator.press("<enter>");
    operator.came("ana.other", &old);

    let drawn = operator.draw(80, 24);
    assert!(drawn.contains("[STOP] ana.other: an old signature played again"), "{drawn}");
}

#[test]
fn home_calls_no_root_complete_whose_root_before_is_not_here() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let taken = signed_by(&root(2, &[7, 8, 9], 2), &[7, 8]).to_file();
    write("2.root.json", &taken);
    write("root-2.request", &Request::for_root(&taken, None, names()).unwrap().to_file());
    let look = || nearby::look(dir.path(), now()).unwrap().asked;

    let alone = look();
    write("1.root.json", &signed_by(&root(1, &[1, 2, 3], 2), &[1, 2]).to_file());
    let beside = look();

    let (_, far) = alone[0].far().unwrap();
    assert_eq!(
        far,
        "root version 2, signed 2 of 2; the keys of root version 1, which is not here, are uncounted"
    );
    for (asked, thresholds) in [(alone, 1), (beside, 2)] {
        assert_eq!(asked.len(), 2);
        for found in asked {
            let request = found.request.unwrap();
            assert!(!request.is_met(&found.tallies));
            assert_eq!(request.signers.thresholds().len(), thresholds);
        }
    }
}

/// From home to the merged file, by keys alone, in a real terminal.
#[test]
fn a_request_is_signed_and_its_answer_merged_by_keys() {
    let world = World::new(&["ana"]);
    let key = world.public("ana");
    let mut signed = root(1, &[], 1);
    signed["keys"][key.keyid().0] = key.to_json().clone();
    signed["roles"]["root"]["keyids"] = json!([key.keyid()]);
    world.write("1.root.json", &signed_by(&signed, &[]).to_file());
    world.ran(&["request", "1.root.json", "--out", "root.request"]).ended(0);
    fs::remove_file(world.path("1.root.json")).unwrap();
    let mut pseudo = Pseudo::start(world.dir.path(), &[], &[]);

    pseudo.wait("root.request");
    pseudo.press("\r");
    pseudo.wait("Read it to its end");
    pseudo.read_until("[Enter] sign it");
    pseudo.press("\r");
    pseudo.wait("type `sign root 1`");
    pseudo.press("sign root 1\r");
    pseudo.wait("Where does your key live?");
    pseudo.press("age:ana.age\r");
    pseudo.wait("Passphrase; nobody looks");
    pseudo.press("correct horse battery stable\r");
    pseudo.wait("wrong passphrase");
    pseudo.wait("Passphrase; nobody looks");
    pseudo.press("correct horse battery staple\r");
    let answer = pseudo.wait("signed, and the signature verifies");
    pseudo.press("\r");
    pseudo.wait("Signatures asked for here");
    pseudo.press("\r");
    pseudo.wait("Read it to its end");
    pseudo.press("m");
    pseudo.wait("takes an answer in");
    pseudo.press("\r\x1b[B\r");
    pseudo.wait("added the signature of");
    pseudo.press("\x1b[A\x15\r");
    pseudo.wait("write the file");
    pseudo.press("w\r");
    pseudo.wait("written: 1.root.signed.json");
    pseudo.press("q");
    pseudo.wait("Read it to its end");
    pseudo.press("q");
    pseudo.wait("Signatures asked for here");
    pseudo.press("q");

    assert_eq!(pseudo.end(), 0);
    pseudo.assert_restored();
    let response = format!("root-1-{:.8}.response", key.keyid().0);
    assert!(answer.contains(&response), "{answer}");
    world.ran(&["merge", "root.request", &response, "--out", "again.json"]).ended(0);
    let [merged, again] =
        ["1.root.signed.json", "again.json"].map(|name| fs::read(world.path(name)).unwrap());
    assert!(merged == again);
}

#[test]
fn from_a_drive_that_cannot_be_written_the_answer_is_read_from_the_screen() {
    let Some(mounts) = Mounts::new() else { return };
    let world = World::new(&["ana"]);
    let key = world.public("ana");
    let mut signed = root(1, &[], 1);
    signed["keys"][key.keyid().0] = key.to_json().clone();
    signed["roles"]["root"]["keyids"] = json!([key.keyid()]);
    world.write("1.root.json", &signed_by(&signed, &[]).to_file());
    world.ran(&["request", "1.root.json", "--out", "root.request"]).ended(0);
    fs::remove_file(world.path("1.root.json")).unwrap();
    mounts.read_only(world.dir.path());
    let mut pseudo = mounts.start(world.dir.path(), &[], &[]);

    pseudo.wait("root.request");
    pseudo.press("\r");
    pseudo.wait("Read it to its end");
    pseudo.read_until("[Enter] sign it");
    pseudo.press("\r");
    pseudo.wait("type `sign root 1`");
    pseudo.press("sign root 1\r");
    pseudo.wait("Where does your key live?");
    pseudo.press("age:ana.age\r");
    pseudo.wait("Passphrase; nobody looks");
    pseudo.press("correct horse battery staple\r");
    let answer = pseudo.wait("signed, and the signature verifies");
    pseudo.press("qq");

    assert_eq!(pseudo.end(), 0);
    assert!(answer.contains("No file was written") && answer.contains("Read-only file system"), "{answer}");
    assert!(answer.contains("These lines, read out and typed"), "{answer}");
}
