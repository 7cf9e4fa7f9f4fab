//! The faults that each ceremony has of its own.

use super::table::Fault;
use super::table::before;
use super::table::behind;
use super::table::fault;
use super::table::more;
use super::table::put;
use super::table::quoted;
use super::table::step;
use super::table::twice;
use super::table::without;

/// The faults of this ceremony beside those that any has.
pub(super) fn own(ceremony: &str) -> Vec<Fault> {
    match ceremony {
        "apart" => [next_root(), apart()].into_iter().flatten().collect(),
        "compromise" => {
            [next_root(), root_and_targets(), a_new_key(), compromise()].into_iter().flatten().collect()
        }
        "delegation" => delegation(),
        "destruction" => destruction(),
        "genesis" => [first_root(), genesis()].into_iter().flatten().collect(),
        "quickstart" => [first_root(), quickstart()].into_iter().flatten().collect(),
        "renewal" => [next_root(), renewal()].into_iter().flatten().collect(),
        "restore-drill" => restore_drill(),
        "rotation" => {
            [next_root(), root_and_targets(), a_new_key(), rotation()].into_iter().flatten().collect()
        }
        "targets" => targets(),
        other => panic!("{other} is shipped, and has no faults of its own here"),
    }
}

fn next_root() -> Vec<Fault> {
    vec![
        put("VERSION-NEXT", "a version that jumps", "root: {version: 2", "root: {version: 3"),
        put("VERSION-NEXT", "a version that falls", "root: {version: 2", "root: {version: 1"),
        quoted(
            "EXPIRES-AFTER-CEREMONY",
            "expires while it is made",
            "root: {version: 2, expires: ",
            "2027-06-01T00:00:00Z",
        ),
        quoted("DATE-FORM", "a date that is none", "root: {version: 2, expires: ", "2029-02-30T00:00:00Z"),
        put("DIFF-AS-EXPECTED", "a change that nobody expects", "\n    - \"root: version 1 -> 2\"", ""),
        put(
            "DIFF-AS-EXPECTED",
            "a change that does not happen",
            "- \"root: version 1 -> 2\"",
            "- \"root: version 1 -> 3\"",
        ),
    ]
}

/// Two who sign at other places.
fn apart() -> Vec<Fault> {
    let bo = "bo: {holder: bo, store: elsewhere, ";
    vec![
        put("HOLDER-NAMED", "nobody who answers", bo, "bo: {store: elsewhere, "),
        put(
            "ELSEWHERE-EXISTS",
            "a key made elsewhere on the day",
            bo,
            "bo: {holder: bo, store: elsewhere, generate: true, ",
        ),
        put(
            "PERSON-IN-THE-ROOM",
            "an alternate who is elsewhere",
            "role: operator}",
            "role: operator, alternate: bo}",
        ),
        step("PERSON-IN-THE-ROOM", "gate", "confirm: [wim]", "confirm: [bo]"),
        without("STORE-USED", "sign-root-bo"),
        behind("SIGN-BEFORE-VERIFY", "sign-root-chi", "verify-root"),
        twice("SIGN-ONCE", "sign-root-bo"),
        more("KEY-HAS-STORE", "gate", "do: restore-drill, key: bo"),
        put(
            "PRESENCE-MINIMUM",
            "custodians who are elsewhere",
            "\nkeys:",
            "\npresence: {minimum: {custodian: 2}}\nkeys:",
        ),
    ]
}

/// Root and targets, built, reviewed and signed together.
fn root_and_targets() -> Vec<Fault> {
    vec![
        without("REVIEW-AFTER-BUILD", "build-root-targets"),
        without("SIGN-AFTER-REVIEW", "review-root-targets"),
        without("EXPORT-AFTER-VERIFY", "verify-root-targets"),
        before("SIGN-AFTER-REVIEW", "sign-root-targets-ana", "review-root-targets"),
        behind("SIGN-BEFORE-VERIFY", "sign-root-targets-fay", "verify-root-targets"),
        behind("READBACK-AFTER-EXPORT", "export", "readback"),
        behind("EXPORT-AFTER-VERIFY", "verify-root-targets", "readback"),
        behind("ALOUD-BEFORE-SIGNATURE", "read-aloud-root", "sign-root-targets-ana"),
        twice("BUILD-ONCE", "build-root-targets"),
        twice("SIGN-ONCE", "sign-root-targets-ana"),
        step("ROLE-KNOWN", "build-root-targets", "\"root\", \"targets\"", "\"root\", \"target\""),
    ]
}

