//! Golden screens: every view at 80x24 and at 200x60, with the keys that led there in the header.

use keyrite::ceremony::Mode;
use keyrite::driver::Ask;
use keyrite::driver::SecretAsk;
use keyrite::driver::Stop;
use keyrite::driver::StopKind;
use keyrite::keystore::Wants;
use keyrite::tui::home::Home;
use keyrite::tui::nearby;
use keyrite::tui::style::Palette;
use keyrite::tui::view;
use keyrite::words::Digest;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::tui::stage::DAY;
use crate::tui::stage::PLAN;
use crate::tui::stage::Stage;
use crate::tui::stage::styles;

/// One golden file, described by what led to the screen.
pub(crate) fn golden(name: &str, how: &str, content: &str) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/tui"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => how,
    }, { insta::assert_snapshot!(name, content) });
}

/// The screen after these keys, small and large.
fn screen(stage: &mut Stage, name: &str, at: &str, keys: &str) {
    stage.draw(80, 24);
    stage.press(keys);
    let how = format!("{at}; keys: {keys}");
    golden(&format!("{name}-80x24"), &how, &stage.draw(80, 24).to_string());
    golden(&format!("{name}-200x60"), &how, &stage.draw(200, 60).to_string());
}

fn confirms(ask: &Ask) -> bool {
    matches!(ask, Ask::Confirm)
}

fn continues(ask: &Ask) -> bool {
    matches!(ask, Ask::Continue)
}

fn wants_a_secret(ask: &Ask) -> bool {
    matches!(ask, Ask::Secret(_))
}

#[test]
fn the_plan_is_reviewed_before_anything_happens() {
    let mut stage = Stage::new();

    screen(&mut stage, "review-of-the-plan", "a new rehearsal", "");
    screen(&mut stage, "review-of-the-plan-further", "a new rehearsal", "<pgdn><pgdn>");
    screen(&mut stage, "review-of-the-plan-end", "a new rehearsal", "<read><end>");
}

#[test]
fn a_step_says_who_does_it_and_what_is_missing() {
    let mut stage = Stage::new();

    screen(&mut stage, "roll-call", "a new rehearsal", "<read><enter>");
    screen(&mut stage, "roll-call-confirmed", "a new rehearsal", "<enter>");
}

#[test]
fn production_is_told_from_a_rehearsal() {
    let mut stage = Stage::of(Mode::Production);

    screen(&mut stage, "production", "a new ceremony", "<read><enter>");
}

#[test]
fn words_are_read_and_two_of_them_typed_back() {
    let mut stage = Stage::new();
    stage.until("read-aloud-plan", continues);

    screen(&mut stage, "read-aloud", "read-aloud-plan", "");
    screen(&mut stage, "type-back", "read-aloud-plan", "<enter>");
    screen(&mut stage, "type-back-wrong", "read-aloud-plan", "aardvark<enter>Yucatan<enter>");
}

#[test]
fn a_digest_is_shown_as_a_code() {
    let mut stage = Stage::new();
    stage.until("read-aloud-plan", continues);

    screen(&mut stage, "code-of-the-plan", "read-aloud-plan", "c");
}

#[test]
fn the_machine_is_looked_at() {
    let mut stage = Stage::new();
    stage.until("preflight", continues);

    screen(&mut stage, "preflight", "preflight", "");
}

#[test]
fn the_gate_is_confirmed_before_it_is_gone_through() {
    let mut stage = Stage::new();
    stage.until("gate", confirms);

    screen(&mut stage, "gate", "gate", "");
}

#[test]
fn a_passphrase_is_typed_twice_and_never_shown() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);

    screen(&mut stage, "passphrase", "generate-key-ana", "");
    screen(&mut stage, "passphrase-typed", "generate-key-ana", "<enter>correct horse");
    screen(&mut stage, "passphrase-again", "generate-key-ana", "<enter>");
    screen(&mut stage, "passphrase-differs", "generate-key-ana", "correct house<enter>");
    screen(&mut stage, "passphrase-short", "generate-key-ana", "short<enter>");
}

