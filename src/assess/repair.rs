//! What to do, in order, in words. The ceremony itself is written by `draft`.

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Counts;
use crate::assess::Harm;
use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::Status;
use crate::assess::say::cut;
use crate::tuf::recovery::Forgotten;
use crate::tuf::recovery::verifies_no_more;

/// What a repair changes and signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Keys that go, from every role.
    pub out: KeySet,
    /// The top-level roles that lose one of them.
    pub roles: Vec<String>,
    /// Delegations that lose one of them: the delegator and its delegated roles.
    pub delegations: Vec<(String, Vec<String>)>,
    /// Targets roles that must be signed again: their keys changed, or what they delegate did.
    pub sign_again: Vec<String>,
    /// Of timestamp and snapshot, what clients forget, where the keys of one change.
    pub forgotten: Option<Forgets>,
    /// Keys that leave timestamp alone, so that clients forget how far the thief drove the version of snapshot.
    pub timestamp_too: KeySet,
}

/// What clients forget of timestamp and snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgets {
    /// Those that took files of the thief's: all that he signed, for none of his keys stays.
    pub his: Forgotten,
    /// Those that took the honest ones.
    pub honest: Forgotten,
}

impl Repair {
    /// The keys that go from a role of root's.
    pub fn out_of(&self, role: &str) -> KeySet {
        let too = self.timestamp_too.iter().filter(|_| role == "timestamp");
        self.out.iter().chain(too).copied().collect()
    }

    /// Whether no role lists any of the keys.
    pub fn is_nothing(&self) -> bool {
        self.roles.is_empty() && self.delegations.is_empty()
    }
}

impl Model {
    /// What a repair of this changes.
    pub fn repair(&self, assessment: &Assessment) -> Repair {
        let out: KeySet = assessment.question.lost.union(&assessment.question.stolen).copied().collect();
        let timestamp_too = Self::timestamp_too(assessment, &out);
        let touched = |status: &&Status| {
            let too = status.delegator == "root" && status.role == "timestamp" && !timestamp_too.is_empty();
            too || status.signers.among(&out) > 0
        };
        let touched: Vec<&Status> = assessment.roles.iter().filter(touched).collect();
        let (top, below): (Vec<&Status>, Vec<&Status>) =
            touched.into_iter().partition(|r| r.delegator == "root");
        let roles: Vec<String> = top.iter().map(|status| status.role.clone()).collect();
        let mut delegations: Vec<(String, Vec<String>)> = Vec::new();
        for status in &below {
            match delegations.iter_mut().find(|(delegator, _)| *delegator == status.delegator) {
                Some((_, roles)) => roles.push(status.role.clone()),
                None => delegations.push((status.delegator.clone(), vec![status.role.clone()])),
            }
        }
        let mut sign_again: Vec<String> = Vec::new();
        let changed = roles.iter().filter(|role| *role == "targets").cloned();
        let delegators = delegations.iter().map(|(delegator, _)| delegator.clone());
        let delegated = below.iter().map(|status| status.role.clone());
        for role in changed.chain(delegators).chain(delegated) {
            if !sign_again.contains(&role) {
                sign_again.push(role);
            }
        }
        let online = |role: &str| {
            let status =
                assessment.roles.iter().find(|status| status.role == role && roles.contains(&status.role));
            status.map(|status| {
                let mut stay: KeySet = status.signers.keys.difference(&out).copied().collect();
                if role == "timestamp" {
                    stay.retain(|key| !timestamp_too.contains(key));
                }
                let stay = stay.len();
                let honest = verifies_no_more(stay, status.signers.threshold);
                (honest || status.forged(), honest)
            })
        };
        let (timestamp, snapshot) = (online("timestamp"), online("snapshot"));
        let forgotten = timestamp.or(snapshot).map(|_| {
            let (timestamp, snapshot) = (timestamp.unwrap_or_default(), snapshot.unwrap_or_default());
            let (his, honest) =
                (Forgotten::of(timestamp.0, snapshot.0), Forgotten::of(timestamp.1, snapshot.1));
            Forgets { his, honest }
        });
        Repair { out, roles, delegations, sign_again, forgotten, timestamp_too }
    }

