//! The same change by people in different places: each key that exists signs from a request, and its answer is taken in.

use std::fs;
use std::path::Path;

use keyrite::driver::before::read_plan;
use keyrite::plan::Verb;
use keyrite::tuf::Metadata;
use keyrite::tuf::apart::Request;

use super::Chain;
use super::change::Change;
use super::model::passphrase;
use super::spec::Spec;
use crate::common::keyrite::Said;
use crate::common::keyrite::command;
use crate::common::keyrite::keyrite;
use crate::common::keyrite::text;
use crate::common::keyrite::tree;

/// The file in which every custodian who has a key in a file is somewhere else.
fn scattered(change: &Change) -> Spec {
    let mut spec = change.spec.clone();
    for line in spec.keys.values_mut() {
        let exists = line.store.as_ref().is_some_and(|store| store.starts_with("age:inputs/"));
        if exists && line.holder != "oli" {
            line.store = Some("elsewhere".to_owned());
        }
    }
    spec
}

impl Chain {
    /// Holds the ceremony of a change once more, with those people elsewhere; the bundle is signed by the same keys.
    pub(super) fn scattered(&self, room: &Path, change: &Change, record: &Path) {
        let (spec, file) = (scattered(change), room.join("scattered.yaml"));
        fs::write(&file, spec.text()).unwrap();
        let plan = read_plan(&spec.text(), room).unwrap();
        let by_request = |verb: &Verb| matches!(verb, Verb::Sign { key, .. } if plan.key(key).is_some_and(|key| key.elsewhere));
        let asked: Vec<&str> =
            plan.steps.iter().filter(|step| by_request(&step.verb)).map(|step| step.id.as_str()).collect();
        // A token makes no key of one name twice.
        let on_token = |store: &String| store.starts_with("pkcs11:");
        let mut made = spec.keys.values().filter(|line| line.generate.is_some());
        if asked.is_empty() || made.any(|line| line.store.as_ref().is_some_and(on_token)) {
            return;
        }
        let again = room.join("scattered");
        self.run(&file, &again, &[]).ended(3);
        let answers = room.join("answers");
        fs::create_dir(&answers).unwrap();
        let away = spec.keys.iter().filter(|(_, line)| line.store.as_deref() == Some("elsewhere"));
        for (name, _) in away {
            self.answer(name, &again.join("requests"), &answers);
        }
        let typed: String = asked.iter().map(|id| format!("  {id}: answers\n")).collect();
        let by_file = fs::read_to_string(room.join("answers.yaml")).unwrap();
        let more = room.join("with-answers.yaml");
        fs::write(&more, format!("{by_file}typed:\n{typed}")).unwrap();
        let resume = ["resume", text(&again), "--plain", "--answers", text(&more)];
        Said::of(&command().envs(self.model.env()).args(resume).output().unwrap()).ended(0);

        keyrite(&["journal", "verify", text(&again)]).ended(0);
        assert_eq!(signers(&again), signers(record), "{:?}", change.spec.kind);
    }

    /// Whoever holds this key signs every request that asks for it, at home.
    fn answer(&self, name: &str, requests: &Path, answers: &Path) {
        let key = &self.model.keys[name];
        let store = format!("age:{}", text(&self.model.path(&format!("keys/{name}.age"))));
        let secret = self.model.path("apart-secret.yaml");
        let passphrase = passphrase(name);
        let line = format!(
            "answers: 1\nconfirm: all\nclock: {}\nsecrets:\n  \"{store}\": {{passphrase: \"{passphrase}\"}}\n",
            self.model.now()
        );
        fs::write(&secret, line).unwrap();
        for (file, bytes) in tree(requests) {
            let request = Request::parse(&bytes).unwrap();
            if request.signers.keys().all(|(keyid, _)| keyid.0 != key.keyid) {
                continue;
            }
            let (request, out) = (requests.join(&file), answers.join(format!("{name}-{}", file.display())));
            keyrite(&[
                "sign",
                text(&request),
                "--key",
                &store,
                "--answers",
                text(&secret),
                "--out",
                text(&out),
            ])
            .ended(0);
        }
    }
}

/// Every file of metadata that was signed here, with how many signatures it has.
fn signers(record: &Path) -> Vec<(String, usize)> {
    let files = tree(&record.join("metadata")).into_iter();
    files
        .map(|(name, bytes)| (text(&name).to_owned(), Metadata::parse(&bytes).unwrap().signatures().len()))
        .collect()
}