fn a_new_key() -> Vec<Fault> {
    vec![
        without("BUILD-AFTER-KEYS", "generate-key-fay"),
        behind("BUILD-AFTER-KEYS", "generate-key-fay", "build-root-targets"),
        before("NOTHING-IRREVERSIBLE-BEFORE-GATE", "generate-key-fay", "gate"),
        quoted(
            "KEYS-IN-RECORD",
            "a key made outside the record",
            "fay: {holder: fay, store: ",
            "age:inputs/fay.age",
        ),
        put("SCHEME-KNOWN", "a scheme that nobody knows", "scheme: ed25519", "scheme: ed448"),
        put("SCHEME-NAMED", "a key without a scheme", "scheme: ed25519, ", ""),
        put("THRESHOLD-AT-LEAST-1", "a threshold of nobody", "fay], threshold: 2", "fay], threshold: 0"),
        put(
            "THRESHOLD-WITHIN-KEYS",
            "a threshold beyond the keys",
            "fay], threshold: 2",
            "fay], threshold: 4",
        ),
        put("ROLE-KEY-KNOWN", "a key that nobody knows", "keys: [ana, bo, fay]", "keys: [ana, bo, fay, zed]"),
        put("ROLE-KEY-ONCE", "a key twice", "keys: [ana, bo, fay]", "keys: [ana, bo, fay, fay]"),
        put(
            "OPTIONAL-MAKES-NO-KEY",
            "someone optional makes a key",
            "Okoro, role: custodian",
            "Okoro, role: custodian, optional: true",
        ),
        put(
            "KEY-USED",
            "a key in no role",
            "\nkeys:\n",
            "\nkeys:\n  wim: {holder: wim, store: \"age:keys/wim.age\", scheme: ed25519, generate: true}\n",
        ),
        more("GENERATE-NAMED-KEYS", "generate-key-fay", "do: generate-key, key: ana"),
        more("DESTROY-NO-LISTED-KEY", "readback", "do: destroy-key, key: bo"),
    ]
}

fn compromise() -> Vec<Fault> {
    vec![
        put("MISSING-FIELD", "nothing that happened", "\nincident: ", "\n#"),
        put("INCIDENT-KEYS", "no key that is gone", "\nstolen: [chi]", "\nstolen: []"),
        put("INCIDENT-KEYS", "a key that nobody knows is gone", "\nstolen: [chi]", "\nstolen: [zed]"),
        put(
            "INCIDENT-KEY-LEAVES",
            "the stolen key stays",
            "keys: [ana, bo, fay], threshold: 2}\n    targets",
            "keys: [ana, bo, fay, chi], threshold: 2}\n    targets",
        ),
        fault("ROOT-SIGNED-BY-OLD-AND-NEW", "too few of the old keys", |text| {
            text.put("holder: bo, store: \"age:inputs/keys/bo.age\", keyid", "holder: bo, keyid").standard()
        }),
        put(
            "THRESHOLD-WITHOUT-OPTIONAL",
            "an optional signer counted",
            "Ana Duarte, role: custodian",
            "Ana Duarte, role: custodian, optional: true",
        ),
        more("KEY-HAS-STORE", "gate", "do: restore-drill, key: chi, by: bo"),
    ]
}

