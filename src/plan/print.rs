//! The plan in words: the instruction of each step, and the script that `check` prints.

use std::collections::BTreeMap;

use crate::plan::Kind;
use crate::plan::Materials;
use crate::plan::Person;
use crate::plan::Plan;
use crate::plan::Source;
use crate::plan::Step;
use crate::plan::Throws;
use crate::plan::Verb;
use crate::plan::consequences;
use crate::plan::consequences::joined;
use crate::plan::delegates;
use crate::plan::fields::At;
use crate::plan::materials::Token;
use crate::plan::step::Subject;
use crate::room::Handling;
use crate::tuf::client;
use crate::tuf::delegations::Delegations;
use crate::tuf::diff::Section;
use crate::tuf::diff::say;

/// What the doer of a step does, as one sentence.
pub fn instruction(plan: &Plan, step: &Step) -> String {
    let roles = |roles: &[String]| joined(roles, "and");
    match &step.verb {
        Verb::RollCall => {
            let people: Vec<_> =
                plan.people.iter().map(|person| format!("{} ({})", person.name, person.role)).collect();
            format!("Check that everyone is here: {}.", joined(&people, "and"))
        }
        Verb::Say => step.text.clone().unwrap_or_default(),
        Verb::ReadAloud(subject) => {
            let from = match (&step.source, subject) {
                (Some(source), _) => format!(" The others compare with {source}."),
                (None, Subject::Plan) => " The others compare with the copy that they reviewed.".to_owned(),
                (None, _) => " The others write it down or photograph it.".to_owned(),
            };
            format!("Read aloud the words of {}.{from}", subject.describe())
        }
        Verb::Ask => step.text.clone().unwrap_or_default(),
        Verb::SetClock => {
            let seconds = plan.window.skew();
            format!(
                "Compare the machine's clock with two watches, in UTC: they may differ by {seconds} seconds, no more."
            )
        }
        Verb::Preflight => "Look at the machine: what is required must hold.".into(),
        Verb::Gate => match plan.kind {
            Kind::Destruction => "The point of no return. Until here nothing was destroyed; after it, keys are.".into(),
            Kind::RestoreDrill => "The point of no return. After it, keys are used.".into(),
            _ => "The point of no return. Until here nothing was made; after it, keys are.".into(),
        },
        Verb::Break => {
            "A break. Lock what lies open away or let two people stay with it; go on when everyone is back.".into()
        }
        Verb::Handle(handling) => handled(plan, handling),
        Verb::LoadKeys if !plan.keys.iter().any(crate::plan::Key::from_file) => {
            "No key comes from outside.".into()
        }
        Verb::LoadKeys => {
            let names: Vec<_> =
                plan.keys.iter().filter(|key| key.from_file()).map(|key| key.name.clone()).collect();
            format!("Read the public keys that come from outside: {}.", joined(&names, "and"))
        }
        Verb::GenerateKey(key) => generate(plan, key),
        Verb::EnrolKey(key) => format!(
            "Show that {} has key {key}: it signs a text that is made for this and thrown away.",
            plan.holder_of(key)
        ),
        Verb::RestoreDrill(key) => format!(
            "Open key {key} of {} and let it sign a text that is thrown away: what cannot be opened is no key.",
            plan.holder_of(key)
        ),
        Verb::ShareKey { key, to, drive } => share(plan, key, to, drive.as_deref()),
        Verb::RestoreShares(key) => {
            let shares = plan.key(key).and_then(|key| key.shares.as_ref());
            let holders: Vec<_> =
                shares.iter().flat_map(|shares| &shares.holders).map(|id| plan.name(id).to_owned()).collect();
            format!(
                "Bring key {key} back from its shares: {} each give theirs, every one is proven, and the key signs a text that is thrown away.",
                joined(&holders, "and")
            )
        }
        Verb::DestroyKey(key) => {
            let store =
                plan.key(key).and_then(|key| key.store()).map(ToString::to_string).unwrap_or_default();
            format!("Destroy key {key} in {store}. Nobody can bring it back.")
        }
        Verb::Build(names) => format!("Build {} from the plan and the keys.", roles(names)),
        Verb::Lint(names) => format!("See what other clients would make of {}.", roles(names)),
        Verb::Review(names) => {
            format!("Read aloud what {} will say. Everyone compares it with what was agreed.", roles(names))
        }
        Verb::Sign { key, roles: names } if plan.signs_elsewhere(key) => {
            let requests: Vec<_> = names.iter().map(|role| request_file(plan, role)).collect();
            let compared =
                |role: &String| plan.before.as_ref().is_some_and(|before| before.file(role).is_some());
            let back = match requests.as_slice() {
                [_] if names.iter().any(compared) => {
                    "the words of its two digests out on the telephone, and give the answer that comes back"
                }
                [_] => "the words of its digest out on the telephone, and give the answer that comes back",
                _ => "the words of each digest out on the telephone, and give the answers that come back",
            };
            let holder = plan.called(key);
            format!(
                "Take in what {holder} signs elsewhere: send {}, read {back}.",
                joined(&requests, "and")
            )
        }
        Verb::Sign { key, roles: names } => {
            let store =
                plan.key(key).and_then(|key| key.store()).map(ToString::to_string).unwrap_or_default();
            format!("Sign {} with key {key} in {store}.", roles(names))
        }
        Verb::Verify(names) => format!("Count the signatures of {}.", roles(names)),
        Verb::Export(None) => format!("Write the bundle to {}.", plan.bundle),
        Verb::Export(Some(drive)) => format!("Write the bundle to drive {}.", drive_name(plan, drive)),
        Verb::Readback(None) => "Read the bundle back from the medium and verify it as a client would.".into(),
        Verb::Readback(Some(drive)) => format!(
            "Read the bundle back from drive {}, verify it as a client would, and compare it with the record.",
            drive_name(plan, drive)
        ),
        Verb::SecondMachine => {
            "Verify the bundle on a second machine with `keyrite verify`, and type two words of the manifest that it shows."
                .into()
        }
        Verb::Print(subject) => format!(
            "Write or print the words of {} on paper, and compare them with the screen.",
            subject.describe()
        ),
        Verb::Checkpoint => {
            "Read aloud the head of the journal. Everyone writes it down or photographs it.".into()
        }
        Verb::ExceptionReview => {
            "Read aloud what went otherwise than planned, and what was done about it.".into()
        }
        Verb::Statement => "Each says in turn whether the record is true: agree, or not, and why.".into(),
        Verb::Close => "Close the ceremony. Nothing can be added afterwards.".into(),
    }
}

