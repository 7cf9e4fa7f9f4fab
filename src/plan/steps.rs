//! The `steps:` of a file: verbs with their fields, sections, and `for_each`, expanded.

use crate::plan::each;
use crate::plan::each::Cast;
use crate::plan::fields::At;
use crate::plan::fields::Fields;
use crate::plan::fields::list;
use crate::plan::node::Kind;
use crate::plan::node::Node;
use crate::plan::problem::Place;
use crate::plan::problem::Problem;
use crate::plan::step::OnFail;
use crate::plan::step::Subject;
use crate::plan::step::Verb;
use crate::room::Handling;

/// A step as the file has it: people and keys are not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSpec {
    /// Where it stands.
    pub place: Place,
    /// `id`
    pub id: Option<String>,
    /// `do` with the verb's own fields.
    pub verb: Verb,
    /// `by`
    pub by: Option<At<String>>,
    /// `confirm`
    pub confirm: Option<Vec<At<String>>>,
    /// `text`
    pub text: Option<String>,
    /// `source`
    pub source: Option<String>,
    /// `est`, minutes
    pub est: Option<u64>,
    /// `on_fail`
    pub on_fail: OnFail,
    /// The section that it opens.
    pub section: Option<String>,
}

/// Every verb, as the file writes it.
pub const VERBS: [&str; 33] = [
    "roll-call",
    "say",
    "read-aloud",
    "ask",
    "set-clock",
    "preflight",
    "gate",
    "break",
    "open-bag",
    "inspect-bag",
    "seal-bag",
    "insert-token",
    "remove-token",
    "mount-drive",
    "eject-drive",
    "load-keys",
    "generate-key",
    "enrol-key",
    "share-key",
    "destroy-key",
    "restore-drill",
    "build",
    "lint",
    "review",
    "sign",
    "verify",
    "export",
    "readback",
    "print",
    "checkpoint",
    "exception-review",
    "statement",
    "close",
];

/// Reads a list of steps, a list of sections `{section, steps}`, or a map from section titles to lists.
///
/// `cast` is what steps may name: roles besides the four, people and materials.
pub fn read(node: &Node, cast: &Cast<'_>, problems: &mut Vec<Problem>) -> Vec<StepSpec> {
    let mut steps = Vec::new();
    match &node.kind {
        Kind::Map(sections) => {
            for (title, node) in sections {
                section(&title.text, node, cast, &mut steps, problems);
            }
        }
        _ => {
            for item in list(node, "steps", problems).unwrap_or_default() {
                let is_section = matches!(&item.kind, Kind::Map(fields) if fields.iter().any(|(key, _)| key.text == "steps"));
                if !is_section {
                    steps.extend(one(item, cast, problems));
                } else if let Some(mut fields) = Fields::of(item, "a section", problems) {
                    let title =
                        fields.need_text("section", problems).map_or_else(String::new, |title| title.value);
                    if let Some(node) = fields.need("steps", problems) {
                        section(&title, node, cast, &mut steps, problems);
                    }
                    fields.finish(problems);
                }
            }
        }
    }
    steps
}

fn section(
    title: &str,
    node: &Node,
    cast: &Cast<'_>,
    steps: &mut Vec<StepSpec>,
    problems: &mut Vec<Problem>,
) {
    let items = list(node, &format!("section {title:?}"), problems).unwrap_or_default();
    let first = steps.len();
    for item in items {
        steps.extend(one(item, cast, problems));
    }
    if let Some(step) = steps.get_mut(first) {
        step.section = Some(title.to_owned());
    }
}

/// One step, or one for each name of its `for_each`.
fn one(node: &Node, cast: &Cast<'_>, problems: &mut Vec<Problem>) -> Vec<StepSpec> {
    each::expand(node, cast, problems).iter().filter_map(|node| step(node, cast, problems)).collect()
}

fn step(node: &Node, cast: &Cast<'_>, problems: &mut Vec<Problem>) -> Option<StepSpec> {
    let mut fields = Fields::of(node, "a step", problems)?;
    let does = fields.need_text("do", problems)?;
    fields.what = format!("step {}", does.value);
    let verb = verb(&does, &mut fields, cast, problems)?;
    let mut spec = StepSpec {
        place: node.place,
        verb,
        id: fields.text("id", problems).map(|id| id.value),
        by: fields.text("by", problems),
        confirm: fields.names("confirm", problems).map(|names| names.value),
        text: fields.text("text", problems).map(|text| text.value),
        source: None,
        est: fields.number("est", problems).map(|est| est.value),
        on_fail: OnFail::Retry,
        section: None,
    };
    if matches!(spec.verb, Verb::ReadAloud(_)) {
        spec.source = fields.text("source", problems).map(|source| source.value);
    }
    if let Some(on_fail) = fields.text("on_fail", problems) {
        spec.on_fail = match on_fail.value.as_str() {
            "retry" => OnFail::Retry,
            "exception" => OnFail::Exception,
            "stop" => OnFail::Stop,
            other => {
                let text = format!(
                    "\"on_fail\" of {} must be retry, exception or stop, and is {other:?}",
                    fields.what
                );
                problems.push(Problem::error("WRONG-KIND", Some(on_fail.place), text));
                OnFail::Retry
            }
        };
    }
    if matches!(spec.verb, Verb::Say | Verb::Ask) && spec.text.is_none() {
        let text = format!("step {} has no field \"text\"", spec.verb.name());
        problems.push(Problem::error("MISSING-FIELD", Some(node.place), text));
    }
    fields.finish(problems);
    Some(spec)
}