fn rotation() -> Vec<Fault> {
    vec![
        put("UNKNOWN-FIELD", "an incident in a rotation", "\ntype:", "\nincident: Nothing happened\ntype:"),
        put(
            "KEYID-ONCE",
            "one key under two names",
            "eb65ab4a0b0e3d7c1f8e6df1ac3ca5c38b97b71e27788cf78bcdfe872e6311f9",
            "5f4770ab45348545bc8eed62e653aa648fea952df1fbb6690843c79818077800",
        ),
        put("STORE-ONCE", "two keys in one file", "inputs/keys/bo.age", "inputs/keys/ana.age"),
        without("STORE-USED", "sign-root-chi"),
        more("DESTROY-AFTER-SIGNING", "gate", "do: destroy-key, key: chi"),
        step("SIGN-WITH-KEY-OF-ROLE", "sign-root-chi", "roles: [\"root\"]", "roles: [\"root\", \"targets\"]"),
    ]
}

fn renewal() -> Vec<Fault> {
    vec![
        quoted(
            "RENEWAL-IS-LATER",
            "no longer than before",
            "root: {version: 2, expires: ",
            "2028-12-31T00:00:00Z",
        ),
        fault("TYPE-ALLOWS", "another threshold in a renewal", |text| {
            text.put("expires: \"2030-12-31T00:00:00Z\"}", "expires: \"2030-12-31T00:00:00Z\", threshold: 3}")
        }),
        put(
            "KEYID-ONCE",
            "one key under two names",
            "eb65ab4a0b0e3d7c1f8e6df1ac3ca5c38b97b71e27788cf78bcdfe872e6311f9",
            "5f4770ab45348545bc8eed62e653aa648fea952df1fbb6690843c79818077800",
        ),
        put("STORE-ONCE", "two keys in one file", "inputs/keys/bo.age", "inputs/keys/ana.age"),
        without("REVIEW-AFTER-BUILD", "build-root"),
        without("SIGN-AFTER-REVIEW", "review-root"),
        without("EXPORT-AFTER-VERIFY", "verify-root"),
        without("STORE-USED", "sign-root-chi"),
        before("SIGN-AFTER-REVIEW", "sign-root-ana", "review-root"),
        behind("SIGN-BEFORE-VERIFY", "sign-root-ana", "verify-root"),
        behind("ALOUD-BEFORE-SIGNATURE", "read-aloud-root", "sign-root-ana"),
        twice("BUILD-ONCE", "build-root"),
        twice("SIGN-ONCE", "sign-root-bo"),
        more("DESTROY-NO-LISTED-KEY", "readback", "do: destroy-key, key: ana"),
        more("ROLE-IN-ROOM", "gate", "do: build, role: targets"),
    ]
}

fn targets() -> Vec<Fault> {
    vec![
        put("VERSION-NEXT", "a version that jumps", "targets: {version: 2", "targets: {version: 4"),
        put("VERSION-NEXT", "a version that falls", "targets: {version: 2", "targets: {version: 1"),
        quoted(
            "EXPIRES-AFTER-CEREMONY",
            "expires while it is made",
            "targets: {version: 2, expires: ",
            "2027-06-01T00:00:00Z",
        ),
        put(
            "TARGET-FILES-READABLE",
            "files that are not there",
            "files: {from: inputs/targets",
            "files: {from: inputs/target",
        ),
        put(
            "FILES-BELOW-THE-FILE",
            "files from elsewhere",
            "files: {from: inputs/targets",
            "files: {from: ../targets",
        ),
        put("REMOVE-NEEDS-KEEP", "files removed where none stays", ", keep: true}", ", remove: [hello.txt]}"),
        put(
            "REMOVE-KNOWN",
            "a file removed that is not there",
            ", keep: true}",
            ", keep: true, remove: [zed.txt]}",
        ),
        put("FILES-HASHES", "a hash that nobody compares", ", keep: true}", ", keep: true, hashes: [md5]}"),
        put(
            "DIFF-AS-EXPECTED",
            "a file that nobody expects",
            "\n    - \"targets: + file release-2.txt\"",
            "",
        ),
        put("DIFF-AS-EXPECTED", "a change that nobody expects", "\n    - \"targets: version 1 -> 2\"", ""),
        put(
            "TYPE-ALLOWS",
            "a new root in a release",
            "\n  after:\n",
            "\n  after:\n    root: {version: 2, expires: \"2030-12-31T00:00:00Z\"}\n",
        ),
        put(
            "THRESHOLD-WITHOUT-OPTIONAL",
            "an optional signer counted",
            "Ana Duarte, role: custodian",
            "Ana Duarte, role: custodian, optional: true",
        ),
        without("REVIEW-AFTER-BUILD", "build-targets"),
        without("SIGN-AFTER-REVIEW", "review-targets"),
        without("EXPORT-AFTER-VERIFY", "verify-targets"),
        before("SIGN-AFTER-REVIEW", "sign-targets-ana", "review-targets"),
        behind("VERIFY-AFTER-THRESHOLD", "sign-targets-ana", "verify-targets"),
        behind("ALOUD-BEFORE-SIGNATURE", "read-aloud-targets", "sign-targets-ana"),
        twice("SIGN-ONCE", "sign-targets-bo"),
        more("DESTROY-NO-LISTED-KEY", "readback", "do: destroy-key, key: ana"),
    ]
}