#[test]
fn throws_of_dice_are_counted_and_never_shown() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);
    stage.show(|prompt| {
        if let Ask::Secret(ask) = &mut prompt.ask {
            ask.dice = Some(50);
        }
    });
    let typed = "<enter>correct horse<enter>correct horse<enter>";

    // What is no throw is not taken; Ctrl-U takes back a row that is whole, or what there is of one.
    screen(&mut stage, "dice", "generate-key-ana, with dice", &format!("{typed}1234567890x123456<c-u>123"));
    screen(&mut stage, "dice-too-few", "generate-key-ana, with dice", "<enter>");
    let uneven = "<back><back><back>1111".to_owned() + &"1".repeat(36) + "<enter>";
    screen(&mut stage, "dice-uneven", "generate-key-ana, with dice", &uneven);
}

#[test]
fn public_keys_are_shown_as_codes() {
    let mut stage = Stage::new();
    stage.until("generate-key-chi", confirms);

    screen(&mut stage, "code-of-a-key", "generate-key-chi", "k");
    screen(&mut stage, "code-of-another-key", "generate-key-chi", "<right>");
}

#[test]
fn what_is_signed_is_read_to_its_end() {
    let mut stage = Stage::new();
    stage.until("review-root-targets", continues);

    screen(&mut stage, "review", "review-root-targets", "");

    let mut stage = Stage::new();
    stage.until("review-root-targets", continues);
    screen(&mut stage, "review-next-page", "review-root-targets", "<enter>");
    screen(&mut stage, "review-end", "review-root-targets", "<read><end>");
}

#[test]
fn the_signing_screen_shows_what_is_signed() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);

    screen(&mut stage, "sign", "sign-root-targets-bo", "");
    screen(&mut stage, "sign-typed", "sign-root-targets-bo", "<read><enter>123456");
}

#[test]
fn a_wrong_pin_is_told_without_losing_anything() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);

    screen(&mut stage, "wrong-pin", "sign-root-targets-bo", "<read><enter>12<enter>");
}

#[test]
fn who_is_not_needed_may_leave_it_to_the_others() {
    let mut stage = Stage::new();
    stage.until("sign-root-chi", wants_a_secret);

    screen(&mut stage, "may-decline", "sign-root-chi", "");
    screen(&mut stage, "declined", "sign-root-chi", "<esc>n");
}

#[test]
fn signatures_are_counted_on_the_board() {
    let mut stage = Stage::new();
    stage.until("verify-root-targets", continues);

    screen(&mut stage, "verify", "verify-root-targets", "");
}

#[test]
fn the_head_of_the_journal_is_shown() {
    let mut stage = Stage::new();
    stage.until("checkpoint", continues);

    screen(&mut stage, "checkpoint", "checkpoint", "");
}

#[test]
fn the_end_says_where_the_bundle_is_and_what_to_do_next() {
    let mut stage = Stage::new();
    stage.finish();

    screen(&mut stage, "closing", "closed", "");
    screen(&mut stage, "closing-code", "closed", "c");
}

#[test]
fn help_is_everywhere() {
    let mut stage = Stage::new();
    stage.begin();

    screen(&mut stage, "help", "roll-call", "?");
}

#[test]
fn stopping_asks_for_a_reason_and_the_word() {
    let mut stage = Stage::new();
    stage.begin();

    screen(&mut stage, "stop-reason", "roll-call", "qthe fire alarm");
    screen(&mut stage, "stop-word", "roll-call", "<enter>sto");
}

#[test]
fn the_last_pin_try_asks_for_the_serial_number_first() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);
    stage.show(|prompt| {
        prompt.warnings.push(
            "ONE TRY LEFT for token ROOT-BO: a wrong PIN locks it. The serial number is typed first.".into(),
        );
        if let Ask::Secret(ask) = &mut prompt.ask {
            ask.type_serial = Some("31415927".into());
        }
    });

    screen(&mut stage, "last-try", "sign-root-targets-bo, one try left", "");
    screen(
        &mut stage,
        "last-try-serial",
        "sign-root-targets-bo, one try left",
        "<read><enter>31415926<enter>",
    );
    screen(&mut stage, "last-try-pin", "sign-root-targets-bo, one try left", "31415927<enter>");
}

