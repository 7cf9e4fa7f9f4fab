//! How long a frame takes: the busiest screens at 200x60, from the state to the bytes for the terminal.

#[path = "../tests/it/tui/stage.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "it is a test's, which uses more of it")]
mod stage;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use keyrite::driver::Ask;
use keyrite::driver::Body;
use keyrite::tuf::Metadata;
use keyrite::tuf::PublicKey;
use keyrite::tuf::client::Files;
use keyrite::tuf::overview::Overview;
use keyrite::tui::home::Home;
use keyrite::tui::message::Message;
use keyrite::tui::message::Scroll;
use keyrite::tui::nearby::Nearby;
use keyrite::tui::repository::Found;
use keyrite::tui::run::ansi::Ansi;
use keyrite::tui::style::Palette;
use keyrite::tui::view;
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::TerminalOptions;
use ratatui::Viewport;
use ratatui::layout::Rect;
use serde_json::Value;
use serde_json::json;

/// A frame may take this long.
const MARK: Duration = Duration::from_millis(1);
/// One of the home screen.
const HOME_MARK: Duration = Duration::from_millis(1);
const FRAMES: u32 = 500;

fn main() {
    let mut stage = stage::Stage::new();
    stage.until("sign-root-targets-bo", |ask| matches!(ask, Ask::Secret(_)));
    stage.show(|prompt| {
        if let Body::Review { lines, .. } = &mut prompt.body {
            let file =
                |n| format!("  0123456789abcdef  {:>10}  updates/2026/12/package-{n:04}.tar.zst", n * 4096);
            lines.extend((0..200).map(file));
        }
    });
    stage.draw(200, 60);
    let mut slow =
        measure("signing, 200 target files, with a QR code", MARK, |frame| view::view(&stage.app, frame));

    stage.press("?");
    slow |= measure("the same, below the help", MARK, |frame| view::view(&stage.app, frame));
    stage.press("<esc>c");
    slow |= measure("a QR code alone", MARK, |frame| view::view(&stage.app, frame));

    let start = Instant::now();
    let mut home = home();
    println!("reading 100,000 targets and 16,384 bins: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let next = || Message::Scroll(Scroll::Next);
    for what in ["home, its roles", "home, its keys", "home, its tree"] {
        slow |= measure(what, HOME_MARK, |frame| view::home::view(&home, frame));
        home.update(next());
    }
    home.update(Message::Ask);
    "files/050000.bin".chars().for_each(|c| drop(home.update(Message::Typed(c))));
    let start = Instant::now();
    home.update(Message::GoOn);
    println!("who may sign a path: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
    slow |= measure("home, who may sign a path", HOME_MARK, |frame| view::home::view(&home, frame));
    if slow {
        eprintln!("a frame takes longer than it may");
        std::process::exit(1);
    }
}

/// Draws whole frames, each on an empty terminal; `true` when the median is above the mark.
fn measure(what: &str, mark: Duration, draw: impl Fn(&mut Frame)) -> bool {
    let mut times = Vec::new();
    for _ in 0..FRAMES {
        let nowhere = File::options().write(true).open("/dev/null").expect("it is there");
        let viewport = Viewport::Fixed(Rect::new(0, 0, 200, 60));
        let options = TerminalOptions { viewport };
        let mut terminal = Terminal::with_options(Ansi::new(nowhere), options).expect("memory");
        let start = Instant::now();
        terminal.draw(&draw).expect("memory");
        times.push(start.elapsed());
    }
    times.sort();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    let (median, slow) = (times.len() / 2, times.len() * 99 / 100);
    println!("{what}: median {:.3} ms, p99 {:.3} ms", ms(median), ms(slow));
    times[median] > mark
}

/// A repository in memory: 100,000 targets; 16,384 roles with patterns, and as many bins below one of them.
struct Set(BTreeMap<String, Vec<u8>>);

impl Files for Set {
    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(name).cloned())
    }

    fn names(&self) -> Result<Vec<String>, String> {
        Ok(self.0.keys().cloned().collect())
    }
}

fn home() -> Home {
    let key = PublicKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes());
    let keys = json!({key.keyid().0: key.to_json()});
    let role = json!({"keyids": [key.keyid()], "threshold": 1});
    let signed = |kind: &str, rest: Value| {
        let mut signed =
            json!({"_type": kind, "spec_version": "1.0.31", "version": 1, "expires": stage::DAY});
        if let (Value::Object(signed), Value::Object(rest)) = (&mut signed, rest) {
            signed.extend(rest);
        }
        Metadata::unsigned(signed).expect("an object").to_file()
    };
    let root = json!({"consistent_snapshot": true, "keys": keys,
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role}});
    let target = |n| (format!("files/{n:06}.bin"), json!({"length": n, "hashes": {"sha256": "00"}}));
    let targets: Value = (0..100_000).map(target).collect();
    let delegated = |n| {
        json!({"name": format!("team-{n:05}"), "keyids": [key.keyid()], "threshold": 1, "terminating": false,
            "paths": [format!("teams/{n:05}/*"), "files/*5*"]})
    };
    let roles: Vec<Value> = (0..16_384).map(delegated).collect();
    let bins = json!({"keys": keys, "succinct_roles":
        {"keyids": [key.keyid()], "threshold": 1, "bit_length": 14, "name_prefix": "bin"}});
    let set = Set(BTreeMap::from([
        ("1.root.json".to_owned(), signed("root", root)),
        (
            "1.targets.json".to_owned(),
            signed("targets", json!({"targets": targets, "delegations": {"keys": keys, "roles": roles}})),
        ),
        ("1.team-00000.json".to_owned(), signed("targets", json!({"targets": {}, "delegations": bins}))),
    ]));
    let overview = Overview::read(&set).expect("a repository");
    let now = stage::DAY.parse().expect("a date");
    let found = Found { dir: "metadata".into(), overview, holders: BTreeMap::new(), remark: None, now };
    let nearby = Nearby { repository: Some(Ok(Arc::new(found))), ..Nearby::default() };
    Home::new("/home/oli".to_owned(), nearby, (200, 60), Palette { color: true, ..Palette::default() })
}
