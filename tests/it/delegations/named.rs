//! What keys are called goes from one record to the next, whether they sign or not.

use std::fs;

use serde_json::Value;
use serde_json::json;

use super::EXPIRES;
use super::World;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;

#[test]
fn who_holds_a_key_that_does_not_sign_stands_in_the_next_record_too() {
    let world = World::new();
    let (ana, online) = (world.keyid("ana"), world.keyid("online"));
    let known = json!({
        &ana: {"name": "old-ana", "holder": "Ana of old"},
        &online: {"name": "server", "holder": "Oli Berg"},
        "no key that is listed": {"name": "gone", "holder": "Gil"},
    });
    world.write("inputs/names.json", known.to_string().as_bytes());
    world.file("targets-signing", "", &format!("    targets: {{version: 2, expires: \"{EXPIRES}\"}}\n"));
    let after = format!(
        "    snapshot: {{version: 2, expires: \"{EXPIRES}\"}}\n    timestamp: {{version: 2, expires: \"{EXPIRES}\"}}\n"
    );
    world.changed(&after, "");
    let line =
        format!("  online: {{holder: oli, store: \"age:inputs/keys/online.age\", keyid: \"{online}\"}}\n");
    let file = world.changed(&line, "");

    world.run(&file).ended(0);

    let record = world.path("record");
    let names: Value = serde_json::from_slice(&fs::read(record.join("keys/names.json")).unwrap()).unwrap();
    let expected = json!({
        ana: {"name": "ana", "holder": "Ana Duarte"},
        online: {"name": "server", "holder": "Oli Berg"},
    });
    assert_eq!(names, expected);
    // It follows from the journal, wherever that lies.
    fs::remove_file(world.path("inputs/names.json")).unwrap();
    keyrite(&["journal", "verify", text(&record)]).ended(0);
    let next = keyrite(&["new", "restore-drill", "--from", text(&record)]).ended(0);
    assert!(next.out.contains("  server: {holder: oli, keyid: "), "{}", next.out);
}

#[test]
fn names_that_cannot_be_read_name_nobody_and_nobody_is_made_up() {
    let world = World::new();
    world.write("inputs/names.json", b"{");
    let file = world.file("root-renewal", "", "    root: {version: 2, expires: \"2028-06-30T00:00:00Z\"}\n");
    let file = fs::read_to_string(file).unwrap();
    let (before, _) = file.split_once("    snapshot:").unwrap();
    let (_, after) = file.split_once("clock: {}").unwrap();
    world.write("ceremony.yaml", format!("{before}clock: {{}}{after}").as_bytes());
    let file =
        world.changed("  online: {holder: oli, store: \"age:inputs/keys/online.age\", ", "  online: {");

    world.run(&file).ended(0);

    let names = fs::read(world.path("record/keys/names.json")).unwrap();
    let names: Value = serde_json::from_slice(&names).unwrap();
    assert_eq!(names[world.keyid("online")], json!({"name": "online"}));
}
