//! A ceremony on a screen without a terminal: a real driver on a rehearsal, and the keys that people would press.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use keyrite::ceremony::Mode;
use keyrite::driver::Ask;
use keyrite::driver::Body;
use keyrite::driver::Clock;
use keyrite::driver::Driver;
use keyrite::driver::Options;
use keyrite::driver::Prompt;
use keyrite::driver::Stop;
use keyrite::driver::prompt::MachineItem;
use keyrite::keystore::hygiene;
use keyrite::keystore::hygiene::Item;
use keyrite::plan::Asked;
use keyrite::tui::app::App;
use keyrite::tui::app::Effect;
use keyrite::tui::app::Stage as On;
use keyrite::tui::keymap;
use keyrite::tui::keymap::Input;
use keyrite::tui::keymap::Key;
use keyrite::tui::scene::Cover;
use keyrite::tui::scene::Happened;
use keyrite::tui::scene::Scene;
use keyrite::tui::style::Palette;
use keyrite::tui::view;
use keyrite::words::Digest;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// Three custodians: two age files and a token.
pub(crate) const PLAN: &str = r#"keyrite: 1
id: 2026-12-root-genesis
title: Root of trust for the Acme updater, version 1
type: root-genesis
participants:
  oli: {name: Oli Berg, role: operator}
  ana: {name: Ana Duarte, role: custodian}
  bo: {name: Bo Lindqvist, role: custodian}
  chi: {name: Chi Nwosu, role: custodian}
  wim: {name: Wim Peeters, role: witness}
keys:
  ana: {holder: ana, store: "age:keys/ana.age", scheme: ed25519, generate: true}
  bo: {holder: bo, store: "pkcs11:token=ROOT-BO;object=root-2026", scheme: ecdsa-sha2-nistp256, generate: true}
  chi: {holder: chi, store: "age:keys/chi.age", scheme: ed25519, generate: true}
  online: {holder: oli, store: "age:keys/online.age", scheme: ed25519, generate: true}
trust:
  before: none
  after:
    consistent_snapshot: true
    root: {version: 1, expires: "2027-12-31T00:00:00Z", keys: [ana, bo, chi], threshold: 2}
    targets: {version: 1, expires: "2027-06-30T00:00:00Z", keys: [ana, bo], threshold: 2}
    snapshot: {version: 1, expires: "2027-03-31T00:00:00Z", keys: [online], threshold: 1}
    timestamp: {version: 1, expires: "2027-01-31T00:00:00Z", keys: [online], threshold: 1}
  accept: [spare-keys-below-2]
outputs:
  bundle: bundle
"#;

/// When it happens.
pub(crate) const DAY: &str = "2026-12-03T09:00:00Z";

/// How the program was started.
pub(crate) fn options() -> Options {
    Options {
        clock: Clock::Agreed(DAY.parse().unwrap()),
        answers: None,
        default_module: None,
        program: "keyrite".into(),
        hygiene: hygiene::protect_process(),
    }
}

/// The ceremony, its screen, and the directory that both live in.
pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    driver: Driver,
    pub(crate) app: App,
    happened: Arc<Vec<Happened>>,
    /// What holders of shares wrote down, by name.
    pub(crate) written: BTreeMap<String, Vec<String>>,
    /// How the screen was left, once it was.
    pub(crate) left: Option<Result<(), Stop>>,
}

impl Stage {
    /// A rehearsal at the review of its plan.
    pub(crate) fn new() -> Self {
        Self::of(Mode::Rehearsal)
    }

    pub(crate) fn of(mode: Mode) -> Self {
        Self::of_plan(PLAN, mode)
    }

    /// Another ceremony.
    pub(crate) fn of_plan(plan: &str, mode: Mode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (file, record) = (dir.path().join("ceremony.yaml"), dir.path().join("record"));
        fs::write(&file, plan).unwrap();
        let mut driver = Driver::start(&file, Some(&record), mode, options()).unwrap();
        let mode = if mode == Mode::Rehearsal { "REHEARSAL of ceremony" } else { "ceremony" };
        let opened = Happened {
            at: driver.now(),
            what: format!("{mode} 2026-12-root-genesis opened"),
            failed: false,
            proven: false,
        };
        let happened = Arc::new(vec![opened]);
        let mut cover = Cover::of(&driver);
        cover.record = "2026-12-root-genesis".into();
        let scene = scene(&mut driver, &happened, dir.path().to_str().unwrap());
        let app = App::new(cover, scene, false, (80, 24), Palette { color: true, ..Palette::default() });
        Self { dir, driver, app, happened, written: BTreeMap::new(), left: None }
    }

