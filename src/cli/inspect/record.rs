//! The small files of a ceremony and its record in plain words: the ceremony file, answers, names, the ledger, the
//! checkpoint, and when the program ran.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::answers::Answers;
use crate::cli::existing::field;
use crate::cli::existing::map;
use crate::cli::existing::scalar;
use crate::cli::inspect::Description;
use crate::plan::ledger::Ledger;
use crate::plan::node;
use crate::tuf::Names;
use crate::words::Digest;
use crate::words::counted;

/// A YAML file of ours: a ceremony file, or answers. `None` when it is neither.
pub(super) fn yaml(bytes: &[u8]) -> Option<Result<Description, String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let begins = |name: &str| {
        text.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
    };
    if begins("answers") {
        return Some(answers(bytes));
    }
    begins("keyrite").then(|| ceremony_file(text))
}

/// A ceremony file, as far as it says what it is; `check` judges it.
fn ceremony_file(text: &str) -> Result<Description, String> {
    let file =
        node::parse(text).map_err(|problem| format!("a ceremony file that cannot be read: {problem}"))?;
    let text_of = |name: &str| scalar(field(&file, name)).unwrap_or_else(|| "not said".to_owned());
    let count = |name: &str| map(field(&file, name)).count();
    let digest = Digest::of(text.as_bytes());
    let mut lines = vec![
        format!("a ceremony file, {}", text_of("type")),
        format!("{}: {}", text_of("id"), text_of("title")),
        format!("{}, {}", counted(count("participants"), "participant"), counted(count("keys"), "key")),
        format!("SHA-256 {}", digest.hex()),
    ];
    lines.extend(digest.lines().into_iter().map(|line| format!("  {line}")));
    lines.push("`keyrite check` proves it, and prints its script".to_owned());
    Ok(Description {
        lines,
        json: json!({"kind": "ceremony-file", "id": text_of("id"), "type": text_of("type"),
            "sha256": digest.hex()}),
    })
}

/// Answers: what they are for, and nothing of what they say.
fn answers(bytes: &[u8]) -> Result<Description, String> {
    let answers = Answers::parse(bytes).map_err(|why| format!("an answers file: {why}"))?;
    let secrets: Vec<&str> = answers.secret_names().collect();
    let mut lines = vec!["an answers file; it carries secrets, and none of them is shown".to_owned()];
    if !secrets.is_empty() {
        lines.push(format!("secrets for {}", secrets.join(", ")));
    }
    let yes = |is: bool| if is { "yes" } else { "no" };
    lines.push(format!(
        "confirms: {}; types words back: {}",
        yes(answers.confirms()),
        yes(answers.types_back())
    ));
    lines.extend(answers.clock().map(|at| format!("it says that it is {at}")));
    lines.push(format!("SHA-256 {}, as the journal of its ceremony names it", answers.sha256()));
    Ok(Description {
        lines,
        json: json!({"kind": "answers", "secrets": secrets, "sha256": answers.sha256()}),
    })
}

/// Where tokens, bags and drives were when a ceremony ended.
pub(super) fn ledger(bytes: &[u8]) -> Result<Description, String> {
    let ledger: Ledger =
        serde_json::from_slice(bytes).map_err(|error| format!("a ledger, and not as one is: {error}"))?;
    let mut lines =
        vec![format!("the ledger of the ceremony {}: where things were at its end", ledger.ceremony)];
    if ledger.rehearsal {
        lines.push("REHEARSAL: nothing of it is real".to_owned());
    }
    let kept = |what: &str, things: &BTreeMap<String, crate::plan::ledger::Kept>| -> Vec<String> {
        let place =
            |bag: &Option<String>| bag.as_ref().map_or("open".to_owned(), |bag| format!("in bag {bag}"));
        things
            .iter()
            .map(|(id, thing)| format!("  {what} {} ({id}): {}", thing.name, place(&thing.bag)))
            .collect()
    };
    lines.extend(kept("token", &ledger.tokens));
    lines.extend(kept("drive", &ledger.drives));
    lines.push(format!("  {} bags", ledger.bags.len()));
    let json = serde_json::to_value(&ledger).map_err(|error| error.to_string())?;
    Ok(Description { lines, json: json!({"kind": "ledger", "ledger": json}) })
}

/// What keys are called, and who holds them. `None` when it is something else.
pub(super) fn names(bytes: &[u8]) -> Option<Description> {
    let names = Names::parse(bytes).ok().filter(|names| !names.is_empty())?;
    let mut lines = vec![format!("names and holders of {}", counted(names.keyids().len(), "key"))];
    lines.extend(names.keyids().map(|keyid| format!("  {}, keyid {:.16}", names.of(keyid), keyid.0)));
    Some(Description { lines, json: json!({"kind": "names", "keys": names.keyids().len()}) })
}

/// When the program was started and resumed: one JSON object a line, each with `at` and `what`. `None` when it is none.
pub(super) fn runs(bytes: &[u8]) -> Option<Description> {
    let text = std::str::from_utf8(bytes).ok()?;
    let run = |line: &str| {
        let run: BTreeMap<String, String> = serde_json::from_str(line).ok()?;
        Some(format!("  {} {}", run.get("at")?, run.get("what")?))
    };
    let runs: Option<Vec<String>> = text.lines().map(run).collect();
    let runs = runs.filter(|runs| !runs.is_empty())?;
    let mut lines = vec!["when a ceremony was started and gone on with".to_owned()];
    let count = runs.len();
    lines.extend(runs);
    Some(Description { lines, json: json!({"kind": "runs", "runs": count}) })
}

/// A checkpoint over the lines of a journal, with whatever signed it: an origin, a number of lines, a root.
pub(super) fn checkpoint(bytes: &[u8]) -> Option<Description> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let (origin, size, root) = (lines.next()?, lines.next()?.parse::<u64>().ok()?, lines.next()?);
    let is_root = root.len() == 44 && root.ends_with('=');
    if origin.is_empty() || !is_root || lines.next().is_some_and(|line| !line.is_empty()) {
        return None;
    }
    let signatures = lines.filter(|line| line.starts_with("\u{2014} ")).count();
    let said = vec![
        format!("a checkpoint of {origin}: {size} lines of its journal"),
        format!("root {root}"),
        format!("{}; `keyrite journal verify` judges it", counted(signatures, "signature")),
    ];
    let json = json!({"kind": "checkpoint", "origin": origin, "lines": size, "signatures": signatures});
    Some(Description { lines: said, json })
}