fn verb(
    does: &At<String>,
    fields: &mut Fields<'_>,
    cast: &Cast<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Verb> {
    let names = cast.roles.as_slice();
    Some(match does.value.as_str() {
        "roll-call" => Verb::RollCall,
        "say" => Verb::Say,
        "read-aloud" => Verb::ReadAloud(subject(fields, names, problems)?),
        "ask" => Verb::Ask,
        "set-clock" => Verb::SetClock,
        "preflight" => Verb::Preflight,
        "gate" => Verb::Gate,
        "break" => Verb::Break,
        "open-bag" => Verb::Handle(Handling::Open(cast.bag(fields, problems)?)),
        "inspect-bag" => Verb::Handle(Handling::Inspect(cast.bag(fields, problems)?)),
        "seal-bag" => {
            let (bag, holds) = (cast.bag(fields, problems), cast.held(fields, problems));
            Verb::Handle(Handling::Seal { bag: bag?, holds: holds? })
        }
        "insert-token" => Verb::Handle(Handling::Insert(cast.token(fields, problems)?)),
        "remove-token" => Verb::Handle(Handling::Remove(cast.token(fields, problems)?)),
        "mount-drive" => Verb::Handle(Handling::Mount(cast.drive(fields, problems)?)),
        "eject-drive" => Verb::Handle(Handling::Eject(cast.drive(fields, problems)?)),
        "load-keys" => Verb::LoadKeys,
        "enrol-key" => Verb::EnrolKey(fields.need_text("key", problems)?.value),
        "generate-key" => Verb::GenerateKey(fields.need_text("key", problems)?.value),
        "share-key" => {
            let (key, to) = (fields.need_text("key", problems), fields.need_text("to", problems));
            let drive = cast.some_drive(fields, problems)?;
            Verb::ShareKey { key: key?.value, to: to?.value, drive }
        }
        "restore-drill" => {
            let (key, shares) = (fields.need_text("key", problems), fields.text("shares", problems));
            match shares {
                None => Verb::RestoreDrill(key?.value),
                Some(shares) if shares.value == "all" => Verb::RestoreShares(key?.value),
                Some(shares) => {
                    let text = format!(
                        "\"shares\" of {} must be all, for every share is proven, and is {:?}",
                        fields.what, shares.value
                    );
                    problems.push(Problem::error("WRONG-KIND", Some(shares.place), text));
                    return None;
                }
            }
        }
        "destroy-key" => Verb::DestroyKey(fields.need_text("key", problems)?.value),
        "build" => Verb::Build(roles(fields, names, problems)?),
        "lint" => Verb::Lint(roles(fields, names, problems)?),
        "review" => Verb::Review(roles(fields, names, problems)?),
        "sign" => {
            let (key, roles) = (fields.need_text("key", problems), roles(fields, names, problems));
            Verb::Sign { key: key?.value, roles: roles? }
        }
        "verify" if fields.flag("bundle", problems).is_some_and(|flag| flag.value) => Verb::SecondMachine,
        "verify" => Verb::Verify(roles(fields, names, problems)?),
        "export" => Verb::Export(cast.some_drive(fields, problems)?),
        "readback" => Verb::Readback(cast.some_drive(fields, problems)?),
        "print" => Verb::Print(subject(fields, names, problems)?),
        "checkpoint" => Verb::Checkpoint,
        "exception-review" => Verb::ExceptionReview,
        "statement" => Verb::Statement,
        "close" => Verb::Close,
        other => {
            let text = format!("{other:?} is not a step; the steps are {}", VERBS.join(", "));
            problems.push(Problem::error("STEP-KNOWN", Some(does.place), text));
            return None;
        }
    })
}

fn subject(fields: &mut Fields<'_>, names: &[&str], problems: &mut Vec<Problem>) -> Option<Subject> {
    let step = fields.what.clone();
    let what = fields.need_text("what", problems)?;
    match what.value.as_str() {
        "plan" => Some(Subject::Plan),
        "journal" => Some(Subject::Journal),
        role if names.contains(&role) => Some(Subject::Role(role.to_owned())),
        other => {
            let text = format!("\"what\" of {step} must be plan, journal or a role, and is {other:?}");
            problems.push(Problem::error("WRONG-KIND", Some(what.place), text));
            None
        }
    }
}

/// `role: root` or `roles: [root, targets]`.
fn roles(fields: &mut Fields<'_>, names: &[&str], problems: &mut Vec<Problem>) -> Option<Vec<String>> {
    let one = fields.text("role", problems);
    let many = fields.names("roles", problems);
    let named = match (one, many) {
        (Some(one), None) => vec![one],
        (None, Some(many)) if !many.value.is_empty() => many.value,
        (Some(_), Some(many)) => {
            let text = format!("{} has both \"role\" and \"roles\"; write one of them", fields.what);
            problems.push(Problem::error("WRONG-KIND", Some(many.place), text));
            return None;
        }
        _ => {
            let text = format!("{} has no field \"role\"", fields.what);
            problems.push(Problem::error("MISSING-FIELD", Some(fields.place), text));
            return None;
        }
    };
    for name in &named {
        if !names.contains(&name.value.as_str()) {
            let text = format!("{:?} is not a role; the roles are {}", name.value, names.join(", "));
            problems.push(Problem::error("ROLE-KNOWN", Some(name.place), text));
            return None;
        }
    }
    Some(named.into_iter().map(|name| name.value).collect())
}