    /// What the people are asked.
    pub(crate) fn prompt(&self) -> &Prompt {
        self.app.scene.prompt.as_ref().unwrap()
    }

    /// Presses keys: `<enter>`, `<esc>`, ..., `<words>` for the two words that are asked for,
    /// `<read>` for Enter until all was read, and letters as they are.
    pub(crate) fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while !rest.is_empty() {
            if let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                if name == "words" {
                    self.type_words();
                } else if name == "read" {
                    while self.app.reads_on() {
                        self.key(Key::Enter);
                    }
                } else {
                    self.key(named(name));
                }
                rest = after;
            } else {
                let c = rest.chars().next().unwrap();
                self.key(Key::Char(c));
                rest = &rest[c.len_utf8()..];
            }
        }
    }

    fn key(&mut self, key: Key) {
        if let Some(message) = keymap::message(Input::Key(key), self.app.focus()) {
            let effect = self.app.update(message);
            self.carry_out(effect);
        }
    }

    fn type_words(&mut self) {
        let (Ask::TypeBack { places }, Body::Words { digest, .. } | Body::Elsewhere { digest, .. }) =
            (&self.prompt().ask, &self.prompt().body)
        else {
            panic!("no words are asked for");
        };
        let [first, second] = places.map(|place| digest.words()[place]);
        self.press(&format!("{first}<enter>{second}<enter>"));
    }

    fn carry_out(&mut self, effect: Option<Effect>) {
        match effect {
            Some(Effect::Answer(answer)) => match self.driver.answer(answer) {
                Ok(events) => {
                    let (ceremony, now) = (self.driver.ceremony(), self.driver.now());
                    let new = events.iter().map(|event| Happened::new(ceremony, now, event));
                    Arc::make_mut(&mut self.happened).extend(new);
                    let scene = scene(&mut self.driver, &self.happened, self.dir.path().to_str().unwrap());
                    self.app
                        .update(keyrite::tui::message::Message::Scene(Box::new(scene), self.driver.share()));
                }
                Err(stop) => self.left = Some(Err(stop)),
            },
            Some(Effect::Leave(result)) => self.left = Some(result),
            None => {}
        }
    }

    /// The plan is read to its end.
    pub(crate) fn begin(&mut self) {
        self.press("<read><enter>");
    }

    /// Does what is asked until this step is asked for in this way.
    pub(crate) fn until(&mut self, step: &str, asked: fn(&Ask) -> bool) {
        self.begin();
        self.answer_to(step, asked);
    }

    /// The same from wherever it is.
    pub(crate) fn on_to(&mut self, step: &str, asked: fn(&Ask) -> bool) {
        if matches!(self.app.stage, On::Review) {
            self.begin();
        }
        self.answer_to(step, asked);
    }

    fn answer_to(&mut self, step: &str, asked: fn(&Ask) -> bool) {
        for _ in 0..300 {
            if matches!(self.app.stage, On::Between(_)) {
                self.press("<enter>");
            }
            if self.prompt().step == step && asked(&self.prompt().ask) {
                return;
            }
            self.one_answer();
        }
        panic!("{step} never came");
    }

    /// Does what is asked until a section is done.
    pub(crate) fn finish_section(&mut self) {
        while !matches!(self.app.stage, On::Between(_)) {
            self.one_answer();
        }
    }

    /// Does what is asked until it is over.
    pub(crate) fn finish(&mut self) {
        self.begin();
        while self.app.scene.prompt.is_some() {
            self.one_answer();
        }
    }

    fn one_answer(&mut self) {
        while self.app.reads_on() || matches!(self.app.stage, On::Between(_)) {
            self.press("<enter>");
        }
        let keys = match &self.prompt().ask {
            Ask::Continue | Ask::Confirm | Ask::Present { .. } => "<enter>",
            Ask::Share { .. } => {
                let share = self.app.share.as_ref().unwrap();
                let row = |line: &String| line.trim().split_once("  ").unwrap().1.trim().to_owned();
                self.written.insert(self.prompt().who.clone(), share.lines().iter().map(row).collect());
                "<enter><enter>"
            }
            Ask::Give(_) => {
                let words = self.written[&self.prompt().who].join("<enter>");
                return self.press(&format!("<enter>{words}<enter>"));
            }
            Ask::Statement => "agree<enter><enter>",
            Ask::Text { expected, .. } => {
                let text = expected.clone().unwrap_or_else(|| "an answer".to_owned());
                return self.press(&format!("{text}<enter>"));
            }
            Ask::TypeBack { .. } => "<words>",
            Ask::Secret(ask) if ask.new => "<enter>correct horse<enter>correct horse<enter>",
            Ask::Secret(_) => "<enter>correct horse<enter>",
            Ask::Fix { error, .. } => panic!("in the way: {error}"),
            Ask::Adopt { .. } => panic!("nothing was cut off"),
        };
        self.press(keys);
    }

    /// Shows another prompt than the driver's: for what a rehearsal never meets.
    pub(crate) fn show(&mut self, change: impl FnOnce(&mut Prompt)) {
        let mut scene = self.app.scene.clone();
        change(scene.prompt.as_mut().unwrap());
        self.app.update(keyrite::tui::message::Message::Scene(Box::new(scene), None));
    }

    /// The screen at this size.
    pub(crate) fn draw(&mut self, width: u16, height: u16) -> TestBackend {
        self.app.update(keyrite::tui::message::Message::Resized(width, height));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::view(&self.app, frame)).unwrap();
        terminal.backend().clone()
    }

    /// The journal as it lies.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("record/journal.jsonl")).unwrap()
    }
}