/// `out1 (KEYRITE-A, red)`
pub fn drive_name(plan: &Plan, name: &str) -> String {
    let Some(drive) = plan.materials.drives.get(name) else { return name.to_owned() };
    let colour = drive.colour.as_ref().map(|colour| format!(", {colour}")).unwrap_or_default();
    format!("{name} ({}{colour})", drive.label.value)
}

/// `ana-token (serial 31415926)`
pub fn token_name(plan: &Plan, name: &str) -> String {
    let Some(token) = plan.materials.tokens.get(name) else { return name.to_owned() };
    format!("{name} (serial {})", token.serial.value)
}

/// What is done with a token, a bag or a drive.
fn handled(plan: &Plan, handling: &Handling) -> String {
    let thing = |name: &String| {
        if plan.materials.drives.contains_key(name) { drive_name(plan, name) } else { token_name(plan, name) }
    };
    match handling {
        Handling::Inspect(bag) => {
            format!("Look at bag {bag}: the seal is whole. Type the number that is printed on it.")
        }
        Handling::Open(bag) => {
            let of = |(name, token): (&String, &Token)| {
                token.bag.as_ref().filter(|own| own.value == *bag).map(|_| token_name(plan, name))
            };
            let held: Vec<_> = plan.materials.tokens.iter().filter_map(of).collect();
            format!("Open bag {bag}, which holds {}.", joined(&held, "and"))
        }
        Handling::Seal { bag, holds } => {
            let held: Vec<_> = holds.iter().map(thing).collect();
            format!("Put {} into the new bag {bag} and seal it.", joined(&held, "and"))
        }
        Handling::Insert(token) => format!("Put token {} into the reader.", token_name(plan, token)),
        Handling::Remove(token) => format!("Take token {} out of the reader.", token_name(plan, token)),
        Handling::Mount(drive) => format!("Plug in drive {}.", drive_name(plan, drive)),
        Handling::Eject(drive) => format!("Unmount drive {} and pull it out.", drive_name(plan, drive)),
    }
}

