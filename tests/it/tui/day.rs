//! The screens of the day: every kind of step, exceptions, large letters, high contrast, ASCII alone, the journal.

use keyrite::ceremony::Mode;
use keyrite::driver::Ask;
use keyrite::tui::style;
use keyrite::tui::style::Palette;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::tui::stage::Stage;

/// The ceremony of the project with tokens, bags and drives, without target files.
fn genesis() -> Stage {
    let file = include_str!("../../../ceremonies/genesis/ceremony.yaml");
    let plan = file.replace("      files: {from: inputs/targets}\n", "");
    assert_ne!(plan, file);
    Stage::of_plan(&plan, Mode::Rehearsal)
}

fn golden(stage: &mut Stage, name: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/tui");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for (width, height) in [(80, 24), (200, 60)] {
            let screen = stage.draw(width, height);
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen);
        }
    });
}

fn any(_: &Ask) -> bool {
    true
}

#[test]
fn every_kind_of_step_has_its_screen() {
    let mut stage = genesis();
    for (step, asked, name) in [
        ("room", any as fn(&Ask) -> bool, "ask"),
        ("set-clock", any, "set-clock"),
        ("inspect-bag-A-1001", any, "inspect-bag"),
        ("open-bag-A-1001", any, "open-bag"),
        ("insert-token-ana-token", any, "insert-token"),
        ("lint-root-targets", any, "lint"),
        ("break-before-signing", any, "break"),
        ("mount-drive-red", any, "mount-drive"),
        ("verify-second-machine", any, "second-machine"),
        ("seal-bag-A-2001", any, "seal-bag"),
        ("print-journal", any, "print"),
        ("exception-review", any, "no-exceptions"),
        ("statement", any, "statement"),
    ] {
        stage.on_to(step, asked);
        golden(&mut stage, name);
    }
}

#[test]
fn who_is_not_here_is_named_and_an_exception_is_typed_line_by_line() {
    let mut stage = genesis();
    stage.begin();
    golden(&mut stage, "present");
    stage.press("awim");
    golden(&mut stage, "absent");
    stage.press("<enter>");
    stage.press("x");
    stage.press("the blue door is locked<enter>it stood open<enter>");
    golden(&mut stage, "exception");
    stage.press("it was locked<enter>oli<enter>");

    stage.on_to("exception-review", any);
    golden(&mut stage, "exceptions");
    let journal = stage.journal();
    assert!(
        journal.contains(r#""event":"exception","step":"roll-call","expected":"the blue door is locked""#),
        "{journal}"
    );
    assert!(!journal.contains(r#""by":"wim""#), "Wim is not here: {journal}");
}

#[test]
fn large_letters_say_whose_turn_it_is() {
    let mut stage = genesis();
    stage.on_to("sign-root-targets-bo", |ask| matches!(ask, Ask::Secret(_)));
    stage.press("<esc>b");
    golden(&mut stage, "big");
    stage.press("b");
    let small = stage.draw(80, 24);
    stage.press("<f2>");
    assert_ne!(stage.draw(80, 24), small);
}

#[test]
fn a_passphrase_that_is_typed_before_its_field_is_open_goes_nowhere() {
    let mut stage = genesis();
    stage.on_to("sign-root-targets-bo", |ask| matches!(ask, Ask::Secret(_)));

    stage.press("quiet xylophone");

    assert!(stage.app.window.is_none() && matches!(stage.app.stage, keyrite::tui::app::Stage::Waiting));
    let shown = stage.draw(80, 24).to_string();
    assert!(shown.contains("Enter opens the field first") && !shown.contains("ylophone"), "{shown}");
    stage.press("<esc>x");
    assert!(matches!(stage.app.window, Some(keyrite::tui::window::Window::Exception { .. })));
}

#[test]
fn whoever_is_named_wrong_at_the_roll_call_is_named_again() {
    let mut stage = genesis();
    stage.on_to("roll-call", any);
    stage.press("azed<enter>");
    stage.press("<esc>");
    assert!(matches!(stage.app.stage, keyrite::tui::app::Stage::Waiting), "Esc closes the field");
    stage.press("azed<enter>");

    stage.press("wim<enter>");

    let happened = stage.app.scene.happened.iter().map(|event| event.what.clone()).collect::<Vec<_>>();
    assert!(happened.iter().any(|what| what.contains("not here: Wim Peeters")), "{happened:?}");
}

#[test]
fn what_is_read_aloud_is_what_is_large() {
    let mut stage = genesis();
    stage.on_to("read-aloud-plan", |ask| matches!(ask, Ask::Continue));
    stage.press("b");
    golden(&mut stage, "big-words");
}

#[test]
fn between_sections_the_head_of_the_journal_is_written_down() {
    let mut stage = genesis();
    stage.begin();
    stage.finish_section();
    golden(&mut stage, "section");
    stage.press("c");
    assert!(matches!(stage.app.window, Some(keyrite::tui::window::Window::Codes(..))));
    stage.press("<esc>x");
    assert!(matches!(stage.app.window, Some(keyrite::tui::window::Window::Exception { .. })));
}

#[test]
fn an_exception_may_come_before_the_first_step() {
    let mut stage = genesis();
    stage.press("xThe room<enter>It is locked<enter>We wait<enter><enter>");
    let happened = stage.app.scene.happened.last().map(|last| last.what.clone()).unwrap_or_default();
    assert!(happened.contains("It is locked"), "{happened}");
    assert!(matches!(stage.app.stage, keyrite::tui::app::Stage::Review), "the plan was not reviewed");
}

#[test]
fn the_journal_is_moved_through_however_long_it_is() {
    let mut stage = genesis();
    stage.on_to("close", any);
    stage.press("j");
    golden(&mut stage, "journal");
    stage.press("<home>");
    let top = stage.draw(80, 24);
    stage.press("<pgdn>");
    assert_ne!(stage.draw(80, 24), top);
    stage.press("<esc>");
    assert_eq!(stage.prompt().step, "close");
}

/// What a terminal that shows ASCII alone gets.
#[test]
fn in_ascii_nothing_else_is_drawn_and_codes_are_words() {
    let mut stage = genesis();
    stage.app.palette = Palette { color: true, ascii: true, ..Palette::default() };
    stage.on_to("checkpoint-keys", any);
    for keys in ["", "c", "<esc>b", "<esc>?"] {
        stage.press(keys);
        let screen = stage.draw(80, 24);
        let mut buffer = screen.buffer().clone();
        style::in_ascii(&mut buffer);
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert!(text.is_ascii(), "{text}");
        assert!(!text.contains('?') || keys.contains('?') || text.contains("[?]"), "{text}");
    }
    stage.press("<esc>");
    stage.press("b");
    let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    drop(terminal);
    golden(&mut stage, "ascii");
}

#[test]
fn in_high_contrast_no_colour_is_dark() {
    let mut stage = genesis();
    stage.on_to("insert-token-ana-token", any);
    stage.press("<f3>");
    let screen = stage.draw(80, 24);
    let dark = |color| {
        use ratatui::style::Color;
        matches!(
            color,
            Color::Red | Color::Blue | Color::Magenta | Color::Cyan | Color::Green | Color::DarkGray
        )
    };
    assert!(!screen.buffer().content.iter().any(|cell| dark(cell.fg)), "a dark colour");
}
