//! The repository on the home screen: a small one with everything in it, and the keys that people would press.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use keyrite::plan::Kind;
use keyrite::tuf::Names;
use keyrite::tuf::apart::Request;
use keyrite::tui::home::Choice;
use keyrite::tui::home::Home;
use keyrite::tui::keymap;
use keyrite::tui::keymap::Input;
use keyrite::tui::keymap::Key;
use keyrite::tui::message::Message;
use keyrite::tui::nearby;
use keyrite::tui::nearby::Nearby;
use keyrite::tui::repository::Found;
use keyrite::tui::repository::Page;
use keyrite::tui::start::Draft;
use keyrite::tui::style::Palette;
use keyrite::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use crate::tuf::world::World;
use crate::tuf::world::delegation;
use crate::tuf::world::keyids;
use crate::tuf::world::keys;
use crate::tuf::world::now;
use crate::tuf::world::public;
use crate::tuf::world::signed_by;
use crate::tuf::world::target;
use crate::tuf::world::targets;
use crate::tuf::world::world;
use crate::tui::golden::golden;
use crate::tui::stage::named;
use crate::tui::stage::styles;

const HOLDERS: [(u8, &str, &str); 10] = [
    (1, "ana", "Ana Duarte"),
    (2, "bo", "Bo Lindqvist"),
    (3, "chi", "Chi Nwosu"),
    (4, "rel", "Release desk"),
    (5, "online", "Server"),
    (6, "online-2", "Server"),
    (7, "fay", "Fay Ode"),
    (8, "dana", "Dana Reyes"),
    (9, "otto", "Otto Brand"),
    (10, "bins", "Build farm"),
];

/// Root 2 lacks signatures, timestamp is over, targets ends soon; `dev` shadows `ops`, which has 16,384 bins.
fn repository() -> World {
    let mut world = world();
    world.roots[1].1 = vec![2];
    world.timestamp.0["expires"] = json!("2026-12-01T09:00:00Z");
    let mut dev = delegation("dev", &[8, 9], &["dev/*", "tools/*"]);
    dev["terminating"] = json!(true);
    dev["threshold"] = json!(2);
    let top = world.role("targets");
    top["expires"] = json!("2026-12-20T09:00:00Z");
    top["delegations"] = json!({"keys": keys(&[8, 9, 3]), "roles": [
        dev, delegation("ops", &[9], &["dev/*", "ops/*"]), delegation("later", &[3], &["later/*"]),
    ]});
    world.role("dev")["delegations"] =
        json!({"keys": keys(&[3]), "roles": [delegation("tools", &[3], &["tools/*"])]});
    world.roles.get_mut("dev").unwrap().1 = vec![8, 9];
    let mut ops = targets(5, json!({"dev/tool.txt": target(b"old"), "ops/a": target(b"a")}));
    ops["delegations"] = json!({"keys": keys(&[10]), "succinct_roles":
        {"keyids": keyids(&[10]), "threshold": 1, "bit_length": 14, "name_prefix": "bin"}});
    world.roles.insert("ops".into(), (ops, vec![9]));
    world.roles.insert("tools".into(), (targets(1, json!({"tools/saw": target(b"saw")})), vec![3]));
    world
}

/// Writes it below a directory, with the names of the keys and a request.
pub(crate) fn write(dir: &Path) {
    let set = repository().build();
    let metadata = dir.join("inputs/metadata");
    fs::create_dir_all(&metadata).unwrap();
    fs::create_dir_all(dir.join("inputs/keys")).unwrap();
    for (name, bytes) in &set.0 {
        fs::write(metadata.join(name), bytes).unwrap();
    }
    let named =
        |(n, name, holder): (u8, &str, &str)| (public(n).keyid().0, json!({"name": name, "holder": holder}));
    let names: serde_json::Value = HOLDERS.into_iter().map(named).collect();
    let names = names.to_string();
    fs::write(dir.join("inputs/keys/names.json"), &names).unwrap();
    let names = Names::parse(names.as_bytes()).unwrap();
    let request = Request::for_root(&set.0["2.root.json"], Some(&set.0["1.root.json"]), names).unwrap();
    fs::write(dir.join("root-2.request"), request.to_file()).unwrap();
}

/// The home screen of such a directory, its paths as people would see them there.
struct Screen {
    home: Home,
    dir: tempfile::TempDir,
}

fn here(dir: &Path, mut nearby: Nearby) -> Nearby {
    let relative = |path: &PathBuf| path.strip_prefix(dir).map_or(path.clone(), Path::to_owned);
    nearby.places = nearby.places.iter().map(relative).collect();
    for asked in &mut nearby.asked {
        asked.file = relative(&asked.file);
    }
    if let Some(Ok(found)) = &mut nearby.repository {
        *found = Arc::new(Found { dir: relative(&found.dir), ..Found::clone(found) });
    }
    nearby
}

