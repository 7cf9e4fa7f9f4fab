//! The repository on the home screen: roles, keys, the tree of delegations, open requests. Of a long list only the
//! rows that are seen are made.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::tuf::Date;
use crate::tuf::RoleKeys;
use crate::tuf::overview::Key;
use crate::tuf::overview::Standing;
use crate::tuf::paths::Row;
use crate::tuf::paths::people;
use crate::tui::home::Home;
use crate::tui::keymap;
use crate::tui::nearby::asked::Asked;
use crate::tui::repository::Chosen;
use crate::tui::repository::Page;
use crate::tui::repository::Shown;
use crate::tui::style::Palette;
use crate::tui::view::doc::Doc;
use crate::tui::view::doc::columns;
use crate::tui::view::doc::cut;
use crate::tui::view::doc::visible;

/// A piece of a row: its text, in how many columns, and how it looks.
type Piece = (String, usize, Style);

/// The pages, the one that is shown in brackets.
pub fn tabs(home: &Home, doc: &mut Doc) {
    let pages = home.pages();
    if pages.len() < 2 {
        return;
    }
    let mut spans = Vec::new();
    for page in pages {
        let count = match page {
            Page::Requests => open_requests(home),
            Page::Ceremonies => home.nearby.plans.len() + home.nearby.records.len(),
            Page::Roles | Page::Keys | Page::Tree => 0,
        };
        let count = if count > 0 { format!(" {count}") } else { String::new() };
        let title = format!("{}{count}", page.title());
        match page == home.page {
            true => spans.push(Span::styled(format!("[{title}]"), doc.palette.chosen())),
            false => spans.push(Span::raw(format!(" {title} "))),
        }
        spans.push(Span::raw(" "));
    }
    spans.push(Span::styled(format!("   {}", keymap::PAGES), doc.palette.key()));
    doc.line(spans);
    doc.blank();
}

/// A page of the repository in a window of `height` rows, and the first row that is seen.
pub fn page(home: &Home, doc: &mut Doc, height: usize) -> usize {
    if let Some(Err(unread)) = &home.nearby.repository
        && home.page == Page::Roles
    {
        let text = format!("{}: {}", unread.dir.display(), unread.why);
        doc.marked("[STOP]", doc.palette.warning(), &text, Style::new());
        doc.text("       Nothing was changed. Copy the file here again from where it is published; `keyrite inspect` says what it is.", Style::new());
    }
    if home.page == Page::Requests {
        requests(home, doc);
        return home.scroll;
    }
    let Some(shown) = &home.repository else { return 0 };
    match home.page {
        Page::Roles => roles_head(home, shown, doc),
        Page::Keys => keys_head(shown, doc),
        Page::Tree => tree_head(shown, doc),
        Page::Requests | Page::Ceremonies => {}
    }
    rows(shown, home.page, doc, height)
}

/// The rows that are seen, the chosen one among them.
fn rows(shown: &Shown, page: Page, doc: &mut Doc, height: usize) -> usize {
    doc.pinned = doc.lines.len();
    let (rows, at) = (shown.len(page), shown.at(page));
    let room = height.saturating_sub(doc.pinned).max(1);
    let first = at.saturating_sub(room / 2).min(rows.saturating_sub(room));
    let end = (first + room).min(rows);
    for n in first..end {
        let pieces = match shown.row(page, n) {
            Some(chosen) if page == Page::Tree => tree_row(shown, chosen, n, doc),
            Some(Chosen::Top(top)) => {
                let version = top.version.map_or("-".to_owned(), |version| version.to_string());
                role_row(shown, doc, top.role.to_owned(), version, (top.role, top.expires), &top.keys)
            }
            Some(Chosen::Delegated(row)) => delegated_row(shown, doc, row),
            Some(Chosen::Key(key)) => key_row(shown, doc, key),
            None => Vec::new(),
        };
        draw(doc, n == at, pieces);
    }
    doc.unmade = (first, rows - end);
    first
}

