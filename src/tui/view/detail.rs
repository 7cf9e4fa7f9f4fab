//! One role or key of the repository, or the answer to who may sign a path, in full.

use ratatui::style::Style;

use crate::tuf::Date;
use crate::tuf::RoleKeys;
use crate::tuf::overview::Standing;
use crate::tuf::paths::Row;
use crate::tuf::paths::who;
use crate::tui::repository::Chosen;
use crate::tui::repository::Page;
use crate::tui::repository::Shown;
use crate::tui::view::doc::Doc;
use crate::tui::view::repository::standing_style;

/// Patterns and prefixes that are written out.
const LISTED: usize = 40;

/// The chosen row of a page; of a long answer, so many roles.
pub fn detail(shown: &Shown, page: Page, roles: usize, doc: &mut Doc) {
    let found = &shown.found;
    match (page, &shown.query, shown.chosen(page)) {
        (Page::Tree, Some(query), _) => {
            doc.text(&query.headline[0], doc.palette.instruction());
            doc.blank();
            doc.heading("A client asks, in this order, and takes the first entry that it finds");
            for (number, text) in query.lines.iter().take(roles) {
                let number = number.map_or("-".to_owned(), |number| number.to_string());
                doc.marked(&format!("{number:>4}"), doc.palette.key(), text, Style::new());
            }
            if query.lines.len() > roles {
                let more = query.lines.len() - roles;
                doc.text(
                    &format!("     and {more} more; `keyrite inspect DIR --path PATH` lists them all"),
                    Style::new(),
                );
            }
            doc.blank();
            doc.text(&query.headline[1], Style::new());
            if let Some(tough) = &query.answer.tough {
                doc.text(&format!("{tough}."), Style::new());
            }
        }
        (_, _, Some(Chosen::Top(top))) => {
            let version =
                top.version.map_or("no file here".to_owned(), |version| format!("version {version}"));
            doc.text(&format!("{}, {version}", top.role), doc.palette.instruction());
            doc.text(meaning(top.role), Style::new());
            doc.blank();
            expires(shown, doc, top.role, top.expires);
            signers(shown, doc, &top.keys);
            remarks(shown, doc, top.role);
        }
        (_, _, Some(Chosen::Delegated(row))) => delegated(shown, doc, row),
        (_, _, Some(Chosen::Key(key))) => {
            let holder = found.holders.get(&key.keyid).map_or("Holder not known", String::as_str);
            doc.text(holder, doc.palette.instruction());
            doc.text(&format!("keyid  {}", key.keyid), Style::new());
            doc.text(&format!("scheme {}", key.scheme), Style::new());
            doc.blank();
            doc.heading("It may sign for");
            key.roles.iter().take(LISTED).for_each(|role| doc.text(&format!("  {role}"), Style::new()));
            more(doc, key.roles.len());
        }
        (_, _, None) => {}
    }
}

fn delegated(shown: &Shown, doc: &mut Doc, row: &Row) {
    let Some(delegation) = row.delegation() else { return };
    let version = match (row.version, row.missing) {
        (Some(version), 0) => format!("version {version}"),
        (_, missing) if missing == row.count => "no file here".to_owned(),
        (Some(version), missing) => format!("version {version}, {missing} without a file here"),
        (None, 0) => "several versions".to_owned(),
        (None, missing) => format!("several versions, {missing} without a file here"),
    };
    doc.text(&format!("{}, {version}", row.name()), doc.palette.instruction());
    let ends = if delegation.terminating { ". Terminating: the search ends with it" } else { "" };
    doc.text(&format!("{} delegates to it; {} targets{ends}.", row.delegator, row.targets), Style::new());
    doc.blank();
    expires(shown, doc, "", row.expires);
    signers(shown, doc, &delegation.role_keys);
    doc.heading("It may sign for");
    let paths = match &delegation.paths {
        crate::tuf::delegations::Paths::Patterns(list) => list.as_slice(),
        _ => &[],
    };
    if paths.is_empty() {
        doc.text(&format!("  {}", row.paths()), Style::new());
    }
    paths.iter().take(LISTED).for_each(|path| doc.text(&format!("  {path}"), Style::new()));
    more(doc, paths.len());
    doc.blank();
    remarks(shown, doc, &delegation.name);
}

fn expires(shown: &Shown, doc: &mut Doc, role: &str, expires: Option<Date>) {
    let now = shown.found.now;
    let standing = Standing::of(role, expires, now);
    let Some(date) = expires else { return };
    let text = format!("Expires {} {date}, {}.", date.weekday(), standing.words(expires, now));
    doc.text(&text, standing_style(doc.palette, standing));
    doc.blank();
}

fn signers(shown: &Shown, doc: &mut Doc, keys: &RoleKeys) {
    let holders = &shown.found.holders;
    doc.heading("Who can sign it");
    doc.text(&format!("  {}", who(keys, holders)), Style::new());
    for (keyid, key) in keys.keys.iter().take(LISTED) {
        let holder = holders.get(keyid).map_or("not known", String::as_str);
        doc.text(&format!("  {:.16}  {:<20} {holder}", keyid.0, key.scheme()), Style::new());
    }
    more(doc, keys.keys.len());
    doc.blank();
}

/// What is open, and which of its entries no client takes.
fn remarks(shown: &Shown, doc: &mut Doc, role: &str) {
    let overview = &shown.found.overview;
    let of = |file: &str| {
        let stem = file.strip_suffix(".json").unwrap_or(file);
        crate::tuf::diff::version_and_role(stem).1 == role
    };
    for lacking in overview.lacking.iter().filter(|lacking| of(&lacking.file)) {
        let text = lacking.words(&shown.found.holders);
        doc.marked("[WAIT]", doc.palette.waiting(), &text, Style::new());
    }
    for shadow in overview.shadowed.iter().filter(|shadow| shadow.from.as_deref() == Some(role)) {
        doc.marked("!!", doc.palette.warning(), &format!("{}.", shadow.shadow()), Style::new());
    }
    if let Some(why) = overview.tree.node(role).and_then(|node| node.broken.as_ref()) {
        doc.marked("!!", doc.palette.warning(), &format!("no client can read it: {why}"), Style::new());
    }
}

fn more(doc: &mut Doc, all: usize) {
    if all > LISTED {
        doc.text(&format!("  and {} more", all - LISTED), Style::new());
    }
}

/// What a role is for.
fn meaning(role: &str) -> &'static str {
    match role {
        "root" => "It names the keys of every role, its own too. Whoever can sign it can replace every key.",
        "targets" => "It names the files that clients install, and to whom it leaves which of them.",
        "snapshot" => "It says which versions of the targets roles belong together.",
        _ => "It says what is newest, and is signed most often.",
    }
}
