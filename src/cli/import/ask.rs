//! Who holds which key: from the metadata, from a file, or asked. What is said is stored beside the metadata.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::prompt::Terminal;
use crate::cli::show::plain;
use crate::driver::disk;
use crate::tuf::KeyId;
use crate::tuf::Names;
use crate::tuf::Repository;
use crate::tuf::names::Person;

/// The longest file of holders, in bytes.
const LONGEST: usize = 1 << 22;
/// Fields by which tools name a key's owner in the metadata.
const OWNER: [&str; 2] = ["x-tuf-on-ci-keyowner", "x-keyowner"];
/// The field by which tuf-on-ci marks a key that a server signs with.
const ONLINE: &str = "x-tuf-on-ci-online-uri";

/// What goes back to the question before: no name of a key.
const BACK: &str = "<";

/// A key that is in force.
pub(super) struct Key {
    pub(super) keyid: KeyId,
    /// Its scheme, as text.
    pub(super) scheme: String,
    /// The roles that it signs.
    pub(super) roles: Vec<String>,
    /// What the metadata says of its owner.
    pub(super) owner: Option<String>,
}

/// A line of the file that names keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    holder: Option<String>,
}

/// Every key of the newest root and of the delegations, in the order in which roles are read.
pub(super) fn keys(repository: &Repository) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for (role, trust) in repository.trust() {
        for (keyid, key) in trust.iter().flat_map(|trust| &trust.keys.keys) {
            match keys.iter_mut().find(|known| known.keyid == *keyid) {
                Some(known) if known.roles.contains(&role) => {}
                Some(known) => known.roles.push(role.clone()),
                None => keys.push(Key {
                    keyid: keyid.clone(),
                    scheme: key.scheme().to_string(),
                    roles: vec![role.clone()],
                    owner: owner(key.to_json()),
                }),
            }
        }
    }
    keys
}

fn owner(key: &Value) -> Option<String> {
    let named = OWNER.into_iter().find_map(|field| key[field].as_str());
    let online = key.get(ONLINE).map(|_| "online");
    named.or(online).map(|owner| plain(owner.trim_start_matches('@')))
}

/// A name for each key, all different.
pub(super) fn names(
    keys: Vec<Key>,
    said: &BTreeMap<KeyId, Person>,
    ask: bool,
) -> Result<BTreeMap<KeyId, Person>, Failure> {
    let missing = keys.iter().any(|key| !said.contains_key(&key.keyid));
    let mut terminal = match ask && missing {
        true => Some(terminal()?),
        false => None,
    };
    let mut named: Vec<Person> = Vec::new();
    while let Some(key) = keys.get(named.len()) {
        let used: BTreeSet<&str> = named.iter().map(|person| person.name.as_str()).collect();
        let offered = offered(key, &used);
        let person = match (said.get(&key.keyid), &mut terminal) {
            (Some(person), _) => person.clone(),
            (None, None) => Person { name: offered, holder: key.owner.clone() },
            (None, Some(terminal)) => match asked(terminal, key, &offered, &used)? {
                Some(person) => person,
                None => {
                    let before = keys[..named.len()].iter().rposition(|key| !said.contains_key(&key.keyid));
                    named.truncate(before.unwrap_or(named.len()));
                    continue;
                }
            },
        };
        if used.contains(person.name.as_str()) {
            return Err(refused(&format!("two keys are called {}", plain(&person.name))));
        }
        named.push(person);
    }
    Ok(keys.into_iter().map(|key| key.keyid).zip(named).collect())
}

fn terminal() -> Result<Terminal, Failure> {
    let mut terminal = Terminal::open().map_err(|_| {
        let error = "there is no terminal to ask at who holds which key; nothing was written";
        Failure::new(Exit::Stopped, error, "run it in a terminal, or give --holders FILE or --ask no")
    })?;
    terminal.say(&format!(
        "Who holds which key? Enter takes what stands in brackets, {BACK} goes back to the key before; nothing is written until all are named."
    ))?;
    Ok(terminal)
}