impl Screen {
    fn new(write: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path());
        let nearby = here(dir.path(), nearby::look(dir.path(), now()).unwrap());
        let home = Home::new(
            "/home/oli/ceremonies".into(),
            nearby,
            (80, 24),
            Palette { color: true, ..Palette::default() },
        );
        Self { home, dir }
    }

    fn press(&mut self, keys: &str) -> Option<Choice> {
        let mut rest = keys;
        let mut choice = None;
        while let Some(c) = rest.chars().next() {
            let key = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, after)) => {
                    rest = after;
                    named(name)
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    Key::Char(c)
                }
            };
            if let Some(message) = keymap::message(Input::Key(key), self.home.focus()) {
                choice = self.home.update(message);
            }
        }
        choice
    }

    fn draw(&mut self, width: u16, height: u16) -> TestBackend {
        self.home.update(Message::Resized(width, height));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::home::view(&self.home, frame)).unwrap();
        terminal.backend().clone()
    }

    fn text(&mut self) -> String {
        self.draw(80, 24).to_string()
    }

    fn golden(&mut self, name: &str, keys: &str) {
        self.draw(80, 24);
        self.press(keys);
        let how = format!("keyrite, without a command, beside a repository; keys: {keys}");
        golden(&format!("{name}-80x24"), &how, &self.text());
        golden(&format!("{name}-200x60"), &how, &self.draw(200, 60).to_string());
    }
}

#[test]
fn home_shows_the_roles_with_their_dates_thresholds_and_holders() {
    let mut screen = Screen::new(write);

    screen.golden("repository-roles", "");
    screen.golden("repository-role", "<down><enter>");
    screen.golden("repository-keys", "<esc><right>");
    screen.golden("repository-key", "<end><enter>");
}

#[test]
fn the_tree_of_delegations_is_drawn_and_bins_share_a_row() {
    let mut screen = Screen::new(write);

    screen.golden("repository-tree", "<right><right>");
    screen.golden("repository-tree-bins", "<down><down><down><down><enter>");
}

#[test]
fn who_may_sign_a_path_is_asked_and_shown_in_the_tree() {
    let mut screen = Screen::new(write);

    screen.golden("who-may-sign-typing", "/ops/ne");
    screen.golden("who-may-sign-bin", "w<enter>");
    screen.golden("who-may-sign-full", "<enter>");
    screen.golden("who-may-sign-taken", "<esc>/<c-u>dev/tool.txt<enter>");
    screen.golden("who-may-sign-pattern", "/<c-u>tools/*<enter>");
}

#[test]
fn requests_and_files_that_lack_signatures_are_listed_with_who_is_missing() {
    let mut screen = Screen::new(write);

    screen.golden("repository-requests", "<left><left>");
}

#[test]
fn every_page_is_turned_both_ways_and_a_request_is_reached_from_its_page() {
    let mut screen = Screen::new(write);
    let pages = screen.home.pages();
    assert_eq!(pages.len(), 5);

    for (key, step) in [("<right>", 1), ("<left>", pages.len() - 1)] {
        for _ in 0..pages.len() {
            let at = pages.iter().position(|page| *page == screen.home.page).unwrap();
            screen.press(key);
            assert_eq!(screen.home.page, pages[(at + step) % pages.len()], "{key}");
        }
    }

    screen.press("<right><right><right>");
    assert_eq!(screen.home.page, Page::Requests);
    screen.press("<enter>");
    assert_eq!(screen.home.page, Page::Ceremonies);
    assert!(matches!(screen.press("<enter>"), Some(Choice::Apart(file)) if file.ends_with("root-2.request")));
}

#[test]
fn a_ceremony_file_is_started_and_nothing_else_is_written() {
    let mut screen = Screen::new(write);

    screen.golden("start", "s");
    let choice = screen.press("<down><enter>");

    let draft = Draft {
        kind: Kind::KeyRotation,
        role: None,
        from: "inputs/metadata".into(),
        out: "2026-12-key-rotation.yaml".into(),
    };
    assert_eq!(choice, Some(Choice::Draft(draft)));
    screen.home.drafted(Err("the disk is full; nothing was written".into()));
    screen.golden("start-failed", "");
    screen.home.drafted(Ok("2026-12-key-rotation.yaml".into()));
    screen.golden("start-done", "");
    assert_eq!(screen.press("<enter>"), None);
    assert!(screen.home.start.is_none());
}

#[test]
fn a_file_that_is_there_is_never_the_one_that_is_started() {
    let mut screen = Screen::new(|dir| {
        write(dir);
        fs::write(dir.join("2026-12-root-renewal.yaml"), "keyrite: 1\n").unwrap();
    });
    for found in &mut screen.home.nearby.plans {
        found.file = found.file.file_name().unwrap().into();
    }

    let Some(Choice::Draft(draft)) = screen.press("s<enter>") else { panic!("nothing was started") };

    assert_eq!(draft.out, Path::new("2026-12-root-renewal-2.yaml"));
}