fn delegation() -> Vec<Fault> {
    vec![
        put("VERSION-NEXT", "a version that jumps", "\n      version: 2\n", "\n      version: 3\n"),
        put(
            "FIRST-VERSION-IS-1",
            "a role that begins with version 2",
            "dev: {version: 1",
            "dev: {version: 2",
        ),
        quoted(
            "EXPIRES-AFTER-CEREMONY",
            "expires while it is made",
            "dev: {version: 1, expires: ",
            "2027-06-01T00:00:00Z",
        ),
        put(
            "ROLE-KEY-KNOWN",
            "a key that nobody knows",
            "keys: [dana], threshold: 1",
            "keys: [dana, zed], threshold: 1",
        ),
        put(
            "THRESHOLD-AT-LEAST-1",
            "a threshold of nobody",
            "keys: [dana], threshold: 1",
            "keys: [dana], threshold: 0",
        ),
        fault("ROLE-DELEGATED", "a role that nobody delegates to", |text| {
            text.put("\n    dev: {version", "\n    ops: {version").standard()
        }),
        put(
            "TARGET-FILES-READABLE",
            "files that are not there",
            "files: {from: inputs/dev}",
            "files: {from: inputs/ops}",
        ),
        put("FILES-WITHIN-PATHS", "files where no path leads", "paths: [\"dev/*\"]", "paths: [\"ops/*\"]"),
        put(
            "THRESHOLD-WITHIN-KEYS",
            "one who delegates too, to fewer keys than must sign",
            "files: {from: inputs/dev}",
            "files: {from: inputs/dev}, delegations: [{name: dev, keys: [dana, ana], threshold: 3, paths: [\"dev/a\"]}]",
        ),
        put(
            "THRESHOLD-WITHOUT-OPTIONAL",
            "an optional signer counted",
            "Ana Duarte, role: custodian",
            "Ana Duarte, role: custodian, optional: true",
        ),
        put(
            "OPTIONAL-MAKES-NO-KEY",
            "someone optional makes a key",
            "Dana Ek, role: custodian",
            "Dana Ek, role: custodian, optional: true",
        ),
        without("BUILD-AFTER-KEYS", "generate-key-dana"),
        behind("BUILD-AFTER-KEYS", "generate-key-dana", "build-targets-dev"),
        before("NOTHING-IRREVERSIBLE-BEFORE-GATE", "generate-key-dana", "gate"),
        without("REVIEW-AFTER-BUILD", "build-targets-dev"),
        without("SIGN-AFTER-REVIEW", "review-targets-dev"),
        without("EXPORT-AFTER-VERIFY", "verify-targets-dev"),
        without("VERIFY-AFTER-THRESHOLD", "sign-dev-dana"),
        before("SIGN-AFTER-REVIEW", "sign-targets-ana", "review-targets-dev"),
        behind("ALOUD-BEFORE-SIGNATURE", "read-aloud-targets", "sign-targets-ana"),
        twice("SIGN-ONCE", "sign-targets-bo"),
        more("DESTROY-NO-LISTED-KEY", "readback", "do: destroy-key, key: dana"),
        fault("BUILD-AFTER-KEYS", "who delegates is built before the delegate's key", |text| {
            let text = text.step("build-targets-dev", "\"targets\", \"dev\"", "\"dev\"");
            text.more("gate", "do: build, id: more, role: targets")
        }),
    ]
}

