//! The rules of a bundle, beside those of the client workflow.

/// `MANIFEST.json` can be read.
pub const MANIFEST_FORMAT: &str = "MANIFEST-FORMAT";
/// Every file that the manifest lists is there.
pub const MANIFEST_FILE_MISSING: &str = "MANIFEST-FILE-MISSING";
/// Every file that the manifest lists has its length and hash.
pub const MANIFEST_FILE_CHANGED: &str = "MANIFEST-FILE-CHANGED";
/// Every file that is there is listed in the manifest.
pub const MANIFEST_FILE_UNLISTED: &str = "MANIFEST-FILE-UNLISTED";
/// Every file in `targets/` has the length and the hashes that the metadata lists.
pub const TARGET_FILE_AS_LISTED: &str = "TARGET-FILE-AS-LISTED";
/// Every file in `targets/` is a target that a client can find.
pub const TARGET_FILE_KNOWN: &str = "TARGET-FILE-KNOWN";
/// No private key of any shape lies in the tree.
pub const NO_PRIVATE_KEY: &str = "NO-PRIVATE-KEY";
/// The tree holds files and directories and nothing that leads elsewhere.
pub const PLAIN_FILES: &str = "PLAIN-FILES";

/// The rules by which a bundle is not the one that was written.
pub const CHANGED: [&str; 3] = [MANIFEST_FILE_MISSING, MANIFEST_FILE_CHANGED, MANIFEST_FILE_UNLISTED];