/// One row; of the chosen one the first piece is reversed, and a pointer stands before it.
fn draw(doc: &mut Doc, chosen: bool, pieces: Vec<Piece>) {
    let palette = doc.palette;
    let mut spans = vec![Span::styled(if chosen { " > " } else { "   " }, palette.instruction())];
    for (n, (text, width, style)) in pieces.into_iter().enumerate() {
        let text = cut(&visible(&text), width.saturating_sub(1));
        let gap = " ".repeat(width.saturating_sub(columns(&text)));
        let style = if chosen && n == 0 { palette.chosen() } else { style };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(gap));
    }
    doc.line(spans);
}

fn head(doc: &mut Doc, names: &[(&str, usize)]) {
    let heading = doc.palette.heading();
    let mut spans = vec![Span::raw("   ")];
    spans.extend(names.iter().map(|(name, width)| Span::styled(format!("{name:<width$}"), heading)));
    doc.line(spans);
}

/// What is left for the last column.
fn rest(doc: &Doc, used: usize) -> usize {
    doc.width.saturating_sub(used + 3)
}

/// Roles of a key that are named in its row.
const NAMED: usize = 12;
/// Columns of the roles.
const VERSION: usize = 8;
const EXPIRES: usize = 11;
const DAYS: usize = 20;
/// Of a root that lacks signatures, instead of its days.
const PROPOSED: &str = "LACKS SIGNATURES";
const SIGN: usize = 9;

fn role_width(doc: &Doc) -> usize {
    (doc.width / 6).clamp(13, 26)
}

fn roles_head(home: &Home, shown: &Shown, doc: &mut Doc) {
    let found = &shown.found;
    let text = format!("{}: {}", found.dir.display(), found.overview.headline(found.now));
    doc.text(&text, doc.palette.instruction());
    let places = home.nearby.places.len();
    if places > 1 {
        doc.text(&format!("{places} repositories lie here; o shows the next one."), Style::new());
    }
    if let Some(remark) = &found.remark {
        let text = format!("{remark}. Keys are shown by their keyids.");
        doc.marked("!!", doc.palette.warning(), &text, Style::new());
    }
    doc.blank();
    let width = role_width(doc);
    head(
        doc,
        &[
            ("role", width),
            ("version", VERSION),
            ("expires", EXPIRES),
            ("", DAYS),
            ("sign", SIGN),
            ("holders", 8),
        ],
    );
}

fn role_row(
    shown: &Shown,
    doc: &Doc,
    name: String,
    version: String,
    (role, expires): (&str, Option<Date>),
    keys: &RoleKeys,
) -> Vec<Piece> {
    let (found, width) = (&shown.found, role_width(doc));
    let standing = Standing::of(role, expires, found.now);
    let date: String = expires.map(|date| date.to_string().chars().take(10).collect()).unwrap_or_default();
    let (words, style) = match (role, found.overview.proposed) {
        ("root", Some(_)) => (PROPOSED.to_owned(), doc.palette.warning()),
        _ => (standing.words(expires, found.now), standing_style(doc.palette, standing)),
    };
    let people = people(keys, &found.holders);
    let used = width + VERSION + EXPIRES + DAYS + SIGN;
    vec![
        (name, width, Style::new()),
        (version, VERSION, Style::new()),
        (date, EXPIRES, Style::new()),
        (words, DAYS, style),
        (format!("{} of {}", keys.threshold, people.len()), SIGN, Style::new()),
        (people.join(", "), rest(doc, used), Style::new()),
    ]
}

/// How a date's words look; the words say it too.
pub fn standing_style(palette: Palette, standing: Standing) -> Style {
    match standing {
        Standing::Expired => palette.warning(),
        Standing::Soon => palette.waiting(),
        Standing::Fine | Standing::Unknown => Style::new(),
    }
}

fn delegated_row(shown: &Shown, doc: &Doc, row: &Row) -> Vec<Piece> {
    let Some(delegation) = row.delegation() else { return Vec::new() };
    let version = match (row.version, row.missing) {
        (Some(version), _) => version.to_string(),
        (None, missing) if missing == row.count => "-".to_owned(),
        (None, _) => "several".to_owned(),
    };
    role_row(shown, doc, row.name(), version, ("", row.expires), &delegation.role_keys)
}