fn restore_drill() -> Vec<Fault> {
    vec![
        more("SHARE-TO-HOLDER", "gate", "do: share-key, key: ana, to: bo"),
        more("SHARE-TO-HOLDER", "gate", "do: restore-drill, key: ana, shares: all"),
        put(
            "ELSEWHERE-ONLY-SIGNS",
            "a key that is elsewhere",
            "ana, store: \"age:inputs/keys/ana.age\"",
            "ana, store: elsewhere",
        ),
        without("CLOSE-AFTER-EVERY-DRILL", "restore-drill-ana"),
        without("CLOSE-AFTER-EVERY-DRILL", "restore-drill-chi"),
        without("DRILL-AFTER-GATE", "gate"),
        before("DRILL-AFTER-GATE", "restore-drill-ana", "gate"),
        behind("CLOSE-AFTER-EVERY-DRILL", "restore-drill-chi", "close"),
        put(
            "TYPE-ALLOWS",
            "a drill that signs",
            "\n  before:\n",
            "\n  after: {root: {version: 2, expires: \"2030-12-31T00:00:00Z\"}}\n  before:\n",
        ),
        put(
            "KEYID-ONCE",
            "one key under two names",
            "eb65ab4a0b0e3d7c1f8e6df1ac3ca5c38b97b71e27788cf78bcdfe872e6311f9",
            "5f4770ab45348545bc8eed62e653aa648fea952df1fbb6690843c79818077800",
        ),
        put("STORE-ONCE", "two keys in one file", "inputs/keys/bo.age", "inputs/keys/ana.age"),
        more("DESTROY-NO-LISTED-KEY", "restore-drill-chi", "do: destroy-key, key: chi"),
        more("EXPORT-WHAT-IS-SIGNED", "restore-drill-chi", "do: export"),
        more("ROLE-IN-ROOM", "gate", "do: build, role: root"),
        step("LEFT-OUT-AND-ON", "restore-drill-bo", "by: bo", "by: bo, on_fail: exception"),
        fault("DRIVE-USED", "a drive that is brought along for nothing", |text| {
            text.thing("drives", "third: {label: THIRD}")
        }),
        fault("DRIVE-LABEL", "a drive's label that is a path", |text| {
            text.thing("drives", "one: {label: ../etc}")
        }),
    ]
}

fn destruction() -> Vec<Fault> {
    vec![
        without("CLOSE-AFTER-EVERY-DESTRUCTION", "destroy-key-chi"),
        without("NOTHING-IRREVERSIBLE-BEFORE-GATE", "gate"),
        before("NOTHING-IRREVERSIBLE-BEFORE-GATE", "destroy-key-chi", "gate"),
        behind("CLOSE-AFTER-EVERY-DESTRUCTION", "destroy-key-chi", "close"),
        twice("DESTROY-ONCE", "destroy-key-chi"),
        put(
            "TYPE-ALLOWS",
            "a destruction that signs",
            "\n  before:\n",
            "\n  after: {root: {version: 3, expires: \"2030-12-31T00:00:00Z\"}}\n  before:\n",
        ),
        fault("KEYS-WITH-STORE", "nothing to destroy", |text| {
            text.put("store: \"age:inputs/keys/chi.age\", ", "").standard()
        }),
        more("DRILL-BEFORE-DESTROY", "destroy-key-chi", "do: restore-drill, key: chi"),
        more("EXPORT-WHAT-IS-SIGNED", "destroy-key-chi", "do: export"),
        step("LEFT-OUT-AND-ON", "destroy-key-chi", "by: chi", "by: chi, on_fail: exception"),
        step("NOBODY-ALONE", "destroy-key-chi", "confirm: [wim]", "confirm: []"),
        fault("DRIVE-USED", "a drive that is brought along for nothing", |text| {
            text.thing("drives", "third: {label: THIRD}")
        }),
        fault("DRIVE-LABEL", "a drive's label that is a path", |text| {
            text.thing("drives", "one: {label: ../etc}")
        }),
    ]
}

