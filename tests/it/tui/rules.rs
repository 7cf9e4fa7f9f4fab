//! What the screen promises, apart from how it looks.

use std::fs;
use std::path::Path;

use keyrite::driver::Ask;
use keyrite::driver::Body;
use keyrite::driver::StopKind;
use keyrite::tui::app::Stage as At;
use keyrite::tui::code::Code;
use keyrite::tui::message::Message;
use keyrite::words::Digest;

use crate::tui::stage::Stage;
use crate::tui::stage::styles;

fn wants_a_secret(ask: &Ask) -> bool {
    matches!(ask, Ask::Secret(_))
}

#[test]
fn leaving_the_review_leaves_a_record_with_one_line() {
    let mut stage = Stage::new();

    stage.press("q");

    let stop = stage.left.take().unwrap().unwrap_err();
    assert_eq!(stop.kind, StopKind::People);
    assert_eq!(stage.journal().lines().count(), 1);
}

#[test]
fn stopping_is_recorded_with_its_reason_and_only_after_the_word() {
    let mut stage = Stage::new();
    stage.begin();
    stage.press("qthe fire alarm? yes<enter>stoop<enter>");
    assert!(stage.left.is_none());

    stage.press("<back><back>p<enter>");

    assert_eq!(stage.left.take().unwrap().unwrap_err().kind, StopKind::People);
    assert!(
        stage.journal().lines().last().unwrap().contains(r#""event":"stopped","why":"the fire alarm? yes""#)
    );
}

#[test]
fn escape_goes_on_with_the_ceremony() {
    let mut stage = Stage::new();

    stage.press("<read><enter>qreason<enter>stop<esc>");

    assert!(stage.left.is_none() && stage.app.window.is_none());
    assert_eq!(stage.journal().lines().count(), 1);
}

#[test]
fn no_key_works_while_the_driver_does() {
    let mut stage = Stage::new();
    stage.begin();
    stage.app.stage = At::Busy("the token is working");

    stage.press("<enter><enter>q<esc>n<c-c>");

    assert!(matches!(stage.app.stage, At::Busy(_)) && stage.app.window.is_none() && stage.left.is_none());
    assert_eq!(stage.journal().lines().count(), 1);
}

#[test]
fn nobody_answers_what_cannot_be_seen() {
    let mut stage = Stage::new();
    stage.begin();
    stage.draw(79, 24);

    stage.press("<enter>q");
    assert_eq!(stage.journal().lines().count(), 1);

    stage.draw(80, 24);
    stage.press("<enter>");
    assert_eq!(stage.journal().lines().count(), 2);
}

#[test]
fn a_review_goes_on_only_when_its_end_was_on_the_screen() {
    let mut stage = Stage::new();
    stage.until("review-root-targets", |ask| matches!(ask, Ask::Continue));
    let lines = stage.journal().lines().count();

    stage.press("<enter>");
    assert_eq!((stage.journal().lines().count(), stage.app.scroll > 0), (lines, true));

    stage.press("<read><enter>");
    assert_eq!(stage.journal().lines().count(), lines + 2);
}

#[test]
fn to_jump_to_the_end_is_not_to_read_it() {
    let mut stage = Stage::new();

    stage.press("<end>");
    let end = stage.app.scroll;
    assert!(stage.app.reads_on());

    // Enter goes back to what was passed over, and on from there.
    stage.press("<enter>");
    assert!(stage.app.reads_on() && (1..end).contains(&stage.app.scroll), "{} of {end}", stage.app.scroll);
    stage.press("<enter>");
    let second = stage.app.scroll;

    // In a window of another width the lines are others, and none of them was read.
    stage.draw(100, 24);
    assert_eq!((stage.app.reads_on(), stage.app.scroll), (true, 0));
    stage.press("<read>");
    assert!(stage.app.scroll > second && matches!(stage.app.stage, At::Review));

    // What was read stays read.
    stage.draw(80, 24);
    stage.press("<home><enter>");
    assert!(!matches!(stage.app.stage, At::Review));
}

/// Everything that is signed is read at the step that signs it, by whoever is about to type; after a slip it was read.
#[test]
fn the_field_for_a_pin_opens_when_the_difference_was_read_to_its_end_and_the_whole_digest_stands_beside_it() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);
    let Body::Review { lines, digests } = stage.prompt().body.clone() else { panic!("nothing to read") };
    let last = lines.last().unwrap().trim().to_owned();
    let beside = |stage: &mut Stage| {
        let shown = stage.draw(80, 24).to_string();
        digests[0].1.words().iter().all(|word| shown.contains(word)) && shown.contains("> ")
    };
    let mut pages = 0;

    while stage.app.reads_on() {
        assert!(!stage.draw(80, 24).to_string().contains(&last));
        stage.press("<enter>");
        pages += 1;
    }
    assert!(pages > 1 && stage.draw(80, 24).to_string().contains(&last));
    assert!(matches!(stage.app.stage, At::Waiting));
    stage.press("<enter>");
    assert!(beside(&mut stage));

    let scene = Message::Scene(Box::new(stage.app.scene.clone()), None);
    stage.app.update(scene);
    stage.press("<enter>");
    assert!(matches!(stage.app.stage, At::Typing(_)), "it was read, and is not read again after a slip");
    for warning in
        ["wrong PIN for token ROOT-BO", "ONE TRY LEFT for token ROOT-BO: a wrong PIN locks it", "more"]
    {
        stage.show(|prompt| prompt.warnings.push(warning.repeat(2)));
        stage.press("<enter>");
        assert!(beside(&mut stage), "{warning}");
    }
}

