//! The same on the screen: shown to one person alone, gone with the next key, typed back row by row.

use keyrite::ceremony::Mode;
use keyrite::driver::Ask;

use super::world::by_words_alone;
use super::world::plan;
use crate::tui::golden::golden;
use crate::tui::stage::Stage;

fn shares(ask: &Ask) -> bool {
    matches!(ask, Ask::Share { .. })
}

fn gives(ask: &Ask) -> bool {
    matches!(ask, Ask::Give(_))
}

fn both(stage: &mut Stage, name: &str, how: &str) {
    golden(&format!("{name}-80x24"), how, &stage.draw(80, 24).to_string());
    golden(&format!("{name}-200x60"), how, &stage.draw(200, 60).to_string());
    stage.draw(80, 24);
}

#[test]
fn a_share_is_shown_after_its_holder_is_called_and_gone_with_the_next_key() {
    let mut stage = Stage::of_plan(&plan(), Mode::Rehearsal);
    stage.until("share-key-ana-bo", shares);

    both(&mut stage, "share-for-one-alone", "share-key-ana-bo");
    stage.press("<enter>");
    both(&mut stage, "share-shown", "share-key-ana-bo; keys: <enter>");
    let shown = stage.draw(80, 24).to_string();
    let row = stage.app.share.as_ref().unwrap().lines()[4].clone();
    assert!(shown.contains(row.trim()), "{shown}");
    // Any other key hides it, and Enter shows it again.
    stage.press("j");
    assert!(!stage.draw(80, 24).to_string().contains(row.trim()));
    stage.press("<enter>");
    assert!(stage.draw(80, 24).to_string().contains(row.trim()));

    stage.press("<enter>");

    assert_eq!(stage.app.scene.prompt.as_ref().unwrap().step, "share-key-ana-oli");
    assert!(stage.app.share.is_none() && !stage.draw(80, 24).to_string().contains(row.trim()));
}

#[test]
fn a_share_is_typed_row_by_row_and_each_mistake_is_said_where_it_is() {
    let mut stage = Stage::of_plan(&plan(), Mode::Rehearsal);
    stage.until("restore-drill-ana-shares", gives);
    both(&mut stage, "share-given", "restore-drill-ana-shares");
    let words = stage.written["Bo Lindqvist"].clone();

    stage.press(&format!("<enter>{}<enter>keyrite", words[0]));
    stage.press("<enter>");
    both(&mut stage, "share-typed-wrong", "restore-drill-ana-shares; the first row, and keyrite");
    stage.press("<c-u><c-u>");
    assert!(stage.draw(80, 24).to_string().contains("Row 1 of 11"));
    // A word of the list in the place of another one is found when all rows are there.
    let mut wrong = words.clone();
    let other = if words[6].starts_with("aardvark") { "absurd" } else { "aardvark" };
    wrong[6] = format!("{other} {}", words[6].split_once(' ').unwrap().1.trim());
    stage.press(&format!("{}<enter>", wrong.join("<enter>")));
    let shown = stage.draw(80, 24).to_string();
    assert!(shown.contains("word 1 of row 7 is another than on the paper"), "{shown}");
    stage.press(&format!("{}<enter>", words[6]));

    assert_eq!(stage.app.scene.prompt.as_ref().unwrap().who, "Oli Berg");
}

#[test]
fn a_production_ceremony_by_keys_alone_proves_every_share_that_was_written_down() {
    let mut stage = Stage::of_plan(&by_words_alone(), Mode::Production);

    stage.finish();

    let journal = std::fs::read_to_string(stage.dir.path().join("record/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("key-shared").count(), 3);
    assert!(journal.contains(r#""shares":["bo","oli","wim"]"#));
}
