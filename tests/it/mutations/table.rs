//! The faults: one change of a file or of its script, and the rule that refuses it.

use super::text::Text;

/// One fault.
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) rule: &'static str,
    pub(super) make: Box<dyn Fn(Text) -> Text>,
}

pub(super) fn fault(
    rule: &'static str,
    what: impl Into<String>,
    make: impl Fn(Text) -> Text + 'static,
) -> Fault {
    Fault { what: what.into(), rule, make: Box::new(make) }
}

/// A text put in the place of another one.
pub(super) fn put(rule: &'static str, what: &str, from: &'static str, to: &'static str) -> Fault {
    fault(rule, what, move |text| text.put(from, to))
}

/// A text between quotes put in the place of another one.
pub(super) fn quoted(rule: &'static str, what: &str, behind: &'static str, to: &'static str) -> Fault {
    fault(rule, what, move |text| text.quoted(behind, to))
}

pub(super) fn without(rule: &'static str, step: &'static str) -> Fault {
    fault(rule, format!("no {step}"), move |text| text.without(step))
}

pub(super) fn twice(rule: &'static str, step: &'static str) -> Fault {
    fault(rule, format!("{step} twice"), move |text| text.twice(step))
}

pub(super) fn before(rule: &'static str, step: &'static str, other: &'static str) -> Fault {
    fault(rule, format!("{step} before {other}"), move |text| text.before(step, other))
}

pub(super) fn behind(rule: &'static str, step: &'static str, other: &'static str) -> Fault {
    fault(rule, format!("{step} behind {other}"), move |text| text.behind(step, other))
}

/// Another text in a step.
pub(super) fn step(rule: &'static str, step: &'static str, from: &'static str, to: &'static str) -> Fault {
    fault(rule, format!("{step} with {to}"), move |text| text.step(step, from, to))
}

/// One more step.
pub(super) fn more(rule: &'static str, behind: &'static str, line: &'static str) -> Fault {
    fault(rule, format!("{line}, behind {behind}"), move |text| {
        text.more(behind, &format!("{line}, id: more"))
    })
}

/// The first step that matters in a ceremony, the first one in which a key is used, and who holds that key.
fn marks(ceremony: &str) -> (&'static str, &'static str, &'static str) {
    match ceremony {
        "compromise" | "rotation" => ("generate-key-fay", "generate-key-fay", "fay"),
        "delegation" => ("generate-key-dana", "generate-key-dana", "dana"),
        "destruction" => ("destroy-key-chi", "destroy-key-chi", "chi"),
        "apart" | "renewal" => ("build-root", "sign-root-ana", "ana"),
        "restore-drill" => ("restore-drill-ana", "restore-drill-ana", "ana"),
        "targets" => ("build-targets", "sign-targets-ana", "ana"),
        _ => ("generate-key-ana", "generate-key-ana", "ana"),
    }
}

/// The faults that a ceremony can have like any other.
pub(super) fn common(ceremony: &str) -> Vec<Fault> {
    let mut all = the_file();
    all.extend(the_people(marks(ceremony).2));
    all.extend(the_script(ceremony));
    if !matches!(ceremony, "genesis" | "quickstart") {
        all.extend(what_it_starts_from());
    }
    if ceremony != "genesis" {
        let (witness, alternate) = ("role: operator", "role: operator, alternate: wim");
        all.push(put("ALTERNATE-NEVER-CONFIRMS", "an alternate who confirms", witness, alternate));
    }
    if ceremony != "quickstart" {
        all.extend(the_clock());
    }
    if !matches!(ceremony, "destruction" | "restore-drill") {
        all.extend(what_leaves());
    }
    all
}

