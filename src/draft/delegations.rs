//! What a file says of delegations and of bins.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::draft::Refusal;
use crate::draft::Request;
use crate::draft::sections::Draft;
use crate::draft::sections::FILES;
use crate::draft::sections::list_of;
use crate::draft::sections::speakable;
use crate::draft::text::plain;
use crate::draft::text::quoted;
use crate::plan::Kind;
use crate::tuf::Date;
use crate::tuf::Repository;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::layout::Layout;
use crate::tuf::diff::bins_called;
use crate::tuf::few::few;
use crate::tuf::root::TOP_LEVEL;

/// More delegations than these are not written out.
const MOST_DELEGATIONS: usize = 200;

/// Every list of bins.
pub(super) fn layouts(repository: &Repository) -> Vec<Layout> {
    let lists = repository.targets_roles().filter_map(|(role, _)| repository.delegations(role));
    lists.filter_map(|list| Layout::of(&list)).collect()
}

/// The roles that sign target files: `targets`, and those to which it leads; bins by their prefix.
fn signing_files(repository: &Repository) -> Vec<String> {
    let layouts = layouts(repository);
    let mut roles = vec!["targets".to_owned()];
    for (role, _) in repository.trust().into_iter().filter(|(role, _)| !TOP_LEVEL.contains(&role.as_str())) {
        let bins = layouts.iter().find(|layout| layout.number(&role).is_some());
        let name = bins.map_or(role, |layout| layout.prefix().to_owned());
        if !roles.contains(&name) {
            roles.push(name);
        }
    }
    roles
}

/// A targets-signing changes the files of one role, and that one is here.
pub(super) fn sole_role(request: &Request<'_>, role: &str) -> Result<(), Refusal> {
    if request.kind != Kind::TargetsSigning {
        return Err(Refusal(format!("a {} is not of one role", request.kind.name())));
    }
    let roles = signing_files(request.repository);
    let bin = || layouts(request.repository).iter().any(|layout| layout.number(role).is_some());
    if roles.iter().any(|known| known == role) || bin() {
        return Ok(());
    }
    let known = few(&roles.iter().map(|role| plain(role)).collect::<Vec<_>>());
    Err(Refusal(format!("no role {role:?} signs target files here; those that do are {known}")))
}