/// A root that follows nothing: of the genesis and of the quickstart.
fn first_root() -> Vec<Fault> {
    vec![
        put("FIRST-VERSION-IS-1", "a first root of version 2", "root: {version: 1", "root: {version: 2"),
        put("THRESHOLD-AT-LEAST-1", "a threshold of nobody", "chi], threshold: 2", "chi], threshold: 0"),
        put(
            "THRESHOLD-WITHIN-KEYS",
            "a threshold beyond the keys",
            "chi], threshold: 2",
            "chi], threshold: 4",
        ),
        put("WRONG-KIND", "a threshold in quotes", "chi], threshold: 2", "chi], threshold: \"2\""),
        put("ROLE-KEY-KNOWN", "a key that nobody knows", "keys: [ana, bo, chi]", "keys: [ana, bo, chi, zed]"),
        put("ROLE-KEY-ONCE", "a key twice", "keys: [ana, bo, chi]", "keys: [ana, bo, chi, chi]"),
        put(
            "KEY-USED",
            "a key in no role",
            "\nkeys:\n",
            "\nkeys:\n  wim: {holder: wim, store: \"age:keys/wim.age\", scheme: ed25519, generate: true}\n",
        ),
        put(
            "GENESIS-HAS-NO-BEFORE",
            "a genesis with a before",
            "before: none",
            "before: {metadata: inputs, root_sha256: \"00\"}",
        ),
        put(
            "CONSISTENT-SNAPSHOT",
            "snapshots that are not consistent",
            "consistent_snapshot: true",
            "consistent_snapshot: false",
        ),
        put("MISSING-FIELD", "no timestamp", "\n    timestamp: {", "\n    #"),
        put(
            "VERSION-AND-EXPIRES",
            "a version without an expiry",
            "snapshot: {version: 1, expires: \"2028-03-31T00:00:00Z\", ",
            "snapshot: {version: 1, ",
        ),
        put(
            "TARGET-FILES-READABLE",
            "files that are not there",
            "files: {from: inputs/targets}",
            "files: {from: inputs/target}",
        ),
        put(
            "FILES-BELOW-THE-FILE",
            "files from elsewhere",
            "files: {from: inputs/targets}",
            "files: {from: /etc}",
        ),
        put(
            "KEY-SOURCE",
            "a key that comes from nowhere",
            "store: \"age:keys/online.age\", scheme: ed25519, generate: true",
            "scheme: ed25519",
        ),
        quoted(
            "KEYS-IN-RECORD",
            "a key made outside the record",
            "online: {holder: oli, store: ",
            "age:inputs/online.age",
        ),
        before("NOTHING-IRREVERSIBLE-BEFORE-GATE", "generate-key-online", "gate"),
        twice("GENERATE-ONCE", "generate-key-online"),
        without("REVIEW-AFTER-BUILD", "build-snapshot"),
        without("SIGN-AFTER-REVIEW", "review-timestamp"),
        without("VERIFY-AFTER-THRESHOLD", "sign-snapshot-online"),
        without("BUILD-AFTER-WHAT-IT-DESCRIBES", "verify-snapshot"),
        without("EXPORT-AFTER-VERIFY", "verify-timestamp"),
        before("BUILD-AFTER-WHAT-IT-DESCRIBES", "build-snapshot", "verify-root-targets"),
        before("SIGN-AFTER-REVIEW", "sign-snapshot-online", "review-snapshot"),
        behind("ALOUD-BEFORE-SIGNATURE", "read-aloud-root", "sign-root-targets-ana"),
        more("DESTROY-NO-LISTED-KEY", "readback", "do: destroy-key, key: online"),
        more("DRILL-AFTER-KEY", "gate", "do: restore-drill, key: online"),
        more("ENROL-KEYS-FROM-OUTSIDE", "gate", "do: enrol-key, key: online"),
    ]
}