fn refused(why: &str) -> Failure {
    let hint =
        "names are letters, digits, - _ . and all different: {KEYID: {name: ana, holder: \"Ana Duarte\"}}";
    Failure::new(Exit::Input, format!("{why}; nothing was written"), hint)
}

/// A name from the owner, or the beginning of the keyid, that no other key has.
fn offered(key: &Key, used: &BTreeSet<&str>) -> String {
    let from = key.owner.clone().unwrap_or_else(|| key.keyid.0.chars().take(8).collect());
    let name: String =
        from.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let name = if name.is_empty() { "key".to_owned() } else { name };
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !used.contains(name.as_str()));
    free.unwrap_or(name)
}

/// What is said of a key; none to go back to the one before.
fn asked(
    terminal: &mut Terminal,
    key: &Key,
    offered: &str,
    used: &BTreeSet<&str>,
) -> Result<Option<Person>, Failure> {
    let roles = plain(&key.roles.join(", "));
    terminal.say(&format!("key {} ({}) signs {roles}", plain(&key.keyid.0), key.scheme))?;
    loop {
        let typed = terminal.line(&format!("  what is it called? [{offered}] "))?;
        let name = if typed.is_empty() { offered.to_owned() } else { typed };
        if name == BACK {
            return Ok(None);
        } else if !is_name(&name) {
            terminal.say("  letters, digits, - _ . please")?;
        } else if used.contains(name.as_str()) {
            terminal.say("  another key is called so already")?;
        } else {
            let known = key.owner.clone().unwrap_or_default();
            let typed = terminal.line(&format!("  who holds it? [{known}] "))?;
            if typed == BACK {
                continue;
            }
            let holder =
                Some(if typed.is_empty() { known } else { typed }).filter(|holder| !holder.is_empty());
            return Ok(Some(Person { name, holder }));
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

/// The file of holders: each entry names one key that is in force.
pub(super) fn said(path: &Path, keys: &[Key]) -> Result<BTreeMap<KeyId, Person>, Failure> {
    let shown = plain(&path.display().to_string());
    let bad = |why: &str| refused(&format!("{shown}: {}", plain(why)));
    let bytes = disk::read(path, LONGEST as u64).map_err(|error| bad(&error.to_string()))?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST);
    let text = text.ok_or_else(|| bad("not UTF-8, or too long"))?;
    let entries: BTreeMap<String, Entry> =
        serde_yaml::from_str(&text).map_err(|error| bad(&error.to_string()))?;
    let mut named = BTreeMap::new();
    for (label, entry) in entries {
        let alike: Vec<&Key> = keys.iter().filter(|key| key.keyid.0.starts_with(&label)).collect();
        let [key] = alike.as_slice() else {
            return Err(bad(&format!(
                "{label:?} is the beginning of {} keyids that are in force",
                alike.len()
            )));
        };
        if !is_name(&entry.name) {
            return Err(bad(&format!("{:?} is not a name of a key", entry.name)));
        }
        if named.insert(key.keyid.clone(), Person { name: entry.name, holder: entry.holder }).is_some() {
            return Err(bad(&format!("{label:?} names a key that is named already")));
        }
    }
    Ok(named)
}

/// The names, as `keys/names.json` of a record has them.
pub(super) fn json(names: &BTreeMap<KeyId, Person>) -> Value {
    json!(names)
}

/// The bytes of `names.json`; what cannot be read back is not written.
pub(super) fn file(names: &BTreeMap<KeyId, Person>) -> Result<Vec<u8>, Failure> {
    let text = serde_json::to_string_pretty(&json(names)).map_err(|error| refused(&error.to_string()))?;
    let bytes = format!("{text}\n").into_bytes();
    Names::parse(&bytes).map_err(|why| refused(&why))?;
    Ok(bytes)
}
