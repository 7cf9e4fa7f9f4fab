//! What comes back from elsewhere: whose answers are awaited, and what becomes of everything that is sent. Pure.

use crate::ceremony::Ceremony;
use crate::plan::Verb;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::apart::Finding;
use crate::tuf::apart::Merge;
use crate::tuf::apart::Outcome;

/// One signature that is still to come from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The step of its key, which need not be the current one.
    pub step: String,
    /// The role.
    pub role: String,
    /// The key's name.
    pub key: String,
    /// Its keyid.
    pub keyid: KeyId,
}

impl Ceremony {
    /// The signatures from elsewhere that may come in now, in the order of their steps: over each role that is reviewed and not
    /// counted yet, of every key that has not signed it. Who was left out for the day may still answer.
    pub fn awaited(&self) -> Vec<Awaited> {
        let mut awaited = Vec::new();
        for step in &self.plan().steps {
            let Verb::Sign { key, roles } = &step.verb else { continue };
            let Some(known) = self.known(key).filter(|_| self.plan().signs_elsewhere(key)) else { continue };
            let open = roles.iter().filter(|role| self.room().may_sign(role, key).is_ok());
            awaited.extend(open.map(|role| Awaited {
                step: step.id.clone(),
                role: role.clone(),
                key: key.clone(),
                keyid: known.keyid.clone(),
            }));
        }
        awaited
    }

    /// Whether the answers of the current step came in before it did: nothing but its confirmation is left.
    pub fn answered_before(&self) -> bool {
        self.left().is_empty() && self.next().is_some_and(|next| matches!(next.step.verb, Verb::Sign { .. }))
    }
}

/// Everything that was sent, judged by every request that is open.
pub struct Answers {
    awaited: Vec<Awaited>,
    /// By role.
    open: Vec<(String, Merge)>,
    names: Names,
    /// Signatures that the ceremony has.
    known: Vec<String>,
    /// What is no answer.
    rest: Vec<String>,
}

impl Answers {
    /// To a ceremony as it stands.
    pub fn to(ceremony: &Ceremony) -> Self {
        let awaited = ceremony.awaited();
        let (mut open, mut rest) = (Vec::new(), Vec::new());
        for role in ceremony.plan().roles_in_room() {
            let asked = awaited.iter().any(|awaited| awaited.role == role);
            match (ceremony.request(role).filter(|_| asked), ceremony.metadata(role)) {
                (Some(Ok(request)), Some(signed)) => {
                    open.push((role.to_owned(), Merge::new(signed.clone(), role, request.signers, "")));
                }
                (Some(Err(error)), _) => rest.push(error.to_string()),
                _ => {}
            }
        }
        Self { awaited, open, names: ceremony.names(), known: Vec::new(), rest }
    }

    /// Takes one file, or the codes of one thing; `source` is what it is called.
    pub fn take(&mut self, source: &str, sent: &[u8]) {
        let mut findings = Vec::new();
        for (_, merge) in &mut self.open {
            let before = merge.findings().len();
            merge.take(source, sent, None);
            findings.extend_from_slice(&merge.findings()[before..]);
        }
        let with = |outcome: Outcome, says: &str| -> Vec<String> {
            let found = findings.iter().filter(|finding| finding.outcome == outcome);
            let by = found.filter_map(|finding| finding.keyid.as_ref());
            by.map(|keyid| format!("{source}: the answer of {}, {says}", self.names.of(keyid))).collect()
        };
        let awaits = |finding: &Finding| {
            let awaits = |keyid: &KeyId| self.awaited.iter().any(|awaited| awaited.keyid == *keyid);
            finding.outcome == Outcome::Added && finding.keyid.as_ref().is_some_and(awaits)
        };
        let known = with(Outcome::AlreadyThere, "which came in before");
        // Of a file that answers, now or before, there is nothing more to say.
        match () {
            () if findings.iter().any(awaits) => {}
            () if !known.is_empty() => self.known.extend(known),
            () => {
                let unasked = with(Outcome::Added, "who is not asked for it");
                self.rest.extend(if unasked.is_empty() {
                    no_answer(&findings, &self.names)
                } else {
                    unasked
                });
            }
        }
    }

    /// Notes what cannot be read.
    pub fn unread(&mut self, why: String) {
        self.rest.push(why);
    }

    /// The signatures that are awaited and came, in hex. Each was verified.
    pub fn came_in(&self) -> Vec<(Awaited, String)> {
        let mut came = Vec::new();
        for (role, merge) in &self.open {
            let merged = merge.merged();
            let of_role = self.awaited.iter().filter(|awaited| awaited.role == *role);
            came.extend(of_role.filter_map(|awaited| {
                let sig = merged.signatures().iter().find(|signature| signature.keyid == awaited.keyid)?;
                Some((awaited.clone(), sig.sig.clone()))
            }));
        }
        came
    }

    /// What is no answer, and why.
    pub fn rest(&self) -> &[String] {
        &self.rest
    }

    /// The answers that the ceremony had before.
    pub fn known(&self) -> &[String] {
        &self.known
    }
}

/// What became of something that answers nothing. What is for one role of several is told of that role alone.
fn no_answer(findings: &[Finding], names: &Names) -> Vec<String> {
    let for_another = |finding: &&Finding| finding.outcome == Outcome::WrongPayload;
    let all_for_another = findings.iter().all(|finding| for_another(&finding));
    let told = findings.iter().filter(|finding| all_for_another || !for_another(finding));
    let mut sentences: Vec<String> = told.map(|finding| finding.sentence(names)).collect();
    sentences.dedup();
    sentences
}
