//! The rules as a page of documentation: what is shown to people comes from the same table as what is checked.

use std::fmt::Write as _;

use crate::lint::rule::Profile;
use crate::lint::rule::Rule;

const HEAD: &str = "# What `keyrite lint` looks for

Written by the program's own table (`keyrite lint --rules`); a test compares them. An error in the compatible profile is what at least one
of the four clients refuses or can be attacked by; in the strict profile also what we would never write. *Tried*: the
client was run on a repository with exactly this fault, and a test runs it again. *Read*: its source says so; go-tuf and
tuf-js are not run here. A client that is not listed takes it.

";

/// The rules in Markdown.
pub fn document() -> String {
    let mut page = HEAD.to_owned();
    for rule in super::rules() {
        // Writing to a string cannot fail.
        let _ = write!(page, "{}", section(rule));
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn section(rule: &Rule) -> String {
    let (compatible, strict) = (rule.severity(Profile::Compatible), rule.severity(Profile::Strict));
    let severity = match compatible == strict {
        true => compatible.name().to_owned(),
        false => format!("{}, strict: {}", compatible.name(), strict.name()),
    };
    let mut text = format!("## {}\n\n{}. ({severity})\n\n", rule.name, capital(rule.what));
    for says in rule.clients {
        text += &format!("- {says}\n");
    }
    if !rule.clients.is_empty() {
        text.push('\n');
    }
    text + &format!("{}. To do: {}.\n\n", capital(rule.why), rule.fix)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