fn quickstart() -> Vec<Fault> {
    vec![
        without("BUILD-AFTER-KEYS", "generate-key-online"),
        behind("BUILD-AFTER-KEYS", "generate-key-online", "build-root-targets"),
        quoted(
            "EXPIRES-IN-FUTURE",
            "expired already",
            "root: {version: 1, expires: ",
            "2026-12-01T00:00:00Z",
        ),
        put("STORE-ONCE", "two keys in one file", "age:keys/bo.age", "age:keys/ana.age"),
        put(
            "OPTIONAL-MAKES-NO-KEY",
            "someone optional makes a key",
            "Chi Nwosu, role: custodian",
            "Chi Nwosu, role: custodian, optional: true",
        ),
        fault("GATE-AFTER-CLOCK", "nobody compares the clock", |text| text.and("clock: {max_skew: 60}")),
        without("SIGN-AFTER-REVIEW", "review-root-targets"),
        before("SIGN-AFTER-REVIEW", "sign-root-targets-ana", "review-root-targets"),
        behind("SIGN-BEFORE-VERIFY", "sign-root-targets-chi", "verify-root-targets"),
        fault("CLOSE-AFTER-SECOND-MACHINE", "a drive, and no second machine", |text| {
            let steps = ["mount-drive", "export", "eject-drive", "mount-drive", "readback", "eject-drive"];
            let text = text.thing("drives", "red: {label: RED}");
            steps.into_iter().enumerate().rev().fold(text, |text, (n, verb)| {
                text.more("readback", &format!("do: {verb}, id: red-{n}, drive: red"))
            })
        }),
    ]
}

/// The server's key on three sheets of paper.
fn shares() -> Vec<Fault> {
    vec![
        without("CLOSE-AFTER-SHARE-DRILL", "restore-drill-online-shares"),
        without("DRILL-AFTER-SHARES", "share-key-online-bo"),
        without("SHARE-AFTER-KEY", "generate-key-online"),
        behind("SHARE-AFTER-KEY", "generate-key-online", "build-root-targets"),
        twice("SHARE-ONCE", "share-key-online-chi"),
        before("SHARE-AFTER-KEY", "share-key-online-ana", "generate-key-online"),
        behind("DRILL-AFTER-SHARES", "share-key-online-chi", "restore-drill-online-shares"),
        put("SHARES-THRESHOLD", "one share alone", "shares: {threshold: 2", "shares: {threshold: 1"),
        put("SHARES-IN-PERSON", "an alternate", "holders: [ana, bo, chi]", "holders: [ana, bo, chi, wim]"),
        put(
            "HOLDER-KNOWN",
            "a share of a stranger",
            "holders: [ana, bo, chi]",
            "holders: [ana, bo, chi, zed]",
        ),
        put(
            "SHARES-HOLDER-ONCE",
            "two in one hand",
            "holders: [ana, bo, chi]",
            "holders: [ana, bo, chi, bo]",
        ),
    ]
}