    /// The keys that timestamp must lose beside what is lost or stolen. Who can sign snapshot drives its version as high
    /// as it goes, and a server lists that in timestamp: python-tuf goes below it only when it can no longer verify
    /// the timestamp that it stored. In other roles they stay.
    fn timestamp_too(assessment: &Assessment, out: &KeySet) -> KeySet {
        let status = |role: &str| assessment.roles.iter().find(|s| s.delegator == "root" && s.role == role);
        let (Some(timestamp), Some(snapshot)) = (status("timestamp"), status("snapshot")) else {
            return KeySet::new();
        };
        if !snapshot.forged() || timestamp.forged() || !timestamp.signers.met_without(out) {
            return KeySet::new();
        }
        timestamp.signers.keys.difference(out).copied().collect()
    }

    /// The steps, each a sentence; none where nothing is lost or stolen.
    pub fn steps(&self, assessment: &Assessment) -> Vec<String> {
        let repair = self.repair(assessment);
        if repair.out.is_empty() {
            return Vec::new();
        }
        if repair.is_nothing() {
            return self.nothing_to_repair(assessment);
        }
        let Some(root) = assessment.roles.first() else { return Vec::new() };
        match root.can {
            Can::Sign { .. } => self.repaired(assessment, &repair),
            Can::OnlyWithStolen | Can::Never => self.unrepaired(assessment, root),
        }
    }

    /// Keys that older roots list, and no role of today's.
    fn nothing_to_repair(&self, assessment: &Assessment) -> Vec<String> {
        let now = self.newest().version;
        let nothing = format!("Nothing is to be repaired: no role lists these keys since root {now}.");
        let left = self.head_of_old(assessment).map_or_else(
            || "Nobody can do anything with them.".to_owned(),
            |old| {
                format!("{old} They stay in danger until they see root {now}: ship it with the next release.")
            },
        );
        vec![nothing, left]
    }

    fn repaired(&self, assessment: &Assessment, repair: &Repair) -> Vec<String> {
        let mut steps = Vec::new();
        let next = self.newest().version.saturating_add(1);
        let out = cut(&self.keys.names(&repair.out));
        if assessment.thief_rotates() {
            steps.push(format!(
                "Today, before the thief does: hold the ceremony, and publish root {next} wherever clients look. A client \
                 that sees his root {next} first is his."
            ));
        } else if !assessment.question.stolen.is_empty() {
            steps.push(
                "Stop publishing until this is done, and keep a copy of what is published now.".to_owned(),
            );
        }
        if !repair.roles.is_empty() {
            let theirs = |role: &&Status| role.delegator == "root" && role.signers.among(&repair.out) > 0;
            let roles: Vec<String> =
                assessment.roles.iter().filter(theirs).map(|status| status.role.clone()).collect();
            let gone =
                format!("Make root {next} without {out}, with a new key in each place, in {}", cut(&roles));
            let signed = "signed by the threshold of the old keys, without a stolen one, and of the new";
            steps.push(format!("{gone}; {signed}."));
        }
        let never: Vec<String> = assessment
            .roles
            .iter()
            .skip(1)
            .filter(|role| !matches!(role.can, Can::Sign { .. }))
            .map(Status::named)
            .collect();
        let named = |role: &String| {
            let of = assessment.roles.iter().find(|status| status.role == *role);
            of.map_or_else(|| role.clone(), Status::named)
        };
        let named = |roles: &[String]| cut(&roles.iter().map(named).collect::<Vec<_>>());
        if !never.is_empty() {
            steps.push(format!(
                "{} cannot be signed as it stands: the new keys do, from the files as they lie.",
                cut(&never)
            ));
        }
        for (delegator, roles) in &repair.delegations {
            steps.push(format!("Sign {delegator} again: it delegates {} to new keys.", named(roles)));
        }
        if !repair.sign_again.is_empty() {
            steps.push(format!(
                "Compare every target with what was meant, then sign {} again, version + 1, with the new keys.",
                named(&repair.sign_again)
            ));
        }
        if !repair.timestamp_too.is_empty() {
            steps.push(format!(
                "Timestamp gets new keys in the place of {} too, though nobody stole them: while clients can verify the timestamp \
                 that they stored, python-tuf takes no lower version of snapshot.",
                cut(&self.keys.names(&repair.timestamp_too))
            ));
        }
        if let Some(forgotten) = repair.forgotten {
            steps.push(
                match (forgotten.his, forgotten.honest) {
                    (Forgotten::Both | Forgotten::Timestamp, honest) if honest != forgotten.his => {
                        "Clients that took timestamp or snapshot from the thief can no longer verify it, and take lower versions \
                         once (fast-forward recovery); those that took yours can verify what they stored, and take none: put the \
                         new keys on the server, and sign both anew, with versions above the highest of yours."
                    }
                    (_, Forgotten::Both) => {
                        "Clients can no longer verify the timestamp and the snapshot that they stored, so they take lower \
                         versions once (fast-forward recovery): put the new keys on the server, and sign both anew."
                    }
                    (_, Forgotten::Timestamp) => {
                        "Clients can no longer verify the timestamp that they stored, so they take lower versions of \
                         timestamp and snapshot once (fast-forward recovery): put the new keys on the server, and sign \
                         both anew. What snapshot lists keeps its version or rises."
                    }
                    (_, Forgotten::Snapshot | Forgotten::Neither) => {
                        "Put the new keys on the server, and sign snapshot and timestamp anew, with higher versions: \
                         clients that can verify the timestamp they stored take no lower ones."
                    }
                }
                .to_owned(),
            );
        } else if assessment.thief.iter().any(|effect| effect.harm <= Harm::OneStepAway)
            || !repair.sign_again.is_empty()
        {
            steps.push("Have the server sign snapshot and timestamp anew, with higher versions.".to_owned());
        }
        if assessment.thief.iter().any(|effect| effect.clients.is_some()) {
            steps.push(format!(
                "Clients that trust an older root stay in danger until they see root {next}: ship it with the next release."
            ));
        }
        steps.push("Verify the result from the oldest root that clients have, then publish; tell people when and why.".to_owned());
        steps
    }

