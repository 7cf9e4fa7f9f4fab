//! A document as one HTML page for a printer: style inside, no script, nothing from elsewhere.

use std::fmt::Write as _;

use crate::paper::document::Document;
use crate::paper::document::Part;
use crate::paper::document::Row;
use crate::paper::document::Table;
use crate::tuf::base64;
use crate::words::Digest;
use crate::words::plain;

const STYLE: &str = include_str!("../../assets/paper/print.css");

/// The page.
pub fn page(document: &Document) -> String {
    let mut body = String::new();
    document.parts.iter().for_each(|one| part(&mut body, one));
    let Document { what, id, title, mark, foot, .. } = document;
    whole(what, (id, title), *mark, foot, &body)
}

/// A page around what stands on it.
pub(super) fn whole(
    what: &str,
    (id, title): (&str, &str),
    mark: Option<&str>,
    foot: &[String],
    body: &str,
) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // A browser that opens it runs nothing and fetches nothing, and takes no style but this one.
    let style = base64::encode(&Digest::of(format!("\n{STYLE}").as_bytes()).0);
    let policy = format!("default-src 'none'; style-src 'sha256-{style}'");
    line(&mut out, &format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"));
    let marked = mark.map(|mark| format!("{mark} ")).unwrap_or_default();
    line(&mut out, &format!("<title>{marked}{what} {}</title>", safe(id)));
    line(&mut out, &format!("<style>\n{STYLE}</style>\n</head>\n<body>"));
    if let Some(mark) = mark {
        line(&mut out, &format!("<div class=\"mark\">{mark}</div>"));
    }
    let foot: Vec<String> = foot.iter().map(|text| safe(text)).collect();
    if !foot.is_empty() {
        line(&mut out, &format!("<div class=\"foot\">{}</div>", foot.join("<br>")));
    }
    line(&mut out, if mark.is_some() { "<main class=\"marked\">" } else { "<main>" });
    line(
        &mut out,
        &format!("<h1>{}</h1>\n<p class=\"what\">{what} of ceremony {}</p>", safe(title), safe(id)),
    );
    out.reserve_exact(body.len() + 64);
    out.push_str(body);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Text that shows, and nothing else: no markup, and no character that acts on a page.
pub(super) fn safe(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let mut out = String::with_capacity(text.len());
    for c in lines.join("\n").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn part(out: &mut String, part: &Part) {
    match part {
        Part::Heading { text, new_page } => {
            let class = if *new_page { " class=\"sheet\"" } else { "" };
            line(out, &format!("<h2{class}>{}</h2>", safe(text)));
        }
        Part::Says(says) => says.iter().for_each(|text| line(out, &format!("<p>{}</p>", safe(text)))),
        Part::Lines(lines) => line(out, &format!("<pre>{}</pre>", safe(&lines.join("\n")))),
        Part::Table(one) => table(out, one),
        Part::Digest { of, digest, code } => words(out, of, *digest, *code),
        Part::Steps(rows) => steps(out, rows),
    }
}

fn table(out: &mut String, table: &Table) {
    let two = if table.head.len() == 2 { " two" } else { "" };
    let class = if table.by_hand { format!(" class=\"by-hand{two}\"") } else { String::new() };
    line(out, &format!("<table{class}>"));
    if table.head.iter().any(|head| !head.is_empty()) {
        let head: String = table.head.iter().map(|head| format!("<th>{head}</th>")).collect();
        line(out, &format!("<thead><tr>{head}</tr></thead>"));
    }
    for row in &table.rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", safe(cell))).collect();
        line(out, &format!("<tr>{cells}</tr>"));
    }
    line(out, "</table>");
}

fn words(out: &mut String, of: &str, digest: Digest, code: bool) {
    let hex = digest.hex_groups().join("\n");
    let code = if code { crate::qr::svg(&digest.hex()) } else { String::new() };
    line(
        out,
        &format!(
            "<div class=\"words\">{code}<p>{} <span class=\"at\">SHA-256</span></p>\n<pre>{hex}\n\n{}</pre></div>",
            safe(of),
            digest.lines().join("\n")
        ),
    );
}

fn steps(out: &mut String, rows: &[Row]) {
    line(out, "<table class=\"steps\">");
    line(out, "<thead><tr><th>no.</th><th>step</th><th></th><th>initials</th><th>time</th></tr></thead>");
    for row in rows {
        if let Some(section) = &row.section {
            line(out, &format!("<tr class=\"section\"><th colspan=\"5\">{}</th></tr>", safe(section)));
        }
        step(out, row);
        if row.gate {
            line(out, "<tr class=\"gate\"><td colspan=\"5\">POINT OF NO RETURN</td></tr>");
        }
        if let Some(head) = row.head {
            line(out, "<tr class=\"head\"><td colspan=\"5\">");
            words(out, "The head of the journal at the end of this section", head, true);
            line(out, "</td></tr>");
        }
    }
    line(out, "</table>");
}

fn step(out: &mut String, row: &Row) {
    let happened = row.happened.as_ref();
    let excepted = happened.is_some_and(|happened| happened.seen.iter().any(|seen| seen.exception));
    let class = if excepted { " class=\"excepted\"" } else { "" };
    let mut text: String = row.text.iter().map(|text| format!("<p>{}</p>", safe(text))).collect();
    let confirm: Vec<String> = row.confirm.iter().map(|(_, name)| name.clone()).collect();
    let confirmed =
        if confirm.is_empty() { String::new() } else { format!("; confirms: {}", confirm.join(", ")) };
    let (from, takes) = row.minutes;
    let who = format!("{}: {} does it{confirmed}; +{from} min, takes {takes}", row.id, row.by.1);
    let _ = write!(text, "<p class=\"who\">{}</p>", safe(&who));
    for (of, count) in &row.boxes {
        let _ = write!(text, "<p class=\"chars\">{}{}</p>", safe(of), "<i></i>".repeat(*count));
    }
    if let Some(happened) = happened.filter(|happened| !happened.seen.is_empty()) {
        text.push_str("<ul>");
        for seen in &happened.seen {
            let words = format!("{} {}", seen.at, seen.words);
            let _ = match seen.exception {
                true => write!(text, "<li><b>EXCEPTION {}</b></li>", safe(&words)),
                false => write!(text, "<li>{}</li>", safe(&words)),
            };
        }
        text.push_str("</ul>");
    }
    let done = happened.and_then(|happened| happened.done);
    let tick = if done.is_some() { "x" } else { "" };
    let time = match (happened, done) {
        (_, Some(done)) => done.to_string().replace('T', "<br>"),
        (Some(_), None) => "not done".to_owned(),
        (None, None) => String::new(),
    };
    line(
        out,
        &format!(
            "<tr{class}><td class=\"no\">{}</td><td>{text}</td><td class=\"tick\"><span>{tick}</span></td>\
             <td class=\"initials\">{}</td><td class=\"time\">{time}</td></tr>",
            row.number,
            initials(row)
        ),
    );
}

/// A line for who does it, for each who confirms it, and for who is given something; in a record with when they did.
fn initials(row: &Row) -> String {
    let mut out = String::new();
    for (id, _) in std::iter::once(&row.by).chain(&row.confirm) {
        let when = row.happened.as_ref().and_then(|happened| {
            let confirmed = happened.confirmed.iter().find(|(by, _)| by == id).map(|(_, at)| *at);
            confirmed.or(happened.did.filter(|_| *id == row.by.0))
        });
        let when = when.map(|at| format!(" {}", clock(at))).unwrap_or_default();
        let _ = write!(out, "<div>{}{when}</div>", safe(id));
    }
    if let Some((id, _)) = &row.takes {
        let done = row.happened.as_ref().and_then(|happened| happened.done);
        let when = done.map(|at| format!(" {}", clock(at))).unwrap_or_default();
        let _ = write!(out, "<div>{} has it{when}</div>", safe(id));
    }
    out
}

/// The time of the day.
fn clock(at: crate::tuf::Date) -> String {
    at.to_string().get(11..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup_or_acts() {
        assert_eq!(
            safe("<script>alert('1')</script> & \u{202e}\"\u{1b}[2J\nsecond"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; \\u{202e}&quot;\\u{1b}[2J\nsecond"
        );
    }
}
