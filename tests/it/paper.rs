//! What is printed: the script before, the record after.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use keyrite::paper;
use keyrite::paper::html;
use keyrite::plan::Plan;

use crate::common::keyrite::Changed;
use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::quickstart;
use crate::common::keyrite::rehearse_quickstart;
use crate::common::keyrite::resume_quickstart;
use crate::common::keyrite::text;

const NOW: &str = "2026-12-03T09:00:00Z";

/// `keyrite script` of a file, at the time of the examples.
fn script(file: &Path, more: &[&str]) -> Said {
    keyrite(&[&["script", text(file), "--at", NOW], more].concat())
}

/// The quickstart's file with some text replaced, beside its inputs.
fn changed(dir: &Path, from: &str, to: &str) -> PathBuf {
    let whole = fs::read_to_string(quickstart().join("ceremony.yaml")).unwrap();
    let file = dir.join("ceremony.yaml");
    let with = whole.replace(from, to);
    assert_ne!(with, whole);
    fs::write(&file, with).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .args([quickstart().join("inputs"), dir.join("inputs")])
        .status()
        .unwrap();
    assert!(copied.success());
    file
}

/// The pages of an HTML file as a printer would make them.
fn printed(html: &Path) -> Vec<String> {
    let pdf = html.with_extension("pdf");
    let done =
        Command::new("weasyprint").args([html, &pdf]).output().expect("weasyprint is installed by ./test");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let done = Command::new("pdftotext").arg("-layout").args([&pdf, Path::new("-")]).output().unwrap();
    let pages = String::from_utf8(done.stdout).unwrap();
    pages.split_terminator('\u{c}').map(str::to_owned).collect()
}

#[test]
fn the_script_of_the_quickstart_is_what_people_reviewed() {
    let said = script(&quickstart().join("ceremony.yaml"), &[]).ended(0);

    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/paper"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("script", said.out);
    });
}

/// The script and `check` number the same steps with the same instructions.
#[test]
fn the_script_has_every_step_that_check_proves_with_its_number() {
    for ceremony in ["quickstart", "rotation", "compromise", "delegation", "targets", "renewal"] {
        let file = quickstart().with_file_name(ceremony).join("ceremony.yaml");
        let page = script(&file, &[]).ended(0).out;
        let proven = keyrite(&["check", text(&file), "--at", NOW, "--json"]).ended(0).out;
        let proven: serde_json::Value = serde_json::from_str(&proven).unwrap();

        let mut rest = page.as_str();
        for (number, step) in (1..).zip(proven["plan"]["steps"].as_array().unwrap()) {
            let instruction = step["instruction"].as_str().unwrap().replace('\'', "&#39;");
            let row = format!("<td class=\"no\">{number}</td><td><p>{instruction}</p>");
            rest = rest.split_once(&row).unwrap_or_else(|| panic!("{ceremony}: no {row}")).1;
        }
        assert!(!rest.contains("<td class=\"no\">"), "{ceremony} has a step too many");
        let gate = page.find("POINT OF NO RETURN").unwrap();
        let first_signature = page.find("<p>Sign ").unwrap();
        assert!(gate < first_signature, "{ceremony}");
    }
}

/// The reader refuses characters that act; the page would not let one through either.
#[test]
fn no_text_of_the_file_becomes_markup_or_turns_a_line() {
    const EVIL: &str = "</td><script>alert('o')</script>\u{202e}greB \u{2066}\u{7}&amp;\"";
    let file = fs::read_to_string(quickstart().join("ceremony.yaml")).unwrap();
    let mut plan = Plan::read(&file, None).unwrap();
    plan.id = EVIL.to_owned();
    plan.title = EVIL.to_owned();
    plan.people.iter_mut().for_each(|person| (person.name, person.role) = (EVIL.to_owned(), EVIL.to_owned()));
    plan.keys.iter_mut().for_each(|key| (key.name, key.holder) = (EVIL.to_owned(), None));
    for step in &mut plan.steps {
        (step.id, step.text, step.section) = (EVIL.to_owned(), Some(EVIL.to_owned()), Some(EVIL.to_owned()));
        (step.by, step.confirm) = (EVIL.to_owned(), vec![EVIL.to_owned()]);
    }

    let page = html::page(&paper::script(&plan));

    assert!(page.contains(
        "&lt;/td&gt;&lt;script&gt;alert(&#39;o&#39;)&lt;/script&gt;\\u{202e}greB \\u{2066}\\u{7}&amp;amp;&quot;"
    ));
    let shown = |c: char| c == '\n' || !keyrite::words::acts(c);
    assert!(page.chars().all(shown) && !page.contains("<script"));
    assert!(page.contains(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
    ));
    assert!(!page.contains("href=") && !page.contains("src=") && !page.contains("url("));
}

