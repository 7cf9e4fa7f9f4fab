//! Every shipped ceremony with one fault: `check` refuses it, with the rule that is meant and the line, and says nothing else.

mod own;
mod table;
mod text;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

use keyrite::plan::Problem;
use keyrite::plan::steps::VERBS;
use proptest::prelude::*;

use crate::common::keyrite::keyrite;
use crate::common::keyrite::text as path;
use crate::readme::copy;
use table::Fault;
use text::AT;
use text::Text;
use text::check;

/// So many faults of each ceremony, at the least.
const ENOUGH: usize = 30;

static SHIPPED: OnceLock<Vec<Text>> = OnceLock::new();

fn faults(ceremony: &str) -> Vec<Fault> {
    table::common(ceremony).into_iter().chain(own::own(ceremony)).collect()
}

/// What is wrong with what is said of a fault; nothing when it is the rule that is meant, with its line, and no other.
fn amiss(fault: &Fault, said: &[Problem]) -> Option<String> {
    let meant = |problem: &Problem| problem.rule == fault.rule && problem.place.is_some();
    let meant = !said.is_empty() && said.iter().all(meant);
    let lines: Vec<String> = said.iter().map(|problem| format!("\n      {problem}")).collect();
    (!meant).then(|| format!("\n  {}: wanted {}, and it says{}", fault.what, fault.rule, lines.concat()))
}

#[test]
fn every_fault_of_every_shipped_ceremony_is_refused_by_its_rule_with_the_line() {
    let (mut table, mut wrong) = (String::new(), Vec::new());
    let mut enough = true;
    for ceremony in Text::all() {
        let faults = faults(&ceremony.name);
        enough &= faults.len() >= ENOUGH;
        table.push_str(&format!("\n  {:<16} {}", ceremony.name, faults.len()));
        for fault in faults {
            let said =
                check(&(fault.make)(ceremony.clone()).whole(), &ceremony.dir).err().unwrap_or_default();
            wrong.extend(amiss(&fault, &said).map(|why| format!("\n{}{why}", ceremony.name)));
        }
    }
    assert!(enough && wrong.is_empty(), "faults by ceremony:{table}\n{}", wrong.concat());
}

/// Some of them through the program itself: the same rule, on standard error and in the document.
#[test]
fn the_program_says_the_same() {
    for ceremony in Text::all() {
        let room = tempfile::tempdir().unwrap();
        copy(&ceremony.dir, room.path());
        let file = room.path().join("ceremony.yaml");
        for fault in faults(&ceremony.name).iter().step_by(20) {
            fs::write(&file, (fault.make)(ceremony.clone()).whole()).unwrap();
            let said = keyrite(&["check", path(&file), "--at", AT]);
            let json = keyrite(&["--json", "check", path(&file), "--at", AT]);
            let rule = format!("({})", fault.rule);
            assert!(matches!(said.code, 1 | 2) && said.err.contains(&rule), "{}: {}", fault.what, said.err);
            assert!(said.out.is_empty() && said.err.contains("line "), "{}", said.err);
            let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
            assert_eq!(document["problems"][0]["rule"], fault.rule, "{}", fault.what);
        }
    }
}

/// Faults in different places are said in one answer, each with its line, and nothing that only follows from them.
#[test]
fn faults_in_people_keys_roles_materials_and_steps_are_said_in_one_answer() {
    let genesis = Text::all().into_iter().find(|text| text.name == "genesis").unwrap();
    let wrong = genesis
        .put("name: Oli Berg, role: operator", "name: Oli Berg, role: operator, optonal: true")
        .put("alternate: ada", "alternate: zed")
        .put("serial: \"31415927\"", "serial: \"31415926\"")
        .put("label: KEYRITE-A, ", "")
        .quoted("online: {holder: oli, store: ", "age:inputs/online.age")
        .quoted("timestamp: {version: 1, expires: ", "2027-12-31")
        .put("targets:\n      version: 1", "targets:\n      version: 2")
        .put("accept: [", "accept: [no-such, ")
        .put("max_skew: 60", "max_skew: 3600")
        .without("preflight")
        .before("export", "verify-second-machine")
        .step("print-journal", "confirm: [wim]", "confirm: [oli]");
    let said = check(&wrong.whole(), &wrong.dir).unwrap_err();

    let rules: Vec<&str> = said.iter().map(|problem| problem.rule).collect();
    let lines: Vec<String> = said.iter().map(ToString::to_string).collect();
    let meant = [
        "UNKNOWN-FIELD",
        "ALTERNATE-KNOWN",
        "SERIAL-ONCE",
        "MISSING-FIELD",
        "KEYS-IN-RECORD",
        "FIRST-VERSION-IS-1",
        "DATE-FORM",
        "ACCEPT-KNOWN",
        "CLOCK-SKEW",
        "GATE-AFTER-PREFLIGHT",
        "READBACK-AFTER-EXPORT",
        "DOER-NEVER-CONFIRMS",
    ];
    assert_eq!(rules, meant, "{lines:#?}");
    assert!(said.iter().all(|problem| problem.place.is_some()), "{lines:#?}");
}

