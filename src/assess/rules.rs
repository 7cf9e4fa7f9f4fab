//! The rules by which lost and stolen keys are judged, each with where it comes from. Every line of an answer names one.
//!
//! The sources: *Survivable Key Compromise in Software Update Systems* (Samuel, Mathews, Cappos, Dingledine; CCS 2010),
//! which weighs each role's keys by what a thief of them can do; PEP 458, *Key Compromise Analysis*, the same as a
//! table; Notary's service architecture, *threat model*, for a thief who also has the server; and the TUF
//! specification, section 5, for what clients check. Two rules are ours: they follow from hashes being optional there.

use serde::Serialize;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// Samuel et al. 2010: root keys are the one compromise that TUF does not survive by itself. PEP 458: root, yes to all.
pub const ROOT: Rule = Rule {
    name: "ROOT",
    says: "whoever has a threshold of the root keys makes the next root, and names every key in it",
    source: "Samuel et al. 2010; PEP 458, Key Compromise Analysis; TUF 5.3.4",
};

/// TUF 5.3.4 counts keys; which clients count keyids, `lint` knows: a test keeps the two together.
pub const SEVERAL_KEYIDS: Rule = Rule {
    name: "SEVERAL-KEYIDS",
    says: "python-tuf, tuf-js and go-tuf before May 2026 count a key once for each keyid under which a role lists it",
    source: "TUF 5.3.4, which counts keys; tried with python-tuf 7 (lint: ONE-KEY-SEVERAL-KEYIDS)",
};

/// TUF 4.5: neither crosses a slash; which client differs, `lint` knows.
pub const STAR_CROSSES_SLASH: Rule = Rule {
    name: "STAR-CROSSES-SLASH",
    says: "in tough, the client in Rust, * and ? also stand for a slash: there a role may sign for files in folders below",
    source: "TUF 4.5, where they do not; tried with tough 0.24 (lint: PATTERN-DEEPER-IN-TOUGH)",
};

/// TUF 5.3: a client climbs from the root that it has, and the root it has says who may sign the next.
pub const OLD_ROOT: Rule = Rule {
    name: "OLD-ROOT",
    says: "a client that has not seen the newest root still trusts the keys of the root that it has",
    source: "TUF 5.3.3 to 5.3.10; Samuel et al. 2010, implicit and explicit revocation",
};

/// PEP 458: targets needs snapshot and timestamp to co-operate; then malicious updates, limited by the root's expiry.
pub const TARGETS_AND_SNAPSHOT_AND_TIMESTAMP: Rule = Rule {
    name: "TARGETS-AND-SNAPSHOT-AND-TIMESTAMP",
    says: "any software needs the keys of targets, snapshot and timestamp, for clients check all three",
    source: "Samuel et al. 2010; PEP 458, Key Compromise Analysis; TUF 5.4 to 5.6",
};

/// PEP 458, of a bin or a project's role: malicious updates of what is delegated to it, and of nothing else.
pub const DELEGATION_AND_SNAPSHOT_AND_TIMESTAMP: Rule = Rule {
    name: "DELEGATION-AND-SNAPSHOT-AND-TIMESTAMP",
    says: "any software, on the paths alone that are delegated to the role",
    source: "PEP 458, Key Compromise Analysis; TUF 5.6.7",
};

/// Ours: METAFILES may leave out hashes (TUF 4.4); then version is all that binds, and two files can have one version.
pub const TARGETS_NOT_PINNED: Rule = Rule {
    name: "TARGETS-NOT-PINNED",
    says: "snapshot lists this file without a hash, so its keys alone can replace it under the same version",
    source: "TUF 4.4, hashes are optional; TUF 5.6.2",
};

/// Ours: the same one step higher (TUF 4.6).
pub const SNAPSHOT_NOT_PINNED: Rule = Rule {
    name: "SNAPSHOT-NOT-PINNED",
    says: "timestamp lists snapshot without a hash, so its keys alone can replace it under the same version",
    source: "TUF 4.6, hashes are optional; TUF 5.5.2",
};

/// PEP 458: timestamp and snapshot, metadata inconsistency, limited by the earliest expiry of root, targets or bin.
pub const SNAPSHOT_AND_TIMESTAMP: Rule = Rule {
    name: "SNAPSHOT-AND-TIMESTAMP",
    says: "files that were each signed honestly are shown together though they never belonged together",
    source: "Samuel et al. 2010; PEP 458, Key Compromise Analysis",
};

/// PEP 458: timestamp alone, freeze, limited by the earliest expiry of root, targets or snapshot.
pub const TIMESTAMP_ALONE: Rule = Rule {
    name: "TIMESTAMP-ALONE",
    says: "today's state is shown as the newest until what was honestly signed expires",
    source: "Samuel et al. 2010; PEP 458, Key Compromise Analysis",
};

/// TUF 5.4.3 and 5.5.5 compare with what the client saw before: one that saw nothing has nothing to compare.
pub const ROLLBACK_OF_NEW_CLIENTS: Rule = Rule {
    name: "ROLLBACK-OF-NEW-CLIENTS",
    says: "clients refuse what is older than what they saw; those that never saw newer have nothing to compare",
    source: "TUF 5.4.3, 5.5.5; Samuel et al. 2010",
};