#[test]
fn the_digest_of_the_file_is_on_every_page_in_print() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("script.html");
    let file = quickstart().join("ceremony.yaml");
    let sum = Command::new("sha256sum").arg(&file).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();

    script(&file, &["--out", text(&out)]).ended(0);

    let pages = printed(&out);
    assert!(pages.len() > 5);
    for (number, page) in (1..).zip(&pages) {
        assert!(page.contains(&sum), "{page}");
        assert!(
            page.contains("1 necklace molecule rhythm tradition ... 8 tycoon autopsy swelter tolerance"),
            "{page}"
        );
        assert!(page.contains(&format!("{number} of {}", pages.len())), "{page}");
    }
}

#[test]
fn a_page_is_never_written_over_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("script.html");
    fs::write(&out, "mine").unwrap();

    let said = script(&quickstart().join("ceremony.yaml"), &["--out", text(&out)]).ended(2);

    assert!(said.err.contains("nothing was written"), "{}", said.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
}

#[test]
fn json_names_the_page_and_its_digests() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("script.html");

    let said = script(&quickstart().join("ceremony.yaml"), &["--out", text(&out), "--json"]).ended(0);

    let said: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let sum = Command::new("sha256sum").arg(&out).output().unwrap();
    assert_eq!(said["out"], text(&out));
    assert_eq!(said["sha256"], String::from_utf8(sum.stdout).unwrap()[..64]);
    assert_eq!(said["plan"].as_str().unwrap().len(), 64);
}

#[test]
fn a_file_that_does_not_hold_has_no_script() {
    let dir = tempfile::tempdir().unwrap();
    let file = changed(dir.path(), "threshold: 2}", "threshold: 4}");

    let said = script(&file, &[]).ended(1);

    assert!(said.out.is_empty());
    assert!(said.err.contains("threshold"), "{}", said.err);
}

/// The record of a whole rehearsal of the quickstart.
fn rehearsed(dir: &Path) -> PathBuf {
    let record = dir.join("record");
    Said::of(&rehearse_quickstart(&record).output().unwrap()).ended(0);
    record
}

/// The numbers of the steps with their instructions, as a page has them.
fn numbered(page: &str) -> Vec<&str> {
    page.split("<td class=\"no\">").skip(1).map(|row| row.split("</p>").next().unwrap()).collect()
}

#[test]
fn the_record_has_the_numbers_and_the_words_of_the_script() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let script = script(&quickstart().join("ceremony.yaml"), &[]).ended(0).out;

    let page = keyrite(&["record", text(&record)]).ended(0).out;

    assert_eq!(numbered(&page), numbered(&script));
    let steps = numbered(&page).len();
    assert!(steps > 25);
    assert_eq!(page.matches("<td class=\"tick\"><span>x</span></td>").count(), steps);
    assert_eq!(fs::read_to_string(record.join("record.html")).unwrap().trim_end(), page.trim_end());
    let text = fs::read_to_string(record.join("record.txt")).unwrap();
    for row in numbered(&script) {
        let (number, words) = row.split_once("</td><td><p>").unwrap();
        let first: Vec<_> = words.split(' ').take(4).collect();
        assert!(text.contains(&format!("{number:>4} [x] {}", first.join(" "))), "{row}");
    }
}

/// What was made, who signed, what left the room, and every digest as words.
#[test]
fn the_record_says_what_the_journal_says() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let journal = fs::read_to_string(record.join("journal.jsonl")).unwrap();
    let text = fs::read_to_string(record.join("record.txt")).unwrap().replace("REHEARSAL ", "");
    let page = fs::read_to_string(record.join("record.html")).unwrap();

    let joined: String = text.split_whitespace().collect();
    for line in journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        let what = &line["what"];
        assert!(page.contains(line["at"].as_str().unwrap()));
        for hex in
            [&what["keyid"], &what["manifest"], &what["sha256"]].into_iter().filter_map(|hex| hex.as_str())
        {
            assert!(joined.contains(hex), "{hex} of {} is not in the text", what["event"]);
            let digest = keyrite::words::Digest::from_hex(hex).unwrap();
            if matches!(what["event"].as_str().unwrap(), "built" | "exported") {
                assert!(page.contains(&digest.lines().join("\n")), "the words of {}", what["event"]);
            }
        }
    }
    let head = keyrite(&["journal", "head", crate::common::keyrite::text(&record), "--json"]).ended(0).out;
    let head: serde_json::Value = serde_json::from_str(&head).unwrap();
    let head = keyrite::words::Digest::from_hex(head["head"].as_str().unwrap()).unwrap();
    assert!(page.contains(&keyrite::qr::svg(&head.hex())) && page.contains(&head.lines().join("\n")));
}

