//! A shipped ceremony as text that can be changed: the file, and its script written out step by step.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use keyrite::driver::inputs;
use keyrite::plan::Plan;
use keyrite::plan::Problem;
use keyrite::plan::Step;
use keyrite::plan::Verb;
use keyrite::plan::step::OnFail;
use keyrite::plan::step::Subject;
use keyrite::room::Handling;

pub(super) const AT: &str = "2026-12-03T09:00:00Z";

/// A shipped ceremony.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) name: String,
    pub(super) dir: PathBuf,
    /// The file without its steps.
    pub(super) head: String,
    /// The steps, each with its id.
    pub(super) steps: Vec<(String, String)>,
    /// What a change looks for may be gone already: then it changes nothing.
    pub(super) lenient: bool,
}

/// `keyrite check`, in this process.
pub(super) fn check(text: &str, dir: &Path) -> Result<Plan, Vec<Problem>> {
    match inputs::judge(text, dir, AT.parse().unwrap()) {
        (Some(plan), problems) if problems.is_empty() => Ok(plan),
        (_, problems) => Err(problems),
    }
}

impl Text {
    /// Every directory of `ceremonies/`, in order.
    pub(super) fn all() -> Vec<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies");
        let mut dirs: Vec<_> = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path()).collect();
        dirs.sort();
        dirs.iter().map(|dir| Self::read(dir)).collect()
    }

    fn read(dir: &Path) -> Self {
        let file = fs::read_to_string(dir.join("ceremony.yaml")).unwrap();
        let plan = check(&file, dir).unwrap();
        let head = file.split("\nsteps:\n").next().unwrap().trim_end();
        let text = Self {
            name: dir.file_name().unwrap().to_str().unwrap().to_owned(),
            dir: dir.to_owned(),
            head: format!("{head}\n"),
            steps: plan.steps.iter().map(|step| (step.id.clone(), written(step))).collect(),
            lenient: false,
        };
        let same = |step: &Step| Step { place: None, section: None, ..step.clone() };
        let again = check(&text.whole(), dir).unwrap();
        let (steps, again): (Vec<_>, Vec<_>) =
            (plan.steps.iter().map(same).collect(), again.steps.iter().map(same).collect());
        assert!(steps == again, "the script of {} written out is another one", text.name);
        text
    }

    /// The file.
    pub(super) fn whole(&self) -> String {
        if self.steps.is_empty() {
            return self.head.clone();
        }
        let steps: String = self.steps.iter().map(|(_, line)| format!("  - {{{line}}}\n")).collect();
        format!("{}steps:\n{steps}", self.head)
    }

    /// Another text in the file, the first time that it stands there.
    #[track_caller]
    pub(super) fn put(mut self, from: &str, to: &str) -> Self {
        assert!(self.lenient || self.head.contains(from), "{} has no {from:?}", self.name);
        self.head = self.head.replacen(from, to, 1);
        self
    }

    /// Another text between quotes, behind this one.
    #[track_caller]
    pub(super) fn quoted(mut self, behind: &str, to: &str) -> Self {
        let from = format!("{behind}\"");
        let start = self.head.find(&from).map(|at| at + from.len());
        assert!(self.lenient || start.is_some(), "{} has no {from:?}", self.name);
        if let Some(start) = start {
            let end = self.head[start..].find('"').unwrap() + start;
            self.head.replace_range(start..end, to);
        }
        self
    }

    /// The standard script, which follows from the file.
    pub(super) fn standard(mut self) -> Self {
        self.steps.clear();
        self
    }

    /// One more token, drive or bag.
    pub(super) fn thing(self, section: &str, entry: &str) -> Self {
        let title = format!("\n  {section}:\n");
        match (self.head.contains("\nmaterials:\n"), self.head.contains(&title)) {
            (true, true) => self.put(&title, &format!("{title}    {entry}\n")),
            (true, false) => self.put("\nmaterials:\n", &format!("\nmaterials:{title}    {entry}\n")),
            (false, _) => self.and(&format!("materials:{title}    {entry}")),
        }
    }

    /// One line of `presence`, in the place of what the file has.
    pub(super) fn presence(mut self, line: &str) -> Self {
        if let Some(start) = self.head.find("\npresence:\n") {
            let lines =
                self.head[start + 11..].split_inclusive('\n').take_while(|line| line.starts_with("  "));
            let end = start + 11 + lines.map(str::len).sum::<usize>();
            self.head.replace_range(start + 1..end, "");
        }
        self.and(&format!("presence: {{{line}}}"))
    }

    /// More lines at the end of the file.
    pub(super) fn and(mut self, lines: &str) -> Self {
        self.head.push_str(lines);
        self.head.push('\n');
        self
    }

    #[track_caller]
    fn at(&self, id: &str) -> Option<usize> {
        let at = self.steps.iter().position(|(step, _)| step == id);
        assert!(self.lenient || at.is_some(), "{} has no step {id}", self.name);
        at
    }

    /// A step left out.
    #[track_caller]
    pub(super) fn without(mut self, id: &str) -> Self {
        if let Some(at) = self.at(id) {
            self.steps.remove(at);
        }
        self
    }

    /// A step that comes before another one.
    #[track_caller]
    pub(super) fn before(mut self, id: &str, other: &str) -> Self {
        if let (Some(at), Some(_)) = (self.at(id), self.at(other)) {
            let step = self.steps.remove(at);
            let at = self.at(other).unwrap();
            self.steps.insert(at, step);
        }
        self
    }

    /// A step that comes right behind another one.
    #[track_caller]
    pub(super) fn behind(mut self, id: &str, other: &str) -> Self {
        if let (Some(at), Some(_)) = (self.at(id), self.at(other)) {
            let step = self.steps.remove(at);
            let at = self.at(other).unwrap();
            self.steps.insert(at + 1, step);
        }
        self
    }

    /// A step twice.
    #[track_caller]
    pub(super) fn twice(mut self, id: &str) -> Self {
        if let Some(at) = self.at(id) {
            let name = format!("{id}-twice");
            let again = self.steps[at].1.replace(&format!("id: {id:?}"), &format!("id: {name:?}"));
            self.steps.insert(at + 1, (name, again));
        }
        self
    }

    /// Another text in a step.
    #[track_caller]
    pub(super) fn step(mut self, id: &str, from: &str, to: &str) -> Self {
        if let Some(at) = self.at(id) {
            let line = &self.steps[at].1;
            assert!(
                self.lenient || line.contains(from),
                "step {id} of {} has no {from:?}: {line}",
                self.name
            );
            self.steps[at].1 = line.replacen(from, to, 1);
        }
        self
    }

    /// One more step behind another one.
    #[track_caller]
    pub(super) fn more(mut self, behind: &str, line: &str) -> Self {
        if let Some(at) = self.at(behind) {
            self.steps.insert(at + 1, ("more".to_owned(), line.to_owned()));
        }
        self
    }
}

