//! A ceremony that splits a key, hands out its shares and proves them, line by line.

use std::fs;

use keyrite::driver::shares::share_at;

use super::world::World;
use super::world::forged;
use super::world::plan;
use super::world::rehearsed;
use super::world::rows;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;
use crate::common::terminal::talk;

#[test]
fn a_whole_rehearsal_hands_out_three_shares_and_proves_each_of_them() {
    let world = World::new();
    let typed = rows(&rehearsed(&plan(), "ana", 2)).join(" ");
    // Bo's comes from the simulated key, Oli types his, Wim's is the printed one, scanned.
    world.answers(&format!("oli: {typed}, wim: record/drives/RED/ana-share-3.png"));

    world.run("record", &["--rehearse"]).ended(0);

    let journal = world.journal("record");
    for line in [
        r#""event":"key-shared","step":"share-key-ana-bo","key":"ana","to":"bo","index":1,"threshold":2,"of":3}"#,
        r#""event":"key-shared","step":"share-key-ana-wim","key":"ana","to":"wim","index":3,"threshold":2,"of":3,"drive":"red"}"#,
        r#""shares":["bo","oli","wim"]}"#,
    ] {
        assert!(journal.contains(line), "{line}: {journal}");
    }
    keyrite(&["journal", "verify", text(&world.at("record"))]).ended(0);
}

#[test]
fn nothing_that_is_left_or_said_holds_anything_of_a_share_but_its_page() {
    let world = World::new();
    world.answers("");
    let said = world.run("record", &["--rehearse"]).ended(0);

    for index in 1..=3 {
        let share = rehearsed(&plan(), "ana", index);
        // The first rows are of which key it is, and the first of the text.
        let (text, rows) = (share.text()[40..60].to_owned(), rows(&share)[4..].to_vec());
        let holds = |bytes: &[u8]| {
            let row = |row: &String| memchr::memmem::find(bytes, row.as_bytes()).is_some();
            memchr::memmem::find(bytes, text.as_bytes()).is_some() || rows.iter().any(row)
        };
        assert!(!holds(said.out.as_bytes()) && !holds(said.err.as_bytes()));
        for (path, bytes) in tree(&world.at("record")) {
            assert!(path.starts_with("drives/RED") || !holds(&bytes), "{}", path.display());
        }
    }
}

#[test]
fn what_is_on_the_drive_is_one_share_as_page_code_and_text() {
    let world = World::new();
    world.answers("");
    world.run("record", &["--rehearse"]).ended(0);
    let drive = world.at("record/drives/RED");
    let share = rehearsed(&plan(), "ana", 3);

    let mut names: Vec<_> = fs::read_dir(&drive).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();

    assert_eq!(names, ["ana-share-3.html", "ana-share-3.png", "ana-share-3.txt"]);
    for name in ["ana-share-3.png", "ana-share-3.txt"] {
        assert!(*share_at(&drive.join(name)).unwrap().text() == *share.text(), "{name}");
    }
    let page = fs::read_to_string(drive.join("ana-share-3.html")).unwrap();
    for said in ["REHEARSAL", "For Wim Peeters alone.", "<svg", rows(&share)[5].split(' ').next().unwrap()] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "it runs or fetches something");
}

#[test]
fn a_share_of_someone_else_of_another_key_or_with_a_wrong_bit_stops_the_drill_and_is_named() {
    let of = |key, index| rehearsed(&plan(), key, index).text().to_string();
    let wrong = forged(&rehearsed(&plan(), "ana", 2));
    for (shares, why) in [
        (
            format!("bo: {}", of("ana", 2)),
            "what Bo Lindqvist gave is not this share: it is REHEARSED share 2 of 3",
        ),
        (
            format!("oli: {}", of("bo", 2)),
            "what Oli Berg gave is not this share: it is REHEARSED share 2 of 3",
        ),
        (format!("oli: {wrong}"), "share 2 does not belong to the others, though its checksum fits"),
        (format!("oli: {wrong}"), ", held by Oli Berg. The key did not sign"),
        (
            "wim: nowhere.png".to_owned(),
            "what Wim Peeters gave is not this share: the file that was named: No such file",
        ),
        (format!("wim: {}", of("ana", 3).replace(":QE", ":QI")), "it is not as it was written"),
    ] {
        let world = World::new();
        world.answers(&shares);

        let said = world.run("record", &["--rehearse"]).ended(1);

        assert!(said.err.contains(why), "{why}: {}", said.err);
        assert!(!world.journal("record").contains("\"drilled\""));
        world.answers("");
        world.resume("record").ended(0);
    }
}