#[test]
fn the_type_that_is_offered_fits_what_is_looked_at() {
    for (keys, kind, role) in [
        ("", Kind::RootRenewal, None),
        ("<down>", Kind::TargetsSigning, None),
        ("<down><down>", Kind::KeyRotation, None),
        ("<down><down><down><down>", Kind::TargetsSigning, Some("dev")),
        ("<end>", Kind::TargetsSigning, Some("later")),
        ("<end><up>", Kind::TargetsSigning, Some("bin")),
        ("<right>", Kind::KeyRotation, None),
        ("<right><right>", Kind::DelegationChange, None),
    ] {
        let mut screen = Screen::new(write);
        screen.press(keys);

        let Some(Choice::Draft(draft)) = screen.press("s<enter>") else { panic!("nothing was started") };

        assert_eq!((draft.kind, draft.role.as_deref()), (kind, role), "{keys}");
        let named = draft.command().contains(" --role ");
        assert_eq!(named, role.is_some(), "{}", draft.command());
    }
}

#[test]
fn letters_that_are_typed_into_a_path_are_no_commands() {
    let mut screen = Screen::new(write);

    let choice = screen.press("/quit?s/o*");

    assert_eq!(choice, None);
    let shown = screen.home.repository.as_ref().unwrap();
    assert_eq!(shown.typing.as_deref(), Some("quit?s/o*"));
    screen.press("<esc>");
    assert!(screen.home.repository.as_ref().unwrap().query.is_none());
}

#[test]
fn a_repository_that_cannot_be_read_is_told_and_the_rest_stays() {
    let mut screen = Screen::new(|dir| {
        write(dir);
        fs::write(dir.join("inputs/metadata/3.targets.json"), "{").unwrap();
        fs::write(dir.join("second.yaml"), crate::tui::stage::PLAN).unwrap();
    });
    let dir = screen.dir.path().display().to_string();
    if let Some(Err(unread)) = &mut screen.home.nearby.repository {
        unread.dir = unread.dir.strip_prefix(&dir).unwrap().into();
    }

    golden("repository-unread", "a targets role that is cut off", &screen.text());
    screen.press("<left>");

    assert!(screen.text().contains("second.yaml"), "{}", screen.text());
}

#[test]
fn several_repositories_are_looked_at_in_turn() {
    let mut screen = Screen::new(|dir| {
        write(dir);
        fs::create_dir_all(dir.join("bundle/metadata")).unwrap();
        for name in ["1.root.json", "3.targets.json"] {
            fs::copy(dir.join("inputs/metadata").join(name), dir.join("bundle/metadata").join(name)).unwrap();
        }
    });

    assert!(screen.text().contains("2 repositories lie here"), "{}", screen.text());
    let choice = screen.press("o");

    assert_eq!(choice, Some(Choice::Read("bundle/metadata".into())));
}

#[test]
fn dates_are_told_apart_without_colours() {
    let mut screen = Screen::new(write);

    golden("repository-roles-styles", "the roles, styles", &styles(screen.draw(80, 24).buffer()));
    screen.home.palette = Palette::default();
    let plain = styles(screen.draw(80, 24).buffer());
    golden("repository-roles-styles-no-color", "the roles, styles with NO_COLOR", &plain);
    screen.press("/dev/tool.txt<enter>");
    let plain = styles(screen.draw(80, 24).buffer());
    golden("who-may-sign-styles-no-color", "who may sign, styles with NO_COLOR", &plain);
}

#[test]
fn only_the_rows_that_are_seen_are_made() {
    let mut screen = Screen::new(|dir| {
        let mut world = repository();
        let bins: Vec<_> =
            (0..3_000).map(|n| delegation(&format!("r{n}"), &[3], &[&format!("p{n}/*")])).collect();
        world.role("targets")["delegations"] = json!({"keys": keys(&[3]), "roles": bins});
        let metadata = dir.join("metadata");
        fs::create_dir_all(&metadata).unwrap();
        let top = signed_by(world.role("targets"), &[4]).to_file();
        fs::write(metadata.join("3.targets.json"), top).unwrap();
        fs::write(metadata.join("1.root.json"), &world.build().0["1.root.json"]).unwrap();
    });
    screen.press("<right><right><end>");
    let mut doc = view::doc::Doc::new(screen.home.palette, 78);

    let first = view::repository::page(&screen.home, &mut doc, 20);

    assert_eq!(doc.lines.len(), 20);
    assert_eq!((first, doc.unmade), (3_001 - 16, (3_001 - 16, 0)));
    assert!(screen.text().contains(" > └─ r2999"), "{}", screen.text());
    assert_eq!(screen.home.page, Page::Tree);
}

#[test]
fn a_repository_in_a_folder_beside_is_found_too() {
    let dir = tempfile::tempdir().unwrap();
    let metadata = dir.path().join("adopted/metadata");
    fs::create_dir_all(&metadata).unwrap();
    for (name, bytes) in &repository().build().0 {
        fs::write(metadata.join(name), bytes).unwrap();
    }

    let nearby = here(dir.path(), nearby::look(dir.path(), now()).unwrap());

    assert_eq!(nearby.places, [PathBuf::from("adopted/metadata")]);
    assert!(nearby.repository.unwrap().is_ok());
}