fn genesis() -> Vec<Fault> {
    let mut all = bags_and_tokens();
    all.extend(shares());
    all.extend([
        put(
            "DRIVE-LABEL-ONCE",
            "two drives that nobody can tell apart",
            "label: KEYRITE-B",
            "label: KEYRITE-A",
        ),
        put(
            "MATERIAL-ONCE",
            "a drive that is called as a token",
            "    red: {",
            "    ana-token: {label: X}\n    red: {",
        ),
        put(
            "KEY-ON-LISTED-TOKEN",
            "a key on a token that is not listed",
            "token=ROOT-BO;",
            "token=ROOT-ZED;",
        ),
        put(
            "TOKEN-OF-HOLDER",
            "a key on someone else's token",
            "label: ROOT-BO, holder: bo",
            "label: ROOT-BO, holder: chi",
        ),
        fault("KEY-ON-ONE-TOKEN", "a token told by a label that two have", |text| {
            text.thing("tokens", "other: {serial: \"7\", label: ROOT-BO}")
        }),
        fault("DRIVE-USED", "a drive that is brought along for nothing", |text| {
            text.thing("drives", "third: {label: THIRD}")
        }),
        without("ONE-DRIVE-MOUNTED", "eject-drive-red"),
        without("CLOSE-WITH-NOTHING-OPEN", "eject-blue-again"),
        without("ONE-DRIVE-MOUNTED", "eject-red-again"),
        without("DRIVE-MOUNTED", "mount-drive-red"),
        without("READBACK-AFTER-EXPORT", "export-red"),
        without("CLOSE-AFTER-READBACK", "readback-blue"),
        before("READBACK-AFTER-EJECT", "readback-red", "eject-drive-red"),
        without("SEAL-AFTER-SECOND-MACHINE", "verify-second-machine"),
        behind("SEAL-AFTER-SECOND-MACHINE", "verify-second-machine", "seal-bag-A-2003"),
        before("SECOND-MACHINE-AFTER-READBACK", "verify-second-machine", "export"),
        before("EXPORT-AFTER-VERIFY", "export", "verify-timestamp"),
        step("MATERIAL-KNOWN", "export-red", "drive: \"red\"", "drive: \"green\""),
        before("LINT-AFTER-BUILD", "lint-root-targets", "build-root-targets"),
        before("READ-ALOUD-AFTER-BUILD", "read-aloud-root", "build-root-targets"),
        more("WRONG-KIND", "gate", "do: say, text: Hello, for_each: everyone"),
        more("FOR-EACH-KNOWN", "gate", "do: say, text: \"Hello {k.shoe}\", for_each: custodians"),
    ]);
    all
}

fn bags_and_tokens() -> Vec<Fault> {
    vec![
        fault("BAG-USED-ONCE", "a bag that another token comes in", |text| {
            text.put("new_bag: \"A-2001\"", "new_bag: \"A-1003\"").standard()
        }),
        put("ALTERNATE-NEVER-CONFIRMS", "an alternate who types", "alternate: ada", "alternate: oli"),
        without("OPEN-AFTER-INSPECTION", "inspect-bag-A-1001"),
        behind("OPEN-AFTER-INSPECTION", "inspect-bag-A-1001", "open-bag-A-1001"),
        without("TOKEN-OUT-OF-BAG", "open-bag-A-1001"),
        twice("BAG-SEALED", "open-bag-A-1001"),
        before("NOTHING-IRREVERSIBLE-BEFORE-GATE", "open-bag-A-1001", "gate"),
        without("KEY-IN-READER", "insert-token-ana-token"),
        without("READER-HOLDS-ONE-TOKEN", "remove-token-ana-token"),
        without("KEY-IN-READER", "insert-ana-again"),
        without("READER-HOLDS-ONE-TOKEN", "remove-ana-again"),
        without("SEAL-WHAT-IS-OUT", "remove-chi-again"),
        without("RESEALED-AT-CLOSE", "seal-bag-A-2001"),
        twice("BAG-USED-ONCE", "seal-bag-A-2001"),
        twice("TOKEN-IN-READER", "remove-token-ana-token"),
        put(
            "ALTERNATE-ONCE",
            "one alternate of two",
            "Berg, role: operator}",
            "Berg, role: operator, alternate: ada}",
        ),
        before("SEAL-AFTER-SECOND-MACHINE", "seal-bag-A-2001", "verify-second-machine"),
        step("BAG-USED-ONCE", "seal-bag-A-2001", "bag: \"A-2001\"", "bag: \"A-1001\""),
        step("SEAL-IN-NAMED-BAG", "seal-bag-A-2001", "bag: \"A-2001\"", "bag: \"A-2002\""),
        step("MATERIAL-KNOWN", "seal-bag-A-2001", "bag: \"A-2001\"", "bag: \"A-3001\""),
        step("MATERIAL-KNOWN", "seal-bag-A-2001", "holds: [\"ana-token\"]", "holds: []"),
        before("BREAK-WITH-NOTHING-OPEN", "break-before-signing", "remove-ana-again"),
        step("LEFT-OUT-AND-ON", "seal-bag-A-2001", "by: ana", "by: ana, on_fail: exception"),
    ]
}