/// The other pages say it in their own first line.
fn told_first(shown: &Shown, doc: &mut Doc) {
    if let Some(told) = shown.found.overview.told_first() {
        doc.marked("!!", doc.palette.warning(), &told, Style::new());
    }
}

fn keys_head(shown: &Shown, doc: &mut Doc) {
    told_first(shown, doc);
    let keys = shown.found.overview.keys.len();
    doc.text(&format!("{keys} keys may sign something here."), doc.palette.instruction());
    doc.blank();
    let holder = holder_width(doc);
    head(doc, &[("holder", holder), ("keyid", 18), ("scheme", 22), ("signs for", 10)]);
}

fn holder_width(doc: &Doc) -> usize {
    (doc.width / 5).clamp(16, 28)
}

fn key_row(shown: &Shown, doc: &Doc, key: &Key) -> Vec<Piece> {
    let width = holder_width(doc);
    let holder = shown.found.holders.get(&key.keyid).cloned().unwrap_or_else(|| "not known".to_owned());
    vec![
        (holder, width, Style::new()),
        (key.keyid.0.chars().take(16).collect(), 18, Style::new()),
        (key.scheme.clone(), 22, Style::new()),
        (
            key.roles.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "),
            rest(doc, width + 40),
            Style::new(),
        ),
    ]
}

fn tree_head(shown: &Shown, doc: &mut Doc) {
    told_first(shown, doc);
    let palette = doc.palette;
    if let Some(typing) = &shown.typing {
        doc.text("Who may sign this path? * and ? ask for all paths like it.", palette.instruction());
        let room = doc.width.saturating_sub(6);
        let from = typing.chars().count().saturating_sub(room);
        let tail: String = typing.chars().skip(from).collect();
        doc.line(vec![
            Span::raw("  > "),
            Span::styled(visible(&tail), palette.field()),
            Span::styled("_", palette.waiting()),
        ]);
    } else if let Some(query) = &shown.query {
        doc.text(&query.headline[0], palette.instruction());
        doc.text(&query.headline[1], Style::new());
    } else {
        let roles = shown.found.overview.delegated();
        let text = match roles {
            1 => "1 delegated role. / asks who may sign a path.".to_owned(),
            _ => format!(
                "{roles} delegated roles, in the order in which clients ask them. / asks who may sign a path."
            ),
        };
        doc.text(&text, palette.instruction());
    }
    doc.blank();
    let name = tree_width(doc);
    match shown.query {
        Some(_) => head(doc, &[("role", name), ("asked", 7), ("sign", SIGN), ("what a client finds", 20)]),
        None => head(doc, &[("role", name), ("may sign for", paths_width(doc)), ("sign", SIGN), ("", 1)]),
    }
}

fn tree_width(doc: &Doc) -> usize {
    (doc.width * 2 / 5).clamp(26, 48)
}

fn paths_width(doc: &Doc) -> usize {
    (doc.width / 4).clamp(20, 40)
}

fn tree_row(shown: &Shown, chosen: Chosen<'_>, at: usize, doc: &Doc) -> Vec<Piece> {
    let palette = doc.palette;
    let (name, paths, keys, about) = match chosen {
        Chosen::Top(top) => ("targets".to_owned(), "every path".to_owned(), Some(&top.keys), String::new()),
        Chosen::Delegated(row) => {
            let keys = row.delegation().map(|delegation| &delegation.role_keys);
            (format!("{}{}", branch(row), row.name()), row.paths(), keys, about(row))
        }
        Chosen::Key(_) => return Vec::new(),
    };
    let sign = keys.map(|keys| format!("{} of {}", keys.threshold, people(keys, &shown.found.holders).len()));
    let (sign, width) = (sign.unwrap_or_default(), tree_width(doc));
    let Some(query) = &shown.query else {
        let paths_width = paths_width(doc);
        let used = width + paths_width + SIGN;
        return vec![
            (name, width, Style::new()),
            (paths, paths_width, Style::new()),
            (sign, SIGN, Style::new()),
            (about, rest(doc, used), Style::new()),
        ];
    };
    let (style, asked, state) = match shown.step(at) {
        None => (Style::new(), String::new(), String::new()),
        Some(n) => {
            let step = &query.answer.steps[n];
            let number = query.lines.get(n).and_then(|(number, _)| *number);
            let asked = number.map_or("-".to_owned(), |number| number.to_string());
            let style = match (number, step.taken > 0) {
                (None, _) => Style::new(),
                (Some(_), true) => palette.good(),
                (Some(_), false) => palette.waiting(),
            };
            (style, asked, query.answer.state(step))
        }
    };
    vec![
        (name, width, style),
        (asked, 7, style),
        (sign, SIGN, Style::new()),
        (state, rest(doc, width + 7 + SIGN), style),
    ]
}