#[test]
fn a_pin_pad_is_waited_for() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);
    stage.show(|prompt| {
        if let Ask::Secret(ask) = &mut prompt.ask {
            *ask = SecretAsk { wants: Wants::PinPad, ..ask.clone() };
        }
    });

    screen(&mut stage, "pin-pad", "sign-root-targets-bo, a token with its own pad", "");

    // The driver would wait now; what is shown meanwhile is the busy screen.
    stage.app.stage = keyrite::tui::app::Stage::Busy("type the PIN on the token's own pad now");
    screen(&mut stage, "pin-pad-waits", "sign-root-targets-bo, a token with its own pad", "");
}

#[test]
fn what_is_in_the_way_is_told_with_what_to_do() {
    let mut stage = Stage::new();
    stage.until("sign-root-targets-bo", wants_a_secret);
    stage.show(|prompt| {
        prompt.ask = Ask::Fix {
            error: "no token ROOT-BO is plugged in. Nothing was signed, and no PIN was used".into(),
            hint: "plug in the token with the label ROOT-BO, then look again".into(),
            may_decline: true,
        };
    });

    screen(&mut stage, "fix", "sign-root-targets-bo, no token", "");
}

#[test]
fn a_key_found_after_a_crash_is_adopted_by_a_question() {
    let mut stage = Stage::new();
    stage.until("generate-key-ana", wants_a_secret);
    stage.show(|prompt| {
        let keyid = "7a5a78768bca478885b39c501a996af18f45dbf1b05c0d5f2cbe1d7e1f1a2b3c".into();
        prompt.ask = Ask::Adopt { keyid, digest: Digest::of(b"a public key") };
    });

    screen(&mut stage, "adopt", "generate-key-ana, cut off", "");
    screen(&mut stage, "adopt-unsure", "generate-key-ana, cut off", "y<enter>");
}

#[test]
fn a_small_terminal_is_told_how_large_it_must_be() {
    let mut stage = Stage::new();

    golden("too-small", "a terminal of 60x20", &stage.draw(60, 20).to_string());
}

#[test]
fn styles_repeat_what_words_say() {
    let mut stage = Stage::new();
    stage.until("preflight", continues);

    golden("preflight-styles", "preflight, styles", &styles(stage.draw(80, 24).buffer()));
    stage.app.palette = Palette::default();
    golden(
        "preflight-styles-no-color",
        "preflight, styles with NO_COLOR",
        &styles(stage.draw(80, 24).buffer()),
    );
}

#[test]
fn home_shows_what_lies_here() {
    let stage = Stage::new();
    let dir = stage.dir.path();
    std::fs::write(dir.join("bad.yaml"), "keyrite: 1\nid: x\n").unwrap();
    std::fs::write(dir.join("notes.yaml"), "other: 1\n").unwrap();
    std::fs::write(dir.join("second.yaml"), PLAN).unwrap();
    let mut nearby = nearby::look(dir, DAY.parse().unwrap()).unwrap();
    for found in &mut nearby.plans {
        found.file = found.file.file_name().unwrap().into();
    }
    for found in &mut nearby.records {
        found.dir = found.dir.file_name().unwrap().into();
    }
    let palette = Palette { color: true, ..Palette::default() };
    let mut home = Home::new("/home/oli/ceremonies".into(), nearby, (80, 24), palette);
    let draw = |home: &Home, width, height| {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::home::view(home, frame)).unwrap();
        terminal.backend().to_string()
    };

    golden("home-80x24", "keyrite, without a command; keys:", &draw(&home, 80, 24));
    golden("home-200x60", "keyrite, without a command; keys:", &draw(&home, 200, 60));
    for (name, message) in [
        ("home-refused", keyrite::tui::message::Message::GoOn),
        ("home-help", keyrite::tui::message::Message::Help),
    ] {
        home.update(message);
        golden(name, "keyrite, on a file that is refused", &draw(&home, 80, 24));
    }
    // What cannot be gone on with is said where people are, and they stay.
    home.update(keyrite::tui::message::Message::Back);
    home.refused(&Stop::new(StopKind::Machine, "the clock says noon", "set the clock, then resume"));
    let said = draw(&home, 80, 24);
    for line in
        ["This cannot be done now. Nothing was changed.", "!! the clock says noon", "!! set the clock"]
    {
        assert!(said.contains(line), "{said}");
    }
    home.update(keyrite::tui::message::Message::Back);
    assert!(home.open.is_none() && !home.refused);
}
