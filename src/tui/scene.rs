//! What the screen may know of a ceremony: made by the thread that owns the driver, shown by the other one.
//! Nothing in it is secret, and nothing refers back to the driver.

use std::sync::Arc;

use crate::ceremony::Ceremony;
use crate::ceremony::Event;
use crate::ceremony::Mode;
use crate::ceremony::board::Board;
use crate::driver::Driver;
use crate::driver::Prompt;
use crate::driver::stands_in;
use crate::plan::Plan;
use crate::plan::print;
use crate::tuf::Date;
use crate::words::Digest;

/// What stays the same from the first screen to the last.
#[derive(Clone, Debug)]
pub struct Cover {
    /// The ceremony's id.
    pub id: String,
    /// Production or rehearsal.
    pub mode: Mode,
    /// Where the record is.
    pub record: String,
    /// The whole plan in words.
    pub plan: Vec<String>,
    /// The script: section, id and doer of each step.
    pub script: Vec<ScriptLine>,
}

/// One step of the script.
#[derive(Clone, Debug)]
pub struct ScriptLine {
    /// The title of the section that begins here.
    pub section: Option<String>,
    /// The step's id.
    pub id: String,
    /// Full name of who does it.
    pub by: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Date,
    /// What, for people.
    pub what: String,
    /// It did not go well.
    pub failed: bool,
    /// A key was used, and what it made was proven.
    pub proven: bool,
}

/// A public key that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyView {
    /// Its name in the plan.
    pub name: String,
    /// Its holder.
    pub holder: String,
    /// Its keyid.
    pub keyid: String,
    /// Its scheme.
    pub scheme: String,
    /// It as PEM.
    pub pem: String,
}

/// The end.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Where the bundle is.
    pub bundle: String,
    /// What stands behind it for `keyrite verify`.
    pub options: String,
    /// The file of the root in the bundle and its SHA-256.
    pub root: Option<(String, Digest)>,
    /// Exceptions, and who does not agree.
    pub not_as_planned: Vec<String>,
}

/// What to show now.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The question; `None` when the ceremony is over.
    pub prompt: Option<Prompt>,
    /// The custodians and the thresholds.
    pub board: Board,
    /// What happened so far, the newest last.
    pub happened: Arc<Vec<Happened>>,
    /// The public keys so far.
    pub keys: Vec<PublicKeyView>,
    /// The head of the journal.
    pub head: Digest,
    /// The time.
    pub now: Date,
    /// Where things are, when it is over.
    pub closing: Option<Closing>,
}

impl Cover {
    /// From a ceremony that is about to begin or to go on.
    pub fn of(driver: &Driver) -> Self {
        let (ceremony, record) = (driver.ceremony(), driver.dir().display().to_string());
        Self::new(ceremony.plan(), ceremony.mode(), record)
    }

    /// From a plan.
    pub fn new(plan: &Plan, mode: Mode, record: String) -> Self {
        let line = |step: &crate::plan::Step| ScriptLine {
            section: step.section.clone(),
            id: step.id.clone(),
            by: plan.name(&step.by).to_owned(),
        };
        let script = plan.steps.iter().map(line).collect();
        let said = stands_in(plan, mode).map(|text| format!("!! {text}"));
        let page = said.into_iter().chain(plan_page(plan)).collect();
        Self { id: plan.id.clone(), mode, record, plan: page, script }
    }
}

/// The whole plan in words, with what was remarked and what was accepted.
pub fn plan_page(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(plan.warnings.iter().map(|warning| format!("!! {warning}")));
    lines.extend(plan.accepted.iter().map(|accepted| format!("Accepted in the file: {}", accepted.text)));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(print::page(plan));
    lines
}

impl Scene {
    /// What to show now. A token is looked at for it, so it may take a moment.
    pub fn of(driver: &mut Driver, happened: Arc<Vec<Happened>>) -> Self {
        let prompt = driver.prompt();
        let ceremony = driver.ceremony();
        let closing = prompt.is_none().then(|| closing(driver));
        let (board, keys, head, now) = (ceremony.board(), keys(ceremony), driver.head(), driver.now());
        Self { prompt, board, happened, keys, head, now, closing }
    }
}

impl Happened {
    /// An event as it is shown.
    pub fn new(ceremony: &Ceremony, at: Date, event: &Event) -> Self {
        let failed = matches!(event, Event::Failed { .. } | Event::Stopped { .. });
        let proven = matches!(event, Event::Signed { .. } | Event::BinsSigned { .. } | Event::Drilled { .. });
        Self { at, what: ceremony.say(event), failed, proven }
    }
}

fn keys(ceremony: &Ceremony) -> Vec<PublicKeyView> {
    let view = |(name, known): (&String, &crate::ceremony::Known)| PublicKeyView {
        name: name.clone(),
        holder: ceremony.plan().holder_of(name),
        keyid: known.keyid.to_string(),
        scheme: known.public.scheme().to_string(),
        pem: known.public.to_pem(),
    };
    ceremony.keys().iter().map(view).collect()
}

fn closing(driver: &Driver) -> Closing {
    let ceremony = driver.ceremony();
    let root = ceremony.metadata("root").map(|root| {
        (format!("metadata/{}", print::file_name(ceremony.plan(), "root")), Digest::of(&root.to_file()))
    });
    let signs = driver.ceremony().plan().kind.signs();
    let bundle = if signs { driver.bundle_dir().display().to_string() } else { String::new() };
    Closing { bundle, options: driver.verify_options(), root, not_as_planned: ceremony.not_as_planned() }
}