/// A step as a file has it.
fn written(step: &Step) -> String {
    let list = |names: &[String]| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let what = |subject: &Subject| match subject {
        Subject::Plan => "plan".to_owned(),
        Subject::Journal => "journal".to_owned(),
        Subject::Role(role) => role.clone(),
    };
    let fields = match &step.verb {
        Verb::ReadAloud(subject) | Verb::Print(subject) => format!(", what: {}", what(subject)),
        Verb::Handle(Handling::Seal { bag, holds }) => format!(", bag: {bag:?}, holds: [{}]", list(holds)),
        Verb::Handle(Handling::Open(bag) | Handling::Inspect(bag)) => format!(", bag: {bag:?}"),
        Verb::Handle(Handling::Insert(token) | Handling::Remove(token)) => format!(", token: {token:?}"),
        Verb::Handle(Handling::Mount(drive) | Handling::Eject(drive))
        | Verb::Export(Some(drive))
        | Verb::Readback(Some(drive)) => format!(", drive: {drive:?}"),
        Verb::Build(roles) | Verb::Lint(roles) | Verb::Review(roles) | Verb::Verify(roles) => {
            format!(", roles: [{}]", list(roles))
        }
        Verb::Sign { key, roles } => format!(", key: {key:?}, roles: [{}]", list(roles)),
        Verb::SecondMachine => ", bundle: true".to_owned(),
        Verb::ShareKey { key, to, drive } => {
            let drive = drive.as_ref().map(|drive| format!(", drive: {drive:?}")).unwrap_or_default();
            format!(", key: {key:?}, to: {to}{drive}")
        }
        Verb::RestoreShares(key) => format!(", key: {key:?}, shares: all"),
        verb => verb.key().map(|key| format!(", key: {key:?}")).unwrap_or_default(),
    };
    let mut line = format!("do: {}{fields}, id: {:?}, by: {}", step.verb.name(), step.id, step.by);
    line.push_str(&format!(", confirm: [{}], est: {}", step.confirm.join(", "), step.est));
    for (field, text) in [("text", &step.text), ("source", &step.source)] {
        if let Some(text) = text {
            line.push_str(&format!(", {field}: {}", serde_json::to_string(text).unwrap()));
        }
    }
    match step.on_fail {
        OnFail::Retry => line,
        OnFail::Exception => format!("{line}, on_fail: exception"),
        OnFail::Stop => format!("{line}, on_fail: stop"),
    }
}
