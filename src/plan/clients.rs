//! What known clients would refuse of what is signed here, by the rules of `keyrite lint`. What the metadata before has
//! already is not the doing of this ceremony. `check` asks, and the build on the day, when other files may lie there.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use crate::lint;
use crate::lint::Does;
use crate::lint::Finding;
use crate::lint::Profile;
use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::after;
use crate::plan::change::Foreseen;
use crate::plan::delegates::delegations_after;
use crate::plan::delegates::tree;
use crate::plan::lints::CLIENTS_REFUSE;
use crate::plan::reach;
use crate::tuf::Metadata;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::targets::Entry;
use crate::tuf::targets::Files;
use crate::tuf::targets::Listed;

/// What the plan says of these by its own rules and remarks.
const SAID_BY_THE_PLAN: [&str; 5] =
    ["ECDSA-P384", "ONE-KEY-SEVERAL-KEYIDS", "REHEARSAL", "SUCCINCT-ROLES", "TARGET-OUTSIDE-DELEGATION"];
/// What is looked for in the paths of all files, and not in those that stand for them.
const OF_ALL_FILES: &str = "TARGET-OFF-THE-FIRST-WAY";

/// What clients would refuse, once for each role and rule: an error by lint's own name, or a remark where it is accepted.
/// `hashed` are the target files that come in.
pub fn refusals<'f>(plan: &'f Plan, hashed: &'f dyn Fn(&str) -> Option<&'f Files>) -> Vec<Problem> {
    let mut of_each: BTreeMap<(String, &str), Finding> = BTreeMap::new();
    for finding in brought_in(plan, hashed) {
        of_each.entry((finding.file.clone(), finding.rule.name)).or_insert(finding);
    }
    of_each.into_values().map(|finding| told(plan, &finding)).collect()
}

fn told(plan: &Plan, finding: &Finding) -> Problem {
    let (rule, role) = (finding.rule, &finding.file);
    let place = plan.places.get(&format!("role {role}")).copied();
    let at = if finding.at.is_empty() { String::new() } else { format!(" at {}", finding.at) };
    let detail = if finding.detail.is_empty() { String::new() } else { format!(": {}", finding.detail) };
    let minds = rule.clients.iter().filter(|says| matches!(says.does, Does::Refuses | Does::Fooled));
    let clients: Vec<String> = minds.map(ToString::to_string).collect();
    let text = format!("{role}{at}: {}{detail}: {}", rule.what, clients.join("; "));
    match plan.accepts(CLIENTS_REFUSE) {
        true => Problem::warning(CLIENTS_REFUSE, place, text),
        false => {
            let text =
                format!("{text}. To do: {}; accept {CLIENTS_REFUSE} where no such client comes", rule.fix);
            Problem::error(rule.name, place, text)
        }
    }
}

/// The errors that `before` has not, as often as they are new.
fn brought_in<'f>(plan: &'f Plan, hashed: &'f dyn Fn(&str) -> Option<&'f Files>) -> Vec<Finding> {
    let (old, new) = said(plan, hashed);
    let mut known: BTreeMap<(&str, String, String), usize> = BTreeMap::new();
    for Finding { rule, file, detail, .. } in lint::unsigned(old) {
        *known.entry((rule.name, file, detail)).or_default() += 1;
    }
    let mut findings = lint::unsigned(new);
    findings.retain(|Finding { rule, file, detail, .. }| {
        match known.get_mut(&(rule.name, file.clone(), detail.clone())) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    });
    for (role, files) in plan.roles.keys().filter_map(|role| Some((role, hashed(role)?))) {
        let news = files.listed().iter().filter(|(path, entry)| !entry.is_plain(path));
        let before = listed_before(plan, role);
        let news = news.filter(|(path, entry)| before(path) != Some(*entry));
        let read = news.filter_map(|(path, entry)| Some((path, json!(entry.read().ok()?))));
        findings.extend(lint::target_files(role, read));
    }
    // In a rehearsal a keyid that stays names another key.
    let rehearsal = plan.before.as_ref().is_some_and(|before| before.is_rehearsal());
    let meant = |rule: &str| SAID_BY_THE_PLAN.contains(&rule) || (rehearsal && rule.starts_with("KEYID-"));
    let error = |finding: &Finding| finding.severity(Profile::Compatible) == lint::Severity::Error;
    findings.retain(|Finding { rule, .. }| rule.name != OF_ALL_FILES && !meant(rule.name));
    findings.extend(reach::off_the_way(plan, hashed));
    findings.retain(error);
    findings
}

