//! What a careful reader would remark of a plan that holds. `trust.accept` names a remark that is meant.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::plan::Problem;
use crate::plan::Source;
use crate::plan::Verb;
use crate::plan::change;
use crate::plan::consequences::joined;
use crate::plan::consequences::who;
use crate::plan::delegates;
use crate::plan::file::File;
use crate::plan::lapse;
use crate::plan::problem::Place;
use crate::plan::quorum;
use crate::plan::schemes;
use crate::plan::step::Subject;
use crate::plan::twice;
use crate::store_uri::StoreUri;
use crate::tuf::Scheme;

/// Every remark: the name that `accept` takes, and what it is about.
pub const LINTS: [(&str, &str); 31] = [
    ("spare-keys-below-2", "losing two keys of root would lose it"),
    ("threshold-1", "one key alone can sign root or targets"),
    ("one-holder-several-keys", "one person counts more than once towards a threshold"),
    ("root-key-shared-with-online-role", "a key of root also signs snapshot or timestamp"),
    (
        "root-file-keys-reach-threshold",
        "keys in files, which can be copied unseen, reach the threshold of root",
    ),
    ("expiry-order", "a role outlives the role that it depends on"),
    ("root-expires-earlier", "the new root expires before the one that clients trust"),
    ("no-consistent-snapshots", "a client can meet a repository that is half published"),
    ("left-to-a-server", "clients refuse everything until a server has signed a role with its new keys"),
    (LAPSES, "a role carries over and expires before the window ends, or has expired"),
    ("no-witness", "nobody in the room only watches"),
    ("shares-reach-threshold", "people who hold shares can sign with the keys of others"),
    ("evidence-left-out", "the script leaves nothing that others can hold the record against"),
    ("public-key-not-fixed", "a key from outside is whatever its file holds on the day"),
    ("ed25519-on-token", "some tokens sign only short messages with Ed25519"),
    (SCHEME_NOT_EVERYWHERE, "some clients refuse what lists a key of this scheme"),
    (CLIENTS_REFUSE, "a known client refuses what is signed, by a rule of lint"),
    (NO_PROOF, "nobody showed that the holder of a delegate's key can sign with it"),
    (NO_METADATA, "a role is delegated to before it has metadata"),
    ("prefixes-overlap", "two roles may sign for the same beginnings of hashes"),
    ("delegation-never-reached", "terminating delegations before it take paths of one"),
    (OUTSIDE, "a role delegates paths that nobody delegates to it"),
    (CYCLE, "delegations lead back to a role"),
    ("succinct-bins", "clients that do not know TAP 15 cannot read what delegates to these bins"),
    ("roots-missing", "clients that trust a root which is not here find no way to the new one"),
    (FIRST_METADATA, "a role is signed for the first time, though the root is not the first"),
    (DICE_ALONE, "a key is made from dice alone, and is as strong as they are"),
    (SEVERAL_KEYIDS, "a role lists one key under several keyids, and some clients count it several times"),
    (SIGNED_LATER, "what a key that leaves a delegated role signed stays until its delegates sign again"),
    (RETIRED_KEY, "a key comes back that an earlier root listed and a later one dropped"),
    (ANCHOR_LEFT_BEHIND, "clients that were shipped with an old root cannot follow"),
];

/// Accepts that a role which is not signed here expires before the window ends, or has expired where none is stated.
pub const LAPSES: &str = "expires-in-the-window";

/// Accepts a key of a scheme that not every client knows.
pub const SCHEME_NOT_EVERYWHERE: &str = "scheme-not-everywhere";

/// Accepts what known clients refuse.
pub const CLIENTS_REFUSE: &str = "clients-refuse";

/// Accepts a delegate's key without proof of possession.
pub const NO_PROOF: &str = "no-proof-of-possession";

/// Accepts that a role which is signed here has no file in the metadata before: none was ever published.
pub const FIRST_METADATA: &str = "first-metadata";

/// Accepts a delegated role that has no metadata yet.
pub const NO_METADATA: &str = "delegate-without-metadata";

/// Accepts paths of a delegation that lie outside those of its delegator.
pub const OUTSIDE: &str = "paths-outside-delegator";

/// Accepts delegations that lead back to a role.
pub const CYCLE: &str = "delegation-cycle";

/// Accepts a key that nothing but dice goes into.
pub const DICE_ALONE: &str = "entropy-from-dice-alone";

/// Accepts that clients with one of `shipped_anchors` do not reach the new root.
pub const ANCHOR_LEFT_BEHIND: &str = "anchor-left-behind";

