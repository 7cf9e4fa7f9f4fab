//! What is printed: the script before, the record after.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use keyrite::paper;
use keyrite::paper::html;
use keyrite::plan::Plan;

use crate::common::keyrite::Said;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::quickstart;
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
    std::os::unix::fs::symlink(quickstart().join("inputs"), dir.join("inputs")).unwrap();
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