fn the_file() -> Vec<Fault> {
    vec![
        put("UNKNOWN-FIELD", "a field that nobody knows", "\ntype:", "\ncolour: red\ntype:"),
        put("YAML-DUPLICATE-KEY", "a field twice", "\ntype:", "\nid: again\ntype:"),
        put("FORMAT-VERSION", "another format", "keyrite: 1", "keyrite: 2"),
        put("TYPE-KNOWN", "a type that nobody performs", "\ntype: ", "\ntype: not-"),
        put("NAME-FORM", "an id that is a path", "\nid: ", "\nid: ../"),
        put("YAML-ANCHOR", "an anchor", "\ntype: ", "\ntype: &kind "),
        fault("YAML-DOCUMENTS", "a second document", |text| text.and("---")),
        put("REQUIREMENT-KNOWN", "a pre-flight that nobody knows", "not-traced]\n", "not-traced, no-mice]\n"),
        put("NO-SECRET-IN-FILE", "a secret beside a key", ", store: ", ", pin: \"123456\", store: "),
        quoted(
            "NO-SECRET-IN-FILE",
            "a secret in a store",
            ", store: ",
            "pkcs11:token=A;object=b?pin-value=1",
        ),
        quoted("STORE-FORM", "a store of another kind", ", store: ", "gpg:ana"),
        fault("SERIAL-ONCE", "two tokens with one serial", |text| {
            text.thing("tokens", "one: {serial: \"7\"}").thing("tokens", "other: {serial: \"7\"}")
        }),
        fault("WRONG-KIND", "a serial without quotes", |text| text.thing("tokens", "one: {serial: 0042}")),
        fault("NO-SECRET-IN-FILE", "a secret beside a token", |text| {
            text.thing("tokens", "one: {serial: \"7\", pin: \"123456\"}")
        }),
        fault("BAG-USED-ONCE", "a bag that a token comes in and goes into", |text| {
            text.thing("tokens", "one: {serial: \"7\", bag: \"A-1\", new_bag: \"A-1\"}")
        }),
        fault("HOLDER-KNOWN", "a token of someone who is not there", |text| {
            text.thing("tokens", "one: {serial: \"7\", holder: zed}")
        }),
        fault("BAG-ONCE", "a bag listed twice", |text| text.thing("bags", "[\"B-1\", \"B-1\"]")),
    ]
}

fn the_people(holder: &'static str) -> Vec<Fault> {
    let of = move |to: &'static str| move |text: Text| text.put(&format!("{{holder: {holder}, store: "), to);
    let role = |rule, what: &str, to| put(rule, what, "role: operator", to);
    vec![
        put("PERSON-ONCE", "one person under two names", "name: Wim Peeters", "name: oli  BERG"),
        put("PERSON-ONCE", "a name in letters that look alike", "name: Wim Peeters", "name: \u{41e}li Berg"),
        role("PERSON-ROLE-KNOWN", "a role that nobody has", "role: conductor"),
        role("OPERATOR-NAMED", "nobody who types", "role: auditor"),
        put("DRAFT-FILLED-IN", "a name as it was drafted", "name: Wim Peeters", "name: The one who watches"),
        role("UNKNOWN-FIELD", "a misspelled field of a person", "role: operator, optonal: true"),
        role("ALTERNATE-KNOWN", "an alternate whom nobody knows", "role: operator, alternate: zed"),
        fault("PRESENCE-MINIMUM", "too few witnesses", |text| text.presence("minimum: {witness: 2}")),
        fault("PRESENCE-MINIMUM", "an optional witness counted", |text| {
            let witness = "name: Wim Peeters, role: witness";
            text.put(witness, &format!("{witness}, optional: true")).presence("minimum: {witness: 1}")
        }),
        fault("EXCLUDED-NEVER-CONFIRMS", "two who never check each other do", |text| {
            text.presence("exclude: [[wim, oli]]")
        }),
        fault("HOLDER-KNOWN", "a holder who is not there", of("{holder: zed, store: ")),
        fault("HOLDER-NAMED", "a store without a holder", of("{store: ")),
    ]
}

