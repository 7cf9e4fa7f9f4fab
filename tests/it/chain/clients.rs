//! Existing clients follow the chain: new ones at every release, and old ones that keep what they saw.

use std::fs;
use std::path::Path;

use keyrite::words::Digest;
use serde_json::Value;
use serde_json::json;

use super::model::Files;
use super::model::Model;
use super::model::Published;
use super::model::Seed;
use crate::common::peers::Peer;
use crate::common::peers::Visit;
use crate::common::peers::python_tuf_walks;

fn stop(at: &Published, removed: &Files) -> Value {
    let sha256 = |bytes: &Vec<u8>| Digest::of(bytes).hex();
    let targets: serde_json::Map<String, Value> =
        at.files.iter().map(|(name, bytes)| (name.clone(), json!(sha256(bytes)))).collect();
    let gone: Vec<&String> = removed.keys().filter(|name| !at.files.contains_key(*name)).collect();
    json!({"site": at.site, "at": at.at, "targets": targets, "gone": gone})
}

/// python-tuf: from the first root to every release, and clients with a memory from random releases on.
pub(super) fn python_tuf(model: &Model) {
    let mut seed = Seed(model.published.len() as u64);
    let all = &model.published;
    let gone: Files = all.iter().flat_map(|at| at.files.clone()).collect();
    let root = |at: &Published, version: u64| at.site.join(format!("metadata/{version}.root.json"));
    let mut walks: Vec<Value> =
        all.iter().map(|at| json!({"pinned": root(at, 1), "visits": [stop(at, &gone)]})).collect();
    let every: Vec<Value> = all.iter().map(|at| stop(at, &gone)).collect();
    walks.push(json!({"pinned": root(&all[0], 1), "visits": every}));
    for _ in 0..6 {
        let first = seed.below(all.len());
        let visits: Vec<Value> = all[first..]
            .iter()
            .enumerate()
            .filter(|(n, _)| *n == 0 || seed.one_in(2))
            .map(|(_, at)| stop(at, &gone))
            .collect();
        walks.push(json!({"pinned": root(&all[first], all[first].root), "visits": visits}));
    }
    let file = model.path("walks.json");
    fs::write(&file, serde_json::to_vec(&walks).unwrap()).unwrap();
    if let Some(Err(said)) = python_tuf_walks(&file) {
        panic!("python-tuf {said}");
    }
}

/// tough: from the first root, and from one that was the newest when its client was built.
pub(super) fn tough(model: &mut Model) {
    let at = model.published.last().unwrap();
    let names: Vec<&String> = at.files.keys().collect();
    let delegated: Vec<&String> = at.delegated.iter().collect();
    let mut targets = vec![names[model.seed.below(names.len())]];
    if !delegated.is_empty() {
        targets.push(delegated[model.seed.below(delegated.len())]);
    }
    let later = 1 + model.seed.below(at.root as usize);
    for (version, target) in
        [1, later].into_iter().flat_map(|version| targets.iter().map(move |t| (version, *t)))
    {
        let pinned_root = at.site.join(format!("metadata/{version}.root.json"));
        let visit = Visit { bundle: &at.site, pinned_root, target, at: &at.at };
        match Peer::Tough.judge(&visit) {
            Some(Ok(arrived)) => assert!(arrived == at.files[target], "tough downloaded another {target}"),
            Some(Err(said)) => panic!("tough {said}"),
            None => return,
        }
    }
}

/// `keyrite verify` from the first root and from a random one, and `keyrite journal verify`.
pub(super) fn keyrite(model: &mut Model) {
    use crate::common::keyrite::keyrite;
    use crate::common::keyrite::text;
    let at = model.published.last().unwrap();
    let bundle = at.record.join("bundle");
    let later = 1 + model.seed.below(at.root as usize);
    for version in [1, later] {
        let root = bundle.join(format!("metadata/{version}.root.json"));
        keyrite(&["verify", text(&bundle), "--root", text(&root), "--at", &at.at]).ended(0);
    }
    keyrite(&["journal", "verify", text(&at.record)]).ended(0);
}

/// Whether a file of metadata carries the watermark.
pub(super) fn is_rehearsal(file: &Path) -> bool {
    let value: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    value["signed"][keyrite::tuf::client::WATERMARK] == true
}