type Said = BTreeMap<String, Value>;

/// What the roles say before, and what they will say: of target files those paths that stand for all. Bins say nothing
/// but these.
fn said<'f>(plan: &'f Plan, hashed: &'f dyn Fn(&str) -> Option<&'f Files>) -> (Said, Said) {
    let facts = Foreseen { plan, files: hashed };
    let before = plan.before.as_ref();
    let layouts = [
        before.and_then(|before| before.repository.delegations("targets")).as_ref().and_then(Layout::of),
        delegations_after(plan, "targets").as_ref().and_then(Layout::of),
    ];
    let is_bin = |role: &str| layouts.iter().flatten().any(|bins| bins.number(role).is_some());
    let delegates = tree(plan).values().map(|list| list.roles.len()).sum();
    let looked_for = lint::looked_for(delegates);
    let (mut old, mut new) = (Said::new(), Said::new());
    for (role, file) in before.iter().flat_map(|before| before.repository.targets_roles()) {
        if is_bin(role) {
            continue;
        }
        let listed = file.metadata.listed().unwrap_or_default();
        let rest = file.metadata.signed();
        let shown = shown(|| listed.paths(), &|_| true, looked_for);
        old.insert(role.to_owned(), with_files(rest.clone(), shown.clone()));
        new.insert(role.to_owned(), with_files(rest.clone(), shown));
    }
    if let Some(before) = before {
        old.insert("root".to_owned(), before.root_file().metadata.signed().clone());
    }
    for role in plan.compared_roles().into_iter().filter(|role| !plan.is_bins(role)) {
        let Ok(rest) = after::rest(plan, role, &facts) else { continue };
        let said = match role {
            "root" => rest,
            _ => {
                let listed = before.and_then(|before| before.metadata(role)).and_then(Metadata::listed);
                with_files(rest, after(plan, role, hashed, listed.unwrap_or_default(), looked_for))
            }
        };
        new.insert(role.to_owned(), said);
    }
    (old, new)
}

fn with_files(mut rest: Value, files: Value) -> Value {
    rest["targets"] = files;
    rest
}

/// Of what a role will list that listed these, the paths that stand for all.
fn after<'f>(
    plan: &Plan,
    role: &str,
    hashed: &dyn Fn(&str) -> Option<&'f Files>,
    listed: Listed<'f>,
    looked_for: usize,
) -> Value {
    let spec = plan.roles.get(role).and_then(|role| role.files.as_ref());
    let come = hashed(role).map(Files::listed).unwrap_or_default();
    let removed = spec.iter().flat_map(|spec| &spec.remove);
    let removed: BTreeSet<&str> = removed.map(|path| path.value.as_str()).collect();
    let kept = |path: &str| spec.is_none_or(|spec| spec.keep) && !removed.contains(path);
    shown(|| come.paths().chain(listed.paths()), &|path| come.get(path).is_some() || kept(path), looked_for)
}

/// The paths that stand for all of a role that lists some of these: as many as are looked for, and those by which an object
/// has another order in another language.
fn shown<'f, P: Iterator<Item = &'f str>>(
    paths: impl Fn() -> P,
    lists: &dyn Fn(&str) -> bool,
    looked_for: usize,
) -> Value {
    let first =
        |is: fn(char) -> bool| paths().find(|path| !path.is_ascii() && path.contains(is) && lists(path));
    let sorted = [first(|c| c > '\u{ffff}'), first(|c| ('\u{e000}'..='\u{ffff}').contains(&c))];
    let entry = json!({"length": 0, "hashes": {"sha256": "0".repeat(64)}});
    let each = paths().filter(|path| lists(path)).take(looked_for).chain(sorted.into_iter().flatten());
    each.map(|path| (path.to_owned(), entry.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// What a role lists under a path before; bins are asked as one.
fn listed_before<'p>(plan: &'p Plan, role: &'p str) -> impl Fn(&str) -> Option<Entry<'p>> {
    let before = plan.before.as_ref();
    let bins = before.and_then(|before| before.bins(role)).map(|(bins, _)| bins);
    move |path| {
        let bin = bins.as_ref().map(|bins| bins.name(bins.bin_of(path)));
        before?.metadata(bin.as_deref().unwrap_or(role))?.listed()?.get(path)
    }
}