fn the_script(ceremony: &str) -> Vec<Fault> {
    let (work, keyed, holder) = marks(ceremony);
    vec![
        without("GATE-AFTER-ROLL-CALL", "roll-call"),
        without("GATE-AFTER-PREFLIGHT", "preflight"),
        behind("GATE-AFTER-PREFLIGHT", "preflight", "gate"),
        without("ENDS-WITH-CLOSE", "close"),
        before("NOTHING-AFTER-CLOSE", "close", "statement"),
        behind("PLAN-ALOUD-BEFORE-GATE", "read-aloud-plan", "gate"),
        before("STATEMENT-AT-THE-END", "statement", work),
        twice("GATE-ONCE", "gate"),
        step("STEP-ID-ONCE", "preflight", "id: \"preflight\"", "id: gate"),
        step("DOER-NEVER-CONFIRMS", "gate", "confirm: [wim]", "confirm: [oli]"),
        step("NOBODY-ALONE", "gate", "confirm: [wim]", "confirm: []"),
        step("CONFIRM-ONCE", "gate", "confirm: [wim]", "confirm: [wim, wim]"),
        step("STEP-PERSON-KNOWN", "gate", "confirm: [wim]", "confirm: [zed]"),
        fault("HOLDER-DOES-IT", "another one uses the key", move |text| {
            text.step(keyed, &format!("by: {holder}"), "by: oli")
        }),
        more("STEP-KEY-KNOWN", work, "do: restore-drill, key: zed"),
        step("STEP-KNOWN", "gate", "do: gate", "do: gates"),
        step("UNKNOWN-FIELD", "gate", "by: oli", "by: oli, key: ana"),
        more("MISSING-FIELD", "roll-call", "do: say"),
        step("LEFT-OUT-AND-ON", "preflight", "by: oli", "by: oli, on_fail: exception"),
        step("WRONG-KIND", "preflight", "by: oli", "by: oli, on_fail: panic"),
        more("FOR-EACH-KNOWN", "roll-call", "do: say, text: Hello, for_each: []"),
        more("MATERIAL-KNOWN", "gate", "do: insert-token, token: zed"),
        more("WRONG-KIND", "gate", "do: read-aloud, what: nothing"),
    ]
}

fn what_it_starts_from() -> Vec<Fault> {
    const OTHER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    vec![
        quoted("BEFORE-PINNED", "another root pinned", "root_sha256: ", OTHER),
        quoted("BEFORE-PINNED", "a pin that is cut short", "root_sha256: ", "0123"),
        put("BEFORE-READABLE", "metadata that is not there", "metadata: inputs/", "metadata: inputs/old/"),
        put("UNKNOWN-FIELD", "no before", "\n  before:\n", "\n  befor:\n"),
        quoted("KEYID-IN-BEFORE", "a keyid that nobody lists", ", keyid: ", OTHER),
    ]
}

fn the_clock() -> Vec<Fault> {
    vec![
        quoted("DATE-FORM", "a date without a time", "not_before: ", "2026-11-01"),
        quoted("DATE-FORM", "a date in another zone", "not_before: ", "2026-11-01T00:00:00+01:00"),
        quoted(
            "CLOCK-WINDOW",
            "a window that closes before it opens",
            "not_before: ",
            "2036-11-01T00:00:00Z",
        ),
        quoted("CLOCK-WINDOW", "a window that has closed", "not_after: ", "2026-12-02T00:00:00Z"),
        fault("CLOCK-SKEW", "a watch in another zone", |text| match text.head.contains("max_skew: 60") {
            true => text.put("max_skew: 60", "max_skew: 3600"),
            false => text.put("clock: {", "clock: {max_skew: 3600, ").more("roll-call", "do: set-clock"),
        }),
        fault("GATE-AFTER-CLOCK", "nobody compares the clock", |text| {
            match text.head.contains("max_skew: 60") {
                true => text.without("set-clock"),
                false => text.put("clock: {", "clock: {max_skew: 60, "),
            }
        }),
    ]
}

fn what_leaves() -> Vec<Fault> {
    vec![
        put("BUNDLE-IN-RECORD", "a bundle outside the record", "bundle: bundle", "bundle: ../bundle"),
        put("BUNDLE-IN-RECORD", "a bundle in the place of the keys", "bundle: bundle", "bundle: keys"),
        put("ACCEPT-KNOWN", "a remark that nobody makes", "\n  accept: [", "\n  accept: [no-such, "),
        put("MISSING-FIELD", "no outputs", "\noutputs:\n  bundle: bundle", "\n#"),
        without("NOTHING-IRREVERSIBLE-BEFORE-GATE", "gate"),
        without("READBACK-AFTER-EXPORT", "export"),
        without("CLOSE-AFTER-READBACK", "readback"),
        before("READBACK-AFTER-EXPORT", "readback", "export"),
        twice("EXPORT-ONCE", "export"),
        step("LEFT-OUT-AND-ON", "readback", "by: oli", "by: oli, on_fail: exception"),
        more("STEP-KEY-KNOWN", "readback", "do: destroy-key, key: zed"),
    ]
}
