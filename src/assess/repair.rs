//! What to do, in order, in words. The ceremony itself is written by `draft`.

use crate::assess::Assessment;
use crate::assess::Can;
use crate::assess::Harm;
use crate::assess::KeySet;
use crate::assess::Model;
use crate::assess::Status;
use crate::assess::say::cut;

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
    /// Whether timestamp or snapshot keys change, so that clients forget what they stored of the two.
    pub fast_forward: bool,
}

impl Model {
    /// What a repair of this changes.
    pub fn repair(&self, assessment: &Assessment) -> Repair {
        let touched: Vec<&Status> = assessment.roles.iter().filter(|role| role.touched()).collect();
        let out = assessment.question.lost.union(&assessment.question.stolen).copied().collect();
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
        let fast_forward = roles.iter().any(|role| role == "snapshot" || role == "timestamp");
        Repair { out, roles, delegations, sign_again, fast_forward }
    }

    /// The steps, each a sentence; none where nothing is lost or stolen.
    pub fn steps(&self, assessment: &Assessment) -> Vec<String> {
        let repair = self.repair(assessment);
        if repair.out.is_empty() {
            return Vec::new();
        }
        let Some(root) = assessment.roles.first() else { return Vec::new() };
        match root.can {
            Can::Sign { .. } => self.repaired(assessment, &repair),
            Can::OnlyWithStolen | Can::Never => self.unrepaired(assessment, root),
        }
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
            let gone = format!(
                "Make root {next} without {out}, with a new key in each place, in {}",
                cut(&repair.roles)
            );
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
        if repair.fast_forward {
            steps.push(
                "The keys of timestamp or snapshot change, so clients forget what they stored of the two (fast-forward \
                 recovery): put the new keys on the server, and sign both anew."
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
        if root.can == Can::OnlyWithStolen {
            let next = newest.version.saturating_add(1);
            let helpers = cut(&self.keys.names(root.stolen.difference(&root.lost)));
            steps.push(format!(
                "No ceremony repairs this safely: root {next} would need {helpers}, and what a stolen key signs for us it \
                 can sign for the thief. A ceremony file that needs it is refused."
            ));
        }
        steps.push(
            "Begin anew: a root-genesis with new keys, and clients that are shipped with its root 1 by another way than \
             this repository."
                .to_owned(),
        );
        if assessment.question.stolen.is_empty() {
            steps.push(format!(
                "There is time: clients go on until root {} expires, {}. Roles that can still be signed go on until then.",
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