impl Draft<'_> {
    /// The role of this name; of bins, who stand in a file as one, all.
    pub(super) fn roles_called(&self, name: &str) -> Vec<String> {
        let bins = layouts(self.request.repository).into_iter();
        let mut bins = bins.filter(|layout| layout.prefix() == name || layout.number(name).is_some());
        match bins.next() {
            Some(layout) => (0..layout.count()).map(|number| layout.name(number)).collect(),
            None => vec![name.to_owned()],
        }
    }

    /// Whose files could be signed instead.
    pub(super) fn other_roles(&self, text: &mut String) {
        let others = signing_files(self.request.repository);
        let others: Vec<String> = others.iter().skip(1).map(|role| plain(role)).collect();
        if !others.is_empty() {
            let named = few(&others);
            let _ = writeln!(
                text,
                "    # `keyrite new` with `--role NAME` drafts the same for a delegated role: {named}."
            );
        }
    }

    /// All of them are signed again, as one role of the file.
    pub(super) fn bins(&self, layout: &Layout, text: &mut String, lines: &mut Vec<String>) {
        let names = || (0..layout.count()).map(|number| layout.name(number));
        let until = names().filter_map(|name| self.old_expires(&name));
        let until = until.filter_map(|date| Date::parse_lenient(&date).ok()).max();
        let expires = until.map_or(self.expires.1, |until| until.max(self.expires.1)).to_string();
        let prefix = layout.prefix();
        let _ = writeln!(
            text,
            "    {}:   # {} bins\n      expires: \"{expires}\"",
            quoted(prefix),
            layout.count()
        );
        if self.request.kind == Kind::TargetsSigning {
            text.push_str(FILES);
        }
        if let Some(was) = names().filter_map(|name| self.version(&name)).max() {
            lines.push(format!("{prefix}: version {was} -> {}", was.saturating_add(1)));
        }
        let earliest = names().filter_map(|name| self.old_expires(&name)).min();
        let other = earliest.filter(|was| *was != expires);
        lines.extend(other.map(|was| format!("{prefix}: expires {was} -> {expires}")));
    }

    /// As a difference writes them, in which succinct bins are one delegation.
    pub(super) fn delegation_changes(&self, role: &str) -> Vec<String> {
        let delegations = self.request.repository.delegations(role).map(|of| of.roles).unwrap_or_default();
        let mut lines = BTreeSet::new();
        for delegation in delegations {
            let keys = delegation.role_keys.keys.iter();
            let places: Vec<usize> = keys.filter_map(|(_, key)| self.place(key)).collect();
            let name = match (&delegation.paths, delegation.name.rsplit_once('-')) {
                (Paths::Bin { .. }, Some((prefix, _))) => bins_called(prefix),
                _ => delegation.name,
            };
            lines.extend(self.key_changes(role, &format!("delegation {name}: "), &places, &self.repair.out));
        }
        lines.into_iter().collect()
    }

    /// The list of delegations as it becomes; `commented`: as it is, to be changed by hand.
    pub(super) fn delegations(&self, role: &str, commented: bool, text: &mut String) -> Result<(), Refusal> {
        let hash = if commented { "# " } else { "" };
        let delegations = self.request.repository.delegations(role);
        let bins = delegations.as_ref().and_then(Layout::of);
        let roles = delegations.map(|of| of.roles).unwrap_or_default();
        if commented {
            text.push_str("      # EDIT: the whole list, in order of priority. Without it, the delegations stay as they are.\n");
        }
        let _ = writeln!(text, "      {hash}delegations:");
        if let (Some(layout), Some(first)) = (bins, roles.first()) {
            let style = if matches!(first.paths, Paths::Bin { .. }) { "succinct" } else { "classic" };
            let _ = writeln!(
                text,
                "      {hash}  - {{bins: {{count: {}, prefix: {}, style: {style}}}, {}}}",
                layout.count(),
                quoted(layout.prefix()),
                self.delegate(&first.role_keys)
            );
            return Ok(());
        }
        if roles.len() > MOST_DELEGATIONS {
            return match commented {
                true => {
                    let _ = writeln!(text, "      #   ({} of them: too many to write out)", roles.len());
                    Ok(())
                }
                false => {
                    Err(Refusal(format!("{role} delegates to {} roles: too many to write out", roles.len())))
                }
            };
        }
        for delegation in &roles {
            if !commented {
                speakable(&delegation.name)?;
            }
            let paths = match &delegation.paths {
                Paths::Patterns(list) => format!("paths: [{}]", list_of(list)),
                Paths::HashPrefixes(list) => format!("path_hash_prefixes: [{}]", list_of(list)),
                Paths::Bin { .. } => String::new(),
            };
            let _ = writeln!(
                text,
                "      {hash}  - {{name: {}, {}, {paths}, terminating: {}}}",
                quoted(&delegation.name),
                self.delegate(&delegation.role_keys),
                delegation.terminating
            );
        }
        if roles.is_empty() {
            let _ = writeln!(
                text,
                "      {hash}  - {{name: dev, keys: [dev], threshold: 1, paths: [\"dev/*\"], terminating: false}}"
            );
        }
        Ok(())
    }

    /// `keys: [...], threshold: n`; keys that the file does not list are called by their keyids.
    pub(super) fn delegate(&self, keys: &crate::tuf::RoleKeys) -> String {
        let places = keys.keys.values().filter_map(|key| self.place(key));
        let mut names = self.after(&places.collect::<Vec<_>>(), &self.repair.out);
        if names.is_empty() {
            names =
                keys.keys.keys().map(|keyid| quoted(&keyid.0.chars().take(8).collect::<String>())).collect();
        }
        format!("keys: [{}], threshold: {}", names.join(", "), keys.threshold)
    }
}
