//! The parts of the file, in its order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::assess::KeySet;
use crate::assess::Repair;
use crate::draft::Refusal;
use crate::draft::Request;
use crate::draft::cast::Cast;
use crate::draft::cast::Room;
use crate::draft::cast::cast;
use crate::draft::dates::days_on;
use crate::draft::dates::expires;
use crate::draft::delegations::layouts;
use crate::draft::delegations::sole_role;
use crate::draft::text::plain;
use crate::draft::text::quoted;
use crate::plan::Kind;
use crate::plan::environment;
use crate::plan::file::ELSEWHERE;
use crate::tuf::Date;
use crate::tuf::PublicKey;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::root::TOP_LEVEL;
use crate::words;
use crate::words::Digest;

/// Days in which the ceremony may be held.
const WINDOW: i64 = 30;

/// Where target files come from, to be filled in.
pub(super) const FILES: &str = "      # EDIT: without the # the files below inputs/targets join those that are listed; without `keep: true` they
      # take their place. `remove: [PATH]` takes files out. expect_diff then also lists each file.
      # files: {from: inputs/targets, keep: true}
";

/// A file on its way.
pub(super) struct Draft<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) repair: Repair,
    pub(super) room: Room,
    /// When roles that are signed anew expire: root, and the others.
    pub(super) expires: (Date, Date),
}

impl<'a> Draft<'a> {
    /// Decides what changes.
    pub(super) fn of(request: &'a Request<'a>) -> Result<Self, Refusal> {
        let gone = request.gone.filter(|_| request.kind == Kind::CompromiseResponse);
        let repair = gone.map(|gone| request.model.repair(gone.assessment())).unwrap_or_default();
        if request.kind == Kind::CompromiseResponse && repair.out.is_empty() {
            let why =
                "a compromise-response takes a lost or stolen key out, and none is known that can be spared";
            return Err(Refusal(why.to_owned()));
        }
        if let Some(role) = request.role {
            sole_role(request, role)?;
        }
        let mut draft = Self {
            request,
            repair,
            room: Room {
                people: Vec::new(),
                made_up: BTreeSet::new(),
                keys: BTreeMap::new(),
                made: BTreeMap::new(),
            },
            expires: (request.now, request.now),
        };
        draft.expires = expires(request, draft.makes_root());
        let (listed, signing) = draft.keys();
        let made = draft.repair.out.union(&draft.repair.timestamp_too).copied().collect();
        draft.room = cast(request, &listed, &signing, &made);
        Ok(draft)
    }

    /// The whole text.
    pub(super) fn write(&self) -> Result<String, Refusal> {
        let mut text = String::new();
        self.head(&mut text);
        self.participants(&mut text);
        self.key_lines(&mut text);
        self.trust(&mut text)?;
        self.tail(&mut text);
        Ok(text)
    }

    /// A response to keys that only delegated roles list leaves root as it is.
    pub(super) fn makes_root(&self) -> bool {
        self.request.kind.makes_root() || !self.repair.roles.is_empty()
    }

    /// The targets roles that are signed in the room.
    fn signed_targets(&self) -> Vec<String> {
        match self.request.kind {
            Kind::RootGenesis | Kind::RootRenewal | Kind::KeyRotation => Vec::new(),
            Kind::RestoreDrill | Kind::Destruction => Vec::new(),
            Kind::CompromiseResponse => self.repair.sign_again.clone(),
            Kind::TargetsSigning => self.roles_called(self.request.role.unwrap_or("targets")),
            Kind::DelegationChange => vec!["targets".to_owned()],
        }
    }

    /// The same, each by its name where it is not one of bins that are signed as one.
    fn each(&self, layouts: &[Layout]) -> Vec<String> {
        let response = self.request.kind == Kind::CompromiseResponse;
        let mut roles: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for role in self.signed_targets() {
            let bins = layouts.iter().find(|layout| layout.number(&role).is_some());
            let together = bins.is_some_and(|layout| !self.delegates_further(layout));
            let alike = if response && !together { self.request.model.alike(&role) } else { vec![role] };
            roles.extend(alike.into_iter().filter(|role| seen.insert(role.clone())));
        }
        roles
    }