/// What cannot be read of where a ceremony starts hides nothing that can be said without it.
#[test]
fn metadata_that_is_not_there_hides_no_other_fault() {
    let rotation = Text::all().into_iter().find(|text| text.name == "rotation").unwrap();
    let wrong = rotation
        .put("metadata: inputs/metadata", "metadata: inputs/other")
        .put("role: witness", "role: wizard")
        .put("holder: fay", "holder: fae")
        .put("not-traced]", "not-traced, no-mice]");
    let said = check(&wrong.whole(), &wrong.dir).unwrap_err();

    let rules: Vec<&str> = said.iter().map(|problem| problem.rule).collect();
    assert_eq!(rules, ["PERSON-ROLE-KNOWN", "HOLDER-KNOWN", "BEFORE-READABLE", "REQUIREMENT-KNOWN"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any two faults at once: never a panic, never a wait, always a refusal.
    #[test]
    fn any_two_faults_are_refused_at_once(ceremony in any::<prop::sample::Index>(), pair in any::<[prop::sample::Index; 2]>()) {
        let all = SHIPPED.get_or_init(Text::all);
        let ceremony = ceremony.get(all);
        let faults = faults(&ceremony.name);
        let [one, other] = pair.map(|index| index.index(faults.len()));
        let began = Instant::now();
        let text = Text { lenient: true, ..ceremony.clone() };
        let both = (faults[other].make)((faults[one].make)(text));
        // A step that is there twice and left out once is there.
        prop_assume!(both.whole().replace("-twice", "") != ceremony.whole());
        // A key that signs no more, and is destroyed, is a key that is used.
        let rules = [one, other].map(|fault| faults[fault].rule);
        prop_assume!(!(rules.contains(&"STORE-USED") && rules.contains(&"DESTROY-AFTER-SIGNING")));
        let said = check(&both.whole(), &ceremony.dir).err().unwrap_or_default();
        prop_assert!(!said.is_empty(), "{}, and {}", faults[one].what, faults[other].what);
        prop_assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

/// Every rule in this source, outside of its tests.
fn rules_in(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let quoted = code.split('"').skip(1).step_by(2);
    let is_rule = |text: &&str| {
        text.contains('-')
            && text.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && !text.starts_with('-')
    };
    quoted.filter(is_rule).map(str::to_owned).collect()
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rules of the room, and of the people and the things in it.
fn rules_of_the_room() -> BTreeSet<String> {
    let of_room = ["may", "shares", "things"].map(|name| file(&format!("src/room/{name}.rs")));
    let of_plan = ["people", "materials", "casting", "shares", "walk", "sense"]
        .map(|name| file(&format!("src/plan/{name}.rs")));
    let mut all: BTreeSet<String> =
        of_room.iter().chain(&of_plan).flat_map(|source| rules_in(source)).collect();
    // What any field can be.
    all.remove("WRONG-KIND");
    all.remove("TYPE-ALLOWS");
    all.insert("FOR-EACH-KNOWN".to_owned());
    all
}

#[test]
fn every_rule_of_the_room_is_listed_and_is_broken_somewhere() {
    let rules = rules_of_the_room();
    let page = file("docs/assurance.md");
    let section = page.split("## The rules of the room").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let listed: BTreeSet<String> = rows
        .flat_map(|row| row.split('|').nth(2).unwrap().split(',').map(|rule| rule.trim().to_owned()))
        .collect();
    assert_eq!(listed, rules);

    let mut broken: BTreeSet<String> = rules_in(&file("src/room/tests.rs").replace("#[cfg(test)]", ""));
    for ceremony in Text::all() {
        broken.extend(faults(&ceremony.name).iter().map(|fault| fault.rule.to_owned()));
    }
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/bad-plans");
    let said: String = fs::read_dir(goldens)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let whole: Vec<&String> =
        rules.iter().filter(|rule| !broken.contains(*rule) && !said.contains(&format!("({rule})"))).collect();
    assert!(whole.is_empty(), "nothing breaks {whole:?}");
}

/// The page names every verb that the program performs, and every rule that it names is one.
#[test]
fn the_verbs_of_the_documentation_are_those_of_the_program() {
    let page = file("docs/ceremony-file.md");
    let table = page.split("| verb |").nth(1).unwrap().split("\n\n").next().unwrap();
    let named = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    assert_eq!(named.collect::<BTreeSet<_>>(), VERBS.into_iter().collect());

    let mut sources = Vec::new();
    for dir in ["src/plan", "src/room", "src/driver"] {
        let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).unwrap();
        sources.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
    }
    let code: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let columns = table.lines().filter_map(|row| row.rsplit('|').nth(1));
    let brackets = page.split('(').skip(1).filter_map(|text| text.split(')').next());
    let is_rule =
        |word: &&str| word.contains('-') && word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let words = columns.chain(brackets).flat_map(|text| text.split([',', ';'])).map(str::trim);
    for rule in words.filter(is_rule).filter(|word| word.chars().any(char::is_alphabetic)) {
        assert!(code.contains(&format!("\"{rule}\"")), "{rule} is no rule");
    }
}