#[test]
fn a_rehearsal_says_so_on_every_page_and_every_line_of_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());

    let text = fs::read_to_string(record.join("record.txt")).unwrap();

    assert!(text.lines().all(|line| line.starts_with("REHEARSAL") && line.chars().count() <= 80), "{text}");
    let pages = printed(&record.join("record.html"));
    assert!(pages.len() > 5);
    for page in pages {
        assert!(page.contains("REHEARSAL"), "{page}");
        assert!(page.contains("Journal head SHA-256 "), "{page}");
    }
}

#[test]
fn what_nobody_planned_stands_on_the_first_page_with_its_step() {
    let (changed, _) = Changed::rehearsal("an example for chi only", "short", 5);
    resume_quickstart(&changed.record).ended(0);

    let text = fs::read_to_string(changed.record.join("record.txt")).unwrap();

    let (_, exceptions) = text.split_once(" Exceptions\n").unwrap();
    let (exceptions, _) = exceptions.split_once(" The file\n").unwrap();
    assert!(exceptions.contains("7 generate-key-chi\n"), "{exceptions}");
    assert!(exceptions.contains("failed: a passphrase has at least 8"), "{exceptions}");
    assert!(text.contains("! 2026-12-03T09:00:00Z failed: a passphrase"), "{text}");
    assert!(!text.contains("There were none."));
}

/// A stop belongs to no step: people stopped before the step that came next.
#[test]
fn a_stop_stands_with_the_step_that_came_next() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let whole = keyrite::journal::read(&fs::read(record.join("journal.jsonl")).unwrap()).unwrap();
    let mut events: Vec<_> = whole.entries.iter().map(|entry| entry.what.clone()).collect();
    let next = events.iter().position(|event| event.step() == Some("sign-root-targets-bo")).unwrap();
    events.insert(next, keyrite::ceremony::Event::Stopped { why: "the fire bell rang".to_owned() });
    let (mut lines, mut head) = (String::new(), keyrite::journal::NOTHING_BEFORE);
    for event in &events[..next + 3] {
        let (line, made) = keyrite::journal::encode(whole.entries[0].at, head, event).unwrap();
        (lines, head) = (lines + &line, made);
    }
    let journal = keyrite::journal::read(lines.as_bytes()).unwrap();
    let plan = Plan::read(&fs::read_to_string(record.join("ceremony.yaml")).unwrap(), None).unwrap();
    let ceremony = keyrite::journal::replay(&journal, plan.into()).unwrap();

    let text = keyrite::paper::text::page(&paper::record(&journal, &ceremony)).replace("REHEARSAL ", "");

    assert!(text.contains("\n13 sign-root-targets-bo\n    time          2026-12-03T09:00:00Z\n    what happened stopped: the fire bell rang\n"), "{text}");
    assert!(text.contains("  14 [ ] Sign root"), "{text}");
}

#[test]
fn a_record_under_way_says_what_is_not_done() {
    let (changed, _) = Changed::rehearsal("  chi:", "  che:", 3);

    let page = keyrite(&["record", text(&changed.record)]).ended(0).out;

    assert!(!changed.record.join("record.html").exists());
    assert!(page.contains("NOT FINISHED"));
    assert_eq!(page.matches("<td class=\"tick\"><span>x</span></td>").count(), 6);
    assert_eq!(page.matches(">not done<").count(), numbered(&page).len() - 6);
}

#[test]
fn no_record_is_written_of_a_journal_that_does_not_hold() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let journal = record.join("journal.jsonl");
    let bent = fs::read_to_string(&journal).unwrap().replacen("\"ana\"", "\"bo\"", 1);
    fs::write(&journal, bent).unwrap();
    let out = dir.path().join("out.html");

    keyrite(&["record", text(&record), "--out", text(&out)]).ended(6);

    assert!(!out.exists());
}

/// A crash between the last line and the papers: `resume` writes them, and the same.
#[test]
fn papers_that_a_crash_left_out_are_written_by_resume_and_changed_ones_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    for name in ["record.html", "record.txt"] {
        let path = record.join(name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();

        resume_quickstart(&record).ended(0);

        assert_eq!(fs::read(&path).unwrap(), whole);
        fs::write(&path, [&whole[..], b" "].concat()).unwrap();
        let said = keyrite(&["journal", "verify", text(&record)]).ended(6);
        assert!(said.err.contains(&format!("{name} is not what the journal says")), "{}", said.err);
        fs::write(&path, whole).unwrap();
    }
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}

