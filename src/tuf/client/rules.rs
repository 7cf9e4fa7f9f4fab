//! The rules of the client workflow, by name. A refusal names one of them.

/// A file that the workflow needs is there.
pub const FILE_MISSING: &str = "FILE-MISSING";
/// A file can be read, and is not larger than its role may be.
pub const FILE_READABLE: &str = "FILE-READABLE";
/// A file is metadata of its role: strict JSON, `_type`, `spec_version` 1.x, whole numbers, dates (section 4).
pub const METADATA_FORMAT: &str = "METADATA-FORMAT";
/// The pinned root is signed by a threshold of its own keys (section 5.2).
pub const PINNED_ROOT_SIGNED: &str = "PINNED-ROOT-SIGNED";
/// A set that has a root of the pinned version, or of the client's own, has that one: two roots of one version are
/// two trusts.
pub const ROOT_ONE_PER_VERSION: &str = "ROOT-ONE-PER-VERSION";
/// Root N+1 is signed by a threshold of the keys of N and by a threshold of its own (section 5.3.4).
pub const ROOT_SIGNED_BY_OLD_AND_NEW: &str = "ROOT-SIGNED-BY-OLD-AND-NEW";
/// The file `N.root.json` has version N: the chain goes up by one (section 5.3.5).
pub const ROOT_VERSION_NEXT: &str = "ROOT-VERSION-NEXT";
/// No root is missing below the highest one: a client stops at the gap and never sees what lies above.
pub const ROOT_NO_GAP: &str = "ROOT-NO-GAP";
/// The final root is not older than the one that the client trusted before: clients never go back.
pub const ROOT_NOT_ROLLED_BACK: &str = "ROOT-NOT-ROLLED-BACK";
/// A chain has at most [`super::MAX_ROOTS`] steps (section 5.3.3).
pub const ROOT_COUNT: &str = "ROOT-COUNT";
/// A keyid stands once among the signatures of a file (section 4.2.1).
pub const KEYID_SIGNS_ONCE: &str = "KEYID-SIGNS-ONCE";
/// A file is signed by a threshold of the keys that its delegator names.
pub const THRESHOLD: &str = "THRESHOLD";
/// The final root, and every other file, expires after the time of the verification (sections 5.3.10, 5.4.4, ...).
pub const NOT_EXPIRED: &str = "NOT-EXPIRED";
/// A file has the length that the file above it lists.
pub const LENGTH_AS_LISTED: &str = "LENGTH-AS-LISTED";
/// A file has the hashes that the file above it lists, at least one by a known algorithm.
pub const HASHES_AS_LISTED: &str = "HASHES-AS-LISTED";
/// A file has the version that the file above it, or its own name, says.
pub const VERSION_AS_LISTED: &str = "VERSION-AS-LISTED";
/// A timestamp is not older than the one that the client trusted before (section 5.4.3.1).
pub const TIMESTAMP_NOT_ROLLED_BACK: &str = "TIMESTAMP-NOT-ROLLED-BACK";
/// A timestamp of the version that the client trusts already is the same one, or what the client's own lists holds
/// still (section 5.4.3.1).
pub const TIMESTAMP_ONE_PER_VERSION: &str = "TIMESTAMP-ONE-PER-VERSION";
/// A timestamp lists no snapshot that is older than the one that the client trusted before (section 5.4.3.2).
pub const SNAPSHOT_NOT_ROLLED_BACK: &str = "SNAPSHOT-NOT-ROLLED-BACK";
/// A snapshot lists no targets role at a lower version than the one that the client trusted before (section 5.5.5).
pub const ROLE_NOT_ROLLED_BACK: &str = "ROLE-NOT-ROLLED-BACK";
/// A snapshot lists every targets role that the one before it listed (section 5.5.5).
pub const ROLE_NOT_VANISHED: &str = "ROLE-NOT-VANISHED";
/// Every targets role that is delegated to is listed in snapshot (section 5.6).
pub const LISTED_IN_SNAPSHOT: &str = "LISTED-IN-SNAPSHOT";
/// There are at most [`super::MAX_ROLES`] delegated roles.
pub const ROLE_COUNT: &str = "ROLE-COUNT";
/// A search for one target visits at most [`super::MAX_VISITED`] delegated roles (section 5.6.7).
pub const SEARCH_BOUND: &str = "SEARCH-BOUND";
/// What a client trusts is kept where the next run finds it.
pub const STATE_KEPT: &str = "STATE-KEPT";
/// Every target has a hash by an algorithm that clients know: without one nothing can be checked.
pub const TARGET_HASH_KNOWN: &str = "TARGET-HASH-KNOWN";
/// Nothing carries the watermark of a rehearsal, unless the caller wants to verify one.
pub const REHEARSAL: &str = "REHEARSAL";
