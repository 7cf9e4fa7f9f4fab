//! The commented file that `keyrite new` writes to start from.

use crate::plan::environment;
use crate::plan::placeholder;

/// A root-genesis, dated from `year`.
pub fn root_genesis(year: i32) -> String {
    let environment = environment::draft(&[], &[]);
    let participants = [
        ("oli", placeholder::OPERATOR.to_owned(), "operator"),
        ("ana", placeholder::holder("ana"), "custodian"),
        ("bo", placeholder::holder("bo"), "custodian"),
        ("chi", placeholder::holder("chi"), "custodian"),
        ("wim", placeholder::WITNESS.to_owned(), "witness"),
    ];
    let participants = participants
        .map(|(id, name, role)| format!("  {id}: {{name: {name}, role: {role}}}   # EDIT: the name"));
    let participants = participants.join("\n");
    let (root, targets, online) = (year + 1, year + 1, year);
    format!(
        r#"# A ceremony file: plan, script and record in one. Read it together before the day; `keyrite check` proves it.
keyrite: 1
id: {year}-root-genesis                 # names the record directory
title: Root of trust for our updater, version 1
type: root-genesis

# Everyone in the room. Roles: operator (types), custodian (holds a key), witness (watches), auditor.
participants:
{participants}

# One key a line. `store` is where the private half lives: a file that a passphrase opens (age:PATH, made inside the
# record), or a token (pkcs11:token=LABEL;object=KEY). For tokens use ecdsa-sha2-nistp256: Ed25519 on many tokens signs
# only short messages. A key that exists has no `generate`, and `public: FILE`. No PIN or passphrase ever stands here.
keys:
  ana: {{holder: ana, store: "pkcs11:token=ROOT-ANA;object=root-{year}", scheme: ecdsa-sha2-nistp256, generate: true}}
  bo: {{holder: bo, store: "pkcs11:token=ROOT-BO;object=root-{year}", scheme: ecdsa-sha2-nistp256, generate: true}}
  chi: {{holder: chi, store: "age:keys/chi.age", scheme: ed25519, generate: true}}
  online: {{public: inputs/online.pub.json}}   # the server's key: only its public half comes here

trust:
  before: none
  after:
    consistent_snapshot: true
    # A role with version and expires is signed in the room; without them a server signs it online.
    root: {{version: 1, expires: "{root}-12-31T00:00:00Z", keys: [ana, bo, chi], threshold: 2}}
    targets: {{version: 1, expires: "{targets}-06-30T00:00:00Z", keys: [ana, bo], threshold: 2}}
    snapshot: {{keys: [online], threshold: 1}}
    timestamp: {{keys: [online], threshold: 1}}
  # Remarks of `keyrite check` that are meant, by name, for example: [spare-keys-below-2]
  accept: []

# When it may run. Outside this window it stops: a wrong clock is found before it is signed.
clock: {{not_before: "{online}-01-01T00:00:00Z", not_after: "{root}-01-31T00:00:00Z"}}

{environment}
outputs:
  bundle: bundle

# Without `steps:` the standard script is used; `keyrite check` prints it.
"#
    )
}