fn generate(plan: &Plan, name: &str) -> String {
    match plan.key(name).map(|key| &key.source) {
        Some(Source::Generated { store, scheme, bits }) => {
            let bits = bits.map(|bits| format!(" of {bits} bits")).unwrap_or_default();
            let dice = match plan.key(name).and_then(|key| key.throws) {
                None => String::new(),
                Some(Throws { count, alone: true }) => format!(", from {count} throws of dice alone"),
                Some(Throws { count, alone: false }) => {
                    format!(", from the kernel's random numbers and {count} throws of dice")
                }
            };
            format!("Make key {name}, {scheme}{bits}, in {store}{dice}.")
        }
        _ => format!("Make key {name}."),
    }
}

fn share(plan: &Plan, key: &str, to: &str, drive: Option<&str>) -> String {
    let shares = plan.key(key).and_then(|key| key.shares.as_ref());
    let which = shares.and_then(|shares| Some(format!("share {} of {}", shares.index(to)?, shares.of())));
    let (which, to) = (which.unwrap_or_else(|| "a share".to_owned()), plan.name(to));
    match drive {
        None => format!("Show {which} of key {key} to {to} alone, who writes it down. The others look away."),
        Some(drive) => {
            format!(
                "Write {which} of key {key} to drive {}, for {to} alone to print.",
                drive_name(plan, drive)
            )
        }
    }
}

/// The script: sections, numbered steps, who does and who confirms, and the time it takes.
pub fn script(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let mut minutes = 0;
    for (number, step) in (1..).zip(&plan.steps) {
        if let Some(section) = &step.section {
            lines.push(String::new());
            lines.push(section.clone());
        }
        let confirm: Vec<_> = step.confirm.iter().map(|id| plan.name(id).to_owned()).collect();
        let confirm = if confirm.is_empty() {
            String::new()
        } else {
            format!("; confirmed by {}", joined(&confirm, "and"))
        };
        let mut said = instruction(plan, step);
        said = said.trim_end().replace('\n', "\n      ");
        lines.extend(format!("{number:>4}  {said}").lines().map(str::to_owned));
        lines.push(format!("      +{minutes} min, {}: {}{confirm}", step.id, plan.name(&step.by)));
        if let (Some(text), false) = (&step.text, matches!(step.verb, Verb::Say | Verb::Ask)) {
            lines.extend(text.lines().map(|line| format!("      {line}")));
        }
        minutes += step.est;
    }
    lines.push(String::new());
    lines.push(format!("{} steps, about {}.", plan.steps.len(), duration(minutes)));
    lines
}

/// `2 h 05 min`
pub fn duration(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// Who brings what: one line for each key.
pub fn keys(plan: &Plan) -> Vec<String> {
    let roles_of = roles_of(plan);
    let line = |key: &crate::plan::Key| {
        let (from, roles) = (origin(plan, key), roles_of(&key.name));
        let shared = key.shares.as_ref().map(|shares| {
            let holders: Vec<_> = shares.holders.iter().map(|id| plan.name(id).to_owned()).collect();
            format!("; any {} of {} can bring it back", shares.threshold, joined(&holders, "and"))
        });
        let shared = shared.unwrap_or_default();
        format!("{:<10} {:<16} {from} ({roles}){shared}", key.name, plan.holder_of(&key.name))
    };
    plan.keys.iter().filter(|key| key.named).map(line).collect()
}

/// What is said of someone who may be absent.
fn absence(plan: &Plan, person: &Person) -> String {
    if plan.is_elsewhere(&person.id) {
        return ", elsewhere".to_owned();
    }
    match (&person.alternate, person.optional) {
        (Some(alternate), _) => format!(", or else {}", plan.name(alternate)),
        (None, true) => ", may be absent".to_owned(),
        (None, false) => String::new(),
    }
}

/// What else comes into the room: tokens, bags and drives.
pub fn materials(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, token) in &plan.materials.tokens {
        let of = token.holder.as_ref().map(|id| format!(" of {}", plan.name(&id.value))).unwrap_or_default();
        let bag = |bag: &Option<At<String>>, what: &str| {
            bag.as_ref().map(|bag| format!(", {what} bag {}", bag.value)).unwrap_or_default()
        };
        lines.push(format!(
            "token {name}{of}, serial {}{}{}",
            token.serial.value,
            bag(&token.bag, "comes in"),
            bag(&token.new_bag, "goes into")
        ));
    }
    lines.extend(plan.materials.drives.keys().map(|name| format!("drive {}", drive_name(plan, name))));
    let spare = plan.materials.bags.iter().map(|bag| format!("bag {}, new", bag.value));
    lines.extend(spare);
    lines
}