/// TUF 5.3.11: high versions outlive the theft until root names other timestamp or snapshot keys.
pub const FAST_FORWARD: Rule = Rule {
    name: "FAST-FORWARD",
    says: "with versions as high as they go, clients refuse every honest file, until root names other keys",
    source: "TUF 5.3.11, fast-forward attack recovery",
};

/// Notary: stolen targets keys do harm with the credentials of an uploader, as the server signs what comes in.
pub const TARGETS_ALONE: Rule = Rule {
    name: "TARGETS-ALONE",
    says: "nothing reaches clients yet; a server that signs snapshot for whoever uploads would carry it to them",
    source: "Notary, service architecture, threat model; PEP 458, Key Compromise Analysis",
};

/// Notary: a stolen snapshot key needs the timestamp, which the server makes anew for every upload.
pub const SNAPSHOT_ALONE: Rule = Rule {
    name: "SNAPSHOT-ALONE",
    says: "nothing reaches clients yet; a server that signs timestamp for whoever uploads would carry it to them",
    source: "Notary, service architecture, threat model; PEP 458, Key Compromise Analysis",
};

/// TUF 5.6.7: a path must be delegated all the way down, and an earlier terminating delegation of it ends the search
/// before this role is asked.
pub const SHADOWED: Rule = Rule {
    name: "SHADOWED",
    says: "delegations above it and before it leave no path that this role could sign for",
    source: "TUF 5.6.7",
};

/// Samuel et al. 2010, multi-signature trust: fewer keys than the threshold are worth nothing.
pub const BELOW_THRESHOLD: Rule = Rule {
    name: "BELOW-THRESHOLD",
    says: "fewer keys than the threshold sign nothing",
    source: "Samuel et al. 2010, multi-signature trust; TUF 5.3.4",
};

/// TUF 5.3.10 and 5.4.4 to 5.6.6: what has expired helps nobody, until its owners, or a server of theirs, sign it again.
pub const EXPIRED: Rule = Rule {
    name: "EXPIRED",
    says: "clients take nothing until what has expired, or is not here, is signed again; the harm is what it is then",
    source: "TUF 5.3.10, 5.4.4, 5.5.6, 5.6.5",
};

/// TUF 5.3.4: root N+1 needs a threshold of the keys of N; the keys of N+1 are chosen anew.
pub const ROOT_ROTATES: Rule = Rule {
    name: "ROOT-ROTATES",
    says: "a threshold of the root keys is neither lost nor stolen",
    source: "TUF 5.3.4, 6.1",
};

/// A stolen key still signs, for its owner and for the thief; a repair that leans on it can be undone by him.
pub const ROOT_NEEDS_STOLEN: Rule = Rule {
    name: "ROOT-NEEDS-STOLEN",
    says: "without a stolen key the threshold of root is not met",
    source: "TUF 5.3.4; Samuel et al. 2010",
};

/// TUF 5.3.4 read the other way: without a threshold of N there is no N+1, ever.
pub const ROOT_LOST: Rule = Rule {
    name: "ROOT-LOST",
    says: "too few root keys are left: no root can follow this one, ever",
    source: "TUF 5.3.4; Samuel et al. 2010",
};

/// TUF 4.2.1 and 5.3.4 to 5.6.3: a role is what a threshold of its keys signs.
pub const ROLE_SIGNS: Rule = Rule {
    name: "ROLE-SIGNS",
    says: "a threshold of the role's keys is neither lost nor stolen",
    source: "TUF 4.2.1, 5.3.4",
};

/// As with root: a signature that takes a stolen key is one that the thief can make too, or withhold no longer.
pub const ROLE_NEEDS_STOLEN: Rule = Rule {
    name: "ROLE-NEEDS-STOLEN",
    says: "without a stolen key the threshold of the role is not met",
    source: "TUF 5.3.4; Samuel et al. 2010",
};

/// Other keys can be named by whoever delegates to the role, and by nobody else.
pub const ROLE_LOST: Rule = Rule {
    name: "ROLE-LOST",
    says: "too few keys of the role are left, until whoever delegates to it names others",
    source: "TUF 5.3.4, 6.1",
};

/// Every rule.
pub const RULES: [Rule; 23] = [
    ROLE_SIGNS,
    ROLE_NEEDS_STOLEN,
    ROLE_LOST,
    ROOT,
    OLD_ROOT,
    SEVERAL_KEYIDS,
    STAR_CROSSES_SLASH,
    TARGETS_AND_SNAPSHOT_AND_TIMESTAMP,
    DELEGATION_AND_SNAPSHOT_AND_TIMESTAMP,
    TARGETS_NOT_PINNED,
    SNAPSHOT_NOT_PINNED,
    SNAPSHOT_AND_TIMESTAMP,
    TIMESTAMP_ALONE,
    ROLLBACK_OF_NEW_CLIENTS,
    FAST_FORWARD,
    TARGETS_ALONE,
    SNAPSHOT_ALONE,
    SHADOWED,
    BELOW_THRESHOLD,
    EXPIRED,
    ROOT_ROTATES,
    ROOT_NEEDS_STOLEN,
    ROOT_LOST,
];