    fn delegates_further(&self, bins: &Layout) -> bool {
        let delegates =
            |bin: String| self.request.repository.delegations(&bin).is_some_and(|of| !of.roles.is_empty());
        (0..bins.count()).any(|number| delegates(bins.name(number)))
    }

    /// The keys that the file lists, and those of them that may sign.
    fn keys(&self) -> (KeySet, KeySet) {
        let (mut listed, mut signing) = (KeySet::new(), KeySet::new());
        let signed = self.signed_targets();
        let top = |role: &str| self.places_of_root(role);
        // All that root names, so that no holder's name is lost on the way from one ceremony to the next.
        TOP_LEVEL.iter().for_each(|role| listed.extend(top(role)));
        if self.makes_root() {
            signing.extend(top("root"));
        }
        if self.request.kind == Kind::RestoreDrill {
            ["root", "targets"].iter().for_each(|role| signing.extend(top(role)));
        }
        for (role, said) in self.request.repository.trust() {
            if !signed.contains(&role) {
                continue;
            }
            for trust in said {
                signing.extend(trust.keys.keys.values().filter_map(|key| self.place(key)));
            }
        }
        let repaired = self.repair.delegations.iter().map(|(delegator, _)| delegator.as_str());
        let changed = (self.request.kind == Kind::DelegationChange).then_some("targets");
        for delegator in repaired.chain(changed) {
            let keys = self.request.repository.delegations(delegator).map(|of| of.roles).unwrap_or_default();
            let keys = keys.iter().flat_map(|role| &role.role_keys.keys);
            listed.extend(keys.filter_map(|(_, key)| self.place(key)));
        }
        listed.extend(&signing);
        // Neither lost nor stolen ones.
        (listed, signing.difference(&self.repair.out).copied().collect())
    }

    fn places_of_root(&self, role: &str) -> Vec<usize> {
        let keys = self.request.repository.root.role_keys(role).map(|role| role.keys).unwrap_or_default();
        keys.values().filter_map(|key| self.place(key)).collect()
    }

    /// The key's place in the model. By material: one keyid may stand for two keys in two delegations.
    pub(super) fn place(&self, key: &PublicKey) -> Option<usize> {
        self.request.model.keys.of(key)
    }