/// Where a key comes from, and what it does in the room.
pub fn origin(plan: &Plan, key: &crate::plan::Key) -> String {
    let asked = |step: &Step| matches!(&step.verb, Verb::Sign { key: name, .. } if *name == key.name);
    let asked = plan.steps.iter().any(asked);
    let signs = match plan.kind.signs() {
        true if asked => "signs with",
        true => "does not sign here, and lies in",
        false => "lies in",
    };
    let elsewhere = match key.elsewhere {
        true if asked => "signs elsewhere",
        true => "is elsewhere, and does not sign",
        false => "does not sign here",
    };
    match &key.source {
        Source::Generated { store, scheme, .. } => format!("made here, {scheme}, in {store}"),
        Source::Existing { store, public } => {
            format!("exists, {signs} {store}, public half in {}", outside(public))
        }
        Source::Public { public } => format!("{elsewhere}, public half in {}", outside(public)),
        Source::Listed { keyid, store: Some(store), .. } => {
            format!("keyid {:.16}, {signs} {store}", keyid.0)
        }
        Source::Listed { keyid, store: None, .. } => format!("keyid {:.16}, {elsewhere}", keyid.0),
    }
}

/// The roles that a key has afterwards, those too that are not signed here.
pub fn roles_of(plan: &Plan) -> impl Fn(&str) -> String {
    let tree = delegates::tree(plan);
    move |key| in_words(plan, &tree, key)
}

fn in_words(plan: &Plan, tree: &BTreeMap<String, Delegations>, key: &str) -> String {
    let has = |role: &crate::plan::Role| {
        let listed = role.delegators.iter().flat_map(|delegator| &delegator.keys);
        role.keys.iter().chain(listed).any(|name| name == key)
    };
    let here = plan.roles.iter().filter(|(_, role)| has(role)).map(|(name, _)| name.clone());
    let mut roles: Vec<String> = here.collect();
    let others = delegates::delegates_of(plan, tree, key);
    roles.extend(others.into_iter().filter(|role| !plan.roles.contains_key(role)));
    if roles.is_empty() { "in no role afterwards".to_owned() } else { joined(&roles, "and") }
}

/// The file of a public half, and the keyid that the reviewed file fixes.
fn outside(public: &crate::plan::Outside) -> String {
    match &public.keyid {
        Some(keyid) => format!("{} with keyid {keyid}", public.file),
        None => format!("{}, whose keyid this file does not fix", public.file),
    }
}

/// Everything that the ceremony will write, relative to the record.
pub fn outputs(plan: &Plan) -> Vec<String> {
    let mut files = vec!["ceremony.yaml, journal.jsonl, runs.jsonl".to_owned()];
    if plan.before.is_some() {
        files.push("before/  the metadata that it starts from".into());
    }
    for key in plan.keys.iter().filter(|key| key.generated()) {
        if let Some(crate::store_uri::StoreUri::Age(path)) = key.store() {
            files.push(format!("{path}  the private key of {}, encrypted", plan.holder_of(&key.name)));
        }
    }
    files.push("keys/NAME.pub.json, keys/names.json".into());
    if plan.kind.signs() {
        files.extend(signed(plan));
    }
    if plan.materials != Materials::default() {
        files.push("ledger.json  where tokens, bags and drives are at the end".into());
    }
    files.push(
        "record.html, record.txt, checkpoint.txt  at the end; cosignatures/ when witnesses sign".into(),
    );
    files
}