#[test]
fn the_plan_is_read_to_its_end_before_the_first_step() {
    let mut stage = Stage::new();
    let mut pages = 0;

    while matches!(stage.app.stage, At::Review) {
        stage.press("<enter>");
        pages += 1;
    }

    assert!(pages > 2, "{pages}");
    let mut tall = Stage::new();
    tall.draw(80, 400);
    tall.press("<enter>");
    assert!(matches!(tall.app.stage, At::Waiting));
}

#[test]
fn the_words_are_off_the_screen_while_two_of_them_are_typed() {
    let mut stage = Stage::new();
    stage.until("read-aloud-plan", |ask| matches!(ask, Ask::TypeBack { .. }));
    let digest = Digest::of(crate::tui::stage::PLAN.as_bytes());

    for (width, height) in [(80, 24), (200, 60)] {
        let shown = stage.draw(width, height).to_string();

        for word in digest.words() {
            assert!(!shown.contains(&format!(" {word} ")), "{word} is shown");
        }
        assert!(!shown.contains(&digest.hex()[8..16]) && !shown.contains('\u{2580}'));
    }
}

#[test]
fn a_secret_is_never_drawn() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);
    stage.press("<enter>hunter22");

    let shown = stage.draw(200, 60).to_string();
    assert!(shown.contains("********") && !shown.contains("hunter"));

    stage.press("<enter>hunter23<enter>");
    let shown = stage.draw(200, 60).to_string();
    assert!(shown.contains("The two differ") && !shown.contains("hunter"));
}

#[test]
fn question_marks_and_commands_are_part_of_a_passphrase() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);

    stage.press("<enter>q? n c k p<enter>q? n c k p<enter>");

    assert!(stage.journal().contains("key-generated"));
}

#[test]
fn escape_empties_the_field_of_a_secret() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);

    stage.press("<enter>some secret<esc><enter>");

    assert!(stage.draw(80, 24).to_string().contains("> _"));
}

#[test]
fn a_wrong_serial_number_uses_no_pin() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);
    let lines = stage.journal().lines().count();
    stage.show(|prompt| {
        if let Ask::Secret(ask) = &mut prompt.ask {
            ask.type_serial = Some("31415927".into());
        }
    });

    stage.press("<read><enter>31415926<enter>123456<enter>");

    assert_eq!(stage.journal().lines().count(), lines);
    assert!(stage.draw(80, 24).to_string().contains("No PIN was used"));
}

#[test]
fn without_colours_no_cell_has_one() {
    let mut stage = Stage::new();
    stage.until("read-aloud-plan", |ask| matches!(ask, Ask::Continue));
    stage.app.palette.color = false;

    for (width, height) in [(80, 24), (200, 60)] {
        let styles = styles(stage.draw(width, height).buffer());

        assert!(styles.lines().all(|line| line.contains(" Reset/Reset/")), "{styles}");
    }
}

