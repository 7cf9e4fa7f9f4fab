//! From the text of a ceremony file to a plan, or to everything that is wrong with it.
//!
//! What one entry says is judged as far as it can be read, and so is everything beside it. Only what follows from a
//! mistake is not said with it: one mistake is one message.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::Before;
use crate::plan::BeforeSpec;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::change;
use crate::plan::file;
use crate::plan::file::File;
use crate::plan::kind::Kind;
use crate::plan::lints;
use crate::plan::node;
use crate::plan::outline::Outline;
use crate::plan::outline::Part;
use crate::plan::people;
use crate::plan::placeholder;
use crate::plan::rules;
use crate::plan::sense;
use crate::plan::walk;
use crate::tuf::root::TOP_LEVEL;
use crate::words::Digest;

/// A plan as far as there is one, and everything that is wrong with its file.
pub type Judged = (Option<Plan>, Vec<Problem>);

/// The file's entries, as far as they can be read; and what is wrong with those that cannot.
fn entries(text: &str) -> Result<(File, Outline, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let top = node::parse(text).map_err(|problem| vec![problem])?;
    let file = file::read(&top, &mut problems);
    let outline = Outline::of(&top);
    let unread = outline.parts(&problems);
    problems.retain(|problem| !outline.follows(problem, &unread));
    let whole =
        [Part::Person(String::new()), Part::Key(String::new())].iter().all(|part| !unread.contains(part));
    match file {
        Some(file) if problems.is_empty() || (whole && outline.sections_known) => {
            Ok((file, outline, problems))
        }
        _ => Err(sorted(problems)),
    }
}

/// Where a ceremony file says that it starts from: the caller reads that, and gives it to [`judge`].
pub fn starts_from(text: &str) -> Result<Option<BeforeSpec>, Vec<Problem>> {
    entries(text).map(|(file, ..)| file.trust.before)
}

/// Judges a ceremony file. `start` is what [`starts_from`] names, or why that cannot be read.
pub fn judge(text: &str, start: Result<Option<Arc<Before>>, Problem>) -> Judged {
    let (file, outline, mut problems) = match entries(text) {
        Ok(entries) => entries,
        Err(problems) => return (None, problems),
    };
    let unread = outline.parts(&problems);
    let mut found = Vec::new();
    let before = match (start, &file.trust.before) {
        (Ok(Some(before)), Some(_)) => Some(before),
        (Err(problem), _) => {
            problems.push(problem);
            None
        }
        (Ok(None), Some(spec)) => {
            let text = "the metadata before is not here, so nothing can be said of what changes";
            problems.push(Problem::error("BEFORE-READABLE", Some(spec.metadata.place), text));
            None
        }
        (Ok(_), None) => None,
    };
    let starts = before.is_some() || file.kind.value == Kind::RootGenesis;
    let plan = if starts {
        Some(rules::resolve(&file, Digest::of(text.as_bytes()), before, &mut found))
    } else {
        rules::alone(&file, &mut found);
        None
    };
    let news = |problem: &Problem| {
        let part = outline.part(problem);
        let said = part.is_entry() && unread.contains(part);
        !said && !outline.follows(problem, &unread)
    };
    problems.extend(found.into_iter().filter(news));
    let Some(mut plan) = plan else { return (None, sorted(problems)) };
    together(&mut plan, &file, &outline, !unread.contains(&Part::Steps), &mut problems);
    if problems.is_empty() {
        plan.remark(lints::remarks(&plan, &file));
        problems.extend(plan.refused_unless_accepted());
    }
    // Last: a draft is looked through like any other file.
    problems.extend(placeholder::left(&file));
    (Some(plan), sorted(problems))
}

/// What roles, keys and the script say together, as far as each of them holds by itself.
fn together(plan: &mut Plan, file: &File, outline: &Outline, script: bool, problems: &mut Vec<Problem>) {
    let trust = |part: &Part| matches!(part, Part::Key(_) | Part::Role(_) | Part::Before);
    let holds = |problems: &[Problem]| !outline.parts(problems).iter().any(trust);
    // Before the walk: it would say no more than that a signature is missing.
    if holds(problems) {
        change::old_keys_suffice(plan, file, problems);
        people::without_optional(plan, file, problems);
    }
    // A step that names no key of the file is missing, and what it would have done with it.
    let script = script && file.steps.as_ref().is_none_or(|specs| specs.len() == plan.steps.len());
    // A standard script is made from the rest, and walked when that holds.
    if script && (file.steps.is_some() || problems.is_empty()) {
        let (after, wrong) = (file.trust.after, subjects(plan, file, &outline.parts(problems)));
        let mut found = Vec::new();
        let told = walk::walk(plan, after, wrong, &mut found);
        let possible = found.is_empty() && problems.is_empty();
        sense::judge(plan, file, &told, possible, &mut found);
        let told = outline.parts(problems);
        found.retain(|problem| !outline.part(problem).is_entry() || !told.contains(outline.part(problem)));
        if plan.kind.signs() && holds(problems) {
            change::judge(plan, file, problems);
        }
        problems.extend(found);
    } else if plan.kind.signs() && holds(problems) {
        change::judge(plan, file, problems);
    }
}

/// Keys, roles and things with a mistake, and what that touches: every role where a key is lost to the plan, roles that
/// are not there, and the bags of a token.
fn subjects(plan: &Plan, file: &File, wrong: &BTreeSet<Part>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = wrong.iter().filter_map(Part::subject).cloned().collect();
    if file.keys.iter().any(|spec| plan.key(&spec.name.value).is_none()) {
        names.extend(plan.roles.keys().cloned());
    }
    for (role, setup) in plan.setup().roles {
        let mut listed = setup.keys().into_iter().chain(&setup.delegates);
        if listed.any(|key| plan.key(key).is_none()) {
            names.insert(role);
        }
    }
    names.extend(
        TOP_LEVEL.iter().filter(|role| !plan.roles.contains_key(**role)).map(|role| (*role).to_owned()),
    );
    for (name, token) in &plan.materials.tokens {
        if wrong.contains(&Part::Thing(name.clone())) {
            names.extend([&token.bag, &token.new_bag].into_iter().flatten().map(|bag| bag.value.clone()));
        }
    }
    names
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.place);
    problems
}