/// What people say of it stands in the record, also what does not please; who said nothing signs on paper.
#[test]
fn statements_stand_in_the_record_with_their_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let record = rehearsed(dir.path());
    let journal = keyrite::journal::read(&fs::read(record.join("journal.jsonl")).unwrap()).unwrap();
    let mut agreed: Vec<_> = journal.entries.iter().map(|entry| entry.what.clone()).collect();
    for event in &mut agreed {
        if let keyrite::ceremony::Event::Stated { by, agree, words, .. } = event
            && by == "wim"
        {
            (*agree, *words) = (false, "The door <b>stood</b> open".to_owned());
        }
    }
    let (mut lines, mut head) = (String::new(), keyrite::journal::NOTHING_BEFORE);
    for event in &mut agreed {
        if let keyrite::ceremony::Event::Checkpoint { head: shown, .. } = event {
            *shown = head.hex();
        }
        let (line, made) = keyrite::journal::encode(journal.entries[0].at, head, event).unwrap();
        (lines, head) = (lines + &line, made);
    }
    let journal = keyrite::journal::read(lines.as_bytes()).unwrap();
    let plan = Plan::read(&fs::read_to_string(record.join("ceremony.yaml")).unwrap(), None).unwrap();
    let ceremony = keyrite::journal::replay(&journal, plan.into()).unwrap();

    let page = html::page(&paper::record(&journal, &ceremony));

    assert!(
        page.contains(
            "<td>Wim Peeters</td><td>DOES NOT AGREE</td><td>The door &lt;b&gt;stood&lt;/b&gt; open</td>"
        ),
        "{page}"
    );
    assert!(page.contains("<td>Ana Duarte</td><td>agrees</td>"), "{page}");
}

/// Each ceremony that is shipped, target files from the inputs included: what is written at the close is what whoever
/// verifies the record derives, without the inputs.
#[test]
fn the_papers_of_every_ceremony_follow_from_its_record_alone() {
    for ceremony in ["quickstart", "rotation", "compromise", "delegation", "targets", "renewal"] {
        let (dir, from) = (tempfile::tempdir().unwrap(), quickstart().with_file_name(ceremony));
        let record = dir.path().join("record");
        let (file, answers) = (from.join("ceremony.yaml"), from.join("answers.yaml"));
        crate::common::keyrite::run_by_file(&file, &answers, &record, &["--rehearse"]).ended(0);

        keyrite(&["journal", "verify", text(&record)]).ended(0);

        let page = keyrite(&["record", text(&record)]).ended(0).out;
        assert_eq!(
            fs::read_to_string(record.join("record.html")).unwrap().trim_end(),
            page.trim_end(),
            "{ceremony}"
        );
    }
}

/// The map from requirement to evidence names only events that the journal can hold.
#[test]
fn the_map_of_evidence_names_only_events_that_exist() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/assurance.md")).unwrap();
    let (_, map) = page.split_once("## From requirement to evidence").unwrap();
    let rows: Vec<_> = map.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let unknown = |name: &str| {
        let tried = serde_json::from_value::<keyrite::ceremony::Event>(serde_json::json!({ "event": name }));
        tried.is_err_and(|error| error.to_string().contains("unknown variant"))
    };

    assert!(rows.len() > 15 && unknown("key-found") && !unknown("key-generated"));
    for row in rows {
        let cells: Vec<_> = row.split('|').collect();
        for name in cells[2].split('`').skip(1).step_by(2) {
            assert!(!unknown(name), "{name} of {row}");
        }
        assert!(cells[2].contains('`') || cells[2].contains("every event"), "{row}");
        assert!(cells[3].contains('`'), "{row}");
    }
}

/// The script was printed beside the inputs, the record has none of them: it says what was built.
#[test]
fn the_record_has_the_changes_of_the_script_to_the_last_file() {
    let dir = tempfile::tempdir().unwrap();
    let ceremony = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/targets");
    let (file, answers, record) =
        (ceremony.join("ceremony.yaml"), ceremony.join("answers.yaml"), dir.path().join("record"));
    let run = ["run", text(&file), "--rehearse", "--plain", "--answers", text(&answers)];
    keyrite(&[&run[..], &["--record", text(&record)]].concat()).ended(0);
    let script = keyrite(&["script", text(&file), "--at", "2027-06-10T09:00:00Z"]).ended(0).out;

    let page = keyrite(&["record", text(&record)]).ended(0).out;

    for line in ["+ file release-2.txt", "files: 1 added, 0 removed, 0 changed", "version 1 -&gt; 2"] {
        assert!(script.contains(line) && page.contains(line), "{line}");
        assert!(fs::read_to_string(record.join("record.html")).unwrap().contains(line));
    }
    assert!(fs::read_to_string(record.join("record.txt")).unwrap().contains("+ file release-2.txt"));
    keyrite(&["journal", "verify", text(&record)]).ended(0);
}