/// Accepts a role that lists one key under several keyids.
pub const SEVERAL_KEYIDS: &str = "one-key-several-keyids";

/// Accepts that a delegated role from which a key is taken is signed again at another time.
pub const SIGNED_LATER: &str = "signed-again-later";

/// Accepts a key that was retired once.
pub const RETIRED_KEY: &str = "retired-key-returns";

impl Plan {
    /// Whether the file accepts what is remarked under this name.
    pub fn accepts(&self, remark: &str) -> bool {
        self.accept.iter().any(|name| name == remark)
    }

    /// What was remarked, is not accepted, and is too grave to be gone on with.
    pub(super) fn refused_unless_accepted(&mut self) -> Vec<Problem> {
        let grave = |remark: &Problem| remark.rule == NO_PROOF;
        let (refused, warnings) =
            std::mem::take(&mut self.warnings).into_iter().partition::<Vec<_>, _>(grave);
        self.warnings = warnings;
        let refused = refused.into_iter().map(|remark| {
            let text = format!("{}. Accept {NO_PROOF} where it was shown in another way", remark.text);
            Problem::error("PROOF-OF-POSSESSION", remark.place, text)
        });
        refused.collect()
    }

    /// Takes remarks in: those that the file accepts, and those that are left to warn of.
    pub fn remark(&mut self, remarks: Vec<Problem>) {
        for remark in remarks {
            let to = if self.accepts(remark.rule) { &mut self.accepted } else { &mut self.warnings };
            to.push(remark);
        }
    }
}

type Is = fn(&Verb) -> bool;

/// What there is to remark.
pub fn remarks(plan: &Plan, file: &File) -> Vec<Problem> {
    let mut remarks = Vec::new();
    let place = |role: &str| file.trust.roles.get(role).map(|role| role.place);
    let mut say =
        |rule, place: Option<Place>, text: String| remarks.push(Problem::warning(rule, place, text));

    if plan.roles_in_room().contains(&"root") {
        root_remarks(plan, &place, &mut say);
    }
    if !plan.people.iter().any(|person| person.role == "witness") {
        say("no-witness", None, "nobody is a witness: everyone who confirms also does something".into());
    }
    let evidence: [(&str, Is); 4] = [
        ("reads the plan aloud", |verb| matches!(verb, Verb::ReadAloud(Subject::Plan))),
        ("has a checkpoint", |verb| matches!(verb, Verb::Checkpoint)),
        ("reviews exceptions", |verb| matches!(verb, Verb::ExceptionReview)),
        ("asks everyone for a statement", |verb| matches!(verb, Verb::Statement)),
    ];
    let lacks = |(_, is): &&(&str, Is)| !plan.steps.iter().any(|step| is(&step.verb));
    let missing: Vec<_> = evidence.iter().filter(lacks).map(|(what, _)| format!("no step {what}")).collect();
    if !missing.is_empty() {
        say("evidence-left-out", plan.steps.first().and_then(|step| step.place), joined(&missing, "and"));
    }
    for key in &plan.keys {
        if let Source::Existing { public, .. } | Source::Public { public } = &key.source
            && public.keyid.is_none()
        {
            let at = plan.places.get(&format!("key {}", key.name)).copied();
            say(
                "public-key-not-fixed",
                at,
                format!("key {} is whatever {} holds on the day; `keyid:` fixes it", key.name, public.file),
            );
        }
        if let Source::Generated { store: StoreUri::Pkcs11(_), scheme: Scheme::Ed25519, .. } = key.source {
            let at = file.keys.iter().find(|spec| spec.name.value == key.name).map(|spec| spec.name.place);
            say(
                "ed25519-on-token",
                at,
                format!(
                    "key {} is Ed25519 on a token: some tokens sign only 2 to 3 kB with it; ecdsa-sha2-nistp256 has no limit",
                    key.name
                ),
            );
        }
    }
    if let (Some(before), Some(spec)) = (&plan.before, &file.trust.before)
        && let Some(oldest) =
            before.repository.roots.first().map(|root| root.version).filter(|oldest| *oldest > 1)
    {
        let text = format!(
            "the roots before {oldest} are not in {}: clients that trust one of them find no way from this bundle to the new root",
            spec.metadata.value
        );
        say("roots-missing", Some(spec.metadata.place), text);
    }
    remarks.extend(["snapshot", "timestamp"].into_iter().filter_map(|role| server(plan, file, role)));
    remarks.extend(twice::remarks(plan));
    remarks.extend(schemes::remarks(plan));
    remarks.extend(delegates::delegation_remarks(plan));
    remarks.extend(lapse::remarks(plan, None));
    remarks
}