#[test]
fn words_that_are_typed_where_a_file_is_named_never_reach_the_journal() {
    let world = World::new();
    world.answers("bo: minnow inferno gremlin Babylon");

    let said = world.run("record", &["--rehearse"]).ended(1);

    let journal = fs::read_to_string(world.at("record/journal.jsonl")).unwrap();
    assert!(journal.contains("what Bo Lindqvist gave is not this share: "), "{journal}");
    for secret in ["minnow inferno", "inferno gremlin", "gremlin Babylon"] {
        assert!(
            !journal.contains(secret) && !said.err.contains(secret) && !said.out.contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn cut_off_while_a_share_is_made_it_hands_out_the_same_one_and_ends_in_the_same_journal() {
    let world = World::new();
    world.answers("");
    world.run("whole", &["--rehearse"]).ended(0);

    let said = world.run("cut", &["--rehearse", "--fault", "power-cut"]).ended(4);
    assert!(said.err.contains("REHEARSED FAULT: the power failed"), "{}", said.err);
    world.resume("cut").ended(0);

    let page = |record: &str| fs::read(world.at(record).join("drives/RED/ana-share-3.txt")).unwrap();
    assert!(page("whole") == page("cut"));
    let without_close = |record: &str| {
        let journal = world.journal(record);
        journal.lines().rev().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_close("whole"), without_close("cut"));
}

#[test]
fn a_page_that_a_run_before_wrote_stays_and_another_one_is_in_the_way() {
    let world = World::new();
    world.answers("");
    world.run("whole", &["--rehearse"]).ended(0);
    let page = fs::read(world.at("whole/drives/RED/ana-share-3.html")).unwrap();
    let drive = world.at("record/drives/RED");
    world.run("record", &["--rehearse", "--fault", "power-cut"]).ended(4);
    fs::create_dir_all(&drive).unwrap();
    fs::write(drive.join("ana-share-3.html"), &page).unwrap();
    fs::write(drive.join("ana-share-3.png"), "another one").unwrap();

    let said = world.resume("record").ended(4);

    assert!(said.err.contains("ana-share-3.png: File exists"), "{}", said.err);
    fs::remove_file(drive.join("ana-share-3.png")).unwrap();
    world.resume("record").ended(0);
    assert!(fs::read(drive.join("ana-share-3.html")).unwrap() == page);
}

#[test]
fn a_file_of_answers_writes_no_real_share_down() {
    let world = World::new();
    world.answers("");

    let said = world.run("record", &[]).ended(3);

    assert!(said.err.contains("writes no share down; let the step name a `drive`"), "{}", said.err);
    assert!(!world.journal("record").contains("key-shared"));
    keyrite(&["journal", "verify", text(&world.at("record"))]).ended(0);
}

/// What people type from the start of the drill's ceremony to the first share.
fn until_the_shares() -> Vec<(&'static str, &'static str)> {
    const ENTER: (&str, &str) = ("`stop` stops: ", "\n");
    let secret = [("Enter begins", "\n"), ("nobody looks): ", "open sesame\n")];
    let new = [secret[0], secret[1], ("once more: ", "open sesame\n")];
    let key = |asked: &mut Vec<(&'static str, &'static str)>| {
        asked.push(ENTER);
        asked.extend(new);
    };
    let mut asked = vec![ENTER; 6];
    (0..3).for_each(|_| key(&mut asked));
    asked.push(ENTER);
    asked.extend(secret);
    asked
}

const ARGS: [&str; 6] = ["run", "ceremony.yaml", "--rehearse", "--plain", "--record", "record"];

#[test]
fn line_by_line_a_share_is_shown_alone_and_leaves_nothing_on_the_terminal() {
    let world = World::new();
    let rows = rows(&rehearsed(&plan(), "ana", 1));
    let mut asked = until_the_shares();
    asked.extend([
        ("This is for Bo Lindqvist alone; the others look away. Enter shows it", "\n"),
        ("`later` when it is not: ", "later\n"),
        ("This is for Bo Lindqvist alone", "\n"),
        ("`later` when it is not: ", "\n"),
        ("Bo Lindqvist has share 1 of 3 of key ana", ""),
        ("`stop` stops: ", "stop\n"),
        ("Why? ", "enough\n"),
    ]);

    let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &ARGS, world.dir.path(), &asked);

    assert_eq!(ended.code, 3, "{}", ended.shown);
    let words = |row: &String| row.split_whitespace().collect::<Vec<_>>().join(" ");
    let sent = ended.shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(rows.iter().all(|row| sent.contains(&words(row))), "it was shown: {}", ended.shown);
    // What a terminal of 24 rows has kept of it, with a thousand lines above.
    let size = std::num::NonZeroU16::new;
    let mut terminal = vt100::Parser::new(size(24).unwrap(), size(200).unwrap(), 1000);
    terminal.process(ended.shown.as_bytes());
    let mut kept = String::new();
    for above in (0..=1000).rev() {
        terminal.screen_mut().set_scrollback(above);
        kept.push_str(&terminal.screen().contents());
    }
    assert!(kept.contains("Bo Lindqvist has share 1 of 3"), "{kept}");
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!rows[2..].iter().any(|row| kept.contains(&words(row))), "{kept}");
}

#[test]
fn where_what_is_said_goes_into_a_file_no_share_is_shown() {
    let world = World::new();
    let run = format!("{} {} | cat", env!("CARGO_BIN_EXE_keyrite"), ARGS.join(" "));
    let mut asked = until_the_shares();
    asked.push(("This is for Bo Lindqvist alone; the others look away. Enter shows it", "\n"));

    let ended = talk("sh", &["-c", &run], world.dir.path(), &asked);

    assert!(ended.shown.contains("a share is shown on a terminal alone"), "{}", ended.shown);
    // One word alone may be one of the journal's head.
    let row = &rows(&rehearsed(&plan(), "ana", 1))[5];
    let (row, shown): (Vec<_>, Vec<_>) =
        (row.split_whitespace().collect(), ended.shown.split_whitespace().collect());
    assert!(row.len() == 4 && !shown.windows(4).any(|some| some == row), "{}", ended.shown);
}

#[test]
fn line_by_line_every_share_is_typed_back_and_a_mistake_is_named_before_anything_is_judged() {
    let world = World::new();
    let plan = plan()
        .replace("  - {do: mount-drive, drive: red}\n", "")
        .replace("to: wim, drive: red, ", "to: wim, ");
    let plan = plan.replace("  - {do: eject-drive, drive: red}\n", "");
    let plan = plan.replace("materials:\n  drives: {red: {label: RED}}\n", "");
    fs::write(world.at("ceremony.yaml"), &plan).unwrap();
    let mut asked: Vec<(String, String)> =
        until_the_shares().into_iter().map(|(ask, answer)| (ask.to_owned(), answer.to_owned())).collect();
    let mut push = |ask: &str, answer: &str| asked.push((ask.to_owned(), answer.to_owned()));
    for (n, name) in ["Bo Lindqvist", "Oli Berg", "Wim Peeters"].into_iter().enumerate() {
        if n > 0 {
            push("`stop` stops: ", "\n");
            push("Enter begins", "\n");
            push("nobody looks): ", "open sesame\n");
        }
        push(&format!("This is for {name} alone"), "\n");
        push("`later` when it is not: ", "\n");
    }
    for (index, name) in (1..).zip(["Bo Lindqvist", "Oli Berg", "Wim Peeters"]) {
        push(
            &format!("{name}: Enter, and then the words of the share; or the name of a file with it: "),
            "\n",
        );
        for (n, row) in rows(&rehearsed(&plan, "ana", index)).iter().enumerate() {
            if n == 3 {
                push(&format!("Row {}: ", n + 1), "aardvark\n");
                push("A row has 4 words, and these are 1. Type this row again.", "");
            }
            push(&format!("Row {}: ", n + 1), &format!("{row}\n"));
        }
    }
    push("key ana came back from its 3 shares, each of them proven, and signs", "");
    push("`stop` stops: ", "stop\n");
    push("Why? ", "enough\n");
    let asked: Vec<(&str, &str)> =
        asked.iter().map(|(ask, answer)| (ask.as_str(), answer.as_str())).collect();

    let ended = talk(env!("CARGO_BIN_EXE_keyrite"), &ARGS, world.dir.path(), &asked);

    assert_eq!(ended.code, 3, "{}", ended.shown);
    assert!(world.journal("record").contains(r#""shares":["bo","oli","wim"]"#));
}