#[test]
fn a_code_is_black_on_white_with_a_quiet_zone_and_fits_a_small_screen() {
    let code = Code::digest("something", &Digest::of(b"something"));

    let (_, square) = code.fitting(46, 24).unwrap();

    assert!(square.len().div_ceil(2) <= 24);
    let quiet = |row: &Vec<bool>| row.iter().all(|dark| !dark);
    assert!(square[..2].iter().all(quiet) && square[square.len() - 2..].iter().all(quiet));
    assert!(square.iter().all(|row| quiet(&row[..2].to_vec()) && quiet(&row[row.len() - 2..].to_vec())));
    let mut stage = Stage::new();
    stage.until("read-aloud-plan", |ask| matches!(ask, Ask::Continue));
    stage.press("c");
    for color in [true, false] {
        stage.app.palette.color = color;
        let backend = stage.draw(80, 24);
        let corner = &backend.buffer()[(0, 0)];
        assert_eq!(format!("{:?} {:?}", corner.fg, corner.bg), "Rgb(0, 0, 0) Rgb(255, 255, 255)");
    }
}

#[test]
fn only_two_modules_of_the_screen_touch_the_world() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut left = vec![top.clone()];
    let world = ["std::fs", "std::env", "std::thread", "std::time", "std::io", "rustix::", "println!"];
    let mut touching = Vec::new();

    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if world.iter().any(|word| fs::read_to_string(&path).unwrap().contains(word)) {
            let module = path.strip_prefix(&top).unwrap().iter().next().unwrap().to_str().unwrap().to_owned();
            touching.push(module.trim_end_matches(".rs").to_owned());
        }
    }

    touching.sort();
    touching.dedup();
    assert_eq!(touching, ["nearby", "run"]);
}

#[test]
fn one_file_knows_colours_one_what_keys_mean_and_one_each_which_bytes_they_are() {
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui")];
    let (mut colours, mut keys) = (Vec::new(), Vec::new());

    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if text.contains("Color::") {
            colours.push(name.clone());
        }
        if text.contains("keymap::Key;") || text.contains("enum Key ") {
            keys.push(name);
        }
    }

    colours.sort();
    keys.sort();
    assert_eq!(colours, ["ansi.rs", "style.rs"]);
    assert_eq!(keys, ["keyboard.rs", "keymap.rs"]);
}

#[test]
fn no_keys_in_any_order_on_any_screen_do_harm() {
    const KEYS: &[&str] = &[
        "<enter>",
        "<enter>",
        "<enter>",
        "<enter>",
        "<esc>",
        "<up>",
        "<down>",
        "<left>",
        "<right>",
        "<pgup>",
        "<pgdn>",
        "<home>",
        "<end>",
        "<back>",
        "<c-c>",
        "<c-u>",
        "<f1>",
        "q",
        "c",
        "k",
        "n",
        "?",
        "r",
        "p",
        " ",
        "stop",
        "correct horse",
        "ä\u{202e}",
    ];
    const SIZES: &[(u16, u16)] = &[(80, 24), (200, 60), (81, 25), (139, 29), (140, 30), (20, 5), (1, 1)];
    for seed in 0..6_u64 {
        let mut stage = Stage::new();
        if seed % 2 == 1 {
            stage.until("sign-root-targets-bo", wants_a_secret);
        }
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut pick = |of: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % of as u64).unwrap()
        };

        for _ in 0..100 {
            if stage.left.is_some() {
                break;
            }
            stage.press(KEYS[pick(KEYS.len())]);
            let (width, height) = SIZES[pick(SIZES.len())];
            stage.draw(width, height);
            stage.draw(80, 24);
        }

        let journal = keyrite::journal::read(stage.journal().as_bytes()).unwrap();
        assert!(journal.cut == 0 && !stage.journal().contains("correct horse"));
    }
}

/// The page of the documentation is what the help on the screen says.
#[test]
fn the_documentation_names_every_key() {
    let page = include_str!("../../../docs/screens.md");
    let rows: Vec<String> = page.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    let keys: Vec<String> =
        keyrite::tui::keymap::ALL.iter().map(|(key, what)| format!("| `{key}` | {what} |")).collect();

    assert_eq!(rows, keys);
}