/// A role whose keys change, and that a server must sign again before the new root is of use to anybody.
fn server(plan: &Plan, file: &File, role: &str) -> Option<Problem> {
    let after = plan.roles.get(role).filter(|_| change::left_to_a_server(plan, role))?;
    let root = plan.roles.get("root").and_then(|root| root.in_room.as_ref())?;
    let text = format!(
        "the keys of {role} change, and it is not signed here: {} must sign it again before root {} is published, for clients that have this root refuse the repository until then; or give {role} a version and expires",
        who(plan, &after.keys, after.threshold as usize),
        root.version
    );
    Some(Problem::warning("left-to-a-server", file.trust.roles.get(role).map(|role| role.place), text))
}

/// What the state of trust after the ceremony leaves to remark.
fn root_remarks(
    plan: &Plan,
    place: &dyn Fn(&str) -> Option<Place>,
    say: &mut dyn FnMut(&'static str, Option<Place>, String),
) {
    let root = &plan.roles["root"];
    let spare = root.keys.len().saturating_sub(root.threshold as usize);
    if spare < 2 {
        let text = match spare {
            0 => "losing one key of root loses the root: nobody could ever change it again".to_owned(),
            _ => "losing two keys of root loses the root: nobody could ever change it again".to_owned(),
        };
        say("spare-keys-below-2", place("root"), text);
    }
    for role in ["root", "targets"] {
        if plan.roles[role].threshold == 1 {
            say("threshold-1", place(role), format!("one key alone can sign {role}"));
        }
        let groups = quorum::by_shares(plan, role);
        if !groups.is_empty() {
            let text = format!(
                "with shares, fewer keys are enough: {} can bring keys of others back and sign {role}",
                joined(&groups, "or")
            );
            say("shares-reach-threshold", place(role), text);
        }
        for (holder, keys) in holders(plan, role) {
            if keys > 1 {
                say(
                    "one-holder-several-keys",
                    place(role),
                    format!(
                        "{} holds {keys} keys of {role}: one person counts more than once",
                        plan.name(holder)
                    ),
                );
            }
        }
    }
    for role in ["snapshot", "timestamp"] {
        if let Some(key) = plan.roles[role].keys.iter().find(|key| root.keys.contains(key)) {
            say(
                "root-key-shared-with-online-role",
                place(role),
                format!("key {key} signs root and {role}; a root key is best used for nothing else"),
            );
        }
    }
    let in_file = |key: &&String| {
        plan.key(key).and_then(|key| key.store()).is_some_and(|s| matches!(s, StoreUri::Age(_)))
    };
    let files = root.keys.iter().filter(in_file).count();
    if files >= root.threshold as usize {
        say(
            "root-file-keys-reach-threshold",
            place("root"),
            format!(
                "{files} keys of root are in files, which can be copied unseen, and {} can sign",
                root.threshold
            ),
        );
    }
    if let (Some(before), Some(new)) = (&plan.before, &root.in_room) {
        let old = &before.repository.root;
        if new.expires < old.expires {
            let text = format!(
                "root expires on {}, before the one that it follows, on {}",
                new.expires, old.expires
            );
            say("root-expires-earlier", place("root"), text);
        }
        if !old.consistent_snapshot {
            let text = "clients ask for files by plain names, and can meet a repository that is half published: what leaves \
                        here must take the place of the old files at once";
            say("no-consistent-snapshots", place("root"), text.to_owned());
        }
    }
    for (longer, shorter) in [("root", "targets"), ("targets", "snapshot"), ("snapshot", "timestamp")] {
        let expiry = |role: &str| plan.roles.get(role)?.in_room.as_ref().map(|role| role.expires);
        if let (Some(long), Some(short)) = (expiry(longer), expiry(shorter))
            && long < short
        {
            say(
                "expiry-order",
                place(shorter),
                format!(
                    "{shorter} expires on {short}, after {longer} on {long}: clients stop at the earlier one"
                ),
            );
        }
    }
}

fn holders<'a>(plan: &'a Plan, role: &str) -> BTreeMap<&'a str, usize> {
    let mut holders = BTreeMap::new();
    for key in &plan.roles[role].keys {
        if let Some(holder) = plan.key(key).and_then(|key| key.holder.as_deref()) {
            *holders.entry(holder).or_default() += 1;
        }
    }
    holders
}