    fn unrepaired(&self, assessment: &Assessment, root: &Status) -> Vec<String> {
        let newest = self.newest();
        let mut steps = Vec::new();
        let next = newest.version.saturating_add(1);
        if root.can == Can::OnlyWithStolen {
            let helpers = cut(&self.keys.names(root.stolen.difference(&root.lost)));
            let lacking = root.signers.lacking_by(&root.stolen, Counts::Keyids);
            let thief = match lacking {
                0 => "he can make it too: be first".to_owned(),
                1 => "he lacks 1 more key to make one of his own".to_owned(),
                more => format!("he lacks {more} more keys to make one of his own"),
            };
            steps.push(
                "Stop publishing until this is decided, and keep a copy of what is published now.".to_owned(),
            );
            steps.push(format!(
                "Decide, all of you, whether to use a stolen key once more. Root {next} can still be made by {}, and needs {} \
                 of {helpers}, which the thief has too. Clients take such a root as any other, and with it \
                 the stolen key is out. Nobody can see from here what else was signed with it; {thief}.",
                cut(&self.keys.names(root.signers.keys.difference(&root.lost))),
                root.signers.lacking(&root.left),
            ));
            steps.push(
                "If you use it: a key-rotation that takes out every lost and stolen key; what is signed is compared from \
                 paper. A compromise-response is refused here, for there a stolen key never counts as needed."
                    .to_owned(),
            );
        }
        let or = if root.can == Can::OnlyWithStolen { "If not, begin anew" } else { "Begin anew" };
        steps.push(format!(
            "{or}: a root-genesis with new keys, and clients that are shipped with its root 1 by another way than this \
             repository."
        ));
        if root.can == Can::OnlyWithStolen {
            return steps;
        }
        if assessment.question.stolen.is_empty() && newest.expires > assessment.question.at {
            steps.push(format!(
                "There is time: clients go on until root {} expires, {}. Roles that can still be signed go on until then.",
                newest.version, newest.expires
            ));
        } else if assessment.question.stolen.is_empty() {
            steps.push(format!(
                "There is no time left: root {} expired at {}, and clients have refused everything since.",
                newest.version, newest.expires
            ));
        } else {
            steps.push(
                "Tell people to stop updating from this repository, and take it off the network.".to_owned(),
            );
        }
        steps
    }
}