/// The branches of the tree before a row.
fn branch(row: &Row) -> String {
    let goes_on = |level: usize| level < 64 && row.branches >> level & 1 == 1;
    let above =
        (0..row.depth.saturating_sub(1)).map(|level| if goes_on(level) { "\u{2502}  " } else { "   " });
    let here = if goes_on(row.depth.saturating_sub(1)) { "\u{251c}\u{2500} " } else { "\u{2514}\u{2500} " };
    above.chain([here]).collect()
}

fn about(row: &Row) -> String {
    let ends = row.delegation().is_some_and(|delegation| delegation.terminating);
    let files = match (row.count == row.missing, row.targets) {
        (true, _) => "no file here".to_owned(),
        (false, 1) => "1 target".to_owned(),
        (false, targets) => format!("{targets} targets"),
    };
    match (ends, row.again) {
        (true, _) => "terminating".to_owned(),
        (false, true) => "as above".to_owned(),
        (false, false) => files,
    }
}

fn open_requests(home: &Home) -> usize {
    let lacking = home.repository.as_ref().map_or(0, |shown| shown.found.overview.lacking.len());
    lacking + home.nearby.requests().count()
}

fn requests(home: &Home, doc: &mut Doc) {
    let palette = doc.palette;
    doc.heading("Requests here: files that ask for signatures");
    if home.nearby.requests().next().is_none() {
        doc.text("  none; `keyrite request FILE --out REQ` writes one", Style::new());
    }
    home.nearby.requests().for_each(|found| request(doc, found));
    doc.blank();
    doc.heading("Metadata that lacks signatures");
    if let Some(shown) = &home.repository {
        let overview = &shown.found.overview;
        for lacking in &overview.lacking {
            let text = format!("{}/{}", shown.found.dir.display(), lacking.words(&shown.found.holders));
            doc.marked("[WAIT]", palette.waiting(), &text, Style::new());
        }
        if overview.lacking.is_empty() {
            let text = format!(
                "{}: what was looked at has the signatures that it needs.",
                shown.found.dir.display()
            );
            doc.marked("[ OK ]", palette.good(), &text, Style::new());
        }
        if overview.not_looked_at > 0 {
            let roles = overview.not_looked_at;
            let text = format!(
                "The signatures of {roles} delegated roles were not looked at; `keyrite verify` does."
            );
            doc.text(&text, Style::new());
        }
    } else {
        doc.text("  no repository here", Style::new());
    }
    doc.blank();
    doc.heading("Without this screen");
    doc.text(
        "  keyrite sign REQ --key STORE --out RESP   answers a request with one signature",
        Style::new(),
    );
    doc.text("  keyrite merge FILE.json RESP --out NEW    puts answers together, in any order", Style::new());
}

fn request(doc: &mut Doc, found: &Asked) {
    let palette = doc.palette;
    let file = found.file.display();
    match found.far() {
        Err(why) => doc.marked("[STOP]", palette.warning(), &format!("{file}: {why}"), Style::new()),
        Ok((true, far)) => doc.marked("[ OK ]", palette.good(), &format!("{file}: {far}"), Style::new()),
        Ok((false, far)) => {
            doc.marked("[WAIT]", palette.waiting(), &format!("{file}: {far}"), Style::new());
            for open in found.open() {
                doc.marked("        ", Style::new(), &open, Style::new());
            }
        }
    }
}