/// What to show, without what differs from machine to machine.
fn scene(driver: &mut Driver, happened: &Arc<Vec<Happened>>, dir: &str) -> Scene {
    let mut scene = Scene::of(driver, Arc::clone(happened));
    if let Some(closing) = &mut scene.closing {
        for text in [&mut closing.bundle, &mut closing.options] {
            *text = text.replace(&format!("{dir}/record"), "2026-12-root-genesis");
        }
        // The last event names this machine and this program.
        scene.head = Digest::of(b"the head of the journal");
    }
    if let Some(Body::Machine(board)) = scene.prompt.as_mut().map(|prompt| &mut prompt.body) {
        board.items = machine();
        board.program = Some(Digest::of(b"this program"));
    }
    scene
}

fn machine() -> Vec<MachineItem> {
    let item = |name: &str, held, asked, detail: &str| MachineItem {
        item: Item { name: name.into(), held, detail: detail.into() },
        asked,
    };
    vec![
        item("no-core-dumps", true, Asked::Required, "the limit is 0"),
        item("not-traced", true, Asked::Required, "no debugger, and none can attach"),
        item("locked-memory", false, Asked::Required, "the limit is 8 MiB"),
        item("no-network", false, Asked::Waived, "up: eth0"),
        item("no-swap", true, Asked::Not, "no swap"),
        item("entropy", true, Asked::Not, "the kernel's random numbers are ready"),
        item("confined-files", false, Asked::Not, "the kernel has no Landlock, or it is turned off"),
    ]
}

pub(crate) fn named(name: &str) -> Key {
    match name {
        "enter" => Key::Enter,
        "esc" => Key::Esc,
        "back" => Key::Backspace,
        "up" => Key::Up,
        "down" => Key::Down,
        "left" => Key::Left,
        "right" => Key::Right,
        "pgup" => Key::PageUp,
        "pgdn" => Key::PageDown,
        "home" => Key::Home,
        "end" => Key::End,
        "f1" => Key::F(1),
        "f2" => Key::F(2),
        "f3" => Key::F(3),
        other => Key::Control(other.strip_prefix("c-").unwrap().chars().next().unwrap()),
    }
}

/// The styles of a screen, run by run; the text alone would hide them.
pub(crate) fn styles(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in area.top()..area.bottom() {
        let mut runs: Vec<(u16, String, String)> = Vec::new();
        for x in area.left()..area.right() {
            let cell = &buffer[(x, y)];
            let style = format!("{:?}/{:?}/{:?}", cell.fg, cell.bg, cell.modifier);
            match runs.last_mut() {
                Some((_, before, text)) if *before == style => text.push_str(cell.symbol()),
                _ => runs.push((x, style, cell.symbol().to_owned())),
            }
        }
        for (x, style, text) in runs.into_iter().filter(|(_, style, _)| style != "Reset/Reset/NONE") {
            out += &format!("{y}:{x} {style} {:?}\n", text.trim_end());
        }
    }
    out
}