/// What is signed, and where it goes.
fn signed(plan: &Plan) -> Vec<String> {
    let mut files = Vec::new();
    for role in plan.roles_in_room() {
        match plan.roles.get(role).and_then(|role| role.bins.as_ref()) {
            Some(layout) => files.push(format!(
                "{}/metadata/N.{}.json to N.{}.json",
                plan.bundle,
                layout.name(0),
                layout.name(layout.count() - 1)
            )),
            None => files.push(format!("metadata/{}", file_name(plan, role))),
        }
    }
    let asked = plan.roles_in_room().into_iter().filter(|role| plan.asks_elsewhere(role));
    files.extend(asked.map(|role| format!("{}  for who signs elsewhere", request_file(plan, role))));
    files.push(format!("{}/  what leaves the room, with MANIFEST.json and VERIFY.txt", plan.bundle));
    files.extend(plan.steps.iter().filter_map(|step| match &step.verb {
        Verb::Export(Some(drive)) => Some(format!("the same on drive {}", drive_name(plan, drive))),
        _ => None,
    }));
    files
}

/// The file of a role's metadata: `1.root.json`, `timestamp.json`.
pub fn file_name(plan: &Plan, role: &str) -> String {
    let version = plan.roles.get(role).and_then(|role| role.in_room.as_ref()).map_or(1, |role| role.version);
    versioned(plan, role, version)
}

/// The file from which a role is signed elsewhere, relative to the record.
pub fn request_file(plan: &Plan, role: &str) -> String {
    let name = file_name(plan, role);
    format!("requests/{}.request", name.strip_suffix(".json").unwrap_or(&name))
}

/// The same for a role of this version, and for one bin.
pub fn versioned(plan: &Plan, role: &str, version: u64) -> String {
    let carried = plan.before.as_ref().map(|before| before.repository.root.consistent_snapshot);
    let consistent = plan.consistent_snapshot || carried != Some(false);
    let numbered = role == "root" || (consistent && role != "timestamp");
    client::file_name(role, numbered.then_some(version))
}

/// What the metadata before becomes, in names and consequences.
pub fn changes(sections: &[Section]) -> Vec<String> {
    let mut lines = Vec::new();
    for section in sections {
        lines.push(format!("{}:", section.role));
        lines.extend(say::meaning(section));
    }
    lines
}

/// Where it starts from.
fn start(plan: &Plan) -> Vec<String> {
    let Some(before) = &plan.before else { return Vec::new() };
    let root = before.root_file();
    let mut lines = vec![
        String::new(),
        "Before".into(),
        format!("  root {} with SHA-256 {}", root.version, before.root_sha256()),
    ];
    lines.extend(plan.anchors.iter().map(|anchor| format!("  shipped with clients: {anchor}")));
    if let Some(incident) = &plan.incident {
        lines.push(format!("  {}", incident.what));
        for (what, keys) in [("lost", &incident.lost), ("stolen", &incident.stolen)] {
            lines.extend(keys.iter().map(|key| format!("  {what}: key {key} of {}", plan.holder_of(key))));
        }
    }
    lines.extend([String::new(), "What changes".into()]);
    if !plan.kind.signs() {
        lines.push(format!("  {}", plan.kind.scope()));
    }
    lines.extend(changes(&plan.changes).into_iter().map(|line| format!("  {line}")));
    lines
}

/// The whole answer of `check`, without what it says about the day.
pub fn page(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", plan.id, plan.title), String::new(), "Who".into()];
    lines.extend(
        plan.everyone().map(|p| format!("  {:<10} {:<24} {}{}", p.id, p.name, p.role, absence(plan, p))),
    );
    lines.extend([String::new(), "Keys".into()]);
    lines.extend(keys(plan).into_iter().map(|line| format!("  {line}")));
    let brought = materials(plan);
    if !brought.is_empty() {
        lines.extend([String::new(), "Brought along".into()]);
        lines.extend(brought.into_iter().map(|line| format!("  {line}")));
    }
    lines.extend(start(plan));
    lines.extend([String::new(), "Afterwards".into()]);
    lines.extend(consequences::consequences(plan).into_iter().map(|line| format!("  {line}")));
    lines.extend([String::new(), "Script".into()]);
    lines.extend(script(plan));
    lines.extend([String::new(), "Will be written, below the record directory".into()]);
    lines.extend(outputs(plan).into_iter().map(|line| format!("  {line}")));
    lines.extend([String::new(), "This file, as words".into()]);
    lines.extend(plan.digest.lines().into_iter().map(|line| format!("  {line}")));
    lines
}
