//! A ceremony with people at other places: what is sent to them, and what is taken in of what comes back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ed25519_dalek::Signer;
use keyrite::ceremony::Ceremony;
use keyrite::ceremony::Event;
use keyrite::driver::before;
use keyrite::journal;
use keyrite::paper;
use keyrite::paper::text::page as text_page;
use keyrite::qr::image;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::apart::Request;
use keyrite::tuf::apart::Response;
use keyrite::tuf::apart::carry;
use keyrite::tui::nearby;
use serde_json::Value;
use serde_json::json;

use crate::apart::openssl::key;
use crate::apart::openssl::openssl;
use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::readme::copy;
use crate::tuf::world::NOW;
use crate::tuf::world::public;
use crate::tuf::world::root;
use crate::tuf::world::signed_by;
use crate::tuf::world::signer;
use crate::tui::pseudo::Pseudo;

/// A root of Ana's, Bo's and Chi's keys, 1 to 3, which all sign elsewhere; two of them renew it.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::of(&root(1, &[1, 2, 3], 2), &public(3))
    }

    /// The same with another key of Chi's, which the root lists.
    fn of(root: &Value, chi: &PublicKey) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let before = signed_by(root, &[1, 2]).to_file();
        fs::create_dir_all(world.path("inputs/metadata")).unwrap();
        fs::create_dir(world.path("answers")).unwrap();
        fs::write(world.path("inputs/metadata/1.root.json"), &before).unwrap();
        let key = |name: &str, key: &PublicKey| {
            format!("  {name}: {{holder: {name}, store: elsewhere, keyid: \"{}\"}}\n", key.keyid().0)
        };
        let file = format!(
            "keyrite: 1
id: renewal
title: Renewal by people in three places
type: root-renewal
participants:
  oli: {{name: Oli Berg, role: operator}}
  wim: {{name: Wim Peeters, role: witness}}
  ana: {{name: Ana Duarte, role: custodian}}
  bo: {{name: Bo Lindqvist, role: custodian}}
  chi: {{name: Chi Nwosu, role: custodian}}
keys:
{}{}{}trust:
  before: {{metadata: inputs/metadata, root_sha256: \"{}\"}}
  after:
    root: {{version: 2, expires: \"2030-12-31T00:00:00Z\"}}
  accept: [spare-keys-below-2, expires-in-the-window]
clock: {{not_before: \"2026-11-01T00:00:00Z\", not_after: \"2026-12-31T00:00:00Z\"}}
environment: {{require: []}}
outputs: {{bundle: bundle}}
",
            key("ana", &public(1)),
            key("bo", &public(2)),
            key("chi", chi),
            keyrite::words::Digest::of(&before).hex()
        );
        fs::write(world.path("ceremony.yaml"), file).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Answers that type these files with answers, by key.
    fn answers(&self, typed: &[(&str, &str)]) -> PathBuf {
        let typed: serde_json::Map<String, Value> =
            typed.iter().map(|(key, file)| (format!("sign-root-{key}"), json!(file))).collect();
        let answers =
            json!({"answers": 1, "confirm": "all", "type-back": "auto", "clock": NOW, "typed": typed});
        fs::write(self.path("answers.yaml"), answers.to_string()).unwrap();
        self.path("answers.yaml")
    }

    fn ran(&self, args: &[&str], typed: &[(&str, &str)]) -> Said {
        let answers = self.answers(typed);
        let more = ["--plain", "--answers", text(&answers)];
        Said::of(&command().current_dir(self.dir.path()).args(args).args(more).output().unwrap())
    }

    /// Runs it until nobody answers.
    fn begun(&self) -> Request {
        self.ran(&["run", "ceremony.yaml", "--record", "record"], &[]).ended(3);
        Request::parse(&fs::read(self.path("record/requests/2.root.request")).unwrap()).unwrap()
    }

    /// A copy of the record, gone on with.
    fn resumed(&self, typed: &[(&str, &str)]) -> (Said, PathBuf) {
        let record = self.path("again");
        drop(fs::remove_dir_all(&record));
        fs::create_dir(&record).unwrap();
        copy(&self.path("record"), &record);
        (self.ran(&["resume", "again"], typed), record)
    }

    /// The record itself, gone on with.
    fn went_on(&self, typed: &[(&str, &str)]) -> Said {
        self.ran(&["resume", "record"], typed)
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.path("record/journal.jsonl")).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }
}

/// What key `n` answers to the request, as a response.
fn answer(request: &Request, n: u8) -> Vec<u8> {
    let sig = signer(n).sign(request.metadata.payload()).to_bytes();
    let sha256 = request.sha256();
    Response::new(&request.role, request.version(), &sha256, public(n).keyid(), "ed25519", &sig).to_file()
}

#[test]
fn a_root_is_renewed_by_people_who_are_all_elsewhere() {
    let world = World::new();

    let check = ["check", "ceremony.yaml", "--at", NOW];
    let checked = Said::of(&command().current_dir(world.dir.path()).args(check).output().unwrap()).ended(0);
    let request = world.begun();
    world.write("answers/ana.answer", &answer(&request, 1));
    // Bo has another tool: the bare signature, as it wrote it.
    world.write("answers/bo.sig", &signer(2).sign(request.metadata.payload()).to_bytes());
    world.write("answers/readme.txt", b"what came in on Tuesday");
    world.write("answers/a-photograph.png", &[&b"\x89PNG\r\n\x1a\n"[..], &[0; 40]].concat());
    let both = [("ana", "answers"), ("bo", "answers"), ("chi", "answers")];
    let (without_chi, _) = world.resumed(&both);
    world.write("answers/chi.answer", &answer(&request, 3));
    let (said, record) = world.resumed(&both);

    assert!(checked.out.contains("Bo Lindqvist             custodian, elsewhere"), "{}", checked.out);
    assert_eq!(request.signers.thresholds().len(), 2, "by the old root and by the new");
    assert!(request.metadata.signatures().is_empty());
    assert_eq!(without_chi.code, 1, "{}", without_chi.err);
    let said = said.ended(0);
    for says in ["Ana Duarte signed root", "Bo Lindqvist signed root", "Chi Nwosu signed root"] {
        assert!(said.out.contains(says), "{says}: {}", said.out);
    }
    let (bundle, pinned) = (record.join("bundle"), world.path("inputs/metadata/1.root.json"));
    let verify = ["verify", text(&bundle), "--root", text(&pinned), "--at", NOW, "--scope", "root"];
    let verified = Said::of(&command().args(verify).output().unwrap()).ended(0);
    assert!(verified.out.contains("root version 2"), "{}", verified.out);
    let journal = Said::of(&command().args(["journal", "verify", text(&record)]).output().unwrap()).ended(0);
    assert!(!journal.out.contains("request"), "the record knows its requests: {}", journal.out);
}

#[test]
fn an_answer_comes_in_at_the_step_of_another_and_its_own_step_asks_for_nothing() {
    let world = World::new();
    let request = world.begun();
    world.write("answers/bo", &answer(&request, 2));
    world.write("answers/chi", &answer(&request, 3));
    world.write("answers/note", b"by the post of Tuesday");

    let without_ana = world.went_on(&[("ana", "answers")]);
    let before = world.journal();
    let again = world.went_on(&[("ana", "answers")]);
    let said = world.went_on(&[("ana", "not today")]).ended(0);

    assert_eq!(without_ana.code, 1, "{}", without_ana.err);
    let left = "Bo Lindqvist and Chi Nwosu answered. Ana Duarte has not signed root yet. What is there besides: note: ";
    assert!(without_ana.err.contains(left), "{}", without_ana.err);
    let send = "2.root.request to Ana Duarte, Bo Lindqvist and Chi Nwosu";
    assert!(without_ana.out.contains(send), "{}", without_ana.out);
    for who in ["Bo Lindqvist", "Chi Nwosu"] {
        assert!(without_ana.out.contains(&format!("-> {who} signed root")), "{}", without_ana.out);
        assert!(said.out.contains(&format!("{who} signed root before this step")), "{}", said.out);
    }
    for step in ["sign-root-bo", "sign-root-chi"] {
        assert!(before.contains(&format!(r#"{{"event":"signed","step":"{step}""#)), "{before}");
        let confirmed = format!(r#"{{"event":"confirmed","step":"{step}""#);
        assert!(!before.contains(&confirmed) && world.journal().contains(&confirmed), "{step}");
    }
    assert_eq!(again.code, 1, "{}", again.err);
    assert!(
        again.err.contains("bo: the answer of Bo Lindqvist, key bo, which came in before"),
        "{}",
        again.err
    );
    Said::of(&command().args(["journal", "verify", text(&world.path("record"))]).output().unwrap()).ended(0);
    let paper = fs::read_to_string(world.path("record/record.txt")).unwrap();
    let row = paper.split("sign-root-chi").nth(1).unwrap().split("verify-root").next().unwrap();
    assert!(row.contains("Chi Nwosu signed root"), "{row}");
}

#[test]
fn who_was_left_out_for_the_day_may_still_answer_while_the_role_is_not_counted() {
    let world = World::new();
    let request = world.begun();

    let bo_is_needed = world.went_on(&[("ana", "not today"), ("bo", "not today")]);
    world.write("answers/ana", &answer(&request, 1));
    world.write("answers/chi", &answer(&request, 3));
    let bo_is_missing = world.went_on(&[("bo", "answers")]);
    let said = world.went_on(&[("bo", "not today")]).ended(0);

    assert!(
        bo_is_needed.err.contains("without key bo, root cannot reach its threshold"),
        "{}",
        bo_is_needed.err
    );
    assert_eq!(bo_is_missing.code, 1, "{}", bo_is_missing.err);
    for who in ["Ana Duarte", "Chi Nwosu"] {
        assert!(bo_is_missing.out.contains(&format!("-> {who} signed root")), "{}", bo_is_missing.out);
    }
    assert!(said.out.contains("root holds: 2 signatures"), "{}", said.out);
    Said::of(&command().args(["journal", "verify", text(&world.path("record"))]).output().unwrap()).ended(0);
}

#[test]
fn a_signature_from_elsewhere_belongs_to_the_step_of_its_key_and_comes_in_only_where_one_is_awaited() {
    let world = World::new();
    let request = world.begun();
    let (plan, journal) = (fs::read_to_string(world.path("ceremony.yaml")).unwrap(), world.journal());
    let plan = Arc::new(before::read_plan(&plan, world.dir.path()).unwrap());
    let journal = journal::read(journal.as_bytes()).unwrap();
    let signed = |step: &str, n: u8| Event::Signed {
        step: format!("sign-root-{step}"),
        role: "root".into(),
        key: ["ana", "bo", "chi"][usize::from(n) - 1].into(),
        keyid: public(n).keyid(),
        sig: hex::encode(signer(n).sign(request.metadata.payload()).to_bytes()),
    };
    let asked = journal::replay(&journal, Arc::clone(&plan)).unwrap();
    let reviewed =
        journal.entries.iter().position(|entry| matches!(entry.what, Event::Reviewed { .. })).unwrap();
    let earlier = journal::Journal { entries: journal.entries[..=reviewed].to_vec(), whole: 0, cut: 0 };
    let earlier = journal::replay(&earlier, plan).unwrap();
    let refused = |ceremony: &Ceremony, event: &Event| ceremony.clone().apply(event).unwrap_err().to_string();

    let mut ceremony = asked.clone();
    ceremony.apply(&signed("chi", 3)).unwrap();

    assert_eq!(ceremony.next().unwrap().step.id, "sign-root-ana");
    assert!(refused(&ceremony, &signed("chi", 3)).contains("has signed root already"));
    assert!(refused(&asked, &signed("chi", 2)).contains("does not happen in step sign-root-chi"));
    assert!(refused(&asked, &signed("nobody", 3)).contains("is not the current one"));
    let forged = match (signed("chi", 3), signed("bo", 2)) {
        (Event::Signed { step, role, key, keyid, .. }, Event::Signed { sig, .. }) => {
            Event::Signed { step, role, key, keyid, sig }
        }
        _ => unreachable!(),
    };
    assert!(refused(&asked, &forged).contains("does not verify"));
    assert!(refused(&earlier, &signed("chi", 3)).contains("is not the current one"));
}

#[test]
fn whose_step_was_left_out_is_not_counted_on_when_the_next_may_stay_away() {
    let world = World::new();
    let sign = |key: &str| format!("  - {{do: sign, key: {key}, roles: [root], on_fail: exception}}\n");
    let file = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let steps = "steps:\n  - {do: roll-call}\n  - {do: preflight}\n  - {do: gate}\n  - {do: build, roles: [root]}\n  \
        - {do: review, roles: [root]}\n";
    let end = "  - {do: verify, roles: [root]}\n  - {do: export}\n  - {do: readback}\n  - {do: close}\n";
    let file = format!("{file}{steps}{}{}{}{end}", sign("ana"), sign("bo"), sign("chi"));
    world.write("ceremony.yaml", file.as_bytes());
    world.begun();
    let plan = Arc::new(before::read_plan(&file, world.dir.path()).unwrap());
    let mut ceremony = journal::replay(&journal::read(world.journal().as_bytes()).unwrap(), plan).unwrap();
    let failed_and_written_down = |ceremony: &mut Ceremony, key: &str| {
        let step = format!("sign-root-{key}");
        drop(ceremony.apply(&Event::Confirmed { step: step.clone(), by: "wim".into() }));
        let (kind, why) = ("answer".into(), "it never came".into());
        ceremony.apply(&Event::Failed { step: step.clone(), kind, why, serial: None }).unwrap();
        let said = || "the post is on strike".to_owned();
        let (expected, happened, action) = (said(), said(), said());
        let exception = Event::Exception { step: step.clone(), expected, happened, action, by: "oli".into() };
        ceremony.apply(&exception).unwrap();
        Event::PassedOver { step, by: "wim".into() }
    };

    let without_ana = failed_and_written_down(&mut ceremony, "ana");
    ceremony.apply(&without_ana).unwrap();
    let without_bo = failed_and_written_down(&mut ceremony, "bo");
    let declined =
        Event::Declined { step: "sign-root-bo".into(), roles: vec!["root".into()], key: "bo".into() };

    assert!(!ceremony.may_pass_over());
    assert!(ceremony.apply(&without_bo).unwrap_err().to_string().contains("cannot be left out"));
    assert!(ceremony.apply(&declined).unwrap_err().to_string().contains("cannot reach its threshold of 2"));
    assert_eq!(ceremony.awaited().len(), 3, "whoever was passed over may still answer");
}

#[test]
fn the_record_tells_a_stop_beside_the_step_where_people_stopped() {
    let world = World::new();
    let request = world.begun();
    let plan = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let plan = Arc::new(before::read_plan(&plan, world.dir.path()).unwrap());
    let sig = hex::encode(signer(3).sign(request.metadata.payload()).to_bytes());
    let (step, role, key) = ("sign-root-chi".into(), "root".into(), "chi".into());
    let signed = Event::Signed { step, role, key, keyid: public(3).keyid(), sig };
    let mut lines = world.journal();

    for event in [Event::Stopped { why: "until Monday".into() }, signed] {
        let journal = journal::read(lines.as_bytes()).unwrap();
        let last = journal.entries.last().unwrap();
        lines += &journal::encode(last.at, last.head, &event).unwrap().0;
    }
    let journal = journal::read(lines.as_bytes()).unwrap();
    let record = text_page(&paper::record(&journal, &journal::replay(&journal, plan).unwrap()));

    let row =
        |id: &str| record.rsplit(&format!(" {id}: ")).next().unwrap().split("[ ]").next().unwrap().to_owned();
    assert!(row("sign-root-ana").contains("stopped: until Monday"), "{record}");
    assert!(row("sign-root-chi").contains("Chi Nwosu signed root"), "{record}");
    assert!(!row("sign-root-chi").contains("stopped"), "{record}");
}

#[test]
fn an_empty_answer_reads_no_directory() {
    let world = World::new();
    let request = world.begun();
    // Whoever names nothing does not mean the directory of the ceremony file.
    world.write("ana", &answer(&request, 1));

    let said = world.went_on(&[("ana", " ")]);

    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("no file is named. Nothing was taken in"), "{}", said.err);
}

#[test]
fn who_is_elsewhere_is_not_called_and_says_nothing_of_the_record() {
    let world = World::new();
    let request = world.begun();
    for (n, name) in [(1, "ana"), (2, "bo"), (3, "chi")] {
        world.write(&format!("answers/{name}"), &answer(&request, n));
    }

    let (said, record) = world.resumed(&[("ana", "answers"), ("bo", "answers"), ("chi", "answers")]);

    said.ended(0);
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    assert!(journal.contains(r#""present":["oli","wim"]"#), "{journal}");
    let stated = journal.lines().filter(|line| line.contains(r#""stated""#)).count();
    assert_eq!(stated, 2, "{journal}");
    let paper = fs::read_to_string(record.join("record.txt")).unwrap();
    assert!(paper.contains("no: signs elsewhere"), "{paper}");
}

#[test]
fn what_is_no_answer_is_refused_with_its_reason_and_changes_nothing() {
    let world = World::new();
    let request = world.begun();
    let sent = |name: &str, bytes: &[u8]| world.write(&format!("answers/{name}"), bytes);
    sent("eve", &answer(&request, 9));
    sent("empty", b"");
    sent("old", &{
        let old = signed_by(&root(1, &[1, 2, 3], 2), &[1]);
        let sig = signer(1).sign(old.payload()).to_bytes();
        let sha256 = keyrite::words::Digest::of(old.payload()).hex();
        Response::new("root", 1, &sha256, public(1).keyid(), "ed25519", &sig).to_file()
    });
    sent("forged", &{
        let sig = signer(2).sign(request.metadata.payload()).to_bytes();
        Response::new("root", 2, &request.sha256(), public(1).keyid(), "ed25519", &sig).to_file()
    });
    sent("secret", b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n");
    fs::create_dir(world.path("many")).unwrap();
    (0..2001).for_each(|n| world.write(&format!("many/{n}"), b""));
    let metadata = fs::read(world.path("record/metadata/2.root.json")).unwrap();

    for (file, why) in [
        ("answers/eve", "a stranger's"),
        ("answers/empty", "no signature"),
        ("answers/old", "an old signature played again"),
        ("answers/forged", "does not verify"),
        ("answers/secret", "count it as stolen"),
        (
            "answers/nothing",
            "No such file or directory (os error 2). Nothing was taken in, and the ceremony waits as before: look at its name, and give a file that can be read. Answers lie below",
        ),
        ("inputs", "there is no file in it"),
        ("many", "it has 2001 files, and 2000 are the most"),
    ] {
        let (said, record) = world.resumed(&[("ana", file)]);
        assert_eq!(said.code, 1, "{file}: {}", said.err);
        assert!(said.err.contains(why), "{file}: {}", said.err);
        assert!(said.err.contains("Nothing was taken in, and the ceremony waits as before"), "{}", said.err);
        assert!(!said.err.contains("nothing was written"), "{file}: {}", said.err);
        assert_eq!(fs::read(record.join("metadata/2.root.json")).unwrap(), metadata, "{file}");
        let failed = fs::read_to_string(record.join("journal.jsonl")).unwrap();
        assert!(failed.contains(r#""kind":"answer""#), "{file}: {failed}");
    }
}

#[test]
fn a_request_of_a_record_that_was_changed_is_noticed() {
    let world = World::new();
    world.begun();
    let path = world.path("record/requests/2.root.request");
    let changed = fs::read_to_string(&path).unwrap().replace("Bo Lindqvist", "Eve Lindqvist");
    fs::write(&path, changed).unwrap();

    let said =
        Said::of(&command().args(["journal", "verify", text(&world.path("record"))]).output().unwrap());

    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("requests/2.root.request"), "{}", said.err);
}

#[test]
fn on_the_screen_answers_are_named_and_one_of_three_may_stay_away() {
    let world = World::new();
    let file = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let whole = |line: &&str| !line.starts_with("clock:");
    let any_day: Vec<&str> = file.lines().filter(whole).collect();
    world.write("ceremony.yaml", any_day.join("\n").replace(", expires-in-the-window", "").as_bytes());
    let mut screen = Pseudo::start(world.dir.path(), &["run", "ceremony.yaml", "--record", "record"], &[]);

    screen.wait("Review the plan together");
    screen.begin();
    screen.answer_until("types the answer of Ana Duarte");
    let request = Request::parse(&fs::read(world.path("record/requests/2.root.request")).unwrap()).unwrap();
    world.write("answers/ana", &answer(&request, 1));
    world.write("answers/bo", &answer(&request, 2));
    screen.press("answers/bo\r");
    screen.wait("Bo Lindqvist signed root");
    screen.press("answers/bo\r");
    screen.wait("which came in before");
    screen.press("answers\r");
    screen.answer_until("Bo Lindqvist signed root before this step");
    screen.press("\r");
    let asked = screen.answer_until("types the answer of Chi Nwosu");
    screen.press("not today\r");
    screen.answer_until("The ceremony is closed.");
    screen.press("q");

    assert_eq!(screen.end(), 0);
    assert!(asked.contains("or `not today`"), "{asked}");
    let root = fs::read_to_string(world.path("record/bundle/metadata/2.root.json")).unwrap();
    let root: Value = serde_json::from_str(&root).unwrap();
    assert_eq!(root["signatures"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_answer_in_several_codes_is_found_among_the_images_of_a_directory() {
    let home = tempfile::tempdir().unwrap();
    let chi = key(home.path(), "chi", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    let mut listed = root(1, &[1, 2], 2);
    listed["keys"][chi.keyid().0] = chi.to_json().clone();
    listed["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!(chi.keyid()));
    let world = World::of(&listed, &chi);
    let request = world.begun();
    fs::write(home.path().join("payload"), &request.metadata.payload()[..]).unwrap();
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";
    let sig = openssl(home.path(), &format!("dgst -sha256 {pss} -sign chi.pem payload"));
    let sha256 = request.sha256();
    let response = Response::new("root", 2, &sha256, chi.keyid(), "rsassa-pss-sha256", &sig);
    let frames = carry::response(&response).unwrap();
    world.write("answers/bo", &answer(&request, 2));
    for (n, frame) in frames.iter().enumerate() {
        world.write(&format!("answers/{n}.png"), &image::png(frame).unwrap());
    }

    let (said, _) = world.resumed(&[("ana", "not today"), ("bo", "answers"), ("chi", "answers")]);

    assert!(frames.len() > 1, "it fits one code");
    assert!(said.ended(0).out.contains("Chi Nwosu signed root"));
}

#[test]
fn an_answers_file_says_not_today_and_who_is_needed_is_not_let_off() {
    let world = World::new();
    let request = world.begun();
    world.write("answers/bo", &answer(&request, 2));

    let (bo_alone, _) = world.resumed(&[("ana", "not today"), ("bo", "not today")]);
    world.write("answers/chi", &answer(&request, 3));
    let (said, record) = world.resumed(&[("ana", "not today"), ("bo", "answers"), ("chi", "answers")]);

    assert!(
        bo_alone.err.contains("without key bo, root cannot reach its threshold of 2"),
        "{}",
        bo_alone.err
    );
    said.ended(0);
    let root = Metadata::parse(&fs::read(record.join("metadata/2.root.json")).unwrap()).unwrap();
    assert_eq!(root.signatures().len(), 2);
}

#[test]
fn a_request_is_turned_into_its_payload_by_itself() {
    let world = World::new();
    let request = world.begun();
    let payload = ["request", "record/requests/2.root.request", "--payload", "payload"];

    Said::of(&command().current_dir(world.dir.path()).args(payload).output().unwrap()).ended(0);

    assert_eq!(fs::read(world.path("payload")).unwrap(), &request.metadata.payload()[..]);
}

#[test]
fn a_ceremony_whose_time_has_passed_is_not_told_to_change_its_file() {
    let world = World::new();
    world.begun();
    let answers = fs::read_to_string(world.answers(&[])).unwrap().replace("2026-12-03", "2027-01-03");
    world.write("late.yaml", answers.as_bytes());
    let resume = ["resume", "record", "--plain", "--answers", "late.yaml"];

    let said = Said::of(&command().current_dir(world.dir.path()).args(resume).output().unwrap()).ended(4);

    assert!(said.err.contains("begin again, with a file whose `clock:` is open for longer"), "{}", said.err);
}

#[test]
fn who_is_elsewhere_is_a_participant_who_may_cosign() {
    let world = World::new();
    world.begun();
    world.write("signature", b"whatever");
    let cosign = ["journal", "cosign", "record", "--signature", "signature", "--by", "bo"];

    let said = Said::of(&command().current_dir(world.dir.path()).args(cosign).output().unwrap());

    assert!(said.err.contains("names no statement_key of Bo Lindqvist"), "{}", said.err);
}

#[test]
fn a_key_elsewhere_that_no_step_asks_is_not_said_to_sign() {
    let world = World::new();
    let file = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let online =
        format!("  online: {{holder: chi, store: elsewhere, keyid: \"{}\"}}\ntrust:\n", public(6).keyid().0);
    world.write("ceremony.yaml", file.replace("trust:\n", &online).as_bytes());
    let check = ["check", "ceremony.yaml", "--at", NOW];

    let said = Said::of(&command().current_dir(world.dir.path()).args(check).output().unwrap()).ended(0);

    let line =
        |name: &str| said.out.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    let keyid = |n: u8| format!("keyid {:.16}", public(n).keyid().0);
    assert!(said.out.contains(&format!("{}, signs elsewhere", keyid(2))), "{}", line("bo"));
    assert!(
        said.out.contains(&format!("{}, is elsewhere, and does not sign", keyid(6))),
        "{}",
        line("online")
    );
}

#[test]
fn whoever_asks_with_the_ceremony_file_is_told_how() {
    let world = World::new();
    let request = ["request", "ceremony.yaml", "--out", "root.request"];

    let said = Said::of(&command().current_dir(world.dir.path()).args(request).output().unwrap()).ended(2);

    assert!(said.err.contains("`store: elsewhere` makes its requests itself"), "{}", said.err);
}

#[test]
fn a_rehearsal_asks_nobody_who_is_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/apart");
    copy(&shipped, dir.path());
    let run =
        ["run", "ceremony.yaml", "--rehearse", "--plain", "--answers", "answers.yaml", "--record", "record"];

    let said = Said::of(&command().current_dir(dir.path()).args(run).output().unwrap()).ended(0);

    assert!(said.out.contains("a rehearsal signs in that place"), "{}", said.out);
    let answers =
        tree(&dir.path().join("record")).into_iter().filter(|(path, _)| path.ends_with("2.root.json"));
    for (path, bytes) in answers {
        let root: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(root["signatures"].as_array().map(Vec::len), Some(3), "{}", path.display());
    }
}

/// A root lists a key on P-384, as an authority of old may have it.
fn with_p384(mut root: Value) -> Value {
    let pem = fs::read("tests/data/p384.pem").unwrap();
    let key = PublicKey::read(&pem).unwrap();
    root["keys"][&key.keyid().0] = key.to_json().clone();
    root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push(json!(key.keyid().0));
    root
}

/// What is said of a root by `do: lint` is what a client finds beside the roots before it.
#[test]
fn the_lint_step_says_how_much_it_matters_where_and_to_whom_and_knows_the_roots_before() {
    let world = World::of(&with_p384(root(1, &[1, 2, 3], 2)), &public(3));
    let sign = |key: &str| format!("  - {{do: sign, key: {key}, roles: [root]}}\n");
    let steps = "  - {do: roll-call}\n  - {do: preflight}\n  - {do: gate}\n  - {do: build, roles: [root]}\n  \
        - {do: lint, roles: [root]}\n  - {do: review, roles: [root]}\n";
    let end = "  - {do: verify, roles: [root]}\n  - {do: export}\n  - {do: readback}\n  - {do: close}\n";
    let file = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let steps = format!("steps:\n{steps}{}{}{}{end}", sign("ana"), sign("bo"), sign("chi"));
    world.write("ceremony.yaml", format!("{file}{steps}").as_bytes());

    let said = world.ran(&["run", "ceremony.yaml", "--record", "record"], &[]).ended(3).out;

    let found = said.lines().position(|line| line.contains("error ECDSA-P384 at /signed/keys/")).unwrap();
    let lines: Vec<&str> = said.lines().skip(found).take(3).map(str::trim).collect();
    assert!(lines[0].ends_with(": an ECDSA key on P-384"), "{lines:?}");
    assert!(lines[1].starts_with("tough 0.24 refuses it: unknown variant"), "{lines:?}");
    assert!(lines[2].starts_with("tuf-js 4 refuses it: "), "{lines:?}");
    assert!(!said.contains("ROOT-FIRST-MISSING"), "{said}");
}

/// What clients know already is no news; a role that the key never had is.
#[test]
fn a_listed_key_on_p384_is_remarked_only_in_a_role_that_is_new_to_it() {
    let world = World::of(&with_p384(root(1, &[1, 2, 3], 2)), &public(3));
    let remarks = || -> Vec<String> {
        let check = ["--json", "check", "ceremony.yaml", "--at", NOW];
        let said = Said::of(&command().current_dir(world.dir.path()).args(check).output().unwrap()).ended(0);
        let document: Value = serde_json::from_str(&said.out).unwrap();
        let problems = document["problems"].as_array().unwrap().iter();
        let of_scheme = problems.filter(|problem| problem["rule"] == "scheme-not-everywhere");
        of_scheme.map(|problem| problem["text"].as_str().unwrap().to_owned()).collect()
    };
    let renewal = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    let p384 = PublicKey::read(&fs::read("tests/data/p384.pem").unwrap()).unwrap().keyid().0;
    let named = format!("keys:\n  hsm: {{keyid: \"{p384}\"}}\n");
    let named = renewal.replace("root-renewal", "key-rotation").replace("keys:\n", &named);
    let keys = "root: {version: 2, keys: [ana, bo, chi, hsm], threshold: 2, ";

    assert_eq!(remarks(), Vec::<String>::new());
    world.write("ceremony.yaml", named.replace("root: {version: 2, ", keys).as_bytes());
    let remarked = remarks();

    assert_eq!(remarked.len(), 1, "{remarked:?}");
    assert!(remarked[0].starts_with("key hsm of root is ecdsa-sha2-nistp384: "), "{remarked:?}");
}

#[test]
fn home_lists_the_requests_of_a_record_until_it_is_closed() {
    let world = World::new();
    let asked = |dir: &Path| -> Vec<PathBuf> {
        let nearby = nearby::look(dir, NOW.parse().unwrap()).unwrap();
        nearby.requests().map(|asked| asked.file.strip_prefix(dir).unwrap().to_owned()).collect()
    };

    let request = world.begun();

    let here = world.dir.path();
    assert_eq!(asked(here), [Path::new("record/requests/2.root.request")]);
    for (n, name) in [(1, "ana"), (2, "bo"), (3, "chi")] {
        world.write(&format!("answers/{name}.answer"), &answer(&request, n));
    }
    let (said, _) = world.resumed(&[("ana", "answers"), ("bo", "answers"), ("chi", "answers")]);
    said.ended(0);
    assert_eq!(asked(here), [Path::new("record/requests/2.root.request")], "the other record is closed");
}

#[test]
fn home_counts_what_the_journal_has_of_a_request_until_everybody_has_answered() {
    let world = World::new();
    let request = world.begun();
    let asked = || -> Vec<String> {
        let nearby = nearby::look(world.dir.path(), NOW.parse().unwrap()).unwrap();
        nearby.requests().map(|asked| asked.far().unwrap().1).collect()
    };
    let far =
        |signed: &str| vec![format!("request for root version 2, signed {signed} with the answers here")];

    let at_first = asked();
    let nearby = nearby::look(world.dir.path(), NOW.parse().unwrap()).unwrap();
    let mut open = nearby.requests().flat_map(|asked| asked.open());
    let says_how = open.any(|line| line.contains("keyrite resume") && line.contains("/record`"));
    world.write("answers/bo", &answer(&request, 2));
    world.went_on(&[("ana", "answers")]);
    let with_one = asked();
    world.write("answers/ana", &answer(&request, 1));
    world.write("answers/chi", &answer(&request, 3));
    world.ran(&["resume", "record"], &[("ana", "answers")]).ended(0);

    assert_eq!(at_first, far("0 of 2 and 0 of 2"));
    assert!(says_how, "its answers come in by `keyrite resume`");
    assert_eq!(with_one, far("1 of 2 and 1 of 2"));
    assert_eq!(asked(), Vec::<String>::new());
}

#[test]
fn merge_takes_a_directory_of_answers_as_the_ceremony_does() {
    let world = World::new();
    let request = world.begun();
    world.write("answers/ana.answer", &answer(&request, 1));
    world.write("answers/bo.sig", &signer(2).sign(request.metadata.payload()).to_bytes());
    let frames = carry::response(&Response::parse(&answer(&request, 3)).unwrap()).unwrap();
    world.write("answers/chi.png", &image::png(&frames[0]).unwrap());
    world.write("answers/a-photograph.png", &[&b"\x89PNG\r\n\x1a\n"[..], &[0; 40]].concat());
    world.write("answers/readme.txt", b"what came in on Tuesday");
    fs::create_dir_all(world.path("empty/folder")).unwrap();
    symlink("/nowhere/dora.answer", world.path("answers/dora.answer")).unwrap();
    let merge = |sent: &str, out: &str| {
        let args = ["merge", "record/requests/2.root.request", sent, "--out", out];
        Said::of(&command().current_dir(world.dir.path()).args(args).output().unwrap())
    };

    let said = merge("answers", "merged.json").ended(0).out;
    let nothing = merge("empty", "again.json").ended(2).err;

    for line in [
        "ana.answer: added the signature of Ana Duarte, key ana",
        "bo.sig: added the signature of Bo Lindqvist, key bo",
        "chi.png: added the signature of Chi Nwosu, key chi",
        "a-photograph.png: cannot be read as a signature: ",
        "readme.txt: cannot be read as a signature: ",
        "dora.answer: cannot be read as a signature: No such file",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let merged = Metadata::parse(&fs::read(world.path("merged.json")).unwrap()).unwrap();
    assert_eq!(merged.signatures().len(), 3);
    assert!(nothing.contains("empty: there is no file in it; nothing was written"), "{nothing}");
}

#[test]
fn an_operator_whose_only_key_is_elsewhere_is_told_why_nobody_types() {
    let world = World::new();
    let file = fs::read_to_string(world.path("ceremony.yaml")).unwrap();
    world.write("ceremony.yaml", file.replace("ana: {holder: ana,", "ana: {holder: oli,").as_bytes());
    let check = ["check", "ceremony.yaml", "--at", NOW];

    let said = Said::of(&command().current_dir(world.dir.path()).args(check).output().unwrap()).ended(1);

    let why = "Oli Berg is the operator, and only has key ana, which signs elsewhere";
    assert!(
        said.err.contains(why) && said.err.contains("let another participant be the operator"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("no participant in the room has the role operator"), "{}", said.err);
}