    pub(super) fn names<'k>(&self, keys: impl IntoIterator<Item = &'k usize>) -> Vec<String> {
        keys.into_iter().filter_map(|key| self.room.keys.get(key)).map(|cast| cast.name.clone()).collect()
    }

    fn participants(&self, text: &mut String) {
        text.push_str("\n# Everyone in the room. Roles: operator (types), custodian (holds a key), witness (watches), auditor.\nparticipants:\n");
        for person in &self.room.people {
            let edit = if self.room.made_up.contains(&person.id) { "   # EDIT: the name" } else { "" };
            let mut fields =
                vec![format!("name: {}", quoted(&person.name)), format!("role: {}", person.role)];
            let key = person.statement_key.as_ref();
            fields.extend(key.map(|key| format!("statement_key: {}", quoted(key))));
            let _ = writeln!(text, "  {}: {{{}}}{edit}", person.id, fields.join(", "));
        }
    }

    fn key_lines(&self, text: &mut String) {
        text.push_str(
            "\n# A key that exists has the keyid under which the metadata lists it; with a store it signs today, with `store: elsewhere` at\n\
             # another place, from a request. A new key has `generate: true`. No PIN or passphrase ever stands here.\nkeys:\n",
        );
        let (_, signing) = self.keys();
        for (place, cast) in &self.room.keys {
            let mut fields = Vec::new();
            // A drill proves the shares that were handed out before.
            let drilled = cast.shares.as_ref().filter(|_| self.request.kind == Kind::RestoreDrill);
            let signs = signing.contains(place) || drilled.is_some();
            fields.extend(cast.holder.as_ref().map(|holder| format!("holder: {holder}")));
            if signs || self.stays_elsewhere(*place, cast) {
                fields.push(format!("store: {}", quoted(&cast.store)));
            }
            fields.push(format!("keyid: {}", quoted(&self.keyid(*place, &cast.keyid))));
            fields.extend(drilled.map(|shares| {
                format!(
                    "shares: {{threshold: {}, holders: [{}]}}",
                    shares.threshold,
                    shares.holders.join(", ")
                )
            }));
            let note = match (signs, cast.guessed, self.repair.out.contains(place)) {
                (_, _, true) => "   # goes",
                (true, true, _) => "   # EDIT: the store; a token is \"pkcs11:token=LABEL;object=KEY\"",
                (true, false, _) => "",
                _ => "   # does not sign today",
            };
            let _ = writeln!(text, "  {}: {{{}}}{note}", cast.name, fields.join(", "));
        }
        if self.request.kind == Kind::Destruction {
            text.push_str(
                "  # EDIT: each key that is destroyed, by the keyid under which an older root listed it. `check` refuses one that is\n\
                 \x20 # still listed: take it out with a key-rotation first.\n\
                 \x20 # old: {holder: oli, store: \"age:inputs/keys/old.age\", keyid: \"...\"}\n",
            );
        }
        for (place, made) in &self.room.made {
            let old = self.room.keys.get(place).map(|cast| cast.name.as_str()).unwrap_or_default();
            let store = quoted(&format!("age:keys/{}.age", made.name));
            let _ = writeln!(
                text,
                "  {}: {{holder: {}, store: {store}, scheme: {}, generate: true}}   # in the place of {old}",
                made.name, made.holder, made.scheme
            );
        }
    }

    /// Whether a key is known to be elsewhere, and its holder with it. Who has a new key made instead is in the room.
    fn stays_elsewhere(&self, place: usize, cast: &Cast) -> bool {
        cast.store == ELSEWHERE && !self.repair.out.contains(&place)
    }

    /// The keyid by which root uses a key, where it has several.
    fn keyid(&self, place: usize, first: &str) -> String {
        let known = self.request.model.keys.list.get(place).map(|key| &key.keyids);
        let roles = TOP_LEVEL.iter().filter_map(|role| self.request.repository.root.roles.get(*role));
        let used = roles
            .flat_map(|role| &role.keyids)
            .find(|keyid| known.is_some_and(|known| known.contains(keyid)));
        used.map_or_else(|| first.to_owned(), |keyid| keyid.0.clone())
    }

    fn trust(&self, text: &mut String) -> Result<(), Refusal> {
        let repository = self.request.repository;
        let digest = repository.roots.last().map(|root| Digest::of(&root.bytes).hex()).unwrap_or_default();
        let _ = writeln!(
            text,
            "\ntrust:\n  # The newest root there is version {}, and this is its SHA-256: compare it with what you know from elsewhere.",
            repository.root.version
        );
        let _ = writeln!(
            text,
            "  before: {{metadata: {}, root_sha256: {}}}",
            quoted(self.request.metadata),
            quoted(&digest)
        );
        if !self.request.kind.signs() {
            text.push_str("  # Nothing is signed, so there is no `after`.\n  accept: []\n");
            return Ok(());
        }
        text.push_str(
            "  # Root files that clients were shipped with: `check` says which of them reach the new root.\n",
        );
        text.push_str("  # shipped_anchors: [inputs/anchors/1.root.json]\n");
        text.push_str("  # Only roles that change. Everything else carries over, to the byte.\n  after:\n");
        let mut lines = Vec::new();
        if self.makes_root() {
            self.root(text, &mut lines);
        }
        self.targets_roles(text, &mut lines)?;
        text.push_str(
            "  # What changes, line by line; `keyrite check` compares. Correct it together with the roles.\n",
        );
        text.push_str(if lines.is_empty() { "  expect_diff: []\n" } else { "  expect_diff:\n" });
        for line in lines {
            let _ = writeln!(text, "    - {}", quoted(&line));
        }
        text.push_str("  # Remarks of `keyrite check` that are meant, by name, for example: [spare-keys-below-2]\n  accept: []\n");
        Ok(())
    }

    /// Root, and the roles that it names: those that change, and the others as they are, in comments.
    fn root(&self, text: &mut String, lines: &mut Vec<String>) {
        let root = &self.request.repository.root;
        let next = root.version.saturating_add(1);
        lines.push(format!("root: version {} -> {next}", root.version));
        let expires = self.expires.0;
        if let Some(was) = self.old_expires("root").filter(|was| *was != expires.to_string()) {
            lines.push(format!("root: expires {was} -> {expires}"));
        }
        for name in TOP_LEVEL {
            let Some(role) = root.role_keys(name) else { continue };
            let places = self.places_of_root(name);
            let changes = self.repair.roles.iter().any(|role| role == name);
            let gone = self.repair.out_of(name);
            let keys =
                format!("keys: [{}], threshold: {}", self.after(&places, &gone).join(", "), role.threshold);
            match (name, changes, self.request.kind) {
                ("root", _, Kind::RootRenewal) => {
                    let _ = writeln!(text, "    root: {{version: {next}, expires: \"{expires}\"}}");
                }
                ("root", ..) => {
                    let _ = writeln!(text, "    root: {{version: {next}, expires: \"{expires}\", {keys}}}");
                }
                ("targets", true, _) => {}
                (_, true, _) => {
                    let _ = writeln!(
                        text,
                        "    {name}: {{{keys}}}   # its server signs it anew, with the new key"
                    );
                }
                (_, false, Kind::KeyRotation) => {
                    let version = if name == "targets" { ", version and expires" } else { "" };
                    let _ = writeln!(text, "    # {name}: {{{keys}}}   # EDIT: to change its keys{version}");
                }
                _ => {}
            }
            if changes {
                lines.extend(self.key_changes(name, "", &places, &gone));
            }
        }
    }

    /// The names of a role's keys after the ceremony; one for each key.
    pub(super) fn after(&self, places: &[usize], gone: &KeySet) -> Vec<String> {
        let mut names = Vec::new();
        for place in places {
            let made = self.room.made.get(place).filter(|_| gone.contains(place)).map(|made| &made.name);
            let name = made.or_else(|| self.room.keys.get(place).map(|cast| &cast.name));
            names.extend(name.filter(|name| !names.contains(*name)).cloned().into_iter().collect::<Vec<_>>());
        }
        names
    }

    /// `targets: delegation dev: - key chi`, ...
    pub(super) fn key_changes(
        &self,
        role: &str,
        within: &str,
        places: &[usize],
        gone: &KeySet,
    ) -> Vec<String> {
        let gone: BTreeSet<&usize> = places.iter().filter(|place| gone.contains(place)).collect();
        let removed = gone
            .iter()
            .filter_map(|place| self.room.keys.get(place))
            .map(|cast| format!("- key {}", cast.name));
        let added = gone
            .iter()
            .filter_map(|place| self.room.made.get(place))
            .map(|made| format!("+ key {}", made.name));
        let (mut removed, mut added): (Vec<String>, Vec<String>) = (removed.collect(), added.collect());
        removed.sort();
        added.sort();
        removed.into_iter().chain(added).map(|line| format!("{role}: {within}{line}")).collect()
    }

    fn targets_roles(&self, text: &mut String, lines: &mut Vec<String>) -> Result<(), Refusal> {
        let root = &self.request.repository.root;
        let (layouts, mut written) = (layouts(self.request.repository), BTreeSet::new());
        if self.request.kind == Kind::TargetsSigning && self.request.role.is_none() {
            self.other_roles(text);
        }
        for role in self.each(&layouts) {
            speakable(&role)?;
            let anew = self.request.kind == Kind::CompromiseResponse
                && self.repair.delegations.iter().any(|(delegator, _)| *delegator == role);
            let group = layouts.iter().find(|layout| layout.number(&role).is_some());
            if let Some(layout) = group.filter(|layout| !self.delegates_further(layout)) {
                if written.insert(layout.prefix()) {
                    self.bins(layout, text, lines);
                }
                continue;
            }
            let was = self.version(&role);
            let next = was.map_or(1, |was| was.saturating_add(1));
            if was.is_none() {
                let _ = writeln!(
                    text,
                    "    # EDIT: no file of {} lies there. Put it beside the roots, or leave version 1 if there never was one.",
                    plain(&role)
                );
            }
            let was_until = self.old_expires(&role).and_then(|date| Date::parse_lenient(&date).ok());
            let expires = was_until.map_or(self.expires.1, |was| was.max(self.expires.1));
            let label = if role == "targets" { role.clone() } else { quoted(&role) };
            let _ = writeln!(text, "    {label}:\n      version: {next}\n      expires: \"{expires}\"");
            if role == "targets" && self.repair.roles.contains(&role) {
                let places = self.places_of_root("targets");
                let threshold = root.roles.get("targets").map_or(1, |role| role.threshold);
                let keys = self.after(&places, &self.repair.out).join(", ");
                let _ = writeln!(text, "      keys: [{keys}]\n      threshold: {threshold}");
            }
            if let Some(was) = was.filter(|_| self.request.repository.roles.contains_key(&role)) {
                lines.push(format!("{role}: version {was} -> {next}"));
                let old = self.old_expires(&role).filter(|was| *was != expires.to_string());
                lines.extend(old.map(|was| format!("{role}: expires {was} -> {expires}")));
            }
            match self.request.kind {
                Kind::CompromiseResponse if anew => {
                    self.delegations(&role, false, text)?;
                    lines.extend(self.delegation_changes(&role));
                }
                Kind::DelegationChange => self.delegations(&role, true, text)?,
                Kind::TargetsSigning => text.push_str(FILES),
                _ => {}
            }
        }
        Ok(())
    }

    /// The highest version that a role ever had, as far as these files tell.
    pub(super) fn version(&self, role: &str) -> Option<u64> {
        let repository = self.request.repository;
        let of_file = repository.roles.get(role).map(|file| file.version);
        let listed =
            repository.snapshot().and_then(|s| s.meta.get(&format!("{role}.json")).map(|meta| meta.version));
        of_file.max(listed)
    }

    /// As a difference writes it, whatever the file's own form is.
    pub(super) fn old_expires(&self, role: &str) -> Option<String> {
        let repository = self.request.repository;
        let file = if role == "root" { repository.roots.last() } else { repository.roles.get(role) };
        let text = file.and_then(|file| file.metadata.signed()["expires"].as_str())?;
        Date::parse_lenient(text).ok().map(|date| date.to_string())
    }

    fn tail(&self, text: &mut String) {
        let (from, to) = (days_on(self.request.now, 0), days_on(self.request.now, WINDOW));
        let known = &self.request.known;
        let environment = environment::draft(&known.require, &known.waive);
        let waits = match self.room.keys.iter().any(|(place, cast)| self.stays_elsewhere(*place, cast)) {
            true => "# Leave it open until the last answer from elsewhere can have come.\n",
            false => "",
        };
        let _ = write!(
            text,
            "\n# When it may run. Outside this window it stops: a wrong clock is found before it is signed.\n{waits}\
             clock: {{not_before: \"{from}\", not_after: \"{to}\"}}\n\n\
             {environment}\n\
             {}\
             # Without `steps:` the standard script is used; `keyrite check` prints it.\n",
            if self.request.kind.signs() { "outputs:\n  bundle: bundle\n\n" } else { "" }
        );
    }
}

pub(super) fn list_of(list: &[String]) -> String {
    list.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")
}

/// A name that the file can carry as it is.
pub(super) fn speakable(name: &str) -> Result<(), Refusal> {
    if plain(name) == name && !name.chars().any(words::acts) {
        return Ok(());
    }
    Err(Refusal(format!("the role {name:?} has characters that a ceremony file cannot carry")))
}
